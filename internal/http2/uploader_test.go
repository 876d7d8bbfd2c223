package http2

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// uploader is a client behind a link that takes time, which sends as much as its windows let it.
type uploader struct {
	*rig
	delay time.Duration // of each direction
	rate  int           // of the link, in bytes a step; 0 for no bound
	deaf  bool          // PINGs get no answer
	pad   uint8         // DATA frames have that much padding, if they are larger

	window  int64 // the connection's, as the client knows it
	initial int64
	streams []*upload
	up      []flight[[]byte]
	down    []flight[string]
	pings   int
	largest int64 // of the connection's window and of a stream's, as they are in the engine
	stream  int64
}

// upload is one body.
type upload struct {
	id     uint32
	window int64
	left   int64 // bytes to send; negative: without end
}

type flight[T any] struct {
	at time.Time
	is T
}

const step = time.Millisecond

// growing is limits whose windows grow as they do by default.
func growing(c *Config) {
	c.Limits.MaxConnectionWindow, c.Limits.MaxStreamWindow, c.Limits.MaxRequestBodySize = 8<<20, 6<<20, math.MaxInt64
}

func fixed(c *Config) { c.Limits.MaxRequestBodySize = math.MaxInt64 }

func newUploader(r *rig, roundTrip time.Duration) *uploader {
	r.elsewhere = true
	return &uploader{rig: r, delay: roundTrip / 2, window: int64(r.cfg.Limits.ConnectionWindow), initial: int64(r.cfg.Limits.StreamWindow)}
}

// post opens a stream with a body of that size.
func (u *uploader) post(path string, size int64) *upload {
	s := &upload{id: odd(len(u.streams)), window: u.initial, left: size}
	u.streams = append(u.streams, s)
	u.up = append(u.up, flight[[]byte]{time.Now().Add(u.delay), u.request(s.id, 0, "POST", path)})
	return s
}

// run lets time pass, at most for d, until until.
func (u *uploader) run(d time.Duration, until func() bool) (took time.Duration) {
	began := time.Now()
	for !until() && time.Since(began) < d {
		u.step()
	}
	return time.Since(began)
}

func (u *uploader) step() {
	u.t.Helper()
	time.Sleep(step)
	now := time.Now()
	var arrived [][]byte
	for len(u.up) > 0 && !u.up[0].at.After(now) {
		arrived = append(arrived, u.up[0].is)
		u.up = u.up[1:]
	}
	u.send(arrived...)
	for _, f := range u.frames() {
		u.down = append(u.down, flight[string]{now.Add(u.delay), f})
	}
	for len(u.down) > 0 && !u.down[0].at.After(now) {
		u.hear(u.down[0].is)
		u.down = u.down[1:]
	}
	u.upload(now)
	u.check()
}

// hear is a frame that has come to the client.
func (u *uploader) hear(f string) {
	var id uint32
	var n int64
	if k, _ := fmt.Sscanf(f, "WINDOW_UPDATE %d %d", &id, &n); k == 2 {
		if id == 0 {
			u.window += n
		} else {
			u.streams[id/2].window += n
		}
	}
	if k, _ := fmt.Sscanf(f, "RST_STREAM %d", &id); k == 1 {
		u.streams[id/2].left = 0
	}
	if f == fmt.Sprintf("PING %q ack=false", probePing) {
		u.pings++
		if !u.deaf {
			u.up = append(u.up, flight[[]byte]{time.Now().Add(u.delay), aFrame(framePing, flagAck, 0, probePing)})
		}
	}
}

var content = make([]byte, minFrameSize)

// upload sends what the windows and the link have room for, in turns.
func (u *uploader) upload(now time.Time) {
	room := u.rate
	for more := true; more; {
		more = false
		for _, s := range u.streams {
			n := min(minFrameSize, s.window, u.window)
			if s.left >= 0 {
				n = min(n, s.left)
			}
			if u.rate > 0 {
				n = min(n, int64(room))
			}
			if n <= 0 {
				continue
			}
			more = true
			flags := uint8(0)
			if s.left >= 0 {
				if s.left -= n; s.left == 0 {
					flags = flagEndStream
				}
			}
			room -= int(n)
			s.window, u.window = s.window-n, u.window-n
			u.up = append(u.up, flight[[]byte]{now.Add(u.delay), u.data(s.id, flags, int(n))})
		}
	}
}

// data makes a frame that takes n bytes of the windows.
func (u *uploader) data(stream uint32, flags uint8, n int) []byte {
	pad := int(u.pad)
	if pad == 0 || n < pad+1 {
		return aFrame(frameData, flags, stream, content[:n])
	}
	return aFrame(frameData, flags|flagPadded, stream, append([]byte{u.pad}, content[:n-1]...))
}

// check holds the engine to its accounts: what the client may send, what waits and what is not given back yet are the window.
func (u *uploader) check() {
	u.t.Helper()
	if len(u.events) > 0 {
		u.t.Fatalf("a client that keeps to its windows is refused: %q", u.events)
	}
	c := u.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	unread := int64(0)
	for s := range c.streams.all() {
		waits := s.body.unreadLocked()
		unread += waits
		if !s.remoteEnded && s.recvWindow+s.consumed+waits != s.growth.size {
			u.t.Fatalf("stream %d: the client may send %d, %d wait and %d are to be given back, want %d in all", s.id, s.recvWindow, waits, s.consumed, s.growth.size)
		}
		u.stream = max(u.stream, s.growth.size)
	}
	if c.recvWindow+c.consumed+unread != c.growth.size {
		u.t.Fatalf("the client may send %d, %d wait and %d are to be given back, want %d in all", c.recvWindow, unread, c.consumed, c.growth.size)
	}
	u.largest = max(u.largest, c.growth.size)
	l := &u.cfg.Limits
	if most := int64(max(l.ConnectionWindow, l.MaxConnectionWindow)); u.largest > most {
		u.t.Fatalf("the connection's window is %d, want at most %d", u.largest, most)
	}
	if most := int64(max(l.StreamWindow, l.MaxStreamWindow)); u.stream > most {
		u.t.Fatalf("a stream's window is %d, want at most %d", u.stream, most)
	}
}

// unreadLocked is what waits for the application, in bytes.
func (b *Body) unreadLocked() (n int64) {
	for _, k := range b.chunks[b.first:] {
		n += int64(k.w - k.r)
	}
	return n
}

// done reports whether all bodies were sent, and answered.
func (u *uploader) done() bool {
	sent := func(s *upload) bool { return s.left == 0 }
	u.conn.mu.Lock()
	defer u.conn.mu.Unlock()
	return len(u.up) == 0 && u.conn.active == 0 && !slices.ContainsFunc(u.streams, func(s *upload) bool { return !sent(s) })
}
