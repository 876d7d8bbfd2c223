package http3_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/quicvarint"

	"github.com/lannerhq/lanner/internal/http3"
	"github.com/lannerhq/lanner/kestrel"
	"github.com/lannerhq/lanner/server"
)

// goAways reads the ids of GOAWAY from the server's control stream to its end.
func (x *raw) goAways() (ids []uint64) {
	x.t.Helper()
	ctx, cancel := context.WithTimeout(x.t.Context(), patience)
	defer cancel()
	s, err := x.conn.AcceptUniStream(ctx)
	if err != nil {
		x.t.Fatal(err)
	}
	all, _ := io.ReadAll(s)
	for r := bytes.NewReader(all[1:]); r.Len() > 0; {
		kind, _ := quicvarint.Read(r)
		length, _ := quicvarint.Read(r)
		p := make([]byte, length)
		io.ReadFull(r, p)
		if kind == 7 {
			id, _, _ := quicvarint.Parse(p)
			ids = append(ids, id)
		}
	}
	return ids
}

func TestStopLetsRunningRequestsFinish(t *testing.T) {
	began, release := make(chan struct{}), make(chan struct{})
	r := serve(t, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if q.URL.Path == "/slow" {
			close(began)
			<-release
		}
		io.WriteString(w, "done")
	}))
	x := r.raw()
	slow := x.stream(true, request("GET", "/slow"))
	<-began
	stopped := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		stopped <- r.server.Stop(ctx)
	}()
	// Those on their way are served until the second GOAWAY, and rejected then.
	var rejected error
	for end := time.Now().Add(patience); rejected == nil && time.Now().Before(end); {
		rejected = x.answer(x.stream(true, request("GET", "/"))).err
	}
	wantReset(t, rejected, http3.RequestRejected)
	close(release)
	if a := x.answer(slow); string(a.content) != "done" || a.err != nil {
		t.Errorf("the running request is answered %v %q, %v", a.heads, a.content, a.err)
	}
	if err := <-stopped; err != nil {
		t.Errorf("Stop: %v", err)
	}
	x.wantClosed(http3.NoError)
	if _, err := quic.DialAddr(timeout(t, 300*time.Millisecond), r.host, r.tls, nil); err == nil {
		t.Error("a connection is made after Stop")
	}
}

func timeout(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

func TestTheClientIsToldTwiceThatTheServerStops(t *testing.T) {
	r := serve(t, text("ok"))
	x := r.raw()
	x.wantServed()
	ids := make(chan []uint64, 1)
	go func() { ids <- x.goAways() }()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := r.server.Stop(ctx); err != nil {
		t.Error(err)
	}
	if got := <-ids; len(got) == 0 || got[len(got)-1] != 4 || len(got) == 2 && got[0] != 1<<62-4 {
		t.Errorf("the ids are %v, want 2^62-4, which may be left out where no request runs, and 4", got)
	}
}

func TestAStopThatIsOutOfTimeAborts(t *testing.T) {
	began, causes := make(chan struct{}), make(chan error, 1)
	r := serve(t, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		close(began)
		<-q.Context().Done()
		causes <- context.Cause(q.Context())
	}))
	x := r.raw()
	x.stream(true, request("GET", "/"))
	<-began
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.server.Stop(ctx); err == nil {
		t.Error("Stop says nothing")
	}
	if cause := <-causes; !errors.Is(cause, server.ErrServerShutdown) {
		t.Errorf("the cause is %v", cause)
	}
	x.wantClosed(http3.InternalError)
}

func TestAStopDoesNotWaitForAHandlerThatIgnoresIt(t *testing.T) {
	began, release := make(chan struct{}), make(chan struct{})
	over := make(chan struct{})
	r := serve(t, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		defer close(over)
		close(began)
		<-release
	}))
	x := r.raw()
	x.stream(true, request("GET", "/"))
	<-began
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.server.Stop(ctx); err == nil {
		t.Error("Stop says nothing")
	}
	x.wantClosed(http3.InternalError)
	close(release)
	<-over
}

func TestAnEndpointIsRemovedWhileAnotherServes(t *testing.T) {
	r := serve(t, text("ok"), func(o *kestrel.Options) {
		o.Endpoints[0].Name = "first"
		second := o.Endpoints[0]
		second.Name = "second"
		second.Protocols = kestrel.HTTP3Only
		o.Endpoints = append(o.Endpoints, second)
	})
	c := r.client()
	urls := r.server.Addresses()
	for _, url := range urls {
		resp, err := c.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		r.want(resp, "ok")
	}
	if _, err := http.Get(urls[1]); err == nil {
		t.Error("an endpoint of HTTP/3 alone has a TCP port")
	}
	if err := r.server.RemoveEndpoint(timeout(t, patience), "second"); err != nil {
		t.Fatal(err)
	}
	r.get(c, "/", "ok")
	if _, err := quic.DialAddr(timeout(t, 300*time.Millisecond), urls[1][len("https://"):], r.tls, nil); err == nil {
		t.Error("the endpoint that was removed accepts connections")
	}
}

func TestTheLastRequestAConnectionMayHaveIsItsLast(t *testing.T) {
	r := serve(t, text("ok"), func(o *kestrel.Options) { o.Limits.MaxRequestsPerConnection = 2 })
	x := r.raw()
	x.wantServed()
	x.wantServed()
	x.wantClosed(http3.NoError)
}

func TestConnectionsBeyondTheLimitAreRefused(t *testing.T) {
	r := serve(t, text("ok"), func(o *kestrel.Options) { o.Limits.MaxConcurrentConnections = 1 })
	x := r.raw()
	x.wantServed()
	secure := r.tls.Clone()
	secure.NextProtos = []string{"h3"}
	if conn, err := quic.DialAddr(timeout(t, patience), r.host, secure, nil); err == nil {
		<-conn.Context().Done()
	}
	x.wantServed()
	x.conn.CloseWithError(0x100, "")
	for end := time.Now().Add(patience); ; { // until the server has noticed
		conn, err := quic.DialAddr(timeout(t, patience), r.host, secure, nil)
		if err == nil {
			conn.CloseWithError(0x100, "")
			break
		}
		if time.Now().After(end) {
			t.Fatalf("there is no place again: %v", err)
		}
	}
}
