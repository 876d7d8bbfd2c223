package conformance

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/lannerhq/lanner/kestrel"
	"github.com/lannerhq/lanner/server"
	"github.com/lannerhq/lanner/test/selfsigned"
)

// patience is how long a test on real sockets waits for what must come.
const patience = 30 * time.Second

// carriers are the ways in which a real connection is carried and its handlers run.
var carriers = []struct {
	name      string
	transport kestrel.Transport
	exec      kestrel.Exec
	tls       bool
}{
	{"inline", kestrel.TransportAuto, kestrel.ExecInline, false},
	{"goroutine", kestrel.TransportAuto, kestrel.ExecGoroutine, false},
	{"portable", kestrel.TransportPortable, kestrel.ExecAuto, false},
	{"tls", kestrel.TransportAuto, kestrel.ExecAuto, true},
	{"tls, portable", kestrel.TransportPortable, kestrel.ExecAuto, true},
}

// certificate is that of the carrier with TLS.
var certificate = sync.OnceValues(func() (tls.Certificate, error) { return selfsigned.New("127.0.0.1") })

// TestEveryCaseOnRealSockets replays the rows on each transport and execution mode, on real connections in real time. That
// a connection stays open is shown by another request on it, that it was closed by its end.
func TestEveryCaseOnRealSockets(t *testing.T) {
	cases := loadCases(t)
	cert, err := certificate()
	if err != nil {
		t.Fatal(err)
	}
	for _, carrier := range carriers {
		for _, seg := range segmentations {
			var secure *tls.Config
			if carrier.tls {
				secure = &tls.Config{Certificates: []tls.Certificate{cert}, RootCAs: selfsigned.Pool(cert), ServerName: "127.0.0.1"}
			}
			t.Run(carrier.name+"/"+seg.name, func(t *testing.T) {
				for i, c := range cases {
					if seg.name != "whole" && len(c.Input) > 2000 {
						continue // one system call a byte, for nothing new
					}
					t.Run(c.Name, func(t *testing.T) {
						runOnSocket(t, c, seg, rand.New(rand.NewPCG(2, uint64(i))), carrier.transport, carrier.exec, secure)
					})
				}
			})
		}
	}
}

const probe = "GET /probe HTTP/1.1\r\nHost: probe\r\n\r\n"

func runOnSocket(t *testing.T, c h1Case, seg segmentation, r *rand.Rand, transport kestrel.Transport, exec kestrel.Exec, secure *tls.Config) {
	o := options(t, c, nil)
	o.Endpoints = []kestrel.Endpoint{{URL: "http://127.0.0.1:0", TLS: secure, Protocols: kestrel.HTTP1}}
	if secure != nil {
		o.Endpoints[0].URL = "https://127.0.0.1:0"
	}
	o.Transport, o.Exec = transport, exec
	var app recorder
	srv := kestrel.New(o)
	if err := srv.Start(t.Context(), server.ContextHandler(func(ctx *server.Context) error {
		if ctx.RawTarget() == "/probe" {
			ctx.WriteString("probed")
			return nil
		}
		app.record(ctx)
		return application(ctx, c.App)
	})); err != nil {
		t.Fatal(err)
	}
	defer srv.Stop(t.Context())
	_, addr, _ := strings.Cut(srv.Addresses()[0], "://")
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	if secure != nil {
		nc = tls.Client(nc, secure)
	}
	defer nc.Close()
	nc.SetDeadline(time.Now().Add(patience))
	for _, part := range seg.cut(octets(c.Input), r) {
		if _, err := nc.Write(part); err != nil {
			break // refused before all was sent
		}
	}
	if c.ClientFin {
		nc.(interface{ CloseWrite() error }).CloseWrite()
	}
	_, deviates := deviations[c.Name]
	wantOpen := !c.ExpectClose && !deviates && c.Expect["raw_hex"] == nil
	if wantOpen {
		io.WriteString(nc, probe)
	}
	out, closed := readUntil(nc, wantOpen)
	if errors.Is(closed, os.ErrDeadlineExceeded) {
		t.Fatalf("neither an answer to the next request nor the connection's end came: %q", out)
	}
	out, probed := withoutProbe(out, wantOpen)
	nc.Close()                                    // ends a lingering close
	if err := srv.Stop(t.Context()); err != nil { // what the application saw is complete after it
		t.Errorf("stop: %v", err)
	}
	check(t, c, app.requests, out, !probed)
}

// readUntil reads to the end, or to the answer of the probe.
func readUntil(nc net.Conn, probed bool) ([]byte, error) {
	var out []byte
	buf := make([]byte, 64<<10)
	for {
		n, err := nc.Read(buf)
		out = append(out, buf[:n]...)
		switch {
		case errors.Is(err, syscall.ECONNRESET):
			return out, io.EOF
		case err != nil:
			return out, err
		case probed && bytes.HasSuffix(out, []byte("probed")):
			return out, io.EOF
		}
	}
}

// withoutProbe takes the answer to the probe off out. Where the row's limits are too small for the probe, its refusal is
// the answer: that comes from an open connection, too.
func withoutProbe(out []byte, sent bool) ([]byte, bool) {
	if !sent {
		return out, false
	}
	for _, answer := range []string{"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n", "HTTP/1.1 414 ", "HTTP/1.1 431 "} {
		if at := bytes.LastIndex(out, []byte(answer)); at > 0 {
			return out[:at], true
		}
	}
	return out, false
}

// recorder keeps what the application saw.
type recorder struct {
	mu       sync.Mutex
	requests []seen
}

func (r *recorder) record(ctx *server.Context) {
	s := seen{path: ctx.Path(), rawTarget: ctx.RawTarget(), query: ctx.RawQuery(), host: ctx.Host()}
	s.path, s.rawTarget, s.query, s.host = strings.Clone(s.path), strings.Clone(s.rawTarget), strings.Clone(s.query), strings.Clone(s.host)
	for name, value := range ctx.RequestHeaders().All() {
		s.headers.Add(strings.Clone(name), strings.Clone(value))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.requests = append(r.requests, s)
}
