package httpconn

import (
	"errors"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lannerhq/lanner/metrics"
	framing "golang.org/x/net/http2"
)

// tunnel asks for a WebSocket on a stream (RFC 8441).
func (c *muxClient) tunnel(stream uint32) {
	c.t.Helper()
	c.frame(framing.FrameHeaders, framing.FlagHeadersEndHeaders, stream,
		c.encode(":method", "CONNECT", ":protocol", "websocket", ":scheme", "http", ":path", "/", ":authority", "h"))
}

func TestTunnelsOfHTTP2CountAsUpgradedConnections(t *testing.T) {
	hijack := func(_ http.ResponseWriter, r *http.Request) (io.ReadCloser, error) { return upgrade(r) }
	for name, tt := range map[string]struct {
		take func(w http.ResponseWriter, r *http.Request) (io.ReadCloser, error)
		end  func(s *testServer, c *muxClient)
		die  bool // the handler panics when the client says so
		keep bool // or goes on until the server is stopped, and longer
	}{
		"the client ends it":              {take: hijack, end: func(s *testServer, c *muxClient) { c.frame(framing.FrameData, framing.FlagDataEndStream, 1, nil) }},
		"the handler panics":              {take: hijack, die: true, end: func(s *testServer, c *muxClient) { c.frame(framing.FrameData, framing.FlagDataEndStream, 1, nil) }},
		"the client resets it":            {take: hijack, end: func(s *testServer, c *muxClient) { c.frame(framing.FrameRSTStream, 0, 1, []byte{0, 0, 0, 8}) }},
		"and the handler does not notice": {take: hijack, keep: true, end: func(s *testServer, c *muxClient) { c.frame(framing.FrameRSTStream, 0, 1, []byte{0, 0, 0, 8}) }},
		"the connection is lost":          {take: hijack, end: func(s *testServer, c *muxClient) { c.Close() }},
		"lost, and nobody notices":        {take: hijack, keep: true, end: func(s *testServer, c *muxClient) { c.Close() }},
		"it drains": {take: hijack, end: func(s *testServer, c *muxClient) {
			s.m.DrainHTTP2()
			c.frame(framing.FrameData, framing.FlagDataEndStream, 1, nil)
		}},
		"it is aborted": {take: hijack, end: func(s *testServer, c *muxClient) { s.m.abort(s.ep) }},
		"Hijack": {take: func(w http.ResponseWriter, r *http.Request) (io.ReadCloser, error) {
			nc, rw, err := http.NewResponseController(w).Hijack()
			if err == nil {
				io.WriteString(rw, "HTTP/1.1 101 Switching Protocols\r\n\r\n")
				rw.Flush()
			}
			return nc, err
		}, end: func(s *testServer, c *muxClient) { c.frame(framing.FrameData, framing.FlagDataEndStream, 1, nil) }},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				registry := metrics.NewRegistry(metrics.RegistryOptions{})
				taken, release := make(chan error, 10), make(chan struct{})
				s := serve(t, Config{Meter: registry, MaxUpgraded: 1}, httpApp(func(w http.ResponseWriter, r *http.Request) {
					nc, err := tt.take(w, r)
					taken <- err
					if err != nil {
						http.Error(w, "refused", 503)
						return
					}
					if tt.keep {
						<-release
					}
					io.Copy(io.Discard, nc)
					if tt.die {
						panic(http.ErrAbortHandler)
					}
					nc.Close()
				}))
				c, other := s.dialHTTP2(), s.dialHTTP2()
				want := func(why string, c *muxClient, stream uint32, refused bool, upgraded int64) {
					t.Helper()
					c.tunnel(stream)
					if err := <-taken; errors.Is(err, errUpgradedLimit) != refused || err != nil && !refused {
						t.Errorf("%s: %v, want refused is %v", why, err, refused)
					}
					if got := s.m.Stats().Upgraded; got != upgraded {
						t.Errorf("%s: %d are upgraded, want %d", why, got, upgraded)
					}
				}
				want("the first", c, 1, false, 1)
				wantSample(t, "the first", registry, "kestrel_upgraded_connections", " 1")
				want("another on the same connection", c, 3, true, 1)
				want("another connection's", other, 1, true, 1)
				wantSample(t, "a refusal is the handler's answer", registry, "http_server_request_duration_seconds_count", `status_code="503"`, " 2")
				tt.end(s, c)
				time.Sleep(time.Millisecond) // a reader that is being interrupted may sleep for a microsecond
				synctest.Wait()
				if got := scrape(registry, "kestrel_upgraded"); len(got) != 0 || s.m.Stats().Upgraded != 0 {
					t.Errorf("after the end: %q and %d, want none", got, s.m.Stats().Upgraded)
				}
				if name != "it is aborted" {
					tt.keep = false
					want("there is room for the next", s.dialHTTP2(), 1, false, 1)
				}
				close(release)
				s.stop(0)
				synctest.Wait()
				if got := s.m.Stats(); got.Upgraded != 0 || got.Running != 0 {
					t.Errorf("after the stop: %+v, want nothing", got)
				}
			})
		})
	}
}

// A handler whose tunnel came too late has none to close, and may return.
func TestATunnelThatCannotBeAnsweredIsNoTunnel(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var failed error
		s := serve(t, Config{MaxUpgraded: 1}, httpApp(func(w http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
			_, failed = upgrade(r)
		}))
		c := s.dialHTTP2()
		c.tunnel(1)
		c.frame(framing.FrameRSTStream, 0, 1, []byte{0, 0, 0, 8})
		time.Sleep(time.Second)
		if got := s.m.Stats(); failed == nil || got.Upgraded != 0 || got.Running != 0 {
			t.Errorf("upgrade: %v, %+v, want an error and nothing left", failed, got)
		}
		s.stop(0)
	})
}
