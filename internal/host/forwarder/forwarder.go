package forwarder

import (
	"context"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// tick is the period of the heartbeat while requests run. A request is watched for a client that goes away when it is
// older than one tick, so at the latest after two: 250 ms.
const tick = 125 * time.Millisecond

// Forwarder owns what its upstreams share: the heartbeat, one goroutine that stands in for a timer and a watch per request.
// It sleeps while nothing runs.
type Forwarder struct {
	epoch  time.Time
	dial   func(ctx context.Context, addr string) (net.Conn, error)
	wake   chan struct{}
	quit   context.CancelFunc
	done   chan struct{}
	asleep atomic.Bool // the heartbeat waits for wake: nothing runs

	mu        sync.Mutex
	upstreams []*Upstream
	closed    bool
}

// New returns a Forwarder, whose heartbeat runs until Close.
func New() *Forwarder {
	// Keep-alive probes are for peers that vanish without a word; on the loopback nobody does.
	dialer := &net.Dialer{KeepAlive: -1}
	return newForwarder(func(ctx context.Context, addr string) (net.Conn, error) {
		return dialer.DialContext(ctx, "tcp", addr)
	})
}

func newForwarder(dial func(ctx context.Context, addr string) (net.Conn, error)) *Forwarder {
	ctx, cancel := context.WithCancel(context.Background())
	fw := &Forwarder{epoch: time.Now(), dial: dial, wake: make(chan struct{}, 1), quit: cancel, done: make(chan struct{})}
	go fw.heartbeat(ctx)
	return fw
}

// NewUpstream returns the upstream of a worker that listens on addr, an IP address and a port. It connects with the first
// request. The caller closes it when the worker has ended.
func (fw *Forwarder) NewUpstream(addr string, o Options) (*Upstream, error) {
	if err := o.check(addr); err != nil {
		return nil, err
	}
	u := newUpstream(fw, addr, o.withDefaults())
	fw.mu.Lock()
	defer fw.mu.Unlock()
	if fw.closed {
		u.cancel()
		return nil, fmt.Errorf("cannot forward to %s: the forwarder is closed", addr)
	}
	fw.upstreams = append(fw.upstreams, u)
	return u, nil
}

// Close closes all upstreams and ends the heartbeat. Requests that still run are aborted; it does not wait for them,
// since a client may be slow to take what it is being sent.
func (fw *Forwarder) Close() {
	fw.mu.Lock()
	fw.closed = true
	all := fw.upstreams
	fw.upstreams = nil
	fw.mu.Unlock()
	for _, u := range all {
		u.shut()
	}
	fw.quit()
	<-fw.done
}

// now is the time since the forwarder was made, never zero: cheaper than the time of day.
func (fw *Forwarder) now() int64 { return int64(time.Since(fw.epoch)) + 1 }

// heartbeat looks after the upstreams until Close.
func (fw *Forwarder) heartbeat(ctx context.Context) {
	defer close(fw.done)
	timer := time.NewTimer(tick)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-fw.wake:
		case <-timer.C:
		}
		timer.Reset(fw.beat())
	}
}

// beat does one round and returns when the next one is due.
func (fw *Forwarder) beat() time.Duration {
	fw.asleep.Store(false)
	if next := fw.round(); next <= tick {
		return next
	}
	// Whoever becomes active from here on wakes the heartbeat. Whoever did before is seen by the second round.
	fw.asleep.Store(true)
	next := fw.round()
	if next <= tick {
		fw.asleep.Store(false)
	}
	return next
}

// round visits each upstream once. With nothing running, the next round is when an idle connection expires.
func (fw *Forwarder) round() time.Duration {
	fw.mu.Lock()
	all := append([]*Upstream(nil), fw.upstreams...)
	fw.mu.Unlock()
	now, next := fw.now(), time.Duration(noLimit)
	for _, u := range all {
		next = min(next, u.beat(now))
	}
	return next
}

// rouse is called when an upstream's first request begins.
func (fw *Forwarder) rouse() {
	if !fw.asleep.Load() || !fw.asleep.CompareAndSwap(true, false) {
		return
	}
	select {
	case fw.wake <- struct{}{}:
	default: // it has been woken already
	}
}

func (fw *Forwarder) forget(u *Upstream) {
	fw.mu.Lock()
	defer fw.mu.Unlock()
	for i, other := range fw.upstreams {
		if other == u {
			fw.upstreams = append(fw.upstreams[:i], fw.upstreams[i+1:]...)
			return
		}
	}
}
