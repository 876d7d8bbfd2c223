package httpconn

import (
	"context"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lannerhq/lanner/internal/http1"
	"github.com/lannerhq/lanner/server"
)

// at makes a connection at another endpoint of the same manager.
func (s *testServer) at(ep *Endpoint) *client { return s.dialWith(Options{Endpoint: ep}) }

// newEndpoint is one whose responses are the same every time.
func (s *testServer) newEndpoint(name string) *Endpoint {
	ep := &Endpoint{Name: name, Scheme: "http"}
	s.m.engine(ep).http.Date = nil
	return ep
}

func TestAnEndpointStopsWithoutTheOthers(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := serve(t, Config{}, httpApp(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/slow" {
				time.Sleep(3 * time.Second)
			}
			hello(w, r)
		}))
		ep := s.newEndpoint("leaving")
		stays, waits, runs := s.dial(), s.at(ep), s.at(ep)
		stays.get("/")
		stays.want("an answer before", sent200...)
		waits.get("/")
		waits.want("an answer before", sent200...)
		runs.get("/slow")
		synctest.Wait()
		begin := time.Now()
		if err := s.m.StopEndpoint(context.Background(), ep); err != nil {
			t.Errorf("stop of an endpoint: %v", err)
		}
		if took := time.Since(begin); took < 2*time.Second || took > 3*time.Second {
			t.Errorf("it took %v, want it to wait for the running request and no longer", took)
		}
		waits.wantClosed("a waiting connection of the endpoint closed")
		runs.want("the running request's response, as the last", last200...)
		runs.wantClosed("its connection closed")
		stays.get("/")
		stays.want("the other endpoint's connection kept alive", sent200...)
		if open := s.m.Stats().Open; open != 1 {
			t.Errorf("%d connections are open, want the one", open)
		}
	})
}

func TestAnEndpointAbortsWhatIsLeftWhenItsTimeIsOver(t *testing.T) {
	bubble(t, func(t *testing.T) {
		causes := make(chan error, 1)
		s := serve(t, Config{}, httpApp(func(w http.ResponseWriter, r *http.Request) {
			switch r.URL.Path {
			case "/hang":
				<-r.Context().Done()
				causes <- context.Cause(r.Context())
			case "/upgrade":
				nc, err := upgrade(r)
				if err != nil {
					t.Error(err)
					return
				}
				nc.Read(make([]byte, 1)) // until it is closed
			default:
				hello(w, r)
			}
		}))
		ep := s.newEndpoint("leaving")
		stays, hangs, upgraded := s.dial(), s.at(ep), s.at(ep)
		stays.get("/")
		stays.want("an answer before", sent200...)
		hangs.get("/hang")
		upgraded.send("GET /upgrade HTTP/1.1", "Host: a", "Connection: upgrade", "Upgrade: x", "")
		synctest.Wait()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		err := s.m.StopEndpoint(ctx, ep)
		if err == nil || !strings.Contains(err.Error(), "1 upgraded connections were aborted") {
			t.Errorf("stop of an endpoint: %v, want it to say what was aborted", err)
		}
		if cause := <-causes; cause != server.ErrServerShutdown {
			t.Errorf("the request ended with %v, want ErrServerShutdown", cause)
		}
		hangs.wantClosed("a request that hangs cut")
		stays.get("/")
		stays.want("the other endpoint undisturbed", sent200...)
		if stats := s.m.Stats(); stats.Open != 1 || stats.Upgraded != 0 {
			t.Errorf("%+v, want one open connection", stats)
		}
	})
}

// upgrade takes a request's connection over.
func upgrade(r *http.Request) (net.Conn, error) {
	f, ok := server.From[server.UpgradeFeature](r.Context())
	if !ok {
		return nil, server.ErrNotSupported
	}
	return f.Upgrade()
}

func TestNewLimitsAreForNewConnections(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := serve(t, Config{}, httpApp(hello))
		before := s.dial()
		before.get("/")
		before.want("an answer", sent200...)
		s.m.Reconfigure(Config{Limits: http1.Limits{MaxRequestHeaderCount: 1, KeepAliveTimeout: 5 * time.Second}, MaxConnections: 2})
		s.m.engine(s.ep).http.Date = nil
		after, beyond := s.dial(), s.dial()
		beyond.wantClosed("one connection more than the new bound refused")
		for _, c := range []*client{before, after} {
			c.send("GET / HTTP/1.1", "Host: a", "Accept: b", "")
		}
		before.want("the limits that held when it was accepted", sent200...)
		after.want("the new limit", "HTTP/1.1 431 Request Header Fields Too Large", "Content-Length: 0", "Connection: close", "", "")
		after.wantClosed("closed after the refusal")
		idle := s.dial()
		time.Sleep(7 * time.Second)
		idle.wantClosed("the new keep-alive timeout")
		before.get("/")
		before.want("the old one's keep-alive timeout", sent200...)
	})
}
