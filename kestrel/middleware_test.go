package kestrel

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/lannerhq/lanner/connection"
	"github.com/lannerhq/lanner/server"
)

func TestAnEndpointsMiddlewareRunsOnItsConnectionsAlone(t *testing.T) {
	file := filepath.Join(t.TempDir(), "large")
	if err := os.WriteFile(file, []byte(strings.Repeat("0123456789", 100_000)), 0o600); err != nil {
		t.Fatal(err)
	}
	app := server.HTTP(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if said, ok := server.From[string](r.Context()); ok {
			w.Header().Set("Said", said)
		}
		http.ServeFile(w, r, file)
	}))
	for name, transport := range map[string]Transport{"portable": TransportPortable, "default": TransportAuto} {
		t.Run(name, func(t *testing.T) {
			var connections atomic.Int32
			say := func(next connection.Handler) connection.Handler {
				return func(ctx context.Context, c *connection.Conn) error {
					connections.Add(1)
					if _, err := c.Peek(4); err != nil {
						return err
					}
					server.Set(c.Features(), "hello")
					return next(ctx, c)
				}
			}
			s := start(t, Options{Transport: transport, Endpoints: []Endpoint{
				{URL: "http://127.0.0.1:0", Middleware: []connection.Middleware{say}},
				{URL: "http://127.0.0.1:0"},
			}}, app)
			client := newClient(t, nil)
			for i, want := range []string{"hello", ""} {
				for range 3 {
					res, err := client.Get(s.Addresses()[i])
					if err != nil {
						t.Fatal(err)
					}
					body, err := io.ReadAll(res.Body)
					res.Body.Close()
					if said := res.Header.Get("Said"); said != want || len(body) != 1_000_000 || err != nil {
						t.Errorf("endpoint %d: the middleware said %q and %d bytes came, %v, want %q and the file", i, said, len(body), err, want)
					}
				}
			}
			if n := connections.Load(); n != 1 {
				t.Errorf("the middleware ran on %d connections, want the one that the client kept alive", n)
			}
		})
	}
}

func TestASilentConnectionInMiddlewareDoesNotHoldUpOthersOrStop(t *testing.T) {
	entered := make(chan struct{}, 2)
	wait := func(next connection.Handler) connection.Handler {
		return func(ctx context.Context, c *connection.Conn) error {
			entered <- struct{}{}
			if _, err := c.Peek(1); err != nil {
				return err
			}
			return next(ctx, c)
		}
	}
	s := New(Options{Logger: discard, Endpoints: []Endpoint{{URL: "http://127.0.0.1:0", Middleware: []connection.Middleware{wait}}}})
	if err := s.Start(t.Context(), hello); err != nil {
		t.Fatal(err)
	}
	silent, err := net.Dial("tcp", strings.TrimPrefix(s.Addresses()[0], "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	<-entered
	wantHello(t, "an answer beside a silent connection", newClient(t, nil), s.Addresses()[0])
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Stop(over); err == nil {
		t.Error("Stop returned nil, although it had no time and cut a connection")
	}
	if n, err := silent.Read(make([]byte, 1)); n > 0 || err == nil {
		t.Errorf("the silent connection reads %d bytes, %v, want it cut", n, err)
	}
}

func TestMiddlewareThatIsNilIsAMistakeInTheOptions(t *testing.T) {
	o := Options{Endpoints: []Endpoint{{Name: "web", URL: "http://127.0.0.1:0", Middleware: []connection.Middleware{nil}}}}
	if err := o.Validate(); err == nil || !strings.Contains(err.Error(), `endpoint "web": Middleware[0] is nil`) {
		t.Errorf("Validate: %v, want it to name the endpoint and the place", err)
	}
}
