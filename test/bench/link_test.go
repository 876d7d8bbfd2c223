package main

import (
	"context"
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// serveAll is net/http over TLS and in cleartext, in all protocols.
func serveAll(t *testing.T, handler http.HandlerFunc) map[protocol]string {
	secure := httptest.NewUnstartedServer(handler)
	secure.EnableHTTP2 = true
	secure.TLS = &tls.Config{NextProtos: []string{"h2", "http/1.1"}}
	secure.StartTLS()
	plain := httptest.NewUnstartedServer(handler)
	plain.Config.Protocols = new(http.Protocols)
	plain.Config.Protocols.SetHTTP1(true)
	plain.Config.Protocols.SetUnencryptedHTTP2(true)
	plain.Start()
	t.Cleanup(secure.Close)
	t.Cleanup(plain.Close)
	encrypted, open := secure.Listener.Addr().String(), plain.Listener.Addr().String()
	return map[protocol]string{h2: encrypted, https: encrypted, h2c: open, http1: open}
}

// protocolOf is what a request came in.
func protocolOf(r *http.Request) protocol {
	switch {
	case r.ProtoMajor == 2 && r.TLS != nil:
		return h2
	case r.ProtoMajor == 2:
		return h2c
	case r.TLS != nil:
		return https
	}
	return http1
}

func TestEveryProtocolComparesAnswersOnALinkThatLasts(t *testing.T) {
	for over, addr := range serveAll(t, func(w http.ResponseWriter, r *http.Request) {
		if over := protocol(r.URL.Query().Get("over")); r.URL.Path == "/p" && over != protocolOf(r) {
			t.Errorf("a request that was to be in %q came in %q", over, protocolOf(r))
		}
		if r.ProtoMajor == 2 != (r.Header.Get("X-Over") != "") {
			t.Errorf("a request came in %s with X-Over %q", r.Proto, r.Header.Get("X-Over"))
		}
		body, _ := io.ReadAll(r.Body)
		switch r.URL.Path {
		case "/missing":
			w.WriteHeader(404)
		case "/large":
			w.Write(huge)
		default:
			w.Write(append([]byte(r.Host+r.URL.RequestURI()+" "), body...))
		}
	}) {
		path := "/p?over=" + string(over)
		ask := request{method: "POST", path: path, over: over, host: "one.test", body: []byte("sent"), want: []byte("one.test" + path + " sent")}
		if over == h2c || over == h2 {
			ask.fields = [][2]string{{"x-over", string(over)}}
		}
		with := func(change func(*request)) request {
			q := ask
			change(&q)
			return q
		}
		l, err := ask.connect(t.Context(), addr)
		if err != nil {
			t.Fatalf("%s: %v", over, err)
		}
		for _, tt := range []struct {
			ask request
			err string // "" for none
			why string
		}{
			{ask, "", "the answer is right"},
			{with(func(q *request) { q.want = []byte("other") }), `sent", want 5 bytes`, "the answer is another one"},
			{with(func(q *request) { q.path = "/missing" }), "is answered 404", "the path is not there"},
			{with(func(q *request) { q.path, q.want = "/large", huge }), "", "windows are large enough for 1 MiB"},
			{with(func(q *request) { q.trailers = [][2]string{{"grpc-status", "0"}} }), "want [[", "a trailer is missing"},
			{with(func(q *request) { q.method, q.body, q.want = "GET", nil, []byte("one.test"+path+" ") }), "", "the link has lasted, and a body is no must"},
		} {
			if err := l.exchange(tt.ask); (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("%q: %v, want %q: %s", over, err, tt.err, tt.why)
			}
		}
		l.Close()
	}
}

func TestTrailersAreComparedInHTTP2(t *testing.T) {
	for over, addr := range serveAll(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusEarlyHints)
		w.Header().Set("Trailer", "Grpc-Status, Grpc-Message")
		w.Write(hello)
		w.Header().Set("Grpc-Status", r.URL.Query().Get("code"))
		w.Header().Set("Grpc-Message", "text")
	}) {
		if over == http1 || over == https {
			continue
		}
		ask := request{method: "GET", path: "/?code=0", over: over, want: hello, trailers: [][2]string{{"grpc-message", "text"}, {"grpc-status", "0"}}}
		if err := ask.check(t.Context(), addr); err != nil {
			t.Errorf("%s: %v", over, err)
		}
		ask.path = "/?code=13"
		if err := ask.check(t.Context(), addr); err == nil || !strings.Contains(err.Error(), `"grpc-status" "13"`) {
			t.Errorf("%s: %v, want to be told that the status is another one", over, err)
		}
	}
}

