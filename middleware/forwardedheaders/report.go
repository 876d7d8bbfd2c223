package forwardedheaders

import (
	"log/slog"
	"net/netip"
	"sync"
	"time"
)

// reporter says aloud what is ignored, but not more than once per peer and event in a minute: anybody can cause it.
type reporter struct {
	log *slog.Logger

	mu      sync.Mutex
	turned  time.Time // when the tables were last turned over
	recent  map[occasion]time.Time
	earlier map[occasion]time.Time
}

type occasion struct {
	event string
	peer  netip.Addr
}

const (
	quietTime    = time.Minute
	maxOccasions = 1024 // per table; beyond it new peers go unreported until the next turn
)

// due reports whether the event may be logged now, and notes that it is.
func (r *reporter) due(event string, p peer) bool {
	key := occasion{event, p.endpoint.Addr()}
	now := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	if now.Sub(r.turned) >= quietTime {
		r.turned = now
		r.recent, r.earlier = make(map[occasion]time.Time), r.recent
	}
	last, seen := r.recent[key]
	if !seen {
		last, seen = r.earlier[key]
	}
	if seen && now.Sub(last) < quietTime || len(r.recent) >= maxOccasions {
		return false
	}
	r.recent[key] = now
	return true
}
