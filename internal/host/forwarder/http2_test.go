package forwarder

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/textproto"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lannerhq/lanner/server"
)

// h2c are the options of the tests below.
var h2c = Options{HTTP2: true}

func TestTheWorkerGetsTheSameRequestOverHTTP2(t *testing.T) {
	for _, target := range []string{"/a%20b/../c?x=%zz&", "//two//slashes", "/"} {
		seen := make(map[string][]string)
		for _, o := range []Options{{Token: "secret"}, {Token: "secret", HTTP2: true}} {
			var mu sync.Mutex
			u := upstreamOf(t, workerOf(t, func(w http.ResponseWriter, r *http.Request) {
				mu.Lock()
				defer mu.Unlock()
				key := r.Proto
				seen[key] = append(seen[key], r.Method+" "+r.RequestURI+" "+r.Host)
				for _, name := range slices.Sorted(maps.Keys(r.Header)) {
					if name != "Connection" { // of TE, over HTTP/1.1
						seen[key] = append(seen[key], name+": "+strings.Join(r.Header[name], " | "))
					}
				}
			}), o)
			c := newClient("OPTIONS", target, "TE: trailers", "X-Twice: 1", "X-Twice: 2", "Cookie: a=b; c=d", "Connection: X-Hop",
				"X-Hop: 1", "X-Forwarded-For: forged", "MS-ASPNETCORE-TOKEN: forged", "Grpc-Timeout: 1S")
			if err := c.forward(u); err != nil {
				t.Fatalf("%s: %v", target, err)
			}
		}
		if diff := cmp.Diff(seen["HTTP/1.1"], seen["HTTP/2.0"]); diff != "" || len(seen["HTTP/2.0"]) < 7 {
			t.Errorf("%s: the head differs (-HTTP/1.1 +HTTP/2):\n%s", target, diff)
		}
	}
}

func TestTheResponseOverHTTP2ReachesTheClient(t *testing.T) {
	for _, tt := range []struct {
		why, method string
		handler     http.HandlerFunc
		status      int
		fields      []string
		body        string
		log         []string
	}{
		{"a length: written once, and not flushed", "GET", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-B", "2")
			w.Header()["X-A"] = []string{"1", "one"}
			io.WriteString(w, "hello")
		}, 200, []string{"Content-Type: text/plain; charset=utf-8", "X-A: 1", "X-A: one", "X-B: 2", "Content-Length: 5"}, "hello", []string{"write hello"}},
		{"HEAD has no body", "HEAD", func(w http.ResponseWriter, r *http.Request) { w.Header().Set("Content-Length", "5") },
			200, []string{"Content-Length: 5"}, "", nil},
		{"304 keeps its length", "GET", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "5")
			w.WriteHeader(304)
		}, 304, []string{"Content-Length: 5"}, "", nil},
		{"204 has neither", "GET", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(204) }, 204, nil, "", nil},
		{"a body without a length is flushed as it comes", "GET", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "a/b")
			io.WriteString(w, "x")
			http.NewResponseController(w).Flush()
		}, 200, []string{"Content-Type: a/b"}, "x", []string{"flush", "write x", "flush"}},
	} {
		u := upstreamOf(t, workerOf(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header()["Date"] = nil
			tt.handler(w, r)
		}), h2c)
		c := newClient(tt.method, "/")
		c.log = []string{}
		if err := c.forward(u); err != nil {
			t.Fatalf("%s: %v", tt.why, err)
		}
		if diff := cmp.Diff(tt.fields, fieldsOf(&c.response)); diff != "" || c.status != tt.status || c.text() != tt.body {
			t.Errorf("%s: status %d, body %q, fields (-want +got):\n%s", tt.why, c.status, c.text(), diff)
		}
		if diff := cmp.Diff(tt.log, c.log); tt.log != nil && diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.why, diff)
		}
	}
}

func TestInterimResponsesPassOverHTTP2(t *testing.T) {
	u := upstreamOf(t, workerOf(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Link", "</a.css>")
		w.WriteHeader(103)
		w.WriteHeader(200)
	}), h2c)
	c := newClient("GET", "/")
	if err := c.forward(u); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"Early Hints; Link: </a.css>"}, c.interims); diff != "" || c.status != 200 {
		t.Errorf("status %d, interim responses (-want +got):\n%s", c.status, diff)
	}
}

func TestManyRequestsShareAConnectionOverHTTP2(t *testing.T) {
	all := make(chan struct{})
	var arrived sync.WaitGroup
	const n = 20
	arrived.Add(n)
	u := upstreamOf(t, workerOf(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/first" {
			arrived.Done()
			<-all
		}
		io.Copy(w, r.Body)
	}), h2c)
	if err := newClient("GET", "/first").forward(u); err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	for i := range n {
		running.Go(func() {
			text := fmt.Sprint("request ", i)
			c := newClient("POST", "/").withBody(strings.NewReader(text), int64(len(text)))
			if err := c.forward(u); err != nil || c.text() != text {
				t.Errorf("%q: %q, %v", text, c.text(), err)
			}
		})
	}
	arrived.Wait()
	if s := u.Stats(); s.Opened != 1 || s.Active != n {
		t.Errorf("%+v, want one connection for all %d requests", s, n)
	}
	close(all)
	running.Wait()
	if err := u.Drain(t.Context()); err != nil {
		t.Error(err)
	}
}