func TestWhatEndsAStreamOrAConnectionOfHTTP2IsSaid(t *testing.T) {
	servers := serveAll(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	for _, over := range []protocol{h2c, h2} {
		if err := getPlaintext.in(over).check(t.Context(), servers[over]); err == nil || !strings.Contains(err.Error(), "RST_STREAM with INTERNAL_ERROR") {
			t.Errorf("%s: %v, want the reset", over, err)
		}
	}
	bad := getPlaintext.in(h2c)
	bad.body = make([]byte, http2Frame+1)
	if err := bad.check(t.Context(), servers[h2c]); err == nil || !strings.Contains(err.Error(), "longer than the frame") {
		t.Errorf("a body of more than a frame: %v", err)
	}
	bad = getPlaintext.in(h2c)
	bad.fields = [][2]string{{"Upper", "case"}}
	if err := bad.check(t.Context(), servers[h2c]); err == nil || !strings.Contains(err.Error(), "RST_STREAM with PROTOCOL_ERROR") {
		t.Errorf("a field that HTTP/2 forbids: %v, want what the server thinks of it", err)
	}
}

func TestAServerWithoutHTTP2IsNotTakenForOne(t *testing.T) {
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	if err := getPlaintext.in(h2c).check(t.Context(), plain.Listener.Addr().String()); err == nil {
		t.Error("HTTP/1.1 in cleartext is taken for h2c")
	}
	secure := httptest.NewUnstartedServer(http.NotFoundHandler())
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	defer secure.Close()
	err := getPlaintext.in(h2).check(t.Context(), secure.Listener.Addr().String())
	if err == nil || !strings.Contains(err.Error(), "want h2") && !strings.Contains(err.Error(), "no application protocol") {
		t.Errorf("HTTP/1.1 over TLS: %v, want to be told of ALPN", err)
	}
	for _, over := range []protocol{https, h2} {
		if err := getPlaintext.in(over).check(t.Context(), plain.Listener.Addr().String()); err == nil || !strings.Contains(err.Error(), "TLS") {
			t.Errorf("%s: no TLS at all: %v", over, err)
		}
	}
}

func TestHTTPSIsTLS13AndHTTP11(t *testing.T) {
	for _, tt := range []struct {
		config    *tls.Config
		text, why string
	}{
		{&tls.Config{MaxVersion: tls.VersionTLS12}, "protocol version not supported", "TLS 1.2 at most"},
		{&tls.Config{CurvePreferences: []tls.CurveID{tls.CurveP256}}, "handshake failure", "another curve than X25519"},
		{&tls.Config{NextProtos: []string{"other"}}, "no application protocol", "another protocol by ALPN"},
		{&tls.Config{NextProtos: []string{"h2"}}, `the protocol "" by ALPN`, "HTTP/2 alone, which crypto/tls lets pass"},
	} {
		s := httptest.NewUnstartedServer(http.NotFoundHandler())
		s.Config.ErrorLog = log.New(io.Discard, "", 0)
		s.TLS = tt.config
		s.StartTLS()
		if err := getPlaintext.in(https).check(t.Context(), s.Listener.Addr().String()); err == nil || !strings.Contains(err.Error(), tt.text) {
			t.Errorf("%s: %v, want %q", tt.why, err, tt.text)
		}
		s.Close()
	}
}

func TestGoodbyeIsSaid(t *testing.T) {
	ours, theirs := net.Pipe()
	defer theirs.Close()
	go func() {
		defer theirs.Close()
		buf := make([]byte, 4096)
		for range 6 { // preface, SETTINGS, WINDOW_UPDATE, HEADERS: each is a write or two
			if n, err := theirs.Read(buf); err != nil || n > 8 && buf[3] == 1 {
				break
			}
		}
		// GOAWAY (RFC 9113, section 6.8): last stream 0, ENHANCE_YOUR_CALM, and a text.
		theirs.Write([]byte("\x00\x00\x0c\x07\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x0bslow"))
	}()
	l, err := h2c.open(context.Background(), ours)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := l.exchange(getPlaintext.in(h2c)); err == nil || !strings.Contains(err.Error(), `GOAWAY with ENHANCE_YOUR_CALM "slow"`) {
		t.Errorf("%v, want what the server said", err)
	}
}
