//go:build linux

package httpconn

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lannerhq/lanner/internal/transport"
)

// secureLoop is a manager with TLS on the loop, on a real socket.
type secureLoop struct {
	t    *testing.T
	m    *Manager
	addr string
	stop func() error
}

func serveTLSOnLoop(t *testing.T, cfg Config, by *tls.Config, app http.HandlerFunc) *secureLoop {
	t.Helper()
	return serveEndpointOnLoop(t, cfg, &Endpoint{TLS: by}, app)
}

// serveEndpointOnLoop is for an endpoint whose Name, Scheme and, if it is nil, TLS are filled in.
func serveEndpointOnLoop(t *testing.T, cfg Config, ep *Endpoint, app http.HandlerFunc) *secureLoop {
	t.Helper()
	ep.Name, ep.Scheme = "tls", "https"
	if ep.TLS == nil {
		ep.TLS = &tls.Config{Certificates: []tls.Certificate{certificate()}}
	}
	cfg.App, cfg.EventLoop = httpApp(app), true
	if cfg.Logger == nil {
		cfg.Logger = discard
	}
	m := New(cfg)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	stopListening := m.Listen(l, ep, func() Options { return Options{} })
	s := &secureLoop{t: t, m: m, addr: l.Addr().String()}
	s.stop = sync.OnceValue(func() error {
		stopListening()
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		return m.Stop(ctx)
	})
	t.Cleanup(func() {
		if err := s.stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
		if s := m.Stats(); s.Open+s.Upgraded+s.Running != 0 {
			t.Errorf("after stop: %+v, want nothing open", s)
		}
	})
	return s
}

// dial returns the network connection below a TLS connection that has made its handshake, and that.
func (s *secureLoop) dial(cfg *tls.Config) (net.Conn, *tls.Conn) {
	s.t.Helper()
	nc, err := net.Dial("tcp", s.addr)
	if err != nil {
		s.t.Fatal(err)
	}
	nc.SetDeadline(time.Now().Add(patience))
	s.t.Cleanup(func() { nc.Close() })
	if cfg == nil {
		cfg = clientConfig()
	}
	c := tls.Client(nc, cfg)
	if err := c.Handshake(); err != nil {
		s.t.Fatalf("handshake: %v", err)
	}
	return nc, c
}

// chopped sends what is written in pieces of random sizes, so that records come in parts.
type chopped struct{ net.Conn }

func (c chopped) Write(p []byte) (n int, err error) {
	for len(p) > 0 && err == nil {
		k := min(len(p), 1+rand.IntN(1+rand.IntN(3000)))
		if _, err = c.Conn.Write(p[:k]); err == nil {
			n, p = n+k, p[k:]
			if rand.IntN(4) == 0 {
				runtime.Gosched()
			}
		}
	}
	return n, err
}

func echo(w http.ResponseWriter, r *http.Request) {
	if _, err := io.Copy(w, r.Body); err != nil {
		panic(http.ErrAbortHandler)
	}
}

func TestRequestsInRecordsOfAnySizeAreServed(t *testing.T) {
	s := serveTLSOnLoop(t, Config{}, nil, echo)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for _, whole := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, whole: %v", tls.VersionName(version), whole), func(t *testing.T) {
				nc, err := net.Dial("tcp", s.addr)
				if err != nil {
					t.Fatal(err)
				}
				defer nc.Close()
				nc.SetDeadline(time.Now().Add(patience))
				below := net.Conn(chopped{nc})
				if whole {
					below = nc
				}
				cfg := clientConfig()
				cfg.MaxVersion, cfg.NextProtos = version, []string{"http/1.1"}
				c := tls.Client(below, cfg)
				var requests bytes.Buffer
				var bodies [][]byte
				for range 60 {
					body := bytes.Repeat([]byte{byte('a' + rand.IntN(26))}, rand.IntN(1+rand.IntN(60_000)))
					bodies = append(bodies, body)
					fmt.Fprintf(&requests, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
				}
				go func() {
					for requests.Len() > 0 { // records that end anywhere, of one byte or of thousands
						if _, err := c.Write(requests.Next(1 + rand.IntN(1+rand.IntN(20_000)))); err != nil {
							t.Errorf("write: %v", err)
							return
						}
					}
				}()
				r := bufio.NewReader(c)
				for i, body := range bodies {
					res, err := http.ReadResponse(r, nil)
					if err != nil {
						t.Fatalf("response %d: %v", i, err)
					}
					if got, err := io.ReadAll(res.Body); err != nil || !bytes.Equal(got, body) {
						t.Fatalf("response %d: %d bytes, %v, want the %d that were sent", i, len(got), err, len(body))
					}
				}
			})
		}
	}
}

