package http2

import (
	"bytes"
	"runtime"
	"testing"
)

func TestABodyThatWaitsTakesItsWindowAndLittleMore(t *testing.T) {
	const frame, window = 16 << 10, 768 << 10
	c := &Conn{cfg: &Config{Limits: Limits{StreamWindow: window, ConnectionWindow: 1 << 20}}, processing: true, growth: growth{size: 1 << 20}}
	content := make([]byte, window)
	for i := range content {
		content[i] = byte(i * 7 >> 3)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	const rounds = 10
	for range rounds {
		s := new(Stream)
		s.begin(c, 1)
		s.body.SetLimit(-1)
		for rest := content; len(rest) > 0; rest = rest[frame:] {
			s.body.putLocked(rest[:frame])
		}
		got := make([]byte, 0, window)
		for len(got) < window {
			n, err := s.body.Read(got[len(got) : len(got)+min(10_000, window-len(got))]) // no divisor of a frame
			if err != nil {
				t.Fatal(err)
			}
			got = got[:len(got)+n]
		}
		if !bytes.Equal(got, content) {
			t.Fatal("what is read is not what was received")
		}
		c.mu.Lock()
		c.forgetBodyLocked(s)
		c.mu.Unlock()
	}
	runtime.ReadMemStats(&after)
	// What is read into is one window; what waits another, when it is not from the pools.
	if n := (after.TotalAlloc - before.TotalAlloc) / rounds; n > 3*window {
		t.Errorf("a body of %d bytes that is received and then read makes %d bytes of memory, want at most three times its size", window, n)
	}
}
