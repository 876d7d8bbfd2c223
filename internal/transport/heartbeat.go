package transport

import (
	"sync"
	"sync/atomic"
	"time"
)

// Interval is the heartbeat's: every timeout acts up to one interval late, never early (Kestrel's Heartbeat.Interval).
const Interval = time.Second

// Heartbeat is the one clock of a server's connections: once an Interval it advances the coarse time, refreshes what
// depends on it, and checks every connection's deadline and data rates, as comparisons of integers. No timer is started
// per connection or per request.
type Heartbeat struct {
	start  time.Time
	coarse atomic.Int64 // nanoseconds since start, at the last beat
	onBeat func(time.Time)

	mu    sync.Mutex
	conns map[ticker]struct{}

	stop chan struct{}
	done chan struct{}
}

// NewHeartbeat starts a heartbeat; Stop ends it. onBeat, which may be nil, is called at once and then at each beat.
func NewHeartbeat(onBeat func(time.Time)) *Heartbeat {
	h := &Heartbeat{
		start:  time.Now(),
		onBeat: onBeat,
		conns:  make(map[ticker]struct{}),
		stop:   make(chan struct{}),
		done:   make(chan struct{}),
	}
	if onBeat != nil {
		onBeat(h.start)
	}
	go h.run()
	return h
}

func (h *Heartbeat) run() {
	defer close(h.done)
	ticker := time.NewTicker(Interval)
	defer ticker.Stop()
	for {
		select {
		case <-h.stop:
			return
		case now := <-ticker.C:
			h.beat(now)
		}
	}
}

func (h *Heartbeat) beat(now time.Time) {
	if h.onBeat != nil {
		h.onBeat(now)
	}
	at := int64(now.Sub(h.start))
	last := h.coarse.Swap(at)
	h.mu.Lock()
	defer h.mu.Unlock()
	for c := range h.conns {
		c.tick(at, at-last)
	}
}

// Stop ends the heartbeat and waits for it. Deadlines are not enforced any more.
func (h *Heartbeat) Stop() {
	close(h.stop)
	<-h.done
}

// Now is the time of the last beat.
func (h *Heartbeat) Now() time.Time { return h.start.Add(time.Duration(h.coarse.Load())) }

// ticker is what the heartbeat looks after.
type ticker interface {
	// tick checks deadlines and rates. now is on the heartbeat's clock, elapsed the time since the last beat.
	tick(now, elapsed int64)
}

func (h *Heartbeat) add(c ticker) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.conns[c] = struct{}{}
}

func (h *Heartbeat) remove(c ticker) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.conns, c)
}
