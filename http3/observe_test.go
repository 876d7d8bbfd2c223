package http3_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/lannerhq/lanner/accesslog"
	"github.com/lannerhq/lanner/kestrel"
	"github.com/lannerhq/lanner/metrics"
	"github.com/lannerhq/lanner/server"
)

// buffer is safe for concurrent use.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func TestExchangesAreLoggedAndMeasured(t *testing.T) {
	var out buffer
	log := accesslog.New(&out, accesslog.Options{Format: accesslog.JSON})
	registry := metrics.NewRegistry(metrics.RegistryOptions{})
	r := serve(t, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		io.Copy(io.Discard, q.Body)
		io.WriteString(w, "hello")
	}), func(o *kestrel.Options) {
		o.AccessLog, o.Metrics = log, registry
		o.Endpoints[0].Name = "web"
	})
	x := r.raw()
	x.answer(x.stream(true, request("POST", "/a?b", "user-agent", "raw"), frame(0, []byte("abc"))))
	x.answer(x.stream(true, request("GET", "bad")))
	x.conn.CloseWithError(0x100, "")
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := r.server.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.b.String()), "\n")
	if len(lines) != 2 {
		t.Fatalf("the log has %q, want two lines", lines)
	}
	var first, second map[string]any
	for line, to := range map[string]*map[string]any{lines[0]: &first, lines[1]: &second} {
		if err := json.Unmarshal([]byte(line), to); err != nil {
			t.Fatal(err)
		}
	}
	if !strings.Contains(lines[0], `"HTTP/3"`) || !strings.Contains(lines[0], `"web"`) || !strings.Contains(lines[0], `"/a?b"`) || !strings.Contains(lines[0], "200") {
		t.Errorf("the line is %s", lines[0])
	}
	if !strings.Contains(lines[1], "invalid_request_line") {
		t.Errorf("the line of a malformed request is %s", lines[1])
	}
	page := httptest.NewRecorder()
	registry.Handler().ServeHTTP(page, httptest.NewRequest("GET", "/metrics", nil))
	for _, want := range []string{`network_protocol_version="3"`, `network_transport="udp"`, `error_type="invalid_request_line"`} {
		if !strings.Contains(page.Body.String(), want) {
			t.Errorf("the metrics do not have %s:\n%s", want, page.Body.String())
		}
	}
}

func TestHandlersSeeTheConnection(t *testing.T) {
	r := serve(t, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		c, _ := server.From[server.ConnectionFeature](q.Context())
		id, _ := server.From[server.RequestIdentifierFeature](q.Context())
		secure, _ := server.From[server.TLSHandshakeFeature](q.Context())
		rate, _ := server.From[server.MinDataRateFeature](q.Context())
		size, _ := server.From[server.MaxRequestBodySizeFeature](q.Context())
		switch {
		case c == nil || c.RemoteAddrText() != q.RemoteAddr || c.LocalAddr().String() != r(q) || c.EndpointName() == "" || c.ConnectionID() == "":
			io.WriteString(w, "the connection")
		case id == nil || !strings.HasPrefix(id.TraceIdentifier(), c.ConnectionID()+":"):
			io.WriteString(w, "the identifier")
		case secure == nil || q.TLS == nil || q.TLS.NegotiatedProtocol != "h3" || secure.TLSState().Version != 0x304:
			io.WriteString(w, "TLS")
		case rate == nil || rate.MinResponseDataRate().BytesPerSecond != 240 || rate.SetMinRequestBodyDataRate(server.DataRate{}) != nil:
			io.WriteString(w, "the rates")
		case size == nil || size.MaxRequestBodySize() != 30_000_000 || size.SetMaxRequestBodySize(5) != nil || size.MaxRequestBodySize() != 5:
			io.WriteString(w, "the size")
		default:
			io.WriteString(w, "all of it")
		}
	}))
	r.get(r.client(), "/", "all of it")
}

// r is the address that a request was sent to.
func r(q *http.Request) string { return q.Host }
