package main

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// serveHTTP2 is net/http in HTTP/2 over TLS, and in cleartext, HTTP/1.1 included.
func serveHTTP2(t *testing.T, handler http.HandlerFunc) map[protocol]string {
	secure := httptest.NewUnstartedServer(handler)
	secure.EnableHTTP2 = true
	secure.StartTLS()
	plain := httptest.NewUnstartedServer(handler)
	plain.Config.Protocols = new(http.Protocols)
	plain.Config.Protocols.SetHTTP1(true)
	plain.Config.Protocols.SetUnencryptedHTTP2(true)
	plain.Start()
	t.Cleanup(secure.Close)
	t.Cleanup(plain.Close)
	return map[protocol]string{h2: secure.Listener.Addr().String(), h2c: plain.Listener.Addr().String(), http1: plain.Listener.Addr().String()}
}

func TestEveryProtocolComparesAnswersOnALinkThatLasts(t *testing.T) {
	for over, addr := range serveHTTP2(t, func(w http.ResponseWriter, r *http.Request) {
		if over := r.Proto; (over == "HTTP/2.0") != (r.Header.Get("X-Over") != "") {
			t.Errorf("a request came in %s", over)
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
		ask := request{method: "POST", path: "/p?q=1", over: over, host: "one.test", body: []byte("sent"), want: []byte("one.test/p?q=1 sent")}
		if over != http1 {
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
			{with(func(q *request) { q.want = []byte("other") }), `"one.test/p?q=1 sent", want 5 bytes`, "the answer is another one"},
			{with(func(q *request) { q.path = "/missing" }), "is answered 404", "the path is not there"},
			{with(func(q *request) { q.path, q.want = "/large", huge }), "", "windows are large enough for 1 MiB"},
			{with(func(q *request) { q.trailers = [][2]string{{"grpc-status", "0"}} }), "want [[", "a trailer is missing"},
			{with(func(q *request) { q.method, q.body, q.want = "GET", nil, []byte("one.test/p?q=1 ") }), "", "the link has lasted, and a body is no must"},
		} {
			if err := l.exchange(tt.ask); (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("%q: %v, want %q: %s", over, err, tt.err, tt.why)
			}
		}
		l.Close()
	}
}

func TestTrailersAreComparedInHTTP2(t *testing.T) {
	for over, addr := range serveHTTP2(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusEarlyHints)
		w.Header().Set("Trailer", "Grpc-Status, Grpc-Message")
		w.Write(hello)
		w.Header().Set("Grpc-Status", r.URL.Query().Get("code"))
		w.Header().Set("Grpc-Message", "text")
	}) {
		if over == http1 {
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
	servers := serveHTTP2(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
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
	if err := getPlaintext.in(h2).check(t.Context(), plain.Listener.Addr().String()); err == nil || !strings.Contains(err.Error(), "TLS") {
		t.Errorf("no TLS at all: %v", err)
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
