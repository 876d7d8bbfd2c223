package kestrel

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"

	"github.com/lannerhq/lanner/accesslog"
	"github.com/lannerhq/lanner/metrics"
)

// transports are those that this system has.
func transports() map[string]Transport {
	all := map[string]Transport{"portable": TransportPortable}
	if runtime.GOOS == "linux" {
		all["event loop"] = TransportEventLoop
	}
	return all
}

func TestAServerHasAnAccessLogAndMetrics(t *testing.T) {
	for name, transport := range transports() {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			log := accesslog.New(&out, accesslog.Options{Format: accesslog.CLF})
			registry := metrics.NewRegistry(metrics.RegistryOptions{})
			s := New(Options{Logger: discard, AccessLog: log, Metrics: registry, Transport: transport,
				Endpoints: []Endpoint{{Name: "web", URL: "http://127.0.0.1:0"}}})
			if err := s.Start(t.Context(), hello); err != nil {
				t.Fatal(err)
			}
			url := s.Addresses()[0]
			wantHello(t, "an answer", newClient(t, nil), url)
			nc, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer nc.Close()
			io.WriteString(nc, "nonsense\r\n\r\n")
			io.Copy(io.Discard, nc)
			if err := s.Stop(t.Context()); err != nil {
				t.Error(err)
			}
			if err := log.Close(); err != nil {
				t.Error(err)
			}
			for _, want := range []string{`"GET / HTTP/1.1" 200 `, `"-" 400 -`} {
				if !strings.Contains(out.String(), want) {
					t.Errorf("no line with %s in\n%s", want, out.String())
				}
			}
			w := httptest.NewRecorder()
			registry.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
			for _, want := range []string{`error_type="invalid_request_line",network_protocol_name="http"`, `http_server_request_duration_seconds_count`, `server_address="127.0.0.1"`} {
				if !strings.Contains(w.Body.String(), want) {
					t.Errorf("no metric with %s in\n%s", want, w.Body.String())
				}
			}
		})
	}
}