// resets is a client whose protocol has streams that can be reset.
type resets struct {
	mu    sync.Mutex
	codes []uint32
}

func (r *resets) Reset(code uint32) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.codes = append(r.codes, code)
	return nil
}

func TestAResetByTheWorkerIsPassedOn(t *testing.T) {
	u := upstreamOf(t, workerOf(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/late" {
			io.WriteString(w, "the beginning")
			http.NewResponseController(w).Flush()
		}
		panic(http.ErrAbortHandler) // RST_STREAM, INTERNAL_ERROR
	}), h2c)
	early, late := newClient("GET", "/early"), newClient("GET", "/late")
	for _, c := range []*fakeClient{early, late} {
		r := new(resets)
		server.Set[server.ResetFeature](&c.features, r)
		err := c.forward(u)
		broken := asUpstreamError(t, err, 502, ReasonStreamReset, false)
		if started := c == late; broken.ResponseStarted != started {
			t.Errorf("the response of %s: started %v, want %v", c.target, broken.ResponseStarted, started)
		}
		if want := map[*fakeClient][]uint32{late: {2}}[c]; !slices.Equal(r.codes, want) {
			t.Errorf("%s was reset with %v, want %v: before its start a response can still be a 502", c.target, r.codes, want)
		}
	}
	if late.text() != "the beginning" {
		t.Errorf("got %q, want what came before the reset", late.text())
	}
}

func TestAClientThatLeavesCancelsItsStreamOnly(t *testing.T) {
	left := make(chan struct{})
	arrived := make(chan struct{})
	u := upstreamOf(t, workerOf(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/stay" {
			return
		}
		close(arrived)
		<-r.Context().Done()
		close(left)
	}), h2c)
	body, _ := io.Pipe()
	c := newClient("POST", "/").withBody(body, -1)
	result := make(chan error)
	go func() { result <- c.forward(u) }()
	<-arrived
	<-c.watched
	c.mu.Lock()
	onAborted := c.onAborted
	c.mu.Unlock()
	body.CloseWithError(server.ErrClientDisconnected) // a server breaks the body off, too
	onAborted(server.ErrClientDisconnected)
	if err := <-result; !errors.Is(err, server.ErrClientDisconnected) {
		t.Errorf("got %v, want the client's cause", err)
	}
	<-left
	if err := newClient("GET", "/stay").forward(u); err != nil {
		t.Error(err)
	}
	if s := u.Stats(); s.Opened != 1 {
		t.Errorf("%d connections were opened, want the first to go on", s.Opened)
	}
}

func TestAWorkerThatAnswersEarlyEndsTheUpload(t *testing.T) {
	u := upstreamOf(t, workerOf(t, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(403) }), h2c)
	body := &waitingBody{released: make(chan struct{})}
	c := newClient("POST", "/").withBody(body, -1)
	body.released = c.deadline // the server's read fails at the deadline
	if err := c.forward(u); err != nil || c.status != 403 {
		t.Errorf("status %d, %v, want the answer although the client sends nothing more", c.status, err)
	}
}

// waitingBody gives one byte and then nothing until it is released.
type waitingBody struct {
	released chan struct{}
	gave     bool
}

func (b *waitingBody) Read(p []byte) (int, error) {
	if !b.gave {
		b.gave = true
		p[0] = 'x'
		return 1, nil
	}
	<-b.released
	return 0, errors.New("i/o timeout")
}

func TestABrokenBodyIsTheClientsFault(t *testing.T) {
	u := upstreamOf(t, workerOf(t, func(w http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body) }), h2c)
	broken := errors.New("a malformed chunk")
	if err := newClient("POST", "/").withBody(io.MultiReader(strings.NewReader("x"), errorReader{broken}), -1).forward(u); !errors.Is(err, broken) {
		t.Errorf("got %v, want the reader's own error", err)
	}
	var short *UpstreamError
	if err := newClient("POST", "/").withBody(strings.NewReader("x"), 2).forward(u); err == nil || errors.As(err, &short) {
		t.Errorf("got %v, want an error of the client's for a body that is too short", err)
	}
}

type errorReader struct{ err error }

func (r errorReader) Read([]byte) (int, error) { return 0, r.err }