// What one record holds beyond what the engine reads at a time is not told by the socket any more.
func TestTheRestOfARecordIsNotForgotten(t *testing.T) {
	s := serveTLSOnLoop(t, Config{}, nil, hello)
	_, c := s.dial(nil)
	const n = 200
	io.WriteString(c, strings.Repeat("GET / HTTP/1.1\r\nHost: a\r\n\r\n", n)) // one record
	r := bufio.NewReader(c)
	for i := range n {
		res, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatalf("response %d: %v", i, err)
		}
		io.Copy(io.Discard, res.Body)
	}
}

func TestARequestRightBehindTheHandshakeIsServed(t *testing.T) {
	s := serveTLSOnLoop(t, Config{}, nil, hello)
	for range 50 {
		nc, err := net.Dial("tcp", s.addr)
		if err != nil {
			t.Fatal(err)
		}
		nc.SetDeadline(time.Now().Add(patience))
		c := tls.Client(nc, clientConfig()) // the request is written by the goroutine that finishes the handshake
		io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
		if all, err := io.ReadAll(c); err != nil || !bytes.HasSuffix(all, []byte("ok")) {
			t.Fatalf("%q, %v, want an answer that ends with close_notify", all, err)
		}
		nc.Close()
	}
}

// A socket that is full keeps records back. None is lost or doubled, whichever way they are written.
func TestALargeAnswerToASlowReaderIsWhole(t *testing.T) {
	piece := make([]byte, 100_000)
	for i := range piece {
		piece[i] = byte(rand.IntN(256))
	}
	const pieces = 100
	sum := sha256.New()
	for range pieces {
		sum.Write(piece)
	}
	app := func(w http.ResponseWriter, _ *http.Request) {
		for range pieces {
			if _, err := w.Write(piece); err != nil {
				return
			}
		}
	}
	check := func(t *testing.T, body io.Reader) {
		t.Helper()
		got := sha256.New()
		buf := make([]byte, 30_000)
		for n := 0; ; n++ {
			k, err := body.Read(buf[:1+rand.IntN(len(buf))])
			got.Write(buf[:k])
			if n%64 == 0 {
				time.Sleep(time.Millisecond) // so that the socket fills; nothing depends on it
			}
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(got.Sum(nil), sum.Sum(nil)) {
			t.Error("other bytes came than were sent")
		}
	}
	for _, exec := range []Exec{Inline, Goroutine} {
		s := serveTLSOnLoop(t, Config{Exec: exec}, nil, app)
		t.Run(fmt.Sprintf("HTTP/1.1, exec %d", exec), func(t *testing.T) {
			_, c := s.dial(nil)
			io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
			res, err := http.ReadResponse(bufio.NewReader(c), nil)
			if err != nil {
				t.Fatal(err)
			}
			check(t, res.Body)
		})
		t.Run(fmt.Sprintf("HTTP/2, exec %d", exec), func(t *testing.T) {
			tr := &http.Transport{TLSClientConfig: clientConfig(), Protocols: new(http.Protocols)}
			tr.Protocols.SetHTTP2(true)
			defer tr.CloseIdleConnections()
			var streams sync.WaitGroup
			for range 5 {
				streams.Go(func() {
					res, err := (&http.Client{Transport: tr}).Get("https://" + s.addr)
					if err != nil {
						t.Error(err)
						return
					}
					defer res.Body.Close()
					check(t, res.Body)
				})
			}
			streams.Wait()
		})
	}
}

// The answer is on its way, in part still in the server, when the server stops: it is sent whole, and so is the end.
func TestWhatWaitsToBeSentOutlastsTheEndOfTheConnection(t *testing.T) {
	body := bytes.Repeat([]byte("0123456789"), 400_000)
	s := serveTLSOnLoop(t, Config{}, nil, func(w http.ResponseWriter, _ *http.Request) { w.Write(body) })
	for _, proto := range []string{"http/1.1", "h2"} {
		tr := &http.Transport{TLSClientConfig: clientConfig(), ForceAttemptHTTP2: proto == "h2"}
		res, err := (&http.Client{Transport: tr}).Get("https://" + s.addr)
		if err != nil {
			t.Fatal(err)
		}
		s.m.Drain()
		if got, err := io.ReadAll(res.Body); err != nil || !bytes.Equal(got, body) {
			t.Errorf("%s: %d bytes, %v, want %d", res.Proto, len(got), err, len(body))
		}
		tr.CloseIdleConnections()
		s.m.draining.Store(false)
	}
}

func TestASilentClientHasNoGoroutineOnTheLoop(t *testing.T) {
	s := serveTLSOnLoop(t, Config{}, nil, hello)
	_, c := s.dial(nil) // what is made once is made
	before := runtime.NumGoroutine()
	for range 50 {
		nc, err := net.Dial("tcp", s.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
	}
	eventually(t, "all are accepted", func() bool { return s.m.Stats().Open == 51 })
	if n := runtime.NumGoroutine() - before; n > 5 {
		t.Errorf("%d goroutines for 50 clients that say nothing", n)
	}
	io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	wantStatus(t, "others are served", c, 200)
}

// eventually waits for what happens on other goroutines, beyond the reach of a channel.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}

func TestHandshakesOnTheLoopEndInTime(t *testing.T) {
	s := serveTLSOnLoop(t, Config{}, nil, hello)
	var clients sync.WaitGroup
	for why, begin := range map[string]func(net.Conn){
		"nothing is said":                 func(net.Conn) {},
		"half a ClientHello":              func(nc net.Conn) { nc.Write([]byte{22, 3, 1, 2, 0, 1}) },
		"a client that goes on for a day": func(nc net.Conn) { go drip(nc) },
	} {
		clients.Go(func() {
			nc, err := net.Dial("tcp", s.addr)
			if err != nil {
				t.Error(err)
				return
			}
			defer nc.Close()
			begin(nc)
			nc.SetDeadline(time.Now().Add(3 * patience))
			if b, err := io.ReadAll(nc); len(b) > 0 || errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("%s: %q, %v, want the end", why, b, err)
			}
		})
	}
	clients.Wait()
}

// drip sends a long ClientHello a byte at a time.
func drip(nc net.Conn) {
	nc.Write([]byte{22, 3, 1, 0x10, 0, 1, 0, 0xf, 0xfc})
	for {
		if _, err := nc.Write([]byte{1}); err != nil {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func TestAnEncryptedConnectionIsTakenOver(t *testing.T) {
	s := serveTLSOnLoop(t, Config{}, nil, func(w http.ResponseWriter, r *http.Request) {
		nc, buffered, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer nc.Close()
		io.WriteString(nc, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
		io.Copy(nc, buffered)
	})
	for range 20 {
		_, c := s.dial(nil)
		io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nfirst ") // one record: read by the engine in part
		r := bufio.NewReader(c)
		if res, err := http.ReadResponse(r, nil); err != nil || res.StatusCode != 101 {
			t.Fatalf("%v, %v", res, err)
		}
		io.WriteString(c, "second")
		c.CloseWrite()
		if got, err := io.ReadAll(r); string(got) != "first second" || err != nil {
			t.Fatalf("%q came back, %v", got, err)
		}
	}
	eventually(t, "all are over", func() bool { st := s.m.Stats(); return st.Open+st.Upgraded == 0 })
}

// A connection that was cut must not look as if its answer were whole (RFC 8446 §6.1).
func TestACutEncryptedAnswerHasNoCloseNotify(t *testing.T) {
	s := serveTLSOnLoop(t, Config{}, nil, func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "half")
		http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})
	_, c := s.dial(nil)
	io.WriteString(c, "GET / HTTP/1.0\r\nHost: a\r\n\r\n")
	if all, err := io.ReadAll(c); err == nil {
		t.Errorf("%q and an orderly end", all)
	}
}

func TestPlainHTTPOnAnEncryptedPortIsToldSo(t *testing.T) {
	s := serveTLSOnLoop(t, Config{}, nil, hello)
	nc, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	nc.SetDeadline(time.Now().Add(patience))
	io.WriteString(nc, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	if all, err := io.ReadAll(nc); err != nil || string(all) != plainHTTPAnswer {
		t.Errorf("%q, %v", all, err)
	}
}

func TestAPanicInTheConfigurationCostsOneConnection(t *testing.T) {
	s := serveTLSOnLoop(t, Config{}, &tls.Config{GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		if hello.ServerName == "bad.example" {
			panic("no")
		}
		cert := certificate()
		return &cert, nil
	}}, hello)
	nc, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	cfg := clientConfig()
	cfg.ServerName = "bad.example"
	if err := tls.Client(nc, cfg).Handshake(); err == nil {
		t.Error("the handshake was made")
	}
	_, c := s.dial(nil)
	io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	wantStatus(t, "others are served", c, 200)
}

// The tests above would pass on the portable transport, too.
func TestEncryptedConnectionsAreOnTheLoop(t *testing.T) {
	s := serveTLSOnLoop(t, Config{}, nil, hello)
	s.dial(nil)
	eventually(t, "the connection is registered", func() bool {
		s.m.mu.Lock()
		defer s.m.mu.Unlock()
		for c := range s.m.conns {
			if _, ok := c.inline.(*transport.TLSConn); ok {
				return true
			}
		}
		return false
	})
}

func TestAChoiceThatWaitsForAnotherHandshakeHoldsUpNone(t *testing.T) {
	cert := certificate()
	for name, by := range map[string]func(wait func(*tls.ClientHelloInfo)) *tls.Config{
		"of a certificate": func(wait func(*tls.ClientHelloInfo)) *tls.Config {
			return &tls.Config{GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) { wait(hello); return &cert, nil }}
		},
		"of a configuration": func(wait func(*tls.ClientHelloInfo)) *tls.Config {
			return &tls.Config{GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
				wait(hello)
				return &tls.Config{Certificates: []tls.Certificate{cert}}, nil
			}}
		},
	} {
		waiting, validated := make(chan struct{}), make(chan struct{})
		s := serveTLSOnLoop(t, Config{MaxHandshakes: 1}, by(func(hello *tls.ClientHelloInfo) {
			if hello.ServerName == "shop.example" {
				close(waiting)
				<-validated
			}
		}), hello)
		shaken := make(chan error)
		go func() { shaken <- shakeAt(s.addr, "shop.example") }()
		<-waiting
		if err := shakeAt(s.addr, "other.example"); err != nil {
			t.Errorf("the choice %s: another handshake: %v", name, err)
		}
		close(validated)
		if err := <-shaken; err != nil {
			t.Errorf("the choice %s: the handshake that waited: %v", name, err)
		}
	}
}

func shakeAt(addr, name string) error {
	c, err := tls.Dial("tcp", addr, &tls.Config{ServerName: name, InsecureSkipVerify: true})
	if err == nil {
		c.Close()
	}
	return err
}

func TestAConnectionWithTLSOnTheLoopEndsWithAManagerThatReturnsOthers(t *testing.T) {
	s := serveTLSOnLoop(t, sharedConfig(t), nil, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Proto) })
	_, c := s.dial(clientConfig())
	defer c.Close()
	client := &tlsClient{t: t, Conn: c, r: bufio.NewReader(c)}
	if got := client.get("/"); got != "HTTP/1.1" {
		t.Errorf("a request that Claim would not have was answered %q", got)
	}
	if err := s.stop(); err != nil {
		t.Error(err)
	}
	client.wantEnd("the manager has drained")
}
