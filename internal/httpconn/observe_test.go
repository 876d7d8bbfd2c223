package httpconn

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lannerhq/lanner/accesslog"
	"github.com/lannerhq/lanner/internal/http2"
	"github.com/lannerhq/lanner/internal/transport"
	"github.com/lannerhq/lanner/metrics"
	"github.com/lannerhq/lanner/server"
)

// lines is an access log in memory.
type lines struct {
	t   *testing.T
	out bytes.Buffer
	log *accesslog.Log
}

func newLines(t *testing.T) *lines {
	l := &lines{t: t}
	l.log = accesslog.New(&l.out, accesslog.Options{})
	t.Cleanup(func() { l.log.Close() })
	return l
}

// read returns what has been logged so far.
func (l *lines) read() (out []map[string]any) {
	l.t.Helper()
	if err := l.log.Flush(context.Background()); err != nil {
		l.t.Fatal(err)
	}
	for line := range strings.Lines(l.out.String()) {
		var e map[string]any
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			l.t.Fatalf("%q: %v", line, err)
		}
		out = append(out, e)
	}
	l.out.Reset()
	return out
}

// want says what the one line that was logged must have; nil means that it has no such member.
func (l *lines) want(why string, want map[string]any) {
	l.t.Helper()
	synctest.Wait()
	got := l.read()
	if len(got) != 1 {
		l.t.Fatalf("%s: want one line, got %v", why, got)
	}
	for name, value := range want {
		if fmt.Sprint(got[0][name]) != fmt.Sprint(value) {
			l.t.Errorf("%s: %s is %v, want %v, in %v", why, name, got[0][name], value, got[0])
		}
	}
}

func TestEveryExchangeIsLogged(t *testing.T) {
	rate := &transport.Rate{BytesPerSecond: 1000, Grace: 2 * time.Second}
	for name, tt := range map[string]struct {
		send  string
		then  func(c *client)
		app   http.HandlerFunc
		wants map[string]any
	}{
		"an answer": {
			send: "GET /a?b=c HTTP/1.1\r\nHost: h\r\nUser-Agent: u\r\nReferer: r\r\n\r\n", app: hello,
			wants: map[string]any{"status": 200, "method": "GET", "target": "/a?b=c", "protocol": "HTTP/1.1", "host": "h",
				"user_agent": "u", "referer": "r", "request_header_bytes": 59, "response_bytes": 2, "response_header_bytes": 79,
				"endpoint": "test", "scheme": "http", "reason": nil},
		},
		"a body": {
			send: "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello", app: func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) },
			wants: map[string]any{"status": 200, "request_bytes": 5, "response_bytes": 5},
		},
		"a chunked body, whose framing counts": {
			send: "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
			app: func(w http.ResponseWriter, r *http.Request) {
				io.Copy(io.Discard, r.Body)
				io.WriteString(w, "ab")
				w.(http.Flusher).Flush()
				io.WriteString(w, "cde")
			},
			wants: map[string]any{"status": 200, "request_bytes": 15, "response_bytes": 7 + 8 + 5},
		},
		"a body that nobody read": {
			send: "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello", app: hello,
			wants: map[string]any{"status": 200, "request_bytes": 5},
		},
		"a response to HEAD": {
			send: "HEAD / HTTP/1.1\r\nHost: h\r\n\r\n", app: hello,
			wants: map[string]any{"status": 200, "response_bytes": 0},
		},
		"a request line that is none": {
			send: "GET\r\n\r\n", app: hello,
			wants: map[string]any{"status": 400, "method": "", "target": "", "reason": "invalid_request_line", "response_header_bytes": 66},
		},
		"a request without a host": {
			send: "GET /x HTTP/1.1\r\nUser-Agent: u\r\n\r\n", app: hello,
			wants: map[string]any{"status": 400, "method": "GET", "target": "/x", "reason": "invalid_request_headers"},
		},
		"a request of HTTP/2": {
			send:  http2.Preface + "\x00\x00\x00\x04\x00\x00\x00\x00\x00" + "\x00\x00\x06\x01\x05\x00\x00\x00\x01\x82\x86\x84\x41\x01h",
			app:   hello,
			wants: map[string]any{"status": 200, "method": "GET", "target": "/", "protocol": "HTTP/2", "reason": nil},
		},
		"a chunk that is none": {
			send:  "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
			app:   func(w http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body) },
			wants: map[string]any{"status": 400, "reason": "invalid_body_reader_state"},
		},
		"a head that is late": {
			send: "GET / HTTP/1.1\r\n", app: hello, then: func(*client) { time.Sleep(time.Minute) },
			wants: map[string]any{"status": 408, "method": "GET", "target": "/", "reason": "request_headers_timeout"},
		},
		"a client that leaves in a head": {
			send: "GET /half HTTP/1.1\r\nHos", app: hello, then: func(c *client) { c.Close() },
			wants: map[string]any{"status": 0, "target": "/half", "reason": "unexpected_end_of_request_content", "request_header_bytes": 23},
		},
		"a reset in a head": {
			send: "GET /half HTTP/1.1\r\nHos", app: hello, then: func(c *client) { c.Reset() },
			wants: map[string]any{"status": 0, "reason": "connection_reset"},
		},
		"a body that is too slow": {
			send: "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nh", then: func(*client) { time.Sleep(time.Minute) },
			app:   func(w http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body) },
			wants: map[string]any{"status": 408, "reason": "min_request_body_data_rate", "request_bytes": 1},
		},
		"a panic": {
			send: "GET / HTTP/1.1\r\nHost: h\r\n\r\n", app: func(http.ResponseWriter, *http.Request) { panic("no") },
			wants: map[string]any{"status": 500, "reason": nil},
		},
		"a panic after the start": {
			send: "GET / HTTP/1.1\r\nHost: h\r\n\r\n", app: func(w http.ResponseWriter, r *http.Request) {
				io.WriteString(w, "ok")
				w.(http.Flusher).Flush()
				panic("no")
			},
			wants: map[string]any{"status": 200, "reason": "error_after_starting_response"},
		},
		"a request that the application gave up": {
			send: "GET / HTTP/1.1\r\nHost: h\r\n\r\n", app: func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
			wants: map[string]any{"status": 0, "reason": "aborted_by_app"},
		},
		"fewer bytes than announced": {
			send: "GET / HTTP/1.1\r\nHost: h\r\n\r\n", app: func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Length", "5")
				io.WriteString(w, "ok")
			},
			wants: map[string]any{"status": 200, "reason": "response_content_length_mismatch", "response_bytes": 2},
		},
		"an upgrade": {
			send: "GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
			app: func(w http.ResponseWriter, r *http.Request) {
				nc, _, _ := http.NewResponseController(w).Hijack()
				nc.Close()
			},
			wants: map[string]any{"status": 101, "upgraded": true, "target": "/ws", "reason": nil},
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				l := newLines(t)
				s := serve(t, Config{AccessLog: l.log, MinRequestBodyRate: rate}, httpApp(tt.app))
				c := s.dial()
				c.write(tt.send)
				synctest.Wait()
				if tt.then != nil {
					tt.then(c)
				}
				time.Sleep(time.Second)
				l.want("an exchange", tt.wants)
			})
		})
	}
}

