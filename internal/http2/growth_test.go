package http2

import (
	"bytes"
	"io"
	"testing"
	"time"
)

// discardBody reads a frame at a time, so that a test of it is the same each time.
func discardBody(s *Stream) error {
	_, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, s.Request().Body(), make([]byte, minFrameSize))
	return err
}

const roundTrip = 50 * time.Millisecond

func never() bool { return false }

func TestAnUploadOverALongDistanceIsNotHeldUpByItsWindow(t *testing.T) {
	const size = 64 << 20
	upload := func(limits func(*Config)) (took time.Duration, u *uploader) {
		bubble(t, func(t *testing.T) {
			u = newUploader(connect(t, discardBody, limits), roundTrip)
			u.post("/", size)
			took = u.run(time.Minute, u.done)
			u.end()
		})
		return took, u
	}
	slow, u := upload(fixed)
	if least := size / (768 << 10) * roundTrip; slow < least || u.pings > 0 || u.stream != 768<<10 || u.largest != 1<<20 {
		t.Errorf("with windows that do not grow it takes %v, with %d PINGs and windows of %d and %d; want at least %v, and the initial windows", slow, u.pings, u.stream, u.largest, least)
	}
	fast, u := upload(growing)
	t.Logf("64 MiB with a round trip of %v: %v, and with windows that do not grow %v", roundTrip, fast, slow)
	if fast > slow/4 {
		t.Errorf("it takes %v, and %v with windows that do not grow; want a quarter of it", fast, slow)
	}
	if u.stream != 6<<20 || u.largest != 8<<20 {
		t.Errorf("the windows grow to %d and %d, want the largest", u.stream, u.largest)
	}
}

func TestManyUploadsTogetherGrowTheConnectionsWindow(t *testing.T) {
	upload := func(limits func(*Config)) (took time.Duration, u *uploader) {
		bubble(t, func(t *testing.T) {
			u = newUploader(connect(t, discardBody, limits), roundTrip)
			for range 10 {
				u.post("/", 3<<20)
			}
			took = u.run(time.Minute, u.done)
			u.end()
		})
		return took, u
	}
	slow, _ := upload(fixed)
	fast, u := upload(growing)
	if fast > slow/2 || u.largest <= 1<<20 {
		t.Errorf("it takes %v and %v with windows that do not grow, and the connection's window is %d; want half of that at most", fast, slow, u.largest)
	}
}

func TestAWindowGrowsNoFurtherThanTheNetworkCanUse(t *testing.T) {
	bubble(t, func(t *testing.T) {
		u := newUploader(connect(t, discardBody, growing), roundTrip)
		u.rate = 16 << 10 // a step: 16 MB/s, of which 800 KiB are under way
		u.post("/", 24<<20)
		u.run(time.Minute, u.done)
		if under := int64(800 << 10); u.stream < 2*under || u.stream > 6*under {
			t.Errorf("the window is %d, want two to six times what is under way, %d", u.stream, under)
		}
		u.end()
	})
}

// Slow readers, and those who do not read, keep the window that they began with, however much they read at a time.
func TestOnlyWhatHandlersReadFastGrowsAWindow(t *testing.T) {
	for name, app := range map[string]func(*Stream) error{
		"slow": func(s *Stream) error {
			b := make([]byte, 64<<10)
			for {
				if _, err := s.Request().Body().Read(b); err != nil {
					return err
				}
				time.Sleep(20 * time.Millisecond)
			}
		},
		"much, now and then": func(s *Stream) error {
			for {
				if _, err := io.CopyN(io.Discard, s.Request().Body(), 384<<10); err != nil {
					return err
				}
				time.Sleep(time.Second)
			}
		},
		"nothing": func(s *Stream) error { time.Sleep(10 * time.Second); return nil },
		"fast for its first half, then nothing": func(s *Stream) error {
			io.CopyN(io.Discard, s.Request().Body(), 384<<10)
			time.Sleep(10 * time.Second)
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				u := newUploader(connect(t, app, growing), roundTrip)
				u.post("/", -1)
				u.run(5*time.Second, never)
				if u.stream != 768<<10 || u.largest != 1<<20 {
					t.Errorf("the windows grow to %d and %d, want them as they were", u.stream, u.largest)
				}
				u.leave(io.EOF)
				pause(time.Minute)
				u.wantOver(Abort)
			})
		})
	}
}

// What costs a client next to nothing of its window must not make it larger.
func TestPaddingAndWhatIsDroppedGrowNoWindow(t *testing.T) {
	padded := append([]byte{255, 'x'}, make([]byte, 255)...)
	bubble(t, func(t *testing.T) {
		r := connect(t, paths{"/waits": func(s *Stream) error { time.Sleep(time.Hour); return nil }}.serve, growing)
		r.elsewhere = true
		r.conn.trip.least = roundTrip
		r.send(r.request(1, 0, "POST", "/waits"))
		large, left := bytes.Repeat(aFrame(frameData, flagPadded, 1, padded), 64), content[:16<<10]
		for i := range 1000 {
			time.Sleep(step)
			r.send(large)
			id := odd(i + 1)
			r.send(r.request(id, 0, "POST", "/ok"), aFrame(frameData, 0, id, left), aFrame(frameData, flagEndStream, id, left))
		}
		r.wantEvents("nothing is refused")
		if c, s := r.conn.growth, r.conn.streams.get(1).growth; c.size != 1<<20 || s.size != 768<<10 || c.read != 0 || s.read != 0 {
			t.Errorf("the windows grow to %d and %d, for %d and %d bytes that count; want them as they were, for none", c.size, s.size, c.read, s.read)
		}
		r.leave(io.EOF)
		pause(2 * time.Hour)
		r.wantOver(Abort)
	})
}

