package compat

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// What HTTP/2 does otherwise than HTTP/1.1; all else is in the tests that run everywhere.

func TestAllRequestsShareOneConnection(t *testing.T) {
	const many = 50
	onHTTP2(t, func(t *testing.T, serve func(http.Handler) *site) {
		var mu sync.Mutex
		remotes := map[string]bool{}
		var together sync.WaitGroup
		together.Add(many)
		s := serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			remotes[r.RemoteAddr] = true
			mu.Unlock()
			if r.URL.Path != "/first" {
				together.Done()
				together.Wait() // all are here before one is answered
			}
			io.Copy(w, r.Body)
		}))
		s.get(t, "/first").want(t, "the connection is made", 200, "")
		var all sync.WaitGroup
		for i := range many {
			all.Go(func() {
				content := pattern(10_000 + i)
				s.do(t, "POST", "/", bytes.NewReader(content)).want(t, "its own content", 200, string(content))
			})
		}
		all.Wait()
		if len(remotes) != 1 {
			t.Errorf("the requests came on %d connections, want one", len(remotes))
		}
	})
}

func TestAClientThatLeavesADownloadKeepsTheConnection(t *testing.T) {
	path := filepath.Join(t.TempDir(), "large.bin")
	if err := os.WriteFile(path, pattern(5<<20), 0o644); err != nil {
		t.Fatal(err)
	}
	onHTTP2(t, func(t *testing.T, serve func(http.Handler) *site) {
		returned := make(chan string, 1)
		s := serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			http.ServeFile(w, r, path)
			returned <- r.RemoteAddr
		}))
		ctx, leave := context.WithCancel(t.Context())
		defer leave()
		req, _ := http.NewRequestWithContext(ctx, "GET", s.URL, nil)
		res, err := s.Client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if _, err := io.CopyN(io.Discard, res.Body, 100_000); err != nil {
			t.Fatal(err)
		}
		leave()
		first := wait(t, returned, "ServeFile returns")
		if whole := s.get(t, "/"); len(whole.body) != 5<<20 {
			t.Errorf("the next request gets %d bytes", len(whole.body))
		}
		if second := <-returned; second != first {
			t.Errorf("the next request comes from %s, want the same connection as before, %s", second, first)
		}
	})
}

func TestMaxBytesHandlerOnHTTP2(t *testing.T) {
	onHTTP2(t, func(t *testing.T, serve func(http.Handler) *site) {
		s := serve(atMostTen())
		s.do(t, "POST", "/", strings.NewReader("0123456789")).want(t, "as much as is allowed", 200, "0123456789")
		for _, length := range []int{20, 4 << 20} {
			s.do(t, "POST", "/", bytes.NewReader(pattern(length))).want(t, fmt.Sprint(length, " bytes"), 413, "at most 10\n")
			s.do(t, "POST", "/", struct{ io.Reader }{bytes.NewReader(pattern(length))}).want(t, fmt.Sprint(length, " bytes of no declared length"), 413, "at most 10\n")
		}
		s.get(t, "/").want(t, "the connection goes on", 200, "")
	})
}

func TestTheServersOwnBoundOfBodiesOnHTTP2(t *testing.T) {
	const bound = 1 << 20
	bounded := settings(2)
	for i := range bounded {
		bounded[i].opts.Limits.MaxRequestBodySize = bound
	}
	with(t, bounded, func(t *testing.T, serve func(http.Handler) *site) {
		s := serve(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if _, err := io.Copy(io.Discard, r.Body); err != nil {
				panic(http.ErrAbortHandler)
			}
		}))
		s.do(t, "POST", "/", bytes.NewReader(make([]byte, bound))).want(t, "as much as is allowed", 200, "")
		req, _ := http.NewRequestWithContext(t.Context(), "POST", s.URL, struct{ io.Reader }{bytes.NewReader(make([]byte, bound+1))})
		if res, err := s.Client.Do(req); err == nil {
			res.Body.Close()
			t.Errorf("beyond it the handler's body fails, and the handler aborts: %s, want the stream reset", res.Status)
		}
		s.get(t, "/").want(t, "the connection goes on", 200, "")
	})
}

