package http2

import (
	"io"
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// Whatever clients send and handlers read, in whatever pieces and at whatever pace: a client that keeps to its windows is never refused, the accounts are right
// at every moment, no window exceeds its bound, and a byte beyond a window ends the connection.
func FuzzWindows(f *testing.F) {
	f.Add(uint64(1), uint32(1000), uint32(1600), uint32(9000), uint32(12000))
	f.Add(uint64(2), uint32(65535), uint32(65535), uint32(1<<20), uint32(1<<20))
	f.Add(uint64(3), uint32(768<<10), uint32(1<<20), uint32(6<<20), uint32(8<<20))
	f.Add(uint64(4), uint32(100_000), uint32(70_000), uint32(1), uint32(1))
	f.Add(uint64(5), uint32(1), uint32(defaultWindow), uint32(5), uint32(100_000))
	f.Fuzz(func(t *testing.T, seed uint64, stream, conn, mostStream, mostConn uint32) {
		bounded := func(n uint32) int { return int(1 + n%(8<<20)) }
		bubble(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 0))
			// A handler is one of those who read fast, slowly, in large pieces, and who leave.
			app := func(s *Stream) error {
				if s.Request().Path() == "/stuck" {
					aborted := make(chan error, 1)
					s.OnAborted(func(err error) { aborted <- err })
					return <-aborted
				}
				turns := rand.New(rand.NewPCG(seed, uint64(s.ID())))
				nap, piece := time.Duration(turns.IntN(3)*turns.IntN(40))*step, 1+turns.IntN(40_000)
				for turns.IntN(1000) > 0 {
					if _, err := io.CopyN(io.Discard, s.Request().Body(), int64(piece)); err != nil {
						return nil
					}
					time.Sleep(nap)
				}
				if turns.IntN(2) == 0 {
					s.Reset(Cancel)
				}
				return nil
			}
			u := newUploader(connect(t, app, func(c *Config) {
				l := &c.Limits
				l.StreamWindow, l.ConnectionWindow, l.MaxRequestBodySize = bounded(stream), max(bounded(conn), defaultWindow), math.MaxInt64
				l.MaxStreamWindow, l.MaxConnectionWindow = bounded(mostStream), bounded(mostConn)
			}), time.Duration(random.IntN(100))*step)
			u.deaf = random.IntN(4) == 0
			for range 200 {
				if len(u.streams) < 20 && random.IntN(5) == 0 {
					u.post("/", int64(random.IntN(3))*int64(random.IntN(1<<20))-1)
				}
				u.rate = 1 + random.IntN(1<<random.IntN(18))
				u.pad = uint8(random.IntN(2) * random.IntN(256))
				u.step()
			}
			s := u.post("/stuck", 0)
			u.rate = 1
			u.run(time.Second, func() bool { return len(u.up) == 0 && len(u.down) == 0 })
			u.exceed(s)
			pause(time.Minute)
			u.wantOver(Close)
		})
	})
}

// exceed sends a byte more than a window has.
func (u *uploader) exceed(s *upload) {
	u.t.Helper()
	for beyond := false; !beyond; { // the connection's window may be refilled meanwhile, with what was read before
		u.conn.mu.Lock()
		n := min(u.conn.recvWindow, u.conn.streams.get(s.id).recvWindow) + 1
		u.conn.mu.Unlock()
		beyond = n <= minFrameSize
		u.send(aFrame(frameData, 0, s.id, content[:min(n, minFrameSize)]))
	}
	u.wantEvents("a byte too many", "failed: "+errWindowExceeded.Error()+" (flow_control_window_exceeded)")
}