func TestANewStreamBeginsWithTheInitialWindow(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := connect(t, paths{"/": discardBody, "/waits": func(s *Stream) error { time.Sleep(time.Hour); return nil }}.serve, growing)
		u := newUploader(r, roundTrip)
		u.post("/", 40<<20)
		u.run(time.Minute, u.done)
		if u.stream != 6<<20 || u.largest != 8<<20 {
			t.Fatalf("the windows grow to %d and %d, want the largest", u.stream, u.largest)
		}
		s := u.post("/waits", -1)
		u.run(time.Second, never)
		if got := u.conn.streams.get(s.id).growth.size; got != 768<<10 || s.window != 0 {
			t.Errorf("the next stream begins with a window of %d, of which %d are left, want 768 KiB that are used up", got, s.window)
		}
		u.leave(io.EOF)
		pause(2 * time.Hour)
		u.wantOver(Abort)
	})
}

func TestTheRoundTripIsMeasuredSeldomAndForLargeUploadsAlone(t *testing.T) {
	for _, tt := range []struct {
		name        string
		size        int64
		rate        int
		deaf        bool
		least, most int
	}{
		{"a small body", 300 << 10, 0, false, 0, 0},
		{"a large one, that is slow", 8 << 20, 1 << 10, false, 4, 9}, // 8 s
		{"a client that does not answer", 10 << 20, 0, true, 1, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				u := newUploader(connect(t, discardBody, growing), roundTrip)
				u.rate, u.deaf = tt.rate, tt.deaf
				u.post("/", tt.size)
				u.run(time.Minute, u.done)
				if u.pings < tt.least || u.pings > tt.most {
					t.Errorf("%d PINGs, want %d to %d", u.pings, tt.least, tt.most)
				}
				was := u.pings
				u.run(10*time.Second, never)
				if u.pings != was {
					t.Errorf("%d PINGs when nothing is sent, want none", u.pings-was)
				}
				if u.stream != 768<<10 {
					t.Errorf("the window grows to %d, want it as it was", u.stream)
				}
				u.end()
			})
		})
	}
}

func TestARoundTripIsTheLeastThatWasMeasuredAndASecondAtMost(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := connect(t, answer("ok"), growing)
		c := r.conn
		ask := func(answer []byte, takes time.Duration) {
			c.mu.Lock()
			c.probeLocked(time.Now())
			c.mu.Unlock()
			time.Sleep(takes)
			r.send(aFrame(framePing, flagAck, 0, answer))
		}
		for _, tt := range []struct {
			answer []byte
			takes  time.Duration
			want   time.Duration
		}{
			{keepAlivePing, time.Second, 0},
			{probePing, time.Minute, maxTrip}, // the first second is not forgotten
			{probePing, 20 * time.Millisecond, 20 * time.Millisecond},
			{probePing, 900 * time.Millisecond, 20 * time.Millisecond}, // within a second of the last: it is not asked
			{probePing, 0, 20 * time.Millisecond},
			{probePing, 2 * time.Second, 20 * time.Millisecond},
			{probePing, 0, 1},
		} {
			if ask(tt.answer, tt.takes); c.trip.least != tt.want {
				t.Errorf("an answer %q after %v: a round trip is %v, want %v", tt.answer, tt.takes, c.trip.least, tt.want)
			}
		}
		r.drop()
		r.end()
	})
}

// Most of the connection's window is in one body that nobody reads. The others are given back what is left.
func TestABodyThatNobodyReadsDoesNotStopTheOthers(t *testing.T) {
	for _, limits := range []func(*Config){fixed, growing} {
		bubble(t, func(t *testing.T) {
			r := connect(t, paths{"/": discardBody, "/stops": func(s *Stream) error {
				io.CopyN(io.Discard, s.Request().Body(), 20<<20)
				time.Sleep(time.Hour)
				return nil
			}}.serve, limits)
			u := newUploader(r, roundTrip)
			stopped := u.post("/stops", -1)
			u.run(5*time.Second, func() bool { return stopped.window == 0 && len(u.up) == 0 && len(u.down) == 0 })
			u.run(time.Second, never)
			other := u.post("/", 10<<20)
			u.run(time.Minute, func() bool { return other.left == 0 })
			if other.left > 0 {
				t.Errorf("%d bytes of the other body cannot be sent: the connection's window is %d", other.left, u.window)
			}
			u.leave(io.EOF)
			pause(2 * time.Hour)
			u.wantOver(Abort)
		})
	}
}