func TestTheClientIsToldToContinueOnHTTP2(t *testing.T) {
	onHTTP2(t, func(t *testing.T, serve func(http.Handler) *site) {
		read := make(chan struct{}, 1)
		s := serve(readsLater(read))
		var interim []int
		trace := &httptrace.ClientTrace{Got1xxResponse: func(code int, _ textproto.MIMEHeader) error {
			if interim = append(interim, code); code == 102 {
				read <- struct{}{}
			}
			return nil
		}}
		ask := func(path string, body io.Reader) answer {
			req, _ := http.NewRequestWithContext(httptrace.WithClientTrace(t.Context(), trace), "POST", s.URL+path, body)
			req.Header.Set("Expect", "100-continue")
			return s.send(t, req) // waits a minute for the 100
		}
		ask("/", strings.NewReader("hello")).want(t, "the body is sent when the handler reads", 200, "hello")
		if fmt.Sprint(interim) != "[102 100]" {
			t.Errorf("the interim responses are %v, want 102 by the handler, and 100 when it reads", interim)
		}
		interim = nil
		ask("/refuse", untouched{t}).want(t, "a handler that does not read", 403, "")
		if len(interim) > 0 {
			t.Errorf("the interim responses to a request that is refused are %v, want none", interim)
		}
		s.get(t, "/refuse").want(t, "the connection goes on", 403, "")
	})
}

// untouched is a body that must not be read.
type untouched struct{ t *testing.T }

func (u untouched) Read([]byte) (int, error) {
	u.t.Error("the client sends a body that nobody asked for")
	return 0, io.EOF
}

func TestResponseControllerOnHTTP2(t *testing.T) {
	onHTTP2(t, func(t *testing.T, serve func(http.Handler) *site) {
		gaveUp := make(chan struct{})
		s := serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if _, ok := w.(http.Pusher); ok {
				t.Error("the ResponseWriter is an http.Pusher, but the server never pushes")
			}
			control := http.NewResponseController(wrapper{wrapper{w}})
			switch r.URL.Path {
			case "/read":
				readTooLate(t, control, w, r)
			case "/write":
				writeTooLate(t, control, w)
				close(gaveUp)
			default:
				if err := errors.Join(control.EnableFullDuplex(), control.SetReadDeadline(time.Time{}), control.SetWriteDeadline(time.Time{}), control.Flush()); err != nil {
					t.Errorf("ResponseController: %v", err)
				}
				if _, _, err := control.Hijack(); !errors.Is(err, http.ErrNotSupported) {
					t.Errorf("Hijack: %v, want http.ErrNotSupported: others use the connection, too", err)
				}
				io.WriteString(w, "all there")
			}
		}))
		s.get(t, "/").want(t, "every method works", 200, "all there")
		body, writer := io.Pipe()
		defer writer.Close()
		go io.WriteString(writer, "he")
		s.do(t, "POST", "/read", body).want(t, "after the read deadline", 200, "gave up")
		req, _ := http.NewRequestWithContext(t.Context(), "GET", s.URL+"/write", nil)
		res, err := s.Client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		wait(t, gaveUp, "writes to a client that does not read fail")
		s.get(t, "/").want(t, "other streams are not concerned", 200, "all there")
	})
}

func TestReverseProxyBetweenVersions(t *testing.T) {
	for _, front := range settings(1, 2) {
		for _, back := range []setting{{name: "HTTP/1.1", proto: 1}, {name: "h2c", proto: 2}, {name: "h2", proto: 2, secure: true}} {
			t.Run(front.name+" to "+back.name, func(t *testing.T) {
				with(t, []setting{back}, func(t *testing.T, serveBack func(http.Handler) *site) {
					with(t, []setting{front}, func(t *testing.T, serveFront func(http.Handler) *site) {
						upstream := serveBack(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
							w.Header().Set("Trailer", "X-Count")
							n, err := io.Copy(w, r.Body)
							w.Header().Set("X-Count", fmt.Sprint(r.ProtoMajor, " ", n, " ", err))
						}))
						content := pattern(1 << 20)
						res := proxyTo(t, serveFront, upstream).do(t, "POST", "/", struct{ io.Reader }{bytes.NewReader(content)})
						res.want(t, "the body goes there and back", 200, string(content))
						if got, want := res.Trailer.Get("X-Count"), fmt.Sprint(back.proto, " 1048576 <nil>"); got != want {
							t.Errorf("the upstream's trailer is %q, want %q", got, want)
						}
					})
				})
			})
		}
	}
}
