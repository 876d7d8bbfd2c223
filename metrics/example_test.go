package metrics_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/lannerhq/lanner/metrics"
)

func Example() {
	registry := metrics.NewRegistry(metrics.RegistryOptions{})
	server := metrics.NewServer(registry, metrics.ServerOptions{})

	// What a server does: once for each endpoint, each connection, each request.
	endpoint := server.Endpoint(metrics.EndpointAttrs{Address: "127.0.0.1", Port: 8080, NetworkType: "ipv4", Transport: "tcp"})
	endpoint.ConnectionStarted()
	endpoint.RequestStarted("GET", "http")
	endpoint.RequestEnded(metrics.RequestAttrs{Method: "GET", Scheme: "http", Status: 200, Version: "1.1"}, 3*time.Millisecond, 0, 512)

	w := httptest.NewRecorder()
	registry.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	for line := range strings.Lines(w.Body.String()) {
		if strings.HasPrefix(line, "kestrel_active_connections") || strings.HasPrefix(line, "http_server_request_duration_seconds_count") {
			fmt.Print(line)
		}
	}
	// Output:
	// http_server_request_duration_seconds_count{http_request_method="GET",http_response_status_code="200",network_protocol_version="1.1",url_scheme="http"} 1
	// kestrel_active_connections{network_transport="tcp",network_type="ipv4",server_address="127.0.0.1",server_port="8080"} 1
}

// ExampleMeter makes a Meter of another library's. That library is stood in for by a few types in the shape of
// OpenTelemetry's API for Go; with the real one, take what the comments say.
func ExampleMeter() {
	provider := &otelMeter{}
	server := metrics.NewServer(adapter{provider}, metrics.ServerOptions{})
	server.RequestStarted("GET", "https")
	server.RequestEnded(metrics.RequestAttrs{Method: "GET", Scheme: "https", Status: 204}, time.Second, -1, -1)
	fmt.Print(provider.log.String())
	// Output:
	// http.server.active_requests +1 [http.request.method=GET url.scheme=https]
	// http.server.active_requests -1 [http.request.method=GET url.scheme=https]
	// http.server.request.duration 1 [http.request.method=GET url.scheme=https http.response.status_code=204]
}

// adapter is the metrics.Meter. The field is a metric.Meter of go.opentelemetry.io/otel/metric.
type adapter struct{ meter *otelMeter }

func (a adapter) Counter(name, unit, description string) metrics.Counter {
	// a.meter.Int64Counter(name, metric.WithUnit(unit), metric.WithDescription(description)); on an error, log it and
	// use the instrument of noop.Meter.
	return adder{a.meter.instrument(name)}
}

func (a adapter) UpDownCounter(name, unit, description string) metrics.UpDownCounter {
	return adder{a.meter.instrument(name)} // a.meter.Int64UpDownCounter(...)
}

func (a adapter) Histogram(name, unit, description string, bounds []float64) metrics.Histogram {
	// a.meter.Float64Histogram(..., metric.WithExplicitBucketBoundaries(bounds...))
	return recorder{a.meter.instrument(name)}
}

type (
	adder    struct{ instrument *otelInstrument }
	recorder struct{ instrument *otelInstrument }

	// bound keeps the attributes in the form that recording takes: a slice, so that no call makes one. With
	// OpenTelemetry it is []metric.AddOption{metric.WithAttributeSet(set)}, and []metric.RecordOption for a histogram.
	bound struct {
		instrument *otelInstrument
		options    []otelOption
	}
)

func (a adder) Bind(attrs ...metrics.Attr) metrics.Adder { return bound{a.instrument, options(attrs)} }
func (r recorder) Bind(attrs ...metrics.Attr) metrics.Recorder {
	return bound{r.instrument, options(attrs)}
}

func (b bound) Add(n int64)      { b.instrument.add(context.Background(), n, b.options...) }
func (b bound) Record(v float64) { b.instrument.record(context.Background(), v, b.options...) }

// options makes attribute.String, attribute.Int64 or attribute.Bool of each attribute, and attribute.NewSet of all.
func options(attrs []metrics.Attr) []otelOption {
	var set []string
	for _, a := range attrs {
		switch v := a.Value().(type) {
		case string, int64, bool:
			set = append(set, fmt.Sprintf("%s=%v", a.Key(), v))
		case nil: // no attribute
		}
	}
	return []otelOption{otelOption(strings.Join(set, " "))}
}

// The stand-in.
type (
	otelMeter      struct{ log strings.Builder }
	otelInstrument struct {
		meter *otelMeter
		name  string
	}
	otelOption string
)

func (m *otelMeter) instrument(name string) *otelInstrument { return &otelInstrument{m, name} }

func (i *otelInstrument) add(_ context.Context, n int64, options ...otelOption) {
	fmt.Fprintf(&i.meter.log, "%s %+d %v\n", i.name, n, options)
}

func (i *otelInstrument) record(_ context.Context, v float64, options ...otelOption) {
	fmt.Fprintf(&i.meter.log, "%s %v %v\n", i.name, v, options)
}
