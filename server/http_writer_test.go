package server_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/lannerhq/lanner/server"
)

func TestFieldsAreSentInTheOrderOfTheirNames(t *testing.T) {
	f, _, s := newExchange("/", nil)
	handle(t, f, func(w http.ResponseWriter, _ *http.Request) {
		for _, name := range []string{"X-C", "X-A", "X-B"} {
			w.Header().Set(name, "1")
		}
		w.Header().Add("X-A", "2")
		w.WriteHeader(204)
	})
	if want := "X-A: 1\nX-A: 2\nX-B: 1\nX-C: 1\n"; s.fields() != want || s.Status() != 204 {
		t.Errorf("status %d, fields %q, want 204 and %q: equal responses must be equal on the wire", s.Status(), s.fields(), want)
	}
}

func TestABodyThatMustNotBeIsRefused(t *testing.T) {
	for _, status := range []int{204, 205, 304} {
		f, _, s := newExchange("/", nil)
		handle(t, f, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			if _, err := w.Write([]byte("x")); !errors.Is(err, http.ErrBodyNotAllowed) {
				t.Errorf("Write to a %d: %v, want http.ErrBodyNotAllowed", status, err)
			}
		})
		if s.body.Len() > 0 {
			t.Errorf("a %d has the body %q", status, s.body.String())
		}
	}
}

func TestAnImpossibleStatusPanics(t *testing.T) {
	f, _, _ := newExchange("/", nil)
	handle(t, f, func(w http.ResponseWriter, _ *http.Request) {
		defer func() {
			if recover() == nil {
				t.Error("WriteHeader(99) does not panic, as net/http's does")
			}
		}()
		w.WriteHeader(99)
	})
}

func TestAResponseWriterIsDeadAfterItsHandler(t *testing.T) {
	native := &everything{}
	f, q, s := newExchange("/", native)
	q.length, q.body = 5, strings.NewReader("hello")
	var kept http.ResponseWriter
	var keptBody io.Reader
	handle(t, f, func(w http.ResponseWriter, r *http.Request) { kept, keptBody = w, r.Body })
	control := http.NewResponseController(kept)
	_, writeErr := kept.Write([]byte("late"))
	_, copyErr := io.Copy(kept, strings.NewReader("late"))
	_, _, hijackErr := control.Hijack()
	_, readErr := keptBody.Read(make([]byte, 1))
	for name, err := range map[string]error{"Write": writeErr, "ReadFrom": copyErr, "Flush": control.Flush(), "Hijack": hijackErr,
		"SetReadDeadline": control.SetReadDeadline(time.Time{}), "SetWriteDeadline": control.SetWriteDeadline(time.Time{}), "Body.Read": readErr} {
		if err == nil {
			t.Errorf("%s after the handler returned succeeds: the response may be another request's by then", name)
		}
	}
	kept.WriteHeader(500)
	if s.body.Len() > 0 || s.flushed > 0 || s.Status() != 200 || native.used > 0 {
		t.Errorf("a late use reached the server: body %q, flushed %d times, status %d, %d other calls", s.body.String(), s.flushed, s.Status(), native.used)
	}
}

func TestWithoutAnUpgradeFeatureNobodyCanHijack(t *testing.T) {
	f, _, _ := newExchange("/", nil)
	handle(t, f, func(w http.ResponseWriter, _ *http.Request) {
		if _, ok := w.(http.Hijacker); ok {
			t.Error("the ResponseWriter is a Hijacker: libraries would answer 101 before they see that it fails")
		}
		if _, _, err := http.NewResponseController(w).Hijack(); !errors.Is(err, http.ErrNotSupported) {
			t.Errorf("Hijack: %v, want http.ErrNotSupported", err)
		}
		control := http.NewResponseController(w)
		for name, err := range map[string]error{"SetReadDeadline": control.SetReadDeadline(time.Now()), "SetWriteDeadline": control.SetWriteDeadline(time.Now())} {
			if !errors.Is(err, http.ErrNotSupported) {
				t.Errorf("%s: %v, want http.ErrNotSupported", name, err)
			}
		}
		if err := control.EnableFullDuplex(); err != nil {
			t.Errorf("EnableFullDuplex: %v, want nil: it is always on", err)
		}
		w.WriteHeader(103) // there is no InterimResponseFeature: dropped
		io.WriteString(w, "hello")
	})
}

func TestAHijackedConnectionYieldsWhatWasReadAhead(t *testing.T) {
	native := &everything{buffered: []byte("early")}
	f, _, s := newExchange("/", native)
	handle(t, f, func(w http.ResponseWriter, _ *http.Request) {
		conn, buf, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Fatalf("Hijack: %v", err)
		}
		defer conn.Close()
		if n := buf.Reader.Buffered(); n != 5 {
			t.Errorf("%d bytes are buffered, want the 5 that were read ahead", n)
		}
		go func() {
			native.client.Write([]byte(", later"))
			native.client.Close()
		}()
		if all, err := io.ReadAll(buf); string(all) != "early, later" || err != nil {
			t.Errorf("read %q, %v, want what was read ahead first", all, err)
		}
		if _, _, err := w.(http.Hijacker).Hijack(); !errors.Is(err, http.ErrHijacked) {
			t.Errorf("a second Hijack: %v, want http.ErrHijacked", err)
		}
		if _, err := w.Write([]byte("x")); !errors.Is(err, http.ErrHijacked) {
			t.Errorf("Write: %v, want http.ErrHijacked", err)
		}
		w.Header().Set("X-A", "1")
	})
	if s.fields() != "" || s.body.Len() > 0 {
		t.Errorf("a hijacked response has fields %q and body %q, want neither", s.fields(), s.body.String())
	}
}

