package metrics

import (
	"flag"
	"os"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write golden files")

// recorded is a registry in which every instrument of a Server has something.
func recorded() *Registry {
	r := NewRegistry(RegistryOptions{})
	s := NewServer(r, ServerOptions{})
	e := s.Endpoint(EndpointAttrs{"127.0.0.1", 8443, "ipv4", "tcp"})
	unix := s.Endpoint(EndpointAttrs{Address: `/run/a"b\c.sock`, Transport: "unix"})
	unix.ConnectionStarted()

	for range 3 {
		e.ConnectionStarted()
	}
	e.ConnectionEnded(40*time.Millisecond, Protocol{"http", "1.1", "1.3"}, "")
	e.ConnectionEnded(130*time.Second, Protocol{Name: "http", Version: "1.1", TLSVersion: "1.3"}, "keep_alive_timeout")
	e.ConnectionRejected("max_concurrent_connections_exceeded")
	e.ConnectionQueued()
	e.ConnectionQueued()
	e.ConnectionDequeued()
	e.RequestQueued("2")
	e.UpgradeStarted()
	e.TLSHandshakeStarted()
	e.TLSHandshakeStarted()
	e.TLSHandshakeEnded(6*time.Millisecond, "1.3", "")

	e.RequestStarted("GET", "https")
	e.RequestEnded(RequestAttrs{Method: "GET", Scheme: "https", Status: 200, Version: "1.1"}, 1500*time.Microsecond, 0, 700)
	e.RequestStarted("BREW", "https")
	e.RequestEnded(RequestAttrs{Method: "BREW", Scheme: "https", Status: 500, Version: "1.1", Route: "/pots/{id}"}, 10*time.Second, 1000, -1)
	e.RequestStarted("POST", "https")
	return r
}

func TestTheExpositionIsWhatTheGoldenFilesHave(t *testing.T) {
	for file, format := range map[string]format{"testdata/server.prom": prometheusText, "testdata/server.openmetrics": openMetrics} {
		got := string(recorded().appendText(nil, format))
		if *update {
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("%s is written by go test ./metrics -update (-file +now):\n%s", file, diff)
		}
	}
}

func TestBothFormatsParseBackToWhatWasRecorded(t *testing.T) {
	const endpoint = `network_transport="tcp",network_type="ipv4",server_address="127.0.0.1",server_port="8443"`
	const get = `http_request_method="GET",http_response_status_code="200",network_protocol_version="1.1",url_scheme="https"`
	const brew = `error_type="500",http_request_method="_OTHER",http_response_status_code="500",http_route="/pots/{id}",network_protocol_version="1.1",url_scheme="https"`
	for _, format := range []format{prometheusText, openMetrics} {
		e := scrape(t, recorded(), format)
		one := "1"
		if format == openMetrics {
			one = "1.0"
		}
		for _, want := range []struct {
			name, labels string
			value        float64
		}{
			{"kestrel_active_connections", endpoint, 1},
			{"kestrel_active_connections", `network_transport="unix",server_address="/run/a\"b\\c.sock"`, 1},
			{"kestrel_connection_duration_seconds_sum", `network_protocol_name="http",network_protocol_version="1.1",` + endpoint + `,tls_protocol_version="1.3"`, 0.04},
			{"kestrel_connection_duration_seconds_bucket", `error_type="keep_alive_timeout",network_protocol_name="http",network_protocol_version="1.1",` + endpoint + `,tls_protocol_version="1.3",le="+Inf"`, 1},
			{"kestrel_rejected_connections_total", `error_type="max_concurrent_connections_exceeded",` + endpoint, 1},
			{"kestrel_queued_connections", endpoint, 1},
			{"kestrel_queued_requests", `network_protocol_name="http",network_protocol_version="2",` + endpoint, 1},
			{"kestrel_upgraded_connections", endpoint, 1},
			{"kestrel_active_tls_handshakes", endpoint, 1},
			{"kestrel_tls_handshake_duration_seconds_count", endpoint + `,tls_protocol_version="1.3"`, 1},
			{"http_server_active_requests", `http_request_method="GET",url_scheme="https"`, 0},
			{"http_server_active_requests", `http_request_method="POST",url_scheme="https"`, 1},
			{"http_server_request_duration_seconds_bucket", get + `,le="0.005"`, 1},
			{"http_server_request_duration_seconds_bucket", brew + `,le="` + one + `"`, 0},
			{"http_server_request_duration_seconds_sum", brew, 10},
			{"http_server_request_body_size_bytes_sum", brew, 1000},
			{"http_server_response_body_size_bytes_sum", get, 700},
		} {
			if got := e.find(t, want.name, want.labels); got != want.value {
				t.Errorf("%s{%s} is %v, want %v", want.name, want.labels, got, want.value)
			}
		}
		for _, s := range e.byName["http_server_response_body_size_bytes"].samples {
			if s.labels["http_request_method"] == other {
				t.Errorf("%s{%s}: a response of unknown size was recorded", s.name, s.text)
			}
		}
	}
}

func TestAValueBelongsToTheBucketWhoseBoundItIs(t *testing.T) {
	r := NewRegistry(RegistryOptions{})
	h := r.Histogram("h", "", "", []float64{2, 1, 1}).Bind()
	for _, v := range []float64{0, 1, 1.5, 2, 3} {
		h.Record(v)
	}
	e := scrape(t, r, prometheusText)
	for label, want := range map[string]float64{"1": 2, "2": 4, "+Inf": 5} {
		if got := e.find(t, "h_bucket", `le="`+label+`"`); got != want {
			t.Errorf("bucket %s has %v values, want %v", label, got, want)
		}
	}
}

func FuzzAnyNameAndValueMakesAValidExposition(f *testing.F) {
	f.Add("http.server.request.duration", "s", "Help", "http.route", "/a", "le", "b\nc\"d\\")
	f.Add("", "{x}/By", "a\\nb\n", "", "\xff", "__a..b", "c")
	f.Add("9a_total", "1/s", "\"q\"", "a.b", "1", "a_b", "2")
	f.Fuzz(func(t *testing.T, name, unit, help, key1, value1, key2, value2 string) {
		attrs := []Attr{String(key1, value1), String(key2, value2)}
		r := NewRegistry(RegistryOptions{})
		r.Counter("c."+name, unit, help).Bind(attrs...).Add(1)
		r.UpDownCounter("u."+name, unit, help).Bind(attrs...).Add(-1)
		r.Histogram("h."+name, unit, help, []float64{1}).Bind(attrs...).Record(1)
		for _, format := range []format{prometheusText, openMetrics} {
			e := scrape(t, r, format)
			if len(e.families) != 3 {
				t.Fatalf("%d families, want 3", len(e.families))
			}
			for _, family := range e.families {
				if family.help != strings.ToValidUTF8(help, "\uFFFD") {
					t.Errorf("help %q came back as %q", help, family.help)
				}
				values := ""
				for _, v := range family.samples[0].labels {
					values += v
				}
				// The order of the labels is not that of the fuzzer.
				if valid := strings.ToValidUTF8(value2, "\uFFFD"); !strings.Contains(values, valid) {
					t.Errorf("value %q is not in %q", valid, values)
				}
				if !utf8.ValidString(values) {
					t.Errorf("labels are not UTF-8: %q", values)
				}
			}
		}
	})
}

func TestNamesAndUnitsBecomePrometheuss(t *testing.T) {
	for _, test := range []struct {
		name, unit string
		kind       kind
		want       string
	}{
		{"http.server.request.duration", "s", histogramKind, "http_server_request_duration_seconds"},
		{"http.server.request.body.size", "By", histogramKind, "http_server_request_body_size_bytes"},
		{"kestrel.rejected_connections", "{connection}", counterKind, "kestrel_rejected_connections"},
		{"things_total", "", counterKind, "things"},
		{"wait_seconds", "s", upDownCounterKind, "wait_seconds"},
		{"wait_seconds_total", "s", counterKind, "wait_seconds"},
		{"memory.utilization", "1", upDownCounterKind, "memory_utilization_ratio"},
		{"throughput", "By/s", upDownCounterKind, "throughput_bytes_per_second"},
		{"speed", "km/h", upDownCounterKind, "speed_km_per_hour"},
		{"rate", "{request}/s", upDownCounterKind, "rate_per_second"},
		{"rate", "1/min", upDownCounterKind, "rate_per_minute"},
		{"(lambda).function..executions(#)", "", upDownCounterKind, "_lambda_function_executions_"},
		{"ns:a-b", "{open", upDownCounterKind, "ns:a_b"},
		{"9lives", "", upDownCounterKind, "_9lives"},
	} {
		if got := familyName(test.name, unitName(test.unit), test.kind); got != test.want {
			t.Errorf("%s in %q is called %s, want %s", test.name, test.unit, got, test.want)
		}
	}
}

func TestAttributesThatShareALabelAreJoinedInTheOrderOfTheirKeys(t *testing.T) {
	got := labels(attrSet([]Attr{String("a_b", "2"), String("a.b", "1"), Int("n", -3), Bool("ok", true), {}, Int("n", 4), String("le", "x")}), histogramKind)
	if want := `a_b="1;2",exported_le="x",n="4",ok="true"`; got != want {
		t.Errorf("labels are %s, want %s", got, want)
	}
}
