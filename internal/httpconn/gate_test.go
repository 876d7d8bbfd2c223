package httpconn

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

// places is how many get into the gate at a time, when nobody is in it.
func places(g *handshakeGate) int {
	var inside atomic.Int32
	out := make(chan struct{})
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			g.enter()
			defer g.leave()
			inside.Add(1)
			<-out
		})
	}
	synctest.Wait()
	n := inside.Load()
	close(out)
	all.Wait()
	return int(n)
}

func TestHandshakesLeaveHalfTheProcessorsToConnectionsThatAreServed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		for _, tt := range []struct{ n, processors, narrow, wide int }{{0, 1, 1, 1}, {0, 2, 1, 2}, {0, 3, 1, 3}, {0, 8, 4, 8}, {3, 8, 3, 3}} {
			var requests int64
			g := newHandshakeGate(tt.n, tt.processors, func() int64 { return requests })
			for i, step := range []struct {
				requests int64 // for each handshake
				want     int
			}{{0, tt.wide}, {1, tt.wide}, {50, tt.narrow}, {5, tt.narrow}, {4, tt.wide}, {1000, tt.narrow}, {0, tt.wide}} {
				if i == 0 {
					if got := places(g); got != tt.narrow {
						t.Errorf("%+v: a gate begins with %d places", tt, got)
					}
				}
				for range handshakesALook {
					requests += step.requests
					g.during(func() error { return nil })
				}
				for range tt.processors { // those who are inside when it is to become narrow leave first
					g.during(func() error { return nil })
				}
				g.begun.Store(0) // the next step ends with the next look
				if got := places(g); got != step.want {
					t.Errorf("%+v: %d places after %d requests for each handshake, want %d", tt, got, step.requests, step.want)
				}
			}
		}
	})
}

func TestAGateThatChangesLetsEverybodyIn(t *testing.T) {
	var requests atomic.Int64
	const processors = 4
	g := newHandshakeGate(0, processors, requests.Load)
	var inside atomic.Int32
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			for range 2000 {
				requests.Add(rand.Int64N(2 * manyForHandshake)) // so that looks find both
				g.during(func() error {
					if n := inside.Add(1); n > processors {
						t.Errorf("%d handshakes at a time", n)
					}
					inside.Add(-1)
					return g.outside(func() error { return nil })
				})
			}
		})
	}
	all.Wait()
	if n := len(g.slots); n != g.kept || n > g.spare {
		t.Errorf("%d of %d places are taken when nobody is inside, and %d kept", n, processors, g.kept)
	}
}