func TestExchangesOfAPipelineAreLoggedEach(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l := newLines(t)
		s := serve(t, Config{AccessLog: l.log}, httpApp(func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(time.Second)
			hello(w, r)
		}))
		c := s.dial()
		c.write(strings.Repeat("GET / HTTP/1.1\r\nHost: h\r\n\r\n", 3))
		for range 3 {
			c.want("an answer", sent200...)
		}
		synctest.Wait()
		got := l.read()
		if len(got) != 3 {
			t.Fatalf("%d lines, want 3: %v", len(got), got)
		}
		for i, e := range got {
			if e["duration"] != 1.0 || !strings.HasSuffix(fmt.Sprint(e["request"]), fmt.Sprintf(":%08x", i+1)) {
				t.Errorf("line %d is %v, want 1 s each, and the number of the request", i, e)
			}
		}
		c.write("oops\r\n\r\n")
		l.want("the request after", map[string]any{"reason": "invalid_request_line"})
	})
}

func TestConnectionsBeyondTheLimitAreLogged(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l := newLines(t)
		s := serve(t, Config{AccessLog: l.log, MaxConnections: 1}, httpApp(hello))
		s.dial()
		c := s.dial()
		c.wantClosed("beyond the limit")
		l.want("no place", map[string]any{"status": 0, "reason": "max_concurrent_connections_exceeded", "endpoint": "test"})
	})
}

// scrape returns the samples of a registry that begin with prefix and are not 0.
func scrape(r *metrics.Registry, prefix string) (out []string) {
	w := httptest.NewRecorder()
	r.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	for line := range strings.Lines(w.Body.String()) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, prefix) && !strings.HasSuffix(line, " 0") {
			out = append(out, line)
		}
	}
	return out
}

func wantSample(t *testing.T, why string, r *metrics.Registry, prefix string, parts ...string) {
	t.Helper()
	got := scrape(r, prefix)
	for _, line := range got {
		if !slices.ContainsFunc(parts, func(p string) bool { return !strings.Contains(line, p) }) {
			return
		}
	}
	t.Errorf("%s: no sample of %s has %q: %q", why, prefix, parts, got)
}

