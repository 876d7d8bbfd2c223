package server_test

import (
	"bytes"
	"context"

	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/lannerhq/lanner/internal/httpconn"
	"github.com/lannerhq/lanner/internal/memnet"
	"github.com/lannerhq/lanner/server"
)

// engine is a client on a connection of the real HTTP/1.1 engine, in memory.
type engine struct {
	tb      testing.TB
	manager *httpconn.Manager
	client  *memnet.Conn
	buf     []byte
}

func newEngine(tb testing.TB, app server.Application) *engine {
	client, conn := memnet.Pipe(1 << 18)
	e := &engine{tb, httpconn.New(httpconn.Config{App: app, Logger: slog.New(slog.DiscardHandler)}), client, make([]byte, 1<<18)}
	e.manager.Serve(conn, &httpconn.Endpoint{Name: "alloc", Scheme: "http"}, httpconn.Options{})
	return e
}

func (e *engine) close() {
	e.client.Close()
	if err := e.manager.Stop(context.Background()); err != nil {
		e.tb.Error(err)
	}
}

// ask sends a request and returns the response, which ends with last.
func (e *engine) ask(request []byte, last string) []byte {
	if _, err := e.client.Write(request); err != nil {
		e.tb.Fatal(err)
	}
	for n := 0; ; {
		k, err := e.client.Read(e.buf[n:])
		if err != nil {
			e.tb.Fatalf("reading %q: %v", e.buf[:n], err)
		}
		if n += k; n >= len(last) && string(e.buf[n-len(last):n]) == last {
			return e.buf[:n]
		}
	}
}

// lowLevel is the application that docs/reference/low-level-api.md tells how to write.
func lowLevel() *server.ContextMux {
	mux := new(server.ContextMux)
	mux.Handle("GET /plaintext", func(c *server.Context) error {
		c.SetHeader("Content-Type", "text/plain")
		_, err := c.WriteString("Hello, World!")
		return err
	})
	mux.Handle("GET /json", func(c *server.Context) error {
		c.SetHeader("Content-Type", "application/json")
		return c.WriteBody(jsonMessage)
	})
	mux.Handle("POST /echo", func(c *server.Context) error {
		body, err := c.ReadBody(nil, 4096)
		if err != nil {
			return err
		}
		return c.WriteBody(body)
	})
	mux.Handle("GET /users/{id}/orders/{order}", func(c *server.Context) error {
		b := append(c.Buffer(128), `{"user":"`...)
		b = append(b, c.PathValue("id")...)
		b = append(b, `","order":"`...)
		b = append(b, c.PathValue("order")...)
		b = append(b, `"}`...)
		return c.WriteBody(b)
	})
	mux.Handle("GET api.example/v1/{rest...}", func(c *server.Context) error {
		_, err := c.WriteString(c.PathValue("rest"))
		return err
	})
	mux.Handle("GET /large", func(c *server.Context) error { return c.WriteBody(largeAnswer) })
	return mux
}

var (
	jsonMessage = []byte(`{"message":"Hello, World!"}`)
	largeAnswer = []byte(strings.Repeat("x", 100_000) + "end")
)

func get(target string) []byte {
	return []byte("GET " + target + " HTTP/1.1\r\nHost: api.example:8080\r\nUser-Agent: test\r\nAccept: */*\r\n\r\n")
}

var engineTests = []struct {
	name    string
	request []byte
	last    string
}{
	{"plaintext", get("/plaintext"), "Hello, World!"},
	{"JSON of a fixed size", get("/json"), string(jsonMessage)},
	{"echo of a small body", []byte("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\nhello world"), "hello world"},
	{"echo of 4 KiB", []byte("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 4096\r\n\r\n" + strings.Repeat("x", 4092) + "last"), "xlast"},
	{"echo of a chunked body", []byte("POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nhello \r\n5\r\nworld\r\n0\r\n\r\n"), "hello world"},
	{"route parameters", get("/users/42/orders/17"), `{"user":"42","order":"17"}`},
	{"a decoded route parameter", get("/users/42/orders/a%2017"), `{"user":"42","order":"a 17"}`},
	{"host and rest", get("/v1/a/b/c"), "\r\n\r\na/b/c"},
	{"a body above the buffers", get("/large"), "xend"},
}

func TestTheLowLevelAPIAllocatesNothing(t *testing.T) {
	if server.RaceEnabled {
		t.Skip("a build with the race detector recycles nothing")
	}
	e := newEngine(t, lowLevel())
	defer e.close()
	for _, tt := range engineTests {
		if got := e.ask(tt.request, tt.last); !bytes.HasPrefix(got, []byte("HTTP/1.1 200 OK\r\n")) || !bytes.Contains(got, []byte("\r\nContent-Length: ")) {
			t.Errorf("%s: %.200q, want 200 with a Content-Length", tt.name, got)
		}
		want := 0.0
		if bytes.Contains(tt.request, []byte("%20")) {
			want = 1 // RequestFeature.Path decodes into a new string
		}
		if n := testing.AllocsPerRun(300, func() { e.ask(tt.request, tt.last) }); n > want {
			t.Errorf("%s: %v allocations per request, want %v", tt.name, n, want)
		}
	}
}

// BenchmarkLowLevel is one request on a connection in memory: beside the handler and its route, all that the engine does.
func BenchmarkLowLevel(b *testing.B) {
	for _, tt := range engineTests {
		b.Run(tt.name, func(b *testing.B) {
			e := newEngine(b, lowLevel())
			defer e.close()
			b.ReportAllocs()
			for b.Loop() {
				e.ask(tt.request, tt.last)
			}
		})
	}
}

// BenchmarkContextMux is the mux alone, with the patterns of a middling API, and http.ServeMux beside it.
func BenchmarkContextMux(b *testing.B) {
	mux, theirs := new(server.ContextMux), new(http.ServeMux)
	for _, p := range apiPatterns() {
		mux.Handle(p, func(c *server.Context) error { return nil })
		theirs.HandleFunc(p, func(http.ResponseWriter, *http.Request) {})
	}
	for _, target := range []string{"/healthz", "/res7/42", "/res19/42/items/7", "/static/css/a.css"} {
		b.Run("ContextMux"+target, func(b *testing.B) {
			f, res := new(server.Features), new(fakeResponse)
			b.ReportAllocs()
			q := server.NewRequest("GET", target, "HTTP/1.1", new(server.Headers), 0, nil)
			for b.Loop() {
				f.Init(q, res, nil, nil)
				if err := mux.Process(f); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("ServeMux"+target, func(b *testing.B) {
			w, r := httptest.NewRecorder(), httptest.NewRequest("GET", target, nil)
			b.ReportAllocs()
			for b.Loop() {
				theirs.ServeHTTP(w, r)
			}
		})
	}
}

// apiPatterns are 20 resources with seven patterns each, and two more.
func apiPatterns() []string {
	patterns := []string{"GET /healthz", "GET /static/{path...}"}
	for i := range 20 {
		base := "/res" + strconv.Itoa(i)
		patterns = append(patterns, "GET "+base, "POST "+base, "GET "+base+"/{id}", "PUT "+base+"/{id}", "DELETE "+base+"/{id}",
			"GET "+base+"/{id}/items", "GET "+base+"/{id}/items/{item}")
	}
	return patterns
}
