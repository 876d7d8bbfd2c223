package http3_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"testing"

	"github.com/lannerhq/lanner/internal/http3"
	"github.com/lannerhq/lanner/kestrel"
	"github.com/lannerhq/lanner/server"
)

func TestRequestAndResponseStreamAtTheSameTime(t *testing.T) {
	r := serve(t, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		rc := http.NewResponseController(w)
		for lines := bufio.NewScanner(q.Body); lines.Scan(); {
			io.WriteString(w, "<"+lines.Text()+">\n")
			rc.Flush()
		}
	}))
	in, out := io.Pipe()
	q, _ := http.NewRequest("POST", r.url+"/", in)
	go io.WriteString(out, "one\n") // ends when it is read
	resp, err := r.client().Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewReader(resp.Body)
	for _, want := range []string{"one", "two", "three"} {
		if want != "one" {
			io.WriteString(out, want+"\n")
		}
		if got, err := lines.ReadString('\n'); got != "<"+want+">\n" || err != nil {
			t.Fatalf("the answer to %q is %q, %v", want, got, err)
		}
	}
	out.Close()
	if rest, err := io.ReadAll(lines); len(rest) > 0 || err != nil {
		t.Errorf("behind them is %q, %v", rest, err)
	}
}

func TestLargeBodiesComeWhole(t *testing.T) {
	large := strings.Repeat("0123456789abcdef", 300_000) // 4.8 MB: more than all windows
	r := serve(t, echo)
	resp, err := r.client().Post(r.url+"/", "text/plain", body(large))
	if err != nil {
		t.Fatal(err)
	}
	r.want(resp, large)
}

func TestTrailersInterimResponsesAndHEAD(t *testing.T) {
	r := serve(t, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		w.Header().Set("Link", "</style.css>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		w.Header().Set("Trailer", "X-Sum")
		io.WriteString(w, "content")
		w.Header().Set("X-Sum", "7")
	}))
	c := r.client()
	var hints textproto.MIMEHeader
	q, _ := http.NewRequestWithContext(httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
		Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
			if code == http.StatusEarlyHints {
				hints = h
			}
			return nil
		},
	}), "GET", r.url+"/", nil)
	resp, err := c.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	r.want(resp, "content")
	if resp.Trailer.Get("X-Sum") != "7" || hints.Get("Link") == "" {
		t.Errorf("the trailers are %v, the early hints %v", resp.Trailer, hints)
	}
	if resp, err = c.Head(r.url + "/"); err != nil {
		t.Fatal(err)
	}
	r.want(resp, "")
}

func TestAClientThatWaitsForContinueIsInvited(t *testing.T) {
	r := serve(t, echo)
	x := r.raw()
	s := x.stream(false, request("POST", "/", "expect", "100-continue", "content-length", "2"))
	first := make([]byte, 64)
	if n, err := s.Read(first); err != nil || n == 0 || first[0] != 1 {
		t.Fatalf("before the content comes %x, %v", first[:n], err)
	}
	s.Write(frame(0, []byte("ok")))
	s.Close()
	if a := x.answer(s); a.status() != "200" || string(a.content) != "ok" {
		t.Errorf("it is answered %v %q, %v", a.heads, a.content, a.err)
	}
}

func TestAClientThatCancelsIsTheCauseOfTheContext(t *testing.T) {
	began, causes := make(chan struct{}, 1), make(chan error, 1)
	r := serve(t, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		began <- struct{}{}
		<-q.Context().Done()
		causes <- context.Cause(q.Context())
	}))
	x := r.raw()
	s := x.stream(true, request("GET", "/"))
	<-began
	s.CancelRead(0x10c)
	cause := <-causes
	var reset *http3.ResetError
	if !errors.As(cause, &reset) || reset.Code != http3.RequestCancelled || !reset.Remote || !errors.Is(cause, server.ErrClientDisconnected) {
		t.Errorf("the cause is %v", cause)
	}
	x.stream(true, request("GET", "/"))
	<-began
	x.conn.CloseWithError(0x100, "")
	if cause := <-causes; !errors.Is(cause, server.ErrClientDisconnected) {
		t.Errorf("when the connection is lost the cause is %v", cause)
	}
}

func TestHandlersEndStreams(t *testing.T) {
	r := serve(t, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		switch q.URL.Path {
		case "/reset":
			reset, _ := server.From[server.ResetFeature](q.Context())
			reset.Reset(0x10b)
		case "/abort":
			panic(http.ErrAbortHandler)
		case "/panic":
			panic("on purpose")
		case "/late":
			io.WriteString(w, "begun")
			http.NewResponseController(w).Flush()
			panic("on purpose")
		case "/short":
			w.Header().Set("Content-Length", "10")
			io.WriteString(w, "short")
		}
	}))
	x := r.raw()
	for path, code := range map[string]http3.ErrCode{"/reset": http3.RequestRejected, "/abort": http3.InternalError, "/late": http3.InternalError, "/short": http3.InternalError} {
		a := x.answer(x.stream(true, request("GET", path)))
		if a.err == nil {
			t.Errorf("%s is answered %v %q", path, a.heads, a.content)
			continue
		}
		wantReset(t, a.err, code)
	}
	if a := x.answer(x.stream(true, request("GET", "/panic"))); a.status() != "500" {
		t.Errorf("a panic is answered %v, %v", a.heads, a.err)
	}
	x.wantServed()
}

func TestBodiesAreBounded(t *testing.T) {
	r := serve(t, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if _, err := io.Copy(io.Discard, q.Body); err != nil {
			panic(err)
		}
	}), func(o *kestrel.Options) { o.Limits.MaxRequestBodySize = 1000 })
	x := r.raw()
	for name, frames := range map[string][][]byte{
		"a length":  {request("POST", "/", "content-length", "1001"), frame(0, make([]byte, 1001))},
		"no length": {request("POST", "/"), frame(0, make([]byte, 600)), frame(0, make([]byte, 600))},
	} {
		if a := x.answer(x.stream(true, frames...)); a.status() != "413" {
			t.Errorf("%s: it is answered %v, %v", name, a.heads, a.err)
		}
	}
	x.wantServed()
}

func TestWhatAHandlerLeavesUnreadIsNotWanted(t *testing.T) {
	r := serve(t, text("no need"))
	x := r.raw()
	s := x.stream(false, request("POST", "/"), frame(0, make([]byte, 100)))
	if a := x.answer(s); a.status() != "200" || string(a.content) != "no need" || a.err != nil {
		t.Errorf("it is answered %v %q, %v", a.heads, a.content, a.err)
	}
	_, err := s.Write(make([]byte, 4<<20)) // more than the window: it returns when the server says that it wants no more
	wantReset(t, err, http3.NoError)
	x.wantServed()
}