func TestConnectionsAndRequestsAreMeasured(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := metrics.NewRegistry(metrics.RegistryOptions{})
		g := newGate()
		mux := http.NewServeMux()
		mux.HandleFunc("GET /items/{id}", hello)
		mux.HandleFunc("/wait", g.handler)
		var taken io.Closer
		mux.HandleFunc("/ws", func(w http.ResponseWriter, r *http.Request) {
			taken, _, _ = http.NewResponseController(w).Hijack()
		})
		s := serve(t, Config{Meter: r, MaxConnections: 2}, server.HTTP(mux))
		s.ep.Attrs = metrics.EndpointAttrs{Address: "::1", Port: 80}
		c, late := s.dial(), s.dial()
		s.dial().wantClosed("no place")
		wantSample(t, "a connection without a place", r, "kestrel_rejected_connections_total", "max_concurrent_connections_exceeded", " 1")
		wantSample(t, "two are open", r, "kestrel_active_connections", `server_address="::1"`, " 2")
		c.get("/items/7")
		c.want("an answer", sent200...)
		synctest.Wait()
		wantSample(t, "the route", r, "http_server_request_duration_seconds_count", `http_route="GET /items/{id}"`, `version="1.1"`, ` 1`)
		c.get("/wait")
		synctest.Wait()
		wantSample(t, "a running request", r, "http_server_active_requests", `method="GET"`, " 1")
		close(g.opened)
		c.want("an answer", sent200...)
		c.send("GET /ws HTTP/1.1", "Host: a", "Connection: Upgrade", "Upgrade: websocket", "")
		synctest.Wait()
		wantSample(t, "an upgrade", r, "kestrel_upgraded_connections", " 1")
		wantSample(t, "it stays active", r, "kestrel_active_connections", " 2")
		taken.Close()
		wantSample(t, "its end", r, "kestrel_connection_duration_seconds_count", `network_protocol_name="web_sockets"`, " 1")
		late.write("nonsense\r\n\r\n")
		time.Sleep(2 * time.Second)
		wantSample(t, "a connection that ended badly", r, "kestrel_connection_duration_seconds_count", `error_type="invalid_request_line"`, " 1")
		wantSample(t, "its request", r, "http_server_request_duration_seconds_count", `method="_OTHER"`, `status_code="400"`, " 1")
		idle := s.dial()
		time.Sleep(131 * time.Second)
		idle.wantClosed("idle for too long")
		synctest.Wait()
		wantSample(t, "an idle one", r, "kestrel_connection_duration_seconds_count", `error_type="keep_alive_timeout"`, " 1")
		if got := slices.Concat(scrape(r, "kestrel_active"), scrape(r, "kestrel_upgraded"), scrape(r, "http_server_active")); len(got) > 0 {
			t.Errorf("after the end: %q, want none", got)
		}
	})
}

func TestAnObservedRequestKnowsWhenItCame(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l := newLines(t)
		var received time.Time
		s := serve(t, Config{AccessLog: l.log}, httpApp(func(w http.ResponseWriter, r *http.Request) {
			f, _ := server.From[server.RequestTimingFeature](r.Context())
			received = f.RequestReceived()
			hello(w, r)
		}))
		c := s.dial()
		c.write("GET / HT")
		synctest.Wait()
		began := time.Now()
		time.Sleep(3 * time.Second)
		c.write("TP/1.1\r\nHost: a\r\n\r\n")
		c.want("an answer", sent200...)
		if !received.Equal(began) {
			t.Errorf("received at %v, want %v", received, began)
		}
		l.want("from the first byte on", map[string]any{"duration": 3})
	})
}

func TestObservingARequestDoesNotAllocate(t *testing.T) {
	if raceBuild {
		t.Skip("the race detector allocates, and sync.Pool forgets")
	}
	log := accesslog.New(io.Discard, accesslog.Options{})
	defer log.Close()
	near, far := pipe()
	m := New(Config{App: server.ContextHandler(native), Logger: discard, AccessLog: log, Meter: metrics.NewRegistry(metrics.RegistryOptions{})})
	defer m.Stop(context.Background())
	defer near.Close()
	m.Serve(far, &Endpoint{Name: "test", Scheme: "http"}, Options{})
	request, buf := []byte("GET / HTTP/1.1\r\nHost: a\r\nUser-Agent: u\r\n\r\n"), make([]byte, 4096)
	once := func() {
		near.Write(request)
		near.Read(buf)
	}
	for range 10 {
		once()
	}
	if n := testing.AllocsPerRun(1000, once); n >= 1 {
		t.Errorf("%v allocations per request, want none", n)
	}
}
