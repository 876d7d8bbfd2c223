//go:build linux

package httpconn

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Whatever handlers and clients do to HTTP/2 connections, every request is answered byte for byte or fails as it must, and nothing is
// left behind: on both transports, wherever handlers run, and when the server is stopped in the middle.
func TestHTTP2SurvivesWhatHandlersAndClientsDo(t *testing.T) {
	for _, tt := range []struct {
		name string
		loop bool
		exec Exec
		stop bool // while clients go on
		tls  bool
	}{
		{"loop, auto", true, Auto, false, false},
		{"loop, inline", true, Inline, true, false},
		{"loop, goroutine", true, Goroutine, false, false},
		{"portable", false, Auto, false, false},
		{"loop, auto, stopped", true, Auto, true, false},
		{"portable, stopped", false, Auto, true, false},
		{"loop, auto, TLS", true, Auto, false, true},
		{"loop, auto, TLS, stopped", true, Auto, true, true},
		{"portable, TLS", false, Auto, false, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ep := &Endpoint{}
			if tt.tls {
				ep = chaosTLS()
			}
			muxChaos(t, Config{App: httpApp(muxUnruly), EventLoop: tt.loop, Exec: tt.exec}, ep, tt.stop)
		})
	}
}

func muxChaos(t *testing.T, cfg Config, ep *Endpoint, midway bool) {
	s := startChaos(t, cfg, 0, ep)
	end := time.Now().Add(chaosFor / 3)
	if midway {
		end = end.Add(patience) // until the server is stopped
	}
	c := &muxChaosRun{t: t, server: s}
	var clients sync.WaitGroup
	for i := range 8 {
		clients.Go(func() {
			for time.Now().Before(end) && !t.Failed() && !c.stopping.Load() {
				c.client(end, i%4 == 3)
			}
		})
	}
	if midway {
		time.Sleep(chaosFor / 8)
		for until := time.Now().Add(patience); c.answered.Load() == 0 && time.Now().Before(until); { // a busy machine is still at the handshakes
			time.Sleep(time.Millisecond)
		}
		c.stopping.Store(true)
		s.stop()
	}
	clients.Wait()
	if !midway {
		s.stop()
	}
	t.Logf("%d requests were answered, %d failed as they must", c.answered.Load(), c.failed.Load())
	if c.answered.Load() == 0 {
		t.Error("no request was answered")
	}
	s.wantNothing()
}

// muxUnruly does what its path says, and answers with the client's secret as often as Times says.
func muxUnruly(w http.ResponseWriter, r *http.Request) {
	secret := r.Header.Get("Secret")
	times, _ := strconv.Atoi(r.Header.Get("Times"))
	rc := http.NewResponseController(w)
	switch r.URL.Path {
	case "/echo":
		buf := make([]byte, 1+rand.N(20_000))
		for {
			n, err := r.Body.Read(buf)
			w.Write(buf[:n])
			if rand.N(4) == 0 {
				rc.Flush()
			}
			if err != nil {
				return
			}
		}
	case "/slowly":
		var all []byte
		buf := make([]byte, 4000)
		for {
			n, err := r.Body.Read(buf)
			all = append(all, buf[:n]...)
			if err == io.EOF {
				break
			}
			if err != nil {
				panic(http.ErrAbortHandler)
			}
			if rand.N(10) == 0 {
				time.Sleep(rand.N(time.Millisecond))
			}
		}
		w.Write(all)
		return
	case "/stream":
		for range times {
			io.WriteString(w, secret)
			rc.Flush()
			if rand.N(3) == 0 {
				time.Sleep(rand.N(time.Millisecond))
			}
		}
		return
	case "/trailers":
		io.Copy(io.Discard, r.Body)
		w.Header().Set("Trailer", "Sum")
		for range times {
			io.WriteString(w, secret)
		}
		w.Header().Set("Sum", secret+r.Trailer.Get("Given"))
		return
	case "/late": // it fails when a part of the answer has gone
		io.WriteString(w, secret)
		rc.Flush()
		panic("chaos")
	case "/interim":
		w.Header().Set("Link", "</"+secret+">")
		w.WriteHeader(http.StatusEarlyHints)
	case "/watch":
		select {
		case <-r.Context().Done():
		case <-time.After(rand.N(3 * time.Millisecond)):
		}
	case "/large":
		b := bytes.Repeat([]byte(secret), times)
		for len(b) > 0 {
			n := min(len(b), 1+rand.N(200_000))
			if _, err := w.Write(b[:n]); err != nil {
				return
			}
			b = b[n:]
		}
		return
	default:
		r.Header.Set("From", r.RemoteAddr)
		unruly(w, r)
		return
	}
	for range times {
		io.WriteString(w, secret)
	}
}

var muxPaths = []string{"/", "/", "/", "/sleep", "/spin", "/yield", "/panic", "/watch", "/deadline", "/apart", "/abort", "/goexit", "/ignored", "/echo",
	"/slowly", "/stream", "/trailers", "/late", "/interim", "/large"}

// muxChaosRun is what the clients share.
type muxChaosRun struct {
	t                *testing.T
	server           *chaosServer
	answered, failed atomic.Int64
	stopping         atomic.Bool
}