func TestFilesGoToTheServerUncopied(t *testing.T) {
	for _, typed := range []bool{true, false} {
		native := &everything{}
		f, _, s := newExchange("/", native)
		handle(t, f, func(w http.ResponseWriter, _ *http.Request) {
			if typed {
				w.Header().Set("Content-Type", "text/x")
				w.WriteHeader(200)
			}
			if n, err := io.Copy(w, io.LimitReader(strings.NewReader("<html>"), 6)); n != 6 || err != nil {
				t.Errorf("copied %d bytes, %v", n, err)
			}
		})
		if typed && native.sent != "<html>" {
			t.Errorf("SendFrom got %q, want the whole: the type is known", native.sent)
		}
		if !typed && (s.body.String() != "<html>" || s.Header().Get("Content-Type") != "text/html; charset=utf-8") {
			t.Errorf("body %q of type %q, want it written, and the type sniffed from it", s.body.String(), s.Header().Get("Content-Type"))
		}
	}
}

func TestTLSIsWhatTheFeaturesSay(t *testing.T) {
	state := &tls.ConnectionState{ServerName: "example.org", HandshakeComplete: true}
	f, q, _ := newExchange("/", nil)
	handle(t, f, func(_ http.ResponseWriter, r *http.Request) {
		if r.TLS != nil {
			t.Error("r.TLS is set on http")
		}
	})
	q.scheme = "https"
	handle(t, f, func(_ http.ResponseWriter, r *http.Request) {
		if r.TLS == nil || !r.TLS.HandshakeComplete {
			t.Error("r.TLS is not set on https that somebody else ended: handlers tell the scheme by it")
		}
	})
	server.Set[server.TLSHandshakeFeature](f, fakeTLS{state})
	handle(t, f, func(_ http.ResponseWriter, r *http.Request) {
		if r.TLS != state {
			t.Error("r.TLS is not the state of the handshake")
		}
	})
}

func TestATooLargeBodyIsBothErrors(t *testing.T) {
	f, q, _ := newExchange("/", nil)
	server.Set[server.MaxRequestBodySizeFeature](f, fixedBodyLimit(5))
	q.length = -1
	q.body = io.MultiReader(strings.NewReader("hello"), failingReader{&server.BadRequestError{Status: 413, Reason: "request_body_too_large"}})
	handle(t, f, func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		bad, tooLarge := new(server.BadRequestError), new(http.MaxBytesError)
		if string(body) != "hello" || !errors.As(err, &bad) || bad.Status != 413 || !errors.As(err, &tooLarge) || tooLarge.Limit != 5 {
			t.Errorf("read %q, then %v, want an error that is a *BadRequestError and an *http.MaxBytesError with the limit, which handlers tell the client", body, err)
		}
		if err := r.Body.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		if _, err := r.Body.Read(make([]byte, 1)); !errors.Is(err, http.ErrBodyReadAfterClose) {
			t.Errorf("Read after Close: %v, want http.ErrBodyReadAfterClose", err)
		}
	})
}

type fixedBodyLimit int64

func (n fixedBodyLimit) MaxRequestBodySize() int64         { return int64(n) }
func (n fixedBodyLimit) SetMaxRequestBodySize(int64) error { return server.ErrTooLate }

type failingReader struct{ err error }

func (r failingReader) Read([]byte) (int, error) { return 0, r.err }

type fakeTLS struct{ state *tls.ConnectionState }

func (f fakeTLS) TLSState() *tls.ConnectionState       { return f.state }
func (f fakeTLS) ClientCertificate() *x509.Certificate { return nil }

// everything is a native object with the features that a ResponseWriter uses; it counts how often.
type everything struct {
	used     int
	sent     string
	buffered []byte
	client   net.Conn // the other end of what Hijack returns
}

func (e *everything) Upgradable() bool { return true }
func (e *everything) Upgrade() (net.Conn, error) {
	conn, _, err := e.Hijack()
	return conn, err
}
func (e *everything) Hijack() (net.Conn, []byte, error) {
	e.used++
	var conn net.Conn
	conn, e.client = net.Pipe()
	return conn, e.buffered, nil
}
func (e *everything) SetReadDeadline(time.Time) error  { e.used++; return nil }
func (e *everything) SetWriteDeadline(time.Time) error { e.used++; return nil }
func (e *everything) SendFrom(r io.Reader) (int64, error) {
	e.used++
	all, err := io.ReadAll(r)
	e.sent += string(all)
	return int64(len(all)), err
}
