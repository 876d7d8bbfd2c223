package http3

import (
	"bytes"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lannerhq/lanner/internal/muxcommon"
)

func TestManyAnswersOfWhichNothingIsTakenEndTheConnection(t *testing.T) {
	for name, tt := range map[string]struct {
		answers, taken int // how many wait, and bytes a second
		ends           bool
	}{
		"many":              {muxcommon.MaxStalled + 1, 0, true},
		"many and a drip":   {muxcommon.MaxStalled + 1, 239, true},
		"many and the rate": {muxcommon.MaxStalled + 1, 240, false},
		"few":               {muxcommon.MaxStalled, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := newRig(t, say(string(make([]byte, 100<<10))), func(c *Config) { c.ResponseRate = &Rate{BytesPerSecond: 240, Grace: time.Minute} }) // so that no stream is reset for itself before
				r.elsewhere = true
				for range tt.answers {
					s := r.quic.newStream()
					s.in, s.inEnded, s.full = aHead("GET", "/"), true, true
					r.quic.streams <- s
				}
				synctest.Wait()
				for range 12 {
					r.conn.took(tt.taken)
					r.tick(1)
				}
				synctest.Wait()
				r.mu.Lock()
				defer r.mu.Unlock()
				if ended := r.failed != nil; ended != tt.ends {
					t.Errorf("the connection ends: %v, with %v; want %v", ended, r.failed, tt.ends)
				} else if ended && (r.failed != errStalled || r.quic.code != ExcessiveLoad) {
					t.Errorf("it ends with %v, %v", r.failed, r.quic.code)
				}
			})
		})
	}
}

// TestAFrameOfNoUseHasAnEnd is about frames that are ignored and never end: each piece of one counts as one.
func TestAFrameOfNoUseHasAnEnd(t *testing.T) {
	const huge = 1 << 40
	endless := appendFrameHead(nil, 0x21, huge)
	flood := make([]byte, maxDropped*(int(allowances[abuseUnknown].Burst)+1))
	t.Run("on a request's stream", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			r := newRig(t, say("ok"), nil)
			r.open(false, endless, flood)
			<-r.done
			if r.failed == nil || r.failed.Reason != "unknown_frame_flood" || r.quic.code != ExcessiveLoad {
				t.Errorf("it ends with %v, %v", r.failed, r.quic.code)
			}
		})
	})
	t.Run("on the control stream", func(t *testing.T) {
		c := &Conn{cfg: &Config{}}
		in := &uniReader{q: bytesStream{bytes.NewReader(append(append([]byte{4, 0}, endless...), flood...))}}
		if e := critical(c.readControl(in)); e == nil || e.Reason != "unknown_frame_flood" {
			t.Errorf("it ends with %v", e)
		}
	})
	t.Run("as an integer", func(t *testing.T) {
		c := &Conn{cfg: &Config{}}
		in := &uniReader{q: bytesStream{bytes.NewReader(append([]byte{0x7f}, bytes.Repeat([]byte{0x80}, 20)...))}}
		if err := c.readInstructions(in, decoderInstruction, errDecoder); err != errDecoder {
			t.Errorf("an instruction whose integer never ends is %v", err)
		}
		in = &uniReader{q: bytesStream{bytes.NewReader(append([]byte{0x7f}, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1))}}
		if err := c.readInstructions(in, decoderInstruction, errDecoder); err != io.EOF {
			t.Errorf("the largest integer is %v", err)
		}
	})
}
