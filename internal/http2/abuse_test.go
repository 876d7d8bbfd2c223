package http2

import (
	"bytes"
	"fmt"
	"testing"
	"time"
)

func TestResetStreamsAreRememberedForAWhile(t *testing.T) {
	var r resets
	for i := range uint32(maxResets) {
		r.remember(2*i+1, int64(i))
	}
	if !r.has(1) || !r.has(2*maxResets-1) || r.has(2*maxResets+1) {
		t.Error("streams that were reset are not those that are remembered")
	}
	r.remember(2*maxResets+1, maxResets)
	if r.has(1) || !r.has(3) || len(r.ids) != maxResets {
		t.Errorf("%d are remembered, the oldest: %v; want %d without the oldest", len(r.ids), r.has(1), maxResets)
	}
	r.forget(3)
	r.forget(3)
	if r.has(3) || len(r.ids) != maxResets-1 {
		t.Error("a stream that is over is not forgotten")
	}
	r.expire(resetTime + 100)
	if r.has(199) || !r.has(203) {
		t.Error("streams are not forgotten when their time is over")
	}
	if r.expire(2 * resetTime); r.ids != nil {
		t.Error("memory is kept for nothing")
	}
}

func TestTooManyStreamsToCalmInAShortTime(t *testing.T) {
	var m calmed
	for i := range 3 * maxCalmed {
		if m.tooOften(int64(i) * calmTime / maxCalmed) {
			t.Fatalf("%d in %v are too many", i+1, time.Duration(calmTime))
		}
	}
	m = calmed{}
	for i := range maxCalmed + 1 {
		if got, want := m.tooOften(calmTime/2), i == maxCalmed; got != want {
			t.Errorf("the %d. at once is too many: %v", i+1, got)
		}
	}
}

// Each kind of abuse, and what a client sends for it.
var abusers = map[abuse]func(r *rig, i int) []byte{
	abuseReset: func(r *rig, i int) []byte {
		return bytes.Join([][]byte{r.get(odd(i), "/"), appendRST(nil, odd(i), Cancel)}, nil)
	},
	abuseMadeReset:    func(r *rig, i int) []byte { return r.request(odd(i), flagEndStream, "GET", "no slash") },
	abuseSettings:     func(r *rig, i int) []byte { return settings() },
	abusePing:         func(r *rig, i int) []byte { return aFrame(framePing, 0, 0, make([]byte, 8)) },
	abusePriority:     func(r *rig, i int) []byte { return aFrame(framePriority, 0, 1, make([]byte, 5)) },
	abuseEmptyData:    emptyData,
	abuseWindowUpdate: func(r *rig, i int) []byte { return appendWindowUpdate(nil, 0, 1) },
	abuseUnknown:      func(r *rig, i int) []byte { return aFrame(0xaa, 0, 0, nil) },
}

func odd(i int) uint32 { return uint32(2*i + 1) }

func emptyData(r *rig, i int) []byte {
	if i == 0 {
		return append(r.request(1, 0, "POST", "/"), data(1, 0, "")...)
	}
	return data(1, 0, "")
}

func TestWhatIsDoneTooOftenEndsTheConnection(t *testing.T) {
	for a, does := range abusers {
		t.Run(a.error().Detail, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := connect(t, echo, nil)
				spent := int64(r.conn.budgets[a]) // the handshake's
				for i := range int(allowances[a].Burst - spent) {
					r.send(does(r, i))
				}
				if r.ended {
					t.Fatal("what is allowed at once ends the connection")
				}
				r.drop()
				r.send(does(r, int(allowances[a].Burst)))
				got := r.frames()
				if last, want := got[len(got)-1], "GOAWAY "+fmt.Sprint(r.conn.lastID, " ", allowances[a].code); last != want {
					t.Errorf("one more is answered with %q, want %q", last, want)
				}
				if last := r.events[len(r.events)-1]; last != fmt.Sprintf("failed: %v (%s)", a.error(), a) {
					t.Errorf("the owner hears %q", last)
				}
				r.wantOver(Close)
			})
		})
	}
}

func TestAllowancesAreFilledUpWithTime(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := connect(t, echo, nil)
		for i := range 3 * int(allowances[abusePing].Burst) {
			r.send(aFrame(framePing, 0, 0, make([]byte, 8)))
			if i%100 == 99 {
				r.conn.Tick(r.conn.now + int64(time.Second))
			}
		}
		if r.ended {
			t.Errorf("%d in a second are too many: %q", allowances[abusePing].PerSecond, r.events)
		}
		for range 100 {
			r.conn.Tick(r.conn.now + int64(time.Second))
		}
		if got := r.conn.budgets[abusePing]; got != 0 {
			t.Errorf("%d are spent after a long time, want none", got)
		}
		r.end()
	})
}

// A tick that comes a little early or late gives back the same.
func TestFillingUpDoesNotDependOnTheTicks(t *testing.T) {
	for _, step := range []time.Duration{999 * time.Millisecond, time.Second, 5 * time.Second} {
		c := &Conn{}
		for a := range c.budgets {
			c.budgets[a] = 1 << 20
		}
		for range time.Minute / step {
			c.refillLocked(step)
		}
		for a := range c.budgets {
			if got, want := 1<<20-int64(c.budgets[a]), 60*allowances[a].PerSecond; got < want*8/10 || got > want {
				t.Errorf("%v: in steps of %v a minute gives back %d, want %d", abuse(a), step, got, want)
			}
		}
	}
}

func TestAnswersToControlFramesThatAreNotReadAreBounded(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := connect(t, echo, nil)
		r.take(0)
		ping := bytes.Repeat(aFrame(framePing, 0, 0, make([]byte, 8)), 100)
		for i := 0; i < 100 && !r.ended; i++ {
			r.send(ping)
			r.conn.Tick(r.conn.now + int64(time.Second))
			if n := len(r.conn.out) + len(r.conn.writeBuf); n > maxControls+8<<10 {
				t.Fatalf("%d bytes wait", n)
			}
		}
		r.wantEvents("the end when 64 KB wait", "failed: "+errOutputQueue.Error()+" (output_queue_size_exceeded)")
		r.wantOver(Close)
	})
}

func TestHandlersOfStreamsThatWereResetCount(t *testing.T) {
	bubble(t, func(t *testing.T) {
		release := make(chan struct{})
		r := connect(t, func(*Stream) error { <-release; return nil }, func(c *Config) { c.Limits.MaxStreams = 10 })
		r.elsewhere = true
		i := 0
		for ; i < minTracked; i++ {
			r.send(r.get(odd(i), "/"), appendRST(nil, odd(i), Cancel))
		}
		r.drop()
		r.send(r.get(odd(i), "/"))
		r.want("a refusal though no stream is open", fmt.Sprintf("RST_STREAM %d ENHANCE_YOUR_CALM", odd(i)))
		for i++; !r.ended && i < 2*minTracked; i++ {
			r.send(r.get(odd(i), "/"))
		}
		if i != minTracked+maxCalmed+1 {
			t.Errorf("the connection ends after %d refusals, want %d", i-minTracked-1, maxCalmed)
		}
		if r.last != 0 {
			t.Error("the last handler has returned, says the engine")
		}
		close(release)
		r.wantOver(Close)
	})
}
