package compat

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"testing"
)

func TestEventsArriveOneByOneAndEndWithTheClient(t *testing.T) {
	everywhere(t, func(t *testing.T, serve func(http.Handler) *site) {
		next, gone := make(chan int), make(chan error, 1)
		s := serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			w.WriteHeader(200)
			w.(http.Flusher).Flush()
			for {
				select {
				case n := <-next:
					fmt.Fprintf(w, "id: %d\ndata: event\n\n", n)
					w.(http.Flusher).Flush()
				case <-r.Context().Done():
					gone <- r.Context().Err()
					return
				}
			}
		}))
		ctx, leave := context.WithCancel(t.Context())
		defer leave()
		req, _ := http.NewRequestWithContext(ctx, "GET", s.URL, nil)
		res, err := s.Client.Do(req)
		if err != nil {
			t.Fatalf("the header section is flushed before the first event: %v", err)
		}
		defer res.Body.Close()
		r := bufio.NewReader(res.Body)
		for n := range 20 {
			send(t, next, n)
			for _, want := range []string{fmt.Sprintf("id: %d\n", n), "data: event\n", "\n"} {
				if line, err := r.ReadString('\n'); line != want {
					t.Fatalf("event %d: %q, %v, want %q before the next is written", n, line, err, want)
				}
			}
		}
		leave()
		if err := wait(t, gone, "the context ends"); err != context.Canceled {
			t.Errorf("the context ends with %v, want context.Canceled", err)
		}
	})
}

// echoLines answers each line of the request before it reads the next.
func echoLines(t *testing.T) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		control := http.NewResponseController(w)
		if err := control.EnableFullDuplex(); err != nil {
			t.Errorf("EnableFullDuplex: %v", err)
		}
		for lines := bufio.NewScanner(r.Body); lines.Scan(); {
			fmt.Fprintf(w, "%s back\n", lines.Text())
			if err := control.Flush(); err != nil {
				t.Errorf("Flush: %v", err)
				return
			}
		}
		io.WriteString(w, "end\n")
	}
}

// talkLines sends a line only when the one before has come back.
func talkLines(t *testing.T, s *site) {
	t.Helper()
	body, writer := io.Pipe()
	defer writer.Close()
	go io.WriteString(writer, "line 0\n")
	req, _ := http.NewRequestWithContext(t.Context(), "POST", s.URL, body)
	res, err := s.Client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	r := bufio.NewReader(res.Body)
	for n := range 20 {
		if line, err := r.ReadString('\n'); line != fmt.Sprintf("line %d back\n", n) {
			t.Fatalf("line %d: %q, %v", n, line, err)
		}
		if n < 19 {
			fmt.Fprintf(writer, "line %d\n", n+1)
		}
	}
	writer.Close()
	if rest, err := io.ReadAll(r); string(rest) != "end\n" || err != nil {
		t.Errorf("after the last line: %q, %v", rest, err)
	}
}

func TestFullDuplex(t *testing.T) {
	everywhere(t, func(t *testing.T, serve func(http.Handler) *site) { talkLines(t, serve(echoLines(t))) })
}

// readsLater echoes, but reads nothing before it is told to. It refuses /refuse without reading.
func readsLater(read <-chan struct{}) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/refuse" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		w.WriteHeader(http.StatusProcessing) // goes out first: nothing has been read
		<-read
		io.Copy(w, r.Body)
	}
}

func TestTheClientIsToldToContinueWhenTheHandlerReads(t *testing.T) {
	onHTTP1(t, func(t *testing.T, serve func(http.Handler) *site) {
		read := make(chan struct{})
		s := serve(readsLater(read))
		c := s.dial(t)
		c.printf(t, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
		if first := c.head(t, "POST"); first.StatusCode != 102 {
			t.Fatalf("%d before the handler reads, want 102 and no 100", first.StatusCode)
		}
		close(read)
		if second := c.head(t, "POST"); second.StatusCode != 100 {
			t.Fatalf("%d when the handler reads, want 100", second.StatusCode)
		}
		c.printf(t, "hello")
		res := c.head(t, "POST")
		if body, err := io.ReadAll(res.Body); res.StatusCode != 200 || string(body) != "hello" || err != nil {
			t.Errorf("the answer: %d %q, %v", res.StatusCode, body, err)
		}
		c.printf(t, "POST /refuse HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
		if res := c.head(t, "POST"); res.StatusCode != 403 || !res.Close {
			t.Errorf("a handler that never reads: %d, close %v, want 403 without a 100, and the end: nobody knows whether the body comes", res.StatusCode, res.Close)
		}
	})
}

func TestEarlyHints(t *testing.T) {
	everywhere(t, func(t *testing.T, serve func(http.Handler) *site) {
		hinted := make(chan struct{})
		s := serve(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Add("Link", "</style.css>; rel=preload; as=style")
			w.Header().Add("Link", "</script.js>; rel=preload; as=script")
			w.WriteHeader(http.StatusEarlyHints)
			<-hinted // the client has them before the answer is made
			w.Header().Set("X-Final", "yes")
			io.WriteString(w, "hello")
		}))
		var links []string
		trace := &httptrace.ClientTrace{Got1xxResponse: func(code int, header textproto.MIMEHeader) error {
			if code == 103 {
				links = header["Link"]
				close(hinted)
			}
			return nil
		}}
		req, _ := http.NewRequestWithContext(httptrace.WithClientTrace(t.Context(), trace), "GET", s.URL, nil)
		res := s.send(t, req)
		res.want(t, "the final response", 200, "hello")
		res.wantField(t, "its own fields", "X-Final", "yes")
		if got := strings.Join(links, " "); got != "</style.css>; rel=preload; as=style </script.js>; rel=preload; as=script" {
			t.Errorf("the hints are %q", got)
		}
	})
}