// client is a connection for a while. A rude one cuts it in the middle.
func (c *muxChaosRun) client(end time.Time, rude bool) {
	if limit := time.Now().Add(rand.N(500 * time.Millisecond)); limit.Before(end) {
		end = limit
	}
	var mu sync.Mutex
	var conns []net.Conn
	tr := &http.Transport{Protocols: new(http.Protocols), HTTP2: &http.HTTP2Config{StrictMaxConcurrentRequests: true}, DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		nc, err := new(net.Dialer).DialContext(ctx, network, addr)
		if err == nil {
			mu.Lock()
			conns = append(conns, nc)
			mu.Unlock()
		}
		return nc, err
	}}
	tr.Protocols.SetUnencryptedHTTP2(true)
	if c.server.ep.TLS != nil {
		tr.Protocols = new(http.Protocols)
		tr.Protocols.SetHTTP2(true)
		tr.TLSClientConfig = clientConfig()
	}
	var streams sync.WaitGroup
	var cut atomic.Bool
	for range 1 + rand.N(20) {
		streams.Go(func() {
			for time.Now().Before(end) && !c.t.Failed() && !cut.Load() && !c.stopping.Load() {
				if err := c.exchange(tr); err != nil && !cut.Load() && !c.stopping.Load() {
					c.t.Errorf("%v", err)
				}
			}
		})
	}
	if rude {
		time.Sleep(rand.N(200 * time.Millisecond))
		cut.Store(true)
		mu.Lock()
		for _, nc := range conns {
			if rand.N(2) == 0 {
				nc.(*net.TCPConn).SetLinger(0)
			}
			nc.Close()
		}
		mu.Unlock()
	}
	streams.Wait()
	tr.CloseIdleConnections()
	mu.Lock()
	defer mu.Unlock()
	for _, nc := range conns {
		nc.Close()
	}
}

// sparing gives a body in pieces, now and then after a while.
type sparing struct{ rest []byte }

func (s *sparing) Read(p []byte) (int, error) {
	if len(s.rest) == 0 {
		return 0, io.EOF
	}
	if rand.N(8) == 0 {
		time.Sleep(rand.N(time.Millisecond))
	}
	n := copy(p, s.rest[:min(len(s.rest), 1+rand.N(10_000))])
	s.rest = s.rest[n:]
	return n, nil
}

// exchange is one request and its answer. An error is one that must not be.
func (c *muxChaosRun) exchange(tr *http.Transport) error {
	secret := fmt.Sprintf("secret-%08d;", secrets.Add(1))
	path := muxPaths[rand.N(len(muxPaths))]
	times := 1 + rand.N(20)
	if path == "/large" {
		times = rand.N(20_000)
	}
	var body []byte
	switch path {
	case "/echo", "/slowly", "/apart", "/ignored", "/trailers":
		body = bytes.Repeat([]byte(secret), rand.N(5_000))
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*patience)
	defer cancel()
	cancelled := rand.N(40) == 0
	if cancelled {
		timer := time.AfterFunc(rand.N(4*time.Millisecond), cancel)
		defer timer.Stop()
	}
	interim := 0
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{Got1xxResponse: func(int, textproto.MIMEHeader) error { interim++; return nil }})
	req, err := http.NewRequestWithContext(ctx, "POST", c.server.ep.Scheme+"://"+c.server.addr+path, &sparing{body})
	if err != nil {
		return err
	}
	if rand.N(2) == 0 {
		req.ContentLength = int64(len(body))
		if len(body) == 0 {
			req.Body = http.NoBody
		}
	} else {
		req.ContentLength = -1
	}
	req.Header.Set("Secret", secret)
	req.Header.Set("Times", strconv.Itoa(times))
	if path == "/trailers" && req.ContentLength < 0 {
		req.Trailer = http.Header{"Given": {secret}}
	}
	dies := path == "/abort" || path == "/goexit" || path == "/late"
	fails := func(what string, err error) error {
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return fmt.Errorf("%s: %s did not come in %v", path, what, 3*patience)
		}
		if dies || cancelled {
			c.failed.Add(1)
			return nil
		}
		return fmt.Errorf("%s: waiting for %s: %w", path, what, err)
	}
	res, err := tr.RoundTrip(req)
	if err != nil {
		return fails("the answer", err)
	}
	defer res.Body.Close()
	want := bytes.Repeat([]byte(secret), times)
	switch path {
	case "/echo", "/slowly", "/apart":
		want = body
	case "/late":
		want = []byte(secret)
	case "/panic":
		if res.StatusCode != 500 && !cancelled {
			return fmt.Errorf("/panic: %s, want 500", res.Status)
		}
		want = nil
	}
	if rand.N(60) == 0 {
		c.failed.Add(1)
		return nil // it leaves the answer unread
	}
	var got []byte
	buf, slow := make([]byte, 200+rand.N(40_000)), rand.N(10) == 0
	for err == nil {
		var n int
		n, err = res.Body.Read(buf)
		got = append(got, buf[:n]...)
		if slow && rand.N(10) == 0 {
			time.Sleep(rand.N(time.Millisecond))
		}
	}
	switch {
	case path != "/panic" && !bytes.HasPrefix(want, got):
		return fmt.Errorf("%s: %s, %d bytes %.60q, want %d of this request's own", path, res.Status, len(got), got, len(want))
	case err != io.EOF:
		return fails(fmt.Sprintf("the rest of the answer after %d of %d bytes", len(got), len(want)), err)
	case dies:
		return fmt.Errorf("%s: the answer is complete", path)
	case len(got) != len(want) && path != "/panic" && !cancelled:
		return fmt.Errorf("%s: %d bytes, want %d", path, len(got), len(want))
	case path == "/trailers" && !strings.HasPrefix(res.Trailer.Get("Sum"), secret):
		return fmt.Errorf("/trailers: the trailers are %q", res.Trailer)
	case path == "/interim" && interim != 1:
		return fmt.Errorf("/interim: %d interim responses", interim)
	}
	c.answered.Add(1)
	runtime.Gosched()
	return nil
}
