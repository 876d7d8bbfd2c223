package http3_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/quic-go/quic-go"

	"github.com/lannerhq/lanner/accesslog"
	"github.com/lannerhq/lanner/http3"
	"github.com/lannerhq/lanner/kestrel"
	"github.com/lannerhq/lanner/metrics"
)

// told is what a server tells: its log, access log and metrics.
type told struct {
	t        *testing.T
	out      buffer
	lines    buffer
	access   *accesslog.Log
	registry *metrics.Registry
}

func tell(t *testing.T) *told {
	s := &told{t: t, registry: metrics.NewRegistry(metrics.RegistryOptions{})}
	s.access = accesslog.New(&s.lines, accesslog.Options{Format: accesslog.JSON})
	t.Cleanup(func() { s.access.Close() })
	return s
}

// observed makes a server tell.
func (s *told) observed(o *kestrel.Options) {
	o.Logger = slog.New(slog.NewTextHandler(&s.out, &slog.HandlerOptions{Level: slog.LevelDebug}))
	o.AccessLog, o.Metrics = s.access, s.registry
}

func (s *told) log() string {
	s.out.mu.Lock()
	defer s.out.mu.Unlock()
	return s.out.b.String()
}

// measured is the metrics of UDP, without the attributes of the address.
func (s *told) measured() string {
	w := httptest.NewRecorder()
	s.registry.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	return address.ReplaceAllString(w.Body.String(), "")
}

var address = regexp.MustCompile(`,?network_transport="udp",network_type="ipv4",server_address="127.0.0.1",server_port="\d+"`)

// wait waits until what is told has a part.
func (s *told) wait(of func() string, part string) {
	s.t.Helper()
	for end := time.Now().Add(patience); !strings.Contains(of(), part); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatalf("%q is not told:\n%s", part, of())
		}
	}
}

// accessLines is the access log when the server tells no more.
func (s *told) accessLines() string {
	if err := s.access.Close(); err != nil {
		s.t.Fatal(err)
	}
	return s.lines.b.String()
}

// dial makes a handshake as a client that wants a protocol.
func (r *rig) dial(protocol string) (*quic.Conn, error) {
	secure := r.tls.Clone()
	secure.NextProtos = []string{protocol}
	return quic.DialAddr(timeout(r.t, patience), r.host, secure, nil)
}

const (
	measuredWell   = `kestrel_tls_handshake_duration_seconds_count{,tls_protocol_version="1.3"} 1` + "\n"
	measuredFailed = `kestrel_tls_handshake_duration_seconds_count{error_type="tls_handshake_failed"} ` // and once more, if the client tries again
	noneUnderWay   = "kestrel_active_tls_handshakes{} 0\n"
)

func TestHandshakesAreLoggedAndMeasured(t *testing.T) {
	for name, early := range map[string]http3.EarlyData{"without early data": http3.EarlyDataOff, "with early data": http3.EarlyDataSafe} {
		t.Run(name, func(t *testing.T) {
			s := tell(t)
			r := serve(t, text("ok"), s.observed, func(o *kestrel.Options) { o.HTTP3 = http3.New(http3.Options{EarlyData: early}) })
			if _, err := r.dial("h9"); err == nil {
				t.Fatal("a client without h3 is served")
			}
			s.wait(s.log, "event.id=83 ")
			if !strings.Contains(s.log(), "unsupported application protocols") {
				t.Errorf("the log does not say why the handshake failed:\n%s", s.log())
			}
			s.wait(s.measured, measuredFailed)
			conn, err := r.dial("h3")
			if err != nil {
				t.Fatal(err)
			}
			s.wait(s.measured, measuredWell)
			s.wait(s.measured, noneUnderWay)
			conn.CloseWithError(0x100, "")
			s.wait(s.measured, "kestrel_active_connections{} 0\n")
			if got := s.accessLines(); got != "" {
				t.Errorf("the access log has %s, want no line of a handshake: its address is not proven", got)
			}
		})
	}
}

// deaf is a socket that hears nothing.
type deaf struct{ net.PacketConn }

func (d deaf) ReadFrom(p []byte) (int, net.Addr, error) {
	for {
		if n, _, err := d.PacketConn.ReadFrom(p); err != nil {
			return n, nil, err
		}
	}
}