func TestFailuresOverHTTP2AreThoseOfHTTP1(t *testing.T) {
	w := startWorker(t, func(c *workerConn) {
		c.body(len("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))
		c.send("\x00\x00\x00\x04\x00\x00\x00\x00\x00") // SETTINGS
		for kind := byte(0); kind != 1; {              // until HEADERS
			frame := c.body(9)
			kind = frame[3]
			c.body(int(frame[0])<<16 | int(frame[1])<<8 | int(frame[2]))
		}
	})
	gone := startWorker(t, nil)
	gone.stop()
	old := startWorker(t, func(c *workerConn) {
		c.r.ReadByte()
		c.send("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
		io.Copy(io.Discard, c.r)
	})
	asUpstreamError(t, newClient("GET", "/").forward(upstreamOf(t, gone.addr(), h2c)), 502, ReasonConnectRefused, true)
	asUpstreamError(t, newClient("POST", "/").forward(upstreamOf(t, w.addr(), h2c)), 502, ReasonConnectionLost, false)
	err := newClient("GET", "/").forward(upstreamOf(t, old.addr(), h2c))
	asUpstreamError(t, err, 502, ReasonInvalidResponse, false)
	if !strings.Contains(err.Error(), "answers in HTTP/1.1") {
		t.Errorf("%v, want the error to name what the worker speaks", err)
	}
	drained := upstreamOf(t, w.addr(), h2c)
	drained.Drain(t.Context())
	asUpstreamError(t, newClient("GET", "/").forward(drained), 503, ReasonDraining, true)
}

func TestCloseEndsRequestsOverHTTP2(t *testing.T) {
	arrived := make(chan struct{})
	u := upstreamOf(t, workerOf(t, func(w http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-r.Context().Done()
	}), h2c)
	result := make(chan error)
	go func() { result <- newClient("GET", "/").forward(u) }()
	<-arrived
	u.Close()
	asUpstreamError(t, <-result, 502, ReasonClosed, false)
}

// pipeListener gives a server one end of the pipes that are dialled.
type pipeListener struct {
	conns chan net.Conn
	done  chan struct{}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case nc := <-l.conns:
		return nc, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	select {
	case <-l.done:
	default:
		close(l.done)
	}
	return nil
}

func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{} }

// h2cInFakeTime runs fn in a bubble, in which the worker is a handler over HTTP/2 on the other end of a pipe.
func h2cInFakeTime(t *testing.T, o Options, h http.HandlerFunc, fn func(u *Upstream)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		l := &pipeListener{make(chan net.Conn), make(chan struct{})}
		s := &http.Server{Handler: h, Protocols: new(http.Protocols)}
		s.Protocols.SetUnencryptedHTTP2(true)
		var running sync.WaitGroup
		running.Go(func() { s.Serve(l) })
		fw := newForwarder(func(ctx context.Context, addr string) (net.Conn, error) {
			here, there := net.Pipe()
			l.conns <- there
			return here, nil
		})
		o.HTTP2 = true
		u, err := fw.NewUpstream("127.0.0.1:1", o)
		if err != nil {
			t.Fatal(err)
		}
		fn(u)
		fw.Close()
		s.Close()
		running.Wait()
	})
}

func TestASilentWorkerTimesOutOverHTTP2(t *testing.T) {
	for _, tt := range []struct {
		path  string
		o     Options
		want  time.Duration
		start bool
	}{
		{"/no answer, by default two minutes", Options{}, 2 * time.Minute, false},
		{"/no answer", Options{RequestTimeout: time.Second}, time.Second, false},
		{"/silence in the body", Options{RequestTimeout: time.Second}, time.Second, true},
	} {
		h2cInFakeTime(t, tt.o, func(w http.ResponseWriter, r *http.Request) {
			if tt.start {
				io.WriteString(w, "x")
				http.NewResponseController(w).Flush()
			}
			<-r.Context().Done()
		}, func(u *Upstream) {
			took(t, tt.want, func() {
				broken := asUpstreamError(t, newClient("GET", strings.ReplaceAll(tt.path, " ", "-")).forward(u), 504, ReasonTimeout, false)
				if broken.ResponseStarted != tt.start {
					t.Errorf("%s: started %v, want %v", tt.path, broken.ResponseStarted, tt.start)
				}
			})
		})
	}
}

func TestAClientThatTakesItsTimeIsNoSilenceOfTheWorkerOverHTTP2(t *testing.T) {
	h2cInFakeTime(t, Options{RequestTimeout: time.Second}, func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		fmt.Fprint(w, len(b), err)
	}, func(u *Upstream) {
		r, w := io.Pipe()
		go func() {
			for range 3 {
				time.Sleep(time.Minute)
				io.WriteString(w, "x")
			}
			w.Close()
		}()
		c := newClient("POST", "/").withBody(r, -1)
		if err := c.forward(u); err != nil || c.text() != "3 <nil>" {
			t.Errorf("%q, %v", c.text(), err)
		}
	})
}

func TestTheLibrarysErrorsAreUnderstood(t *testing.T) {
	if !(streamReset{Cause: errors.New("received from peer")}).byPeer() || (streamReset{Cause: errors.New("too long")}).byPeer() || (streamReset{}).byPeer() {
		t.Error("a reset is the worker's when the library says that it was received")
	}
	fields := textproto.MIMEHeader{"Te": {"x"}, "A": {"1", "2"}}
	c := newClient("GET", "/")
	addFields(&c.response, fields)
	if diff := cmp.Diff([]string{"A: 1", "A: 2"}, fieldsOf(&c.response)); diff != "" {
		t.Error(diff)
	}
}
