package httpconn

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lannerhq/lanner/connection"
	"github.com/lannerhq/lanner/server"
)

// speaker is a client's connection whose first record is sent in another way, and remembered.
type speaker struct {
	net.Conn
	say  func(nc net.Conn, record []byte) error // nil sends it as it is
	said []byte                                 // without the record's header
}

func (s *speaker) Write(p []byte) (int, error) {
	if s.said != nil {
		return s.Conn.Write(p)
	}
	s.said = bytes.Clone(p[5:])
	if s.say == nil {
		return s.Conn.Write(p)
	}
	return len(p), s.say(s.Conn, p)
}

// cutAt sends a record in two parts.
func cutAt(n int) func(net.Conn, []byte) error {
	return func(nc net.Conn, record []byte) error {
		_, err := nc.Write(record[:n])
		runtime.Gosched()
		if err == nil {
			_, err = nc.Write(record[n:])
		}
		return err
	}
}

// inRecordsOf sends what a record holds in records of n bytes, each by a write of its own.
func inRecordsOf(n int) func(net.Conn, []byte) error {
	return func(nc net.Conn, record []byte) error {
		for rest := record[5:]; len(rest) > 0; {
			k := min(n, len(rest))
			small := binary.BigEndian.AppendUint16(bytes.Clone(record[:3]), uint16(k))
			if _, err := nc.Write(append(small, rest[:k]...)); err != nil {
				return err
			}
			rest = rest[k:]
		}
		return nil
	}
}

// tellHello answers with the version of HTTP and the ClientHello.
func tellHello(w http.ResponseWriter, r *http.Request) {
	f, ok := server.From[server.TLSClientHelloFeature](r.Context())
	if !ok {
		fmt.Fprint(w, r.ProtoMajor, " none")
		return
	}
	fmt.Fprintf(w, "%d %x", r.ProtoMajor, f.ClientHello())
}

// smallHello is a client that says little, to be sent in many ways.
func smallHello(proto string) *tls.Config {
	cfg := clientConfig()
	cfg.CurvePreferences, cfg.NextProtos = []tls.CurveID{tls.X25519}, []string{proto}
	return cfg
}

// askOver makes a handshake and a request, and returns the answer.
func askOver(c *speaker, cfg *tls.Config) (string, error) {
	c.SetDeadline(time.Now().Add(time.Minute))
	tr := &http.Transport{ForceAttemptHTTP2: true, DialTLSContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		secure := tls.Client(c, cfg)
		return secure, secure.HandshakeContext(ctx)
	}}
	defer tr.CloseIdleConnections()
	res, err := (&http.Client{Transport: tr}).Get("https://shop.example/")
	if err != nil {
		c.Close()
		return "", err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return string(b), err
}

// wantHellos sends a ClientHello in all ways over connections by dial, and wants it back as it was.
func wantHellos(t *testing.T, dial func() net.Conn) {
	t.Helper()
	for major, proto := range map[int]string{1: "http/1.1", 2: "h2"} {
		first := &speaker{Conn: dial()}
		ways := map[string]func(net.Conn, []byte) error{"records of 1": inRecordsOf(1), "records of 7": inRecordsOf(7), "records of 100": inRecordsOf(100)}
		check := func(how string, c *speaker, cfg *tls.Config) {
			t.Helper()
			got, err := askOver(c, cfg)
			if want := fmt.Sprintf("%d %x", major, c.said); err != nil || got != want {
				t.Fatalf("%s, %s: %v, and the handler sees\n%s, the client has sent\n%s", proto, how, err, got, want)
			}
		}
		check("whole", first, smallHello(proto))
		for n := 1; n < 5+len(first.said); n++ {
			if major == 1 || n%20 == 1 {
				ways[fmt.Sprint("cut at ", n)] = cutAt(n)
			}
		}
		for how, say := range ways {
			check(how, &speaker{Conn: dial(), say: say}, smallHello(proto))
		}
		large := clientConfig()
		large.NextProtos = []string{proto, strings.Repeat("x", 200)}
		for how, say := range map[string]func(net.Conn, []byte) error{"large": nil, "large, cut": cutAt(700), "large, records of 600": inRecordsOf(600)} {
			check(how, &speaker{Conn: dial(), say: say}, large)
		}
	}
}

func TestHandlersSeeTheClientHelloAsItWasSent(t *testing.T) {
	for name, chain := range map[string][]connection.Middleware{
		"without middleware": nil,
		"behind middleware that has read the beginning": {doing(func(ctx context.Context, c *connection.Conn, next connection.Handler) error {
			if _, err := c.Peek(1); err != nil {
				return err
			}
			return next(ctx, c)
		})},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				s := serveTLS(t, Config{}, httpApp(tellHello), nil, chain...)
				s.ep.KeepClientHello = true
				wantHellos(t, func() net.Conn { return s.dial().Conn })
			})
		})
	}
}

func TestAClientHelloThatNobodyAskedForIsNotKept(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := serveTLS(t, Config{}, httpApp(tellHello), nil)
		if ch := s.m.newChain(nil, s.ep, Options{}); ch.hearing() != nil || ch.hello != nil {
			t.Error("it is looked for")
		}
		told := 0
		for range 2 {
			if got := s.mustShake(nil).get("/"); got != "1 none" {
				t.Errorf("the handler sees %q", got)
			}
			s.ep.OnClientHello = func(*server.Features, []byte) error { told++; return nil } // which does not keep it
		}
		if told != 1 {
			t.Errorf("OnClientHello was called %d times", told)
		}
	})
}

// fingerprint stands for what an OnClientHello leaves for handlers.
type fingerprint int

func TestOnClientHelloComesBeforeTheAnswer(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := serveTLS(t, Config{MaxHandshakes: 1}, httpApp(func(w http.ResponseWriter, r *http.Request) {
			of, _ := server.From[fingerprint](r.Context())
			fmt.Fprint(w, of)
		}), nil)
		waits, goOn := make(chan struct{}), make(chan struct{})
		s.ep.OnClientHello = func(f *server.Features, message []byte) error {
			if c, ok := server.Get[server.ConnectionFeature](f); !ok || c.RemoteAddrText() == "" {
				t.Error("the connection is not known")
			}
			server.Set(f, fingerprint(len(message)))
			switch {
			case bytes.Contains(message, []byte("refused.example")):
				return errors.New("not this one")
			case bytes.Contains(message, []byte("waits.example")):
				close(waits)
				<-goOn
			}
			return nil
		}
		shaken := make(chan error)
		go func() {
			_, err := s.shake(&tls.Config{ServerName: "waits.example", InsecureSkipVerify: true})
			shaken <- err
		}()
		<-waits
		c := &speaker{Conn: s.dial().Conn}
		if got, err := askOver(c, clientConfig()); err != nil || got != fmt.Sprint(len(c.said)) {
			t.Errorf("the handler sees %q, %v, want the size of the message, %d", got, err, len(c.said))
		}
		close(goOn)
		if err := <-shaken; err != nil {
			t.Errorf("the handshake that waited: %v", err)
		}
		nc := s.dial()
		tls.Client(nc.Conn, &tls.Config{ServerName: "refused.example", InsecureSkipVerify: true}).Handshake()
		if b, err := io.ReadAll(nc); len(b) > 0 || err != nil {
			t.Errorf("a client that is refused gets %q, %v, want the end", b, err)
		}
		nc.Close()
		synctest.Wait()
		if failures := s.told(eventAuthenticationFailed); len(failures) != 1 || !strings.Contains(attr(failures[0], "error").String(), "not this one") {
			t.Errorf("the log has %v, want why", failures)
		}
	})
}