func TestAHandshakeThatTakesTooLongIsLoggedAndMeasured(t *testing.T) {
	t.Setenv("QUIC_GO_DISABLE_RECEIVE_BUFFER_WARNING", "true") // of the client's socket
	s := tell(t)
	var opts kestrel.Options
	r := serve(t, text("ok"), s.observed, func(o *kestrel.Options) { opts = *o })
	opts.Endpoints = slices.Clone(opts.Endpoints)
	opts.Endpoints[0].HandshakeTimeout = time.Second // a reload changes it for the next handshakes
	if err := r.server.Reload(timeout(t, patience), opts); err != nil {
		t.Fatal(err)
	}
	socket, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	transport := &quic.Transport{Conn: deaf{socket}}
	defer transport.Close()
	to, err := net.ResolveUDPAddr("udp", r.host)
	if err != nil {
		t.Fatal(err)
	}
	secure := r.tls.Clone()
	secure.NextProtos = []string{"h3"}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	dialed := make(chan error, 1)
	go func() {
		_, err := transport.Dial(ctx, to, secure, nil)
		dialed <- err
	}()
	s.wait(s.measured, "kestrel_active_tls_handshakes{} 1\n")
	s.wait(s.log, "event.id=84 ")
	cancel()
	if err := <-dialed; err == nil {
		t.Error("a client that hears nothing has made a handshake")
	}
	s.wait(s.measured, measuredFailed)
	s.wait(s.measured, noneUnderWay)
}

func TestConnectionsBeyondTheLimitAreLoggedAndMeasuredUnderEveryPolicy(t *testing.T) {
	for _, policy := range []kestrel.ConnectionLimitPolicy{kestrel.LimitClose, kestrel.Limit503, kestrel.LimitWait} {
		t.Run(policy.String(), func(t *testing.T) {
			s := tell(t)
			r := serve(t, text("ok"), s.observed, func(o *kestrel.Options) {
				o.Limits.MaxConcurrentConnections, o.Limits.ConnectionLimitPolicy = 1, policy
			})
			x := r.raw()
			x.wantServed()
			_, err := r.dial("h3")
			var refused *quic.TransportError
			if !errors.As(err, &refused) || refused.ErrorCode != quic.ConnectionRefused || !refused.Remote {
				t.Errorf("the second client is told %v, want CONNECTION_REFUSED", err)
			}
			s.wait(s.log, "event.id=24 ")
			s.wait(s.measured, `kestrel_rejected_connections_total{error_type="max_concurrent_connections_exceeded"`)
			x.wantServed()
			if got := s.log(); !strings.Contains(got, "remote=127.0.0.1:") {
				t.Errorf("the log does not name the client:\n%s", got)
			}
		})
	}
}

func TestAConnectionThatIsTooOldIsToldSo(t *testing.T) {
	r := serve(t, text("ok"), func(o *kestrel.Options) { o.Limits.MaxConnectionAge = time.Second })
	x := r.raw()
	x.wantServed()
	ids := make(chan []uint64, 1)
	go func() { ids <- x.goAways() }()
	x.wantClosed(0x100)
	if got := <-ids; len(got) == 0 || got[len(got)-1] != 4 {
		t.Errorf("the ids of GOAWAY are %v, want the last to be 4: the one request was served", got)
	}
}

func TestAConnectionThatIsTooOldServesWhatRuns(t *testing.T) {
	release := make(chan struct{})
	s := tell(t)
	r := serve(t, waiting(release), s.observed, func(o *kestrel.Options) { o.Limits.MaxConnectionAge = time.Second })
	x := r.raw()
	slow := x.stream(true, request("GET", "/"))
	ids := make(chan []uint64, 1)
	go func() { ids <- x.goAways() }()
	var rejected error
	for end := time.Now().Add(patience); rejected == nil && time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		rejected = x.answer(x.stream(true, request("HEAD", "/"))).err
	}
	wantReset(t, rejected, 0x10b)
	close(release)
	if a := x.answer(slow); string(a.content) != "done" || a.err != nil {
		t.Errorf("the running request is answered %v %q, %v", a.heads, a.content, a.err)
	}
	x.wantClosed(0x100)
	if got := <-ids; len(got) != 2 || got[0] != 1<<62-4 {
		t.Errorf("the ids of GOAWAY are %v, want 2^62-4 and that of the next request", got)
	}
}

// waiting answers GET when it is released, and others at once.
func waiting(release <-chan struct{}) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if q.Method == "GET" {
			<-release
		}
		io.WriteString(w, "done")
	})
}
