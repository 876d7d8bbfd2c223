package http2

import (
	"runtime"
	"testing"

	"github.com/lannerhq/lanner/internal/bufpool"
)

func TestTheOutputOfALargeAnswerComesFromThePools(t *testing.T) {
	c := &Conn{cfg: &Config{}, blocking: true, sendWindow: maxWindow, maxFrame: minFrameSize} // others do not copy it at all
	body := make([]byte, bufpool.Large)                                                       // what a response holds back, and what SendFrom reads at once
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	const rounds = 100
	for range rounds {
		s := new(Stream)
		s.begin(c, 1)
		s.sendWindow = maxWindow
		c.mu.Lock()
		c.sendLocked(s, body, false)
		c.fillLocked()
		if frames := 4; len(s.out) > 0 || len(c.out) != len(body)+frames*frameHeaderSize {
			t.Fatalf("%d bytes wait after %d were framed, want all of %d in one output of %d frames", len(s.out), len(c.out), len(body), frames)
		}
		c.out = c.out[:0] // as if written
		c.releaseLocked()
		c.mu.Unlock()
	}
	runtime.ReadMemStats(&after)
	if n := (after.TotalAlloc - before.TotalAlloc) / rounds; n > uint64(len(body))/2 {
		t.Errorf("%d bytes of an answer make %d bytes of memory, want the pools' buffers used again", len(body), n)
	}
}

func TestTheOutputIsNeverLargerThanAPooledBuffer(t *testing.T) {
	c := &Conn{cfg: &Config{}, blocking: true, sendWindow: maxWindow, maxFrame: minFrameSize} // others do not copy it at all
	body := make([]byte, 1<<20)
	s := new(Stream)
	s.begin(c, 1)
	s.sendWindow = maxWindow
	c.mu.Lock()
	defer c.mu.Unlock()
	c.roomLocked(maxOut)
	c.out = c.out[:maxOut-1] // of other answers
	for c.sendLocked(s, body, false); len(s.out) > 0; c.out = c.out[:0] {
		if c.fillLocked(); len(c.out) == 0 || len(c.out) > bufpool.Output || cap(c.out) > bufpool.Output {
			t.Fatalf("an output of %d bytes in a buffer of %d, want at most %d", len(c.out), cap(c.out), bufpool.Output)
		}
	}
}
