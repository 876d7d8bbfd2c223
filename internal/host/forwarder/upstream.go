package forwarder

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/lannerhq/lanner/server"
)

// State is what an upstream does with new requests. It only moves forward.
//
//	Open ──Drain──▶ Draining ──Close──▶ Closed
//	  └────────────Close─────────────────▶
type State uint8

const (
	// Open: requests are forwarded.
	Open State = iota
	// Draining: new requests are refused, running ones go on.
	Draining
	// Closed: new requests are refused, running ones are being aborted.
	Closed
)

// Upstream is one worker: its address, its idle connections and its running requests. All methods are safe for concurrent
// use.
type Upstream struct {
	fw     *Forwarder
	addr   string
	opts   Options
	ctx    context.Context
	cancel context.CancelFunc // ends dialing
	http2  *http2Client       // nil: HTTP/1.1 is spoken

	mu      sync.Mutex // guards what follows, and the fields of exchange that say so
	state   State
	idle    []*conn     // the one used last is last
	active  []*exchange // each knows its index
	tunnels int         // of active
	drained chan struct{}
	stats   Stats
}

// Stats are the counters of an upstream since it was made, and what it holds now.
type Stats struct {
	// Requests were given to Forward and got as far as asking for a connection.
	Requests uint64
	// Failures ended in an UpstreamError.
	Failures uint64
	// Retries are requests that went out again because a kept connection was dead.
	Retries uint64
	// Opened are connections made to the worker.
	Opened uint64
	// BytesSent and BytesReceived count what went over connections that are not in use now, heads and upgraded
	// connections included.
	BytesSent, BytesReceived uint64
	// Active requests run now, upgraded connections included, of which there are Tunnels.
	Active, Tunnels int
	// Idle connections are kept now.
	Idle int
}

func newUpstream(fw *Forwarder, addr string, o Options) *Upstream {
	u := &Upstream{fw: fw, addr: addr, opts: o, drained: make(chan struct{})}
	u.ctx, u.cancel = context.WithCancel(context.Background())
	if o.HTTP2 {
		u.http2 = newHTTP2Client(u)
	}
	return u
}

// Addr is the worker's address.
func (u *Upstream) Addr() string { return u.addr }

// Request is what Forward must know of a request besides its features.
type Request struct {
	// Trusted says that the request comes from a trusted proxy: its Forwarded, X-Forwarded-* and X-Original-* fields are
	// kept and added to, instead of removed.
	Trusted bool
}

// Forward sends the request to the worker and its response to the client; after a 101 it returns when the upgraded
// connection has ended. It is called by the goroutine that handles the request.
//
// Its error is an *UpstreamError when the worker failed. When that is Retryable, the caller may forward the same features
// to another worker; when the response has not started, it answers with the error's Status; else it returns the error to
// the server, which ends the client's connection. Every other error is to be returned to the server as it is.
func (u *Upstream) Forward(f *server.Features, r Request) error {
	x := newExchange(u, f, r)
	defer x.end()
	return x.run()
}

// Active is the number of requests that run, upgraded connections included.
func (u *Upstream) Active() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return len(u.active)
}

// Stats returns the counters.
func (u *Upstream) Stats() Stats {
	u.mu.Lock()
	defer u.mu.Unlock()
	s := u.stats
	s.Active, s.Tunnels, s.Idle = len(u.active), u.tunnels, len(u.idle)
	return s
}

// CloseIdle closes the connections that carry no request.
func (u *Upstream) CloseIdle() {
	u.mu.Lock()
	idle := u.idle
	u.idle = nil
	u.mu.Unlock()
	closeAll(idle)
	if u.http2 != nil {
		u.http2.transport.CloseIdleConnections()
	}
}

// Drain refuses new requests with a Retryable error, closes idle connections, and waits until no request runs. It
// returns ctx's error when that ends first; then Close aborts what is left. The worker should be told to stop only
// after Drain: while it still has requests it may close kept connections under them.
func (u *Upstream) Drain(ctx context.Context) error {
	u.mu.Lock()
	u.moveLocked(Draining)
	u.mu.Unlock()
	u.CloseIdle()
	select {
	case <-u.drained:
		u.CloseIdle()
		return nil
	case <-ctx.Done():
		return fmt.Errorf("the worker on %s still has %d requests: %w", u.addr, u.Active(), context.Cause(ctx))
	}
}

// Close refuses new requests with a Retryable error and aborts running ones, upgraded connections included. It does not
// wait for them; Drain does, also after Close.
func (u *Upstream) Close() {
	u.fw.forget(u)
	u.shut()
}

func (u *Upstream) shut() {
	u.mu.Lock()
	u.moveLocked(Closed)
	for _, x := range u.active {
		x.pokeLocked()
	}
	u.mu.Unlock()
	u.cancel()
	u.CloseIdle()
	if u.http2 != nil {
		u.http2.close()
	}
}

// moveLocked changes the state. A move back is ignored: Drain and Close may be called in any order, and twice.
func (u *Upstream) moveLocked(to State) {
	if to <= u.state {
		return
	}
	if u.state == Open && len(u.active) == 0 {
		close(u.drained)
	}
	u.state = to
}

// State returns the present state.
func (u *Upstream) State() State {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.state
}

// beat is the heartbeat's visit: it wakes the requests that have something to see to, closes the connections that were
// idle for too long, and returns when to come again.
func (u *Upstream) beat(now int64) time.Duration {
	next := time.Duration(noLimit)
	var expired []*conn
	u.mu.Lock()
	if len(u.active) > u.tunnels {
		next = tick
	}
	for _, x := range u.active {
		if x.dueLocked(now) {
			x.pokeLocked()
		}
	}
	kept := u.idle[:0]
	for _, c := range u.idle {
		left := c.keep - time.Duration(now-c.idleSince)
		if left <= 0 {
			expired = append(expired, c)
			continue
		}
		next = min(next, left)
		kept = append(kept, c)
	}
	clear(u.idle[len(kept):])
	u.idle = kept
	u.mu.Unlock()
	closeAll(expired)
	return next
}

func closeAll(conns []*conn) {
	for _, c := range conns {
		c.close()
	}
}
