package metrics

import (
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// made is a Meter that writes down the instruments it was asked for.
type made struct {
	*Registry
	list []string
}

func (m *made) Counter(name, unit, description string) Counter {
	m.list = append(m.list, fmt.Sprintf("%s counter %s", name, unit))
	return m.Registry.Counter(name, unit, description)
}

func (m *made) UpDownCounter(name, unit, description string) UpDownCounter {
	m.list = append(m.list, fmt.Sprintf("%s updowncounter %s", name, unit))
	return m.Registry.UpDownCounter(name, unit, description)
}

func (m *made) Histogram(name, unit, description string, bounds []float64) Histogram {
	m.list = append(m.list, fmt.Sprintf("%s histogram %s %v", name, unit, bounds))
	return m.Registry.Histogram(name, unit, description, bounds)
}

func TestTheInstrumentsAreThoseOfTheSemanticConventions(t *testing.T) {
	m := &made{Registry: NewRegistry(RegistryOptions{})}
	NewServer(m, ServerOptions{})
	const short = "[0.005 0.01 0.025 0.05 0.075 0.1 0.25 0.5 0.75 1 2.5 5 7.5 10]"
	const bytes = "[0 256 1024 4096 16384 65536 262144 1.048576e+06 4.194304e+06 1.6777216e+07 6.7108864e+07 2.68435456e+08 1.073741824e+09]"
	want := []string{
		"kestrel.active_connections updowncounter {connection}",
		"kestrel.connection.duration histogram s [0.01 0.02 0.05 0.1 0.2 0.5 1 2 5 10 30 60 120 300]",
		"kestrel.rejected_connections counter {connection}",
		"kestrel.queued_connections updowncounter {connection}",
		"kestrel.queued_requests updowncounter {request}",
		"kestrel.upgraded_connections updowncounter {connection}",
		"kestrel.tls_handshake.duration histogram s " + short,
		"kestrel.active_tls_handshakes updowncounter {handshake}",
		"http.server.request.duration histogram s " + short,
		"http.server.active_requests updowncounter {request}",
		"http.server.request.body.size histogram By " + bytes,
		"http.server.response.body.size histogram By " + bytes,
	}
	if diff := cmp.Diff(want, m.list); diff != "" {
		t.Errorf("instruments (-want +got):\n%s", diff)
	}
}

func TestTheReferenceListsEveryInstrument(t *testing.T) {
	reference, err := os.ReadFile("../docs/reference/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	m := &made{Registry: NewRegistry(RegistryOptions{Process: true})}
	NewServer(m, ServerOptions{})
	for _, instrument := range m.list {
		if name, _, _ := strings.Cut(instrument, " "); !strings.Contains(string(reference), "`"+name+"`") {
			t.Errorf("docs/reference/metrics.md does not have %s", name)
		}
	}
	for _, f := range append(scrape(t, recorded(), prometheusText).families, scrape(t, m.Registry, prometheusText).families...) {
		if !strings.Contains(string(reference), "`"+f.name+"`") {
			t.Errorf("docs/reference/metrics.md does not have %s", f.name)
		}
	}
}

func TestANilServerDoesNothing(t *testing.T) {
	s := NewServer(nil, ServerOptions{})
	if s != nil {
		t.Fatal("a server without a meter is not nil")
	}
	e := s.Endpoint(EndpointAttrs{Port: 80})
	if e != nil {
		t.Fatal("an endpoint of no server is not nil")
	}
	s.RequestStarted("GET", "http")
	s.RequestEnded(RequestAttrs{}, 0, 0, 0)
	e.ConnectionStarted()
	e.ConnectionEnded(0, Protocol{}, "")
	e.ConnectionRejected("")
	e.ConnectionQueued()
	e.ConnectionDequeued()
	e.RequestQueued("2")
	e.RequestDequeued("2")
	e.UpgradeStarted()
	e.UpgradeEnded()
	e.TLSHandshakeStarted()
	e.TLSHandshakeEnded(0, "", "")
	e.RequestStarted("GET", "http")
	e.RequestEnded(RequestAttrs{}, 0, 0, 0)
}

func TestWhatStartsAndEndsIsTakenBack(t *testing.T) {
	r := NewRegistry(RegistryOptions{})
	e := NewServer(r, ServerOptions{}).Endpoint(EndpointAttrs{})
	e.ConnectionQueued()
	e.ConnectionDequeued()
	e.ConnectionStarted()
	e.TLSHandshakeStarted()
	e.TLSHandshakeEnded(-time.Second, "", "tls_handshake_failed") // the clock was set back
	e.RequestQueued("3")
	e.RequestDequeued("3")
	e.RequestStarted("CONNECT", "wss")
	e.UpgradeStarted()
	e.UpgradeEnded()
	e.RequestEnded(RequestAttrs{Method: "CONNECT", Scheme: "wss", Status: 700, Version: "4"}, 0, -1, -1)
	e.ConnectionEnded(time.Second, Protocol{}, "")
	got := scrape(t, r, prometheusText)
	for _, f := range got.families {
		for _, s := range f.samples {
			if f.kind == "gauge" && s.value != 0 {
				t.Errorf("%s{%s} is %v, want 0", s.name, s.text, s.value)
			}
		}
	}
	if sum := got.find(t, "kestrel_tls_handshake_duration_seconds_sum", `error_type="tls_handshake_failed"`); sum != 0 {
		t.Errorf("a negative duration was recorded as %v, want 0", sum)
	}
	got.find(t, "http_server_request_duration_seconds_count",
		`error_type="700",http_request_method="CONNECT",http_response_status_code="700",network_protocol_version="4",url_scheme="wss"`)
}

func TestUnknownMethodsAreOne(t *testing.T) {
	for _, test := range []struct {
		known []string
		want  map[string]float64 // requests by method
	}{
		{nil, map[string]float64{"GET": 1, "QUERY": 1, "_OTHER": 3}},
		{[]string{"PROPFIND"}, map[string]float64{"PROPFIND": 1, "_OTHER": 4}},
	} {
		r := NewRegistry(RegistryOptions{})
		s := NewServer(r, ServerOptions{KnownMethods: test.known})
		for _, method := range []string{"GET", "get", "QUERY", "PROPFIND", "\x00\xff"} {
			s.RequestStarted(method, "http")
			s.RequestEnded(RequestAttrs{Method: method, Scheme: "http", Status: 200, Version: "2"}, 0, 0, 0)
		}
		got := make(map[string]float64)
		for _, sample := range scrape(t, r, prometheusText).byName["http_server_request_duration_seconds"].samples {
			if strings.HasSuffix(sample.name, "_count") {
				got[sample.labels["http_request_method"]] += sample.value
			}
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("requests by method with known methods %v (-want +got):\n%s", test.known, diff)
		}
	}
}

func TestAFailedRequestHasAnErrorType(t *testing.T) {
	for _, test := range []struct {
		a    RequestAttrs
		want string
	}{
		{RequestAttrs{Status: 404}, ""},
		{RequestAttrs{Status: 503}, "503"},
		{RequestAttrs{Status: 500, ErrorType: "panic"}, "panic"},
		{RequestAttrs{ErrorType: "aborted"}, "aborted"},
	} {
		r := NewRegistry(RegistryOptions{})
		NewServer(r, ServerOptions{}).RequestEnded(test.a, 0, 0, 0)
		labels := scrape(t, r, prometheusText).byName["http_server_request_duration_seconds"].samples[0].labels
		if labels["error_type"] != test.want {
			t.Errorf("error.type of %+v is %q, want %q", test.a, labels["error_type"], test.want)
		}
		if _, ok := labels["http_response_status_code"]; ok != (test.a.Status != 0) {
			t.Errorf("%+v has the labels %v", test.a, labels)
		}
	}
}

func TestTheFastWayToASeriesAndThePlainOneAgree(t *testing.T) {
	r, _ := logged(0) // there are more than its limit
	s := NewServer(r, ServerOptions{})
	for _, status := range []int{0, 99, 100, 200, 404, 500, 599, 600} {
		for _, version := range append(versions[:], "5") {
			for _, scheme := range []string{"http", "https", "", "ws"} {
				for method := range s.requests.methods {
					a := RequestAttrs{Scheme: scheme, Status: status, Version: version}
					fast := s.requests.series(method, &a)
					plain := s.requests.bind(requestKey{method: method, status: status, scheme: scheme, version: version})
					if *fast != *plain {
						t.Fatalf("method %d, %+v: two series", method, a)
					}
					if again := s.requests.series(method, &a); again != fast {
						t.Fatalf("method %d, %+v: the second time is another series", method, a)
					}
				}
			}
		}
	}
}

func TestRoutesWithoutEndDoNotFillTheCache(t *testing.T) {
	const limit, calls = 50, 70
	r, _ := logged(10)
	s := NewServer(r, ServerOptions{})
	if s.requests.other.limit != 2000 {
		t.Errorf("the cache takes %d series, want 2000", s.requests.other.limit)
	}
	s.requests.other.limit = limit
	for i := range calls {
		s.RequestEnded(RequestAttrs{Method: "GET", Scheme: "http", Status: 200, Route: fmt.Sprint(i)}, 0, 0, 0)
	}
	if n := len(*s.requests.other.entries.Load()); n != limit {
		t.Errorf("%d series are cached, want %d", n, limit)
	}
	got := scrape(t, r, prometheusText).find(t, "http_server_request_duration_seconds_count", `otel_metric_overflow="true"`)
	if got != calls-9 {
		t.Errorf("the overflow series has %v requests, want %d", got, calls-9)
	}
}

func TestErrorsWithoutEndDoNotFillTheCachesOfAnEndpoint(t *testing.T) {
	r, _ := logged(10)
	s := NewServer(r, ServerOptions{})
	e := s.Endpoint(EndpointAttrs{})
	const limit, calls = 50, 70
	e.connectionDuration.limit, e.rejectedConnections.limit, e.handshakeDuration.limit = limit, limit, limit
	e.queuedRequests.limit, s.requests.otherRunning.limit = limit, limit
	for i := range calls {
		text := fmt.Sprint(i)
		e.ConnectionEnded(0, Protocol{}, text)
		e.ConnectionRejected(text)
		e.TLSHandshakeEnded(0, "", text)
		e.RequestQueued(text)
		e.RequestStarted("GET", text)
	}
	got := scrape(t, r, prometheusText)
	for _, name := range []string{"kestrel_connection_duration_seconds_count", "kestrel_rejected_connections_total",
		"kestrel_tls_handshake_duration_seconds_count", "kestrel_queued_requests", "http_server_active_requests"} {
		if n := got.find(t, name, `otel_metric_overflow="true"`); n != calls-9 {
			t.Errorf("%s beyond the limit is %v, want %d", name, n, calls-9)
		}
	}
	for i := range calls {
		e.RequestDequeued(fmt.Sprint(i))
	}
	if n := total(scrape(t, r, prometheusText), "kestrel_queued_requests", ""); n != 0 {
		t.Errorf("%v requests are queued after all were dequeued", n)
	}
}

func TestAnEndpointIsNamedByItsAddress(t *testing.T) {
	for _, test := range []struct {
		addr net.Addr
		want EndpointAttrs
	}{
		{&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80}, EndpointAttrs{"127.0.0.1", 80, "ipv4", "tcp"}},
		{&net.TCPAddr{IP: net.IPv4zero, Port: 80}, EndpointAttrs{"0.0.0.0", 80, "ipv4", "tcp"}},
		{&net.TCPAddr{IP: net.IPv6loopback, Port: 80}, EndpointAttrs{"::1", 80, "ipv6", "tcp"}},
		{&net.TCPAddr{IP: net.IPv6unspecified, Port: 80}, EndpointAttrs{"::", 80, "", "tcp"}},
		{&net.UDPAddr{IP: net.ParseIP("fe80::1"), Port: 443, Zone: "eth0"}, EndpointAttrs{"fe80::1%eth0", 443, "ipv6", "udp"}},
		{&net.UnixAddr{Name: "/run/app.sock", Net: "unix"}, EndpointAttrs{"/run/app.sock", 0, "", "unix"}},
		{pipeAddr{}, EndpointAttrs{`\\.\pipe\app`, 0, "", "pipe"}},
		{nil, EndpointAttrs{}},
	} {
		if got := EndpointOf(test.addr); got != test.want {
			t.Errorf("EndpointOf(%v) is %+v, want %+v", test.addr, got, test.want)
		}
	}
}

type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return `\\.\pipe\app` }

func TestAnAttributeHasItsValue(t *testing.T) {
	for _, test := range []struct {
		attr  Attr
		value any
		text  string
	}{
		{String("k", "v"), "v", "v"},
		{Int("k", -1), int64(-1), "-1"},
		{Bool("k", true), true, "true"},
		{Bool("k", false), false, "false"},
		{Attr{}, nil, ""},
	} {
		if test.attr.Value() != test.value || test.attr.Text() != test.text {
			t.Errorf("%+v has the value %v, %q", test.attr, test.attr.Value(), test.attr.Text())
		}
	}
	if a, b := String("k", "v"), String("k", "v"); a != b || Int("k", 1) == Bool("k", true) {
		t.Error("attributes do not compare by key, type and value")
	}
}
