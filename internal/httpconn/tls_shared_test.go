package httpconn

import (
	"crypto"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lannerhq/lanner/internal/http1"
)

// sharedConfig is that of a manager whose connections without TLS may go to somebody else at any request.
func sharedConfig(t *testing.T) Config {
	return Config{
		Claim:      func(*http1.Request, any) bool { return false },
		Multiplex:  func(any) Multiplexing { return RefuseHTTP2 },
		Released:   func(nc net.Conn, _ []byte, _ any) { t.Error("a connection with TLS was released"); nc.Close() },
		ReturnIdle: true,
	}
}

func TestAConnectionWithTLSStaysWithAManagerThatReturnsOthers(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g := newGate()
		s := serveTLS(t, sharedConfig(t), httpApp(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/wait" {
				g.handler(w, r)
				return
			}
			io.WriteString(w, r.Proto)
		}), nil)
		idle, running, two := s.mustShake(nil), s.mustShake(nil), clientConfig()
		if got := idle.get("/"); got != "HTTP/1.1" {
			t.Errorf("a request that Claim would not have was answered %q", got)
		}
		two.NextProtos = []string{"h2"}
		c := s.mustShake(two)
		c.Write([]byte(h2Begin))
		synctest.Wait()
		buf := make([]byte, 4096)
		if n, _ := c.Read(buf); !strings.HasPrefix(string(buf[:n]), "\x00\x00") || strings.Contains(string(buf[:n]), goAwayRequired11) {
			t.Errorf("HTTP/2 that ALPN has agreed on was answered %q", buf[:n])
		}
		io.WriteString(running, "GET /wait HTTP/1.1\r\nHost: shop.example\r\n\r\n")
		<-g.entered
		done := make(chan error)
		go func() { done <- s.stop(time.Minute) }()
		idle.wantEnd("it waited for a request when the manager drained")
		close(g.opened)
		res, err := http.ReadResponse(running.r, nil)
		if err != nil || res.StatusCode != 200 || !res.Close {
			t.Errorf("the request that ran was answered %v, %v, want 200 and the end of the connection", res, err)
		}
		io.Copy(io.Discard, res.Body)
		running.wantEnd("its last response is out")
		if err := <-done; err != nil {
			t.Errorf("stop: %v", err)
		}
	})
}

func TestDrainEndpointEndsTheConnectionsOfOneEndpoint(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := serveTLS(t, sharedConfig(t), httpApp(hello), nil)
		other := &Endpoint{Name: "other", Scheme: "https", TLS: s.ep.TLS}
		mine := s.mustShake(nil)
		theirs, err := s.shakeOn(s.dialWith(Options{Endpoint: other}).Conn, nil)
		if err != nil {
			t.Fatal(err)
		}
		mine.get("/")
		theirs.get("/")
		s.m.DrainEndpoint(other)
		theirs.wantEnd("its endpoint drains")
		if got := mine.get("/"); got != "ok" {
			t.Errorf("a connection of another endpoint: %q", got)
		}
	})
}

// distantKey signs when it is told to, outside of the gate.
type distantKey struct {
	crypto.Signer
	m     **Manager
	asked chan struct{}
	sign  chan struct{}
}

func (k *distantKey) Sign(rand io.Reader, digest []byte, opts crypto.SignerOpts) (signature []byte, err error) {
	(*k.m).OutsideHandshake(func() {
		k.asked <- struct{}{}
		<-k.sign
	})
	return k.Signer.Sign(rand, digest, opts)
}

func TestAHandshakeThatWaitsForASignatureHoldsNobodyUp(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cert, m := certificate(), new(*Manager)
		key := &distantKey{Signer: cert.PrivateKey.(crypto.Signer), m: m, asked: make(chan struct{}), sign: make(chan struct{})}
		cert.PrivateKey = key
		s := serveTLS(t, Config{MaxHandshakes: 1}, httpApp(hello), &tls.Config{Certificates: []tls.Certificate{cert}})
		*m = s.m
		done := make(chan *tlsClient)
		for range 2 {
			go func() {
				c, err := s.shake(nil)
				if err != nil {
					t.Error(err)
				}
				done <- c
			}()
		}
		<-key.asked
		<-key.asked // the second, while the first waits
		close(key.sign)
		for range 2 {
			if c := <-done; c != nil && c.get("/") != "ok" {
				t.Error("the connection does not work")
			}
		}
	})
}
