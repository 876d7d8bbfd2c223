package compat

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

func TestOpenTelemetrySeesRequests(t *testing.T) {
	const traceID, parentID = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
	everywhere(t, func(t *testing.T, serve func(http.Handler) *site) {
		ended := make(endedSpans, 10)
		tracer := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(ended))
		reader := metric.NewManualReader()
		meter := metric.NewMeterProvider(metric.WithReader(reader))
		handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			_, inner := tracer.Tracer("test").Start(r.Context(), "inner")
			inner.End()
			if r.URL.Path == "/fail" {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
			io.WriteString(w, trace.SpanContextFromContext(r.Context()).TraceID().String())
			if err := http.NewResponseController(w).Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
				t.Errorf("Flush through the instrumentation: %v", err)
			}
		})
		version := map[int]string{1: "1.1", 2: "2.0"} // what follows HTTP/ in Request.Proto
		s := serve(otelhttp.NewHandler(handler, "operation", otelhttp.WithTracerProvider(tracer), otelhttp.WithMeterProvider(meter),
			otelhttp.WithPropagators(propagation.TraceContext{}), otelhttp.WithMessageEvents(otelhttp.ReadEvents, otelhttp.WriteEvents)))
		s.do(t, "POST", "/ok", strings.NewReader("hello"), "Traceparent", "00-"+traceID+"-"+parentID+"-01").want(t, "the client's trace goes on", 200, traceID)
		if res := s.get(t, "/fail"); res.StatusCode != 503 || len(res.body) != 32 {
			t.Errorf("/fail: %d %q", res.StatusCode, res.body)
		}
		byName := map[string][]sdktrace.ReadOnlySpan{}
		for range 4 {
			span := wait(t, ended, "two spans of requests and two inside end")
			byName[span.Name()] = append(byName[span.Name()], span)
		}
		var requests []sdktrace.ReadOnlySpan
		for name, list := range byName {
			if name != "inner" {
				requests = append(requests, list...)
			}
		}
		if len(requests) != 2 || len(byName["inner"]) != 2 {
			t.Fatalf("%d spans of requests and %d inside, want two each", len(requests), len(byName["inner"]))
		}
		for _, span := range requests {
			attrs := attribute.NewSet(span.Attributes()...)
			status, _ := attrs.Value("http.response.status_code")
			peer, _ := attrs.Value("network.peer.address")
			proto, _ := attrs.Value("network.protocol.version")
			if peer.AsString() != "127.0.0.1" || proto.AsString() != version[s.Proto] || span.SpanKind() != trace.SpanKindServer {
				t.Errorf("span: peer %q, protocol %q, kind %v", peer.AsString(), proto.AsString(), span.SpanKind())
			}
			switch path, _ := attrs.Value("url.path"); path.AsString() {
			case "/ok":
				if status.AsInt64() != 200 || span.Parent().SpanID().String() != parentID || !span.Parent().IsRemote() || span.Status().Code == codes.Error {
					t.Errorf("span of /ok: status %d, parent %s, remote %v, %v", status.AsInt64(), span.Parent().SpanID(), span.Parent().IsRemote(), span.Status())
				}
				if size, _ := attrs.Value("http.request.body.size"); size.AsInt64() != 5 {
					t.Errorf("span of /ok: request body of %d bytes, want 5", size.AsInt64())
				}
			case "/fail":
				if status.AsInt64() != 503 || span.Status().Code != codes.Error {
					t.Errorf("span of /fail: status %d, %v, want 503 and an error", status.AsInt64(), span.Status())
				}
			default:
				t.Errorf("span of %q", path.AsString())
			}
		}
		wantDurations(t, reader)
		if err := errors.Join(tracer.Shutdown(context.Background()), meter.Shutdown(context.Background())); err != nil {
			t.Error(err)
		}
	})
}

// endedSpans is a span processor that passes on what has ended.
type endedSpans chan sdktrace.ReadOnlySpan

func (endedSpans) OnStart(context.Context, sdktrace.ReadWriteSpan) {}
func (c endedSpans) OnEnd(span sdktrace.ReadOnlySpan)              { c <- span }
func (endedSpans) Shutdown(context.Context) error                  { return nil }
func (endedSpans) ForceFlush(context.Context) error                { return nil }

// wantDurations checks that both requests are in the histogram of durations.
func wantDurations(t *testing.T, reader metric.Reader) {
	t.Helper()
	var all metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &all); err != nil {
		t.Fatal(err)
	}
	counts := map[int64]uint64{}
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			if m.Name != "http.server.request.duration" {
				continue
			}
			for _, point := range m.Data.(metricdata.Histogram[float64]).DataPoints {
				status, _ := point.Attributes.Value("http.response.status_code")
				counts[status.AsInt64()] += point.Count
			}
		}
	}
	if counts[200] != 1 || counts[503] != 1 {
		t.Errorf("http.server.request.duration counts %v, want one of each status", counts)
	}
}
