package http3

import (
	"errors"
	"io"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lannerhq/lanner/internal/httpcommon"
)

func bubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, f)
}

func TestAHeadThatIsLateIsAnswered408(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, say("ok"), nil)
		head := aHead("GET", "/")
		s := r.open(false, head[:10])
		r.want("another request: it is not held up", r.seizing(r.open(true, head)), "200 ok")
		r.tick(31)
		if s.outEnded {
			t.Fatal("it was answered within its time")
		}
		r.tick(1)
		r.want("the head that does not come", s, "408")
		r.want("the connection goes on", r.open(true, head), "200 ok")
	})
}

// seizing lets another goroutine lead, as the owner does when the leader does not come on.
func (r *rig) seizing(s *memStream) *memStream {
	synctest.Wait()
	r.conn.Seize(r.conn.Turn())
	return s
}

func TestABodyThatIsTooSlowIsAnswered408(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, func(s *Stream) error {
			_, err := io.ReadAll(s.Request().Body())
			return err
		}, func(c *Config) { c.RequestRate = &Rate{BytesPerSecond: 240, Grace: 5 * time.Second} })
		s := r.open(false, aHead("POST", "/"), aData("begin"))
		quick := r.open(false, aHead("POST", "/"), aData(string(make([]byte, 240*20))))
		synctest.Wait()
		r.tick(5)
		synctest.Wait()
		if s.outEnded {
			t.Fatal("it was answered within the grace period")
		}
		r.tick(1)
		r.want("five bytes in six seconds", s, "408")
		r.tick(10)
		quick.change(func() { quick.inEnded = true })
		r.want("the other one had sent enough", quick, "200")
	})
}

func TestAResponseThatIsTakenTooSlowlyIsReset(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var got error
		r := newRig(t, func(s *Stream) error {
			_, got = s.Response().Write(make([]byte, 100<<10))
			return got
		}, func(c *Config) { c.ResponseRate = &Rate{BytesPerSecond: 64 << 10, Grace: 5 * time.Second} })
		s := r.quic.newStream()
		s.in, s.inEnded, s.full = aHead("GET", "/"), true, true
		r.quic.streams <- s
		synctest.Wait()
		r.tick(6)
		if s.reset != nil {
			t.Fatal("it was reset within the grace period")
		}
		r.tick(1)
		r.want("nothing was taken", s, "H3_INTERNAL_ERROR")
		synctest.Wait()
		if !errors.Is(got, httpcommon.ErrResponseTooSlow) {
			t.Errorf("the handler is told %v", got)
		}
	})
}

func TestAConnectionWithoutARequestEnds(t *testing.T) {
	bubble(t, func(t *testing.T) {
		release := make(chan struct{})
		r := newRig(t, func(*Stream) error { <-release; return nil }, nil)
		s := r.open(true, aHead("GET", "/"))
		synctest.Wait()
		r.tick(200)
		if r.quic.isClosed() {
			t.Fatal("it ended while a request ran")
		}
		close(release)
		r.want("the request", s, "200")
		synctest.Wait()
		r.tick(130)
		if r.quic.isClosed() {
			t.Fatal("it ended within KeepAliveTimeout")
		}
		r.tick(1)
		<-r.done
		if r.quic.code != NoError {
			t.Errorf("it ended with %v", r.quic.code)
		}
	})
}

func TestUnsafeRequestsInEarlyDataAre425(t *testing.T) {
	bubble(t, func(t *testing.T) {
		tell := func(s *Stream) error { return say(s.Request().Header().Get("Early-Data"))(s) }
		r := newRig(t, tell, nil)
		r.quic.early = true
		r.want("a safe one", r.open(true, aHead("GET", "/")), "200 1")
		r.want("an unsafe one", r.open(true, aHead("POST", "/")), "425")
		r.conn.cfg.EarlyData = EarlyAll
		r.want("an unsafe one, where the application sees to it", r.open(true, aHead("DELETE", "/")), "200 1")
		r.quic.early = false
		r.want("one that only says so", r.open(true, aHead("POST", "/", "early-data", "1")), "200")
	})
}

func TestAHandlerThatTakesLongLosesTheLead(t *testing.T) {
	bubble(t, func(t *testing.T) {
		release := make(chan struct{})
		var seized bool
		r := newRig(t, func(s *Stream) error {
			if s.Request().Path() == "/slow" {
				<-release
				seized = s.Seized()
			}
			return say("ok")(s)
		}, nil)
		slow := r.open(true, aHead("GET", "/slow"))
		next := r.open(true, aHead("GET", "/"))
		synctest.Wait()
		if next.outEnded || r.conn.Turn()%2 == 0 {
			t.Fatal("the handler did not run on the leader's goroutine")
		}
		stale := r.conn.Turn()
		r.want("the next request", r.seizing(next), "200 ok")
		r.conn.Seize(stale) // has no effect any more
		close(release)
		r.want("the slow one", slow, "200 ok")
		if !seized {
			t.Error("the slow handler does not know that it was")
		}
	})
}

func TestAnswersOfQuickRequestsLeaveTogether(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var r *rig
		var first *memStream
		var ready sync.WaitGroup
		ready.Add(1)
		waits := false
		r = newRig(t, func(s *Stream) error {
			ready.Wait()
			if s.Request().Path() == "/2" {
				first.mu.Lock()
				waits = len(first.out) == 0
				first.mu.Unlock()
			}
			return say("ok")(s)
		}, nil)
		first = r.open(true, aHead("GET", "/1"))
		second := r.open(true, aHead("GET", "/2"))
		ready.Done()
		r.want("the first", first, "200 ok")
		r.want("the second", second, "200 ok")
		if !waits {
			t.Error("the first answer did not wait for the second")
		}
	})
}

func TestAnAnswerThatWouldWaitHoldsUpNobody(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, say("ok"), nil)
		stuck := r.quic.newStream()
		stuck.in, stuck.inEnded, stuck.full = aHead("GET", "/"), true, true
		r.quic.streams <- stuck
		r.want("the next request", r.open(true, aHead("GET", "/")), "200 ok")
		stuck.change(func() { stuck.full = false })
		r.want("the one that waited", stuck, "200 ok")
	})
}

func TestAHandlerThatEndsItsGoroutineCostsItsStream(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, func(s *Stream) error {
			if s.Request().Path() == "/exit" {
				runtime.Goexit()
			}
			return say("ok")(s)
		}, nil)
		for _, elsewhere := range []bool{false, true} {
			r.elsewhere = elsewhere
			r.want("it", r.open(true, aHead("GET", "/exit")), "H3_INTERNAL_ERROR")
			r.want("the next request", r.open(true, aHead("GET", "/")), "200 ok")
			synctest.Wait()
		}
	})
}

func TestDrainEndsWithTheLastRequest(t *testing.T) {
	bubble(t, func(t *testing.T) {
		release := make(chan struct{})
		r := newRig(t, func(s *Stream) error {
			if s.Request().Path() == "/slow" {
				<-release
			}
			return say("ok")(s)
		}, nil)
		r.elsewhere = true
		slow := r.open(true, aHead("GET", "/slow"))
		synctest.Wait()
		r.conn.Drain()
		synctest.Wait()
		r.want("one on its way is served", r.open(true, aHead("GET", "/")), "200 ok")
		r.tick(1) // it may come just behind Drain: as where the tick itself has found the connection too old
		synctest.Wait()
		r.want("one that is slower is served, too", r.open(true, aHead("GET", "/")), "200 ok")
		r.tick(1)
		synctest.Wait()
		r.want("one behind the second GOAWAY is not", r.open(true, aHead("GET", "/")), "H3_REQUEST_REJECTED")
		close(release)
		r.want("the running one", slow, "200 ok")
		<-r.done
		if r.quic.code != NoError {
			t.Errorf("it ended with %v", r.quic.code)
		}
	})
}

func TestARequestDoesNotAllocate(t *testing.T) {
	cfg := &Config{Scheme: "https", Date: func() string { return "Sun, 06 Nov 1994 08:49:37 GMT" }, Limits: Limits{
		MaxFieldSize: 32768, MaxRequestLineSize: 8192, MaxRequestHeadersTotalSize: 32768, MaxRequestHeaderCount: 100, MaxResponseBufferSize: 64 << 10,
	}}
	o := &owner{}
	hello := []byte("Hello, World!")
	o.rig.serve = func(s *Stream) error {
		s.Response().Header().Add("Content-Type", "text/plain")
		_, err := s.Response().Write(hello)
		return err
	}
	c := NewConn(cfg, newMemConn(), o, 0)
	defer c.quic.Close(NoError, "")
	head := aHead("GET", "/plaintext?a=b", "user-agent", "test", "accept", "*/*")
	q := &onceStream{head: head}
	one := func() {
		q.read, q.wrote = false, 0
		if !c.accept(q) || len(c.pending) != 1 {
			t.Fatal("it did not run on the leader's goroutine")
		}
		c.flush()
		if q.wrote == 0 {
			t.Fatal("it was not answered")
		}
	}
	one()
	if n := testing.AllocsPerRun(100, one); n > 0 {
		t.Errorf("a request allocates %v objects", n)
	}
}

// owner keeps one stream.
type owner struct {
	rig
	kept *Stream
}

func (o *owner) NewStream() *Stream {
	if s := o.kept; s != nil {
		o.kept = nil
		return s
	}
	return new(Stream)
}

func (o *owner) Recycle(s *Stream) { o.kept = s }
func (o *owner) Ended(*Stream)     {}

// onceStream is a request that is there as a whole.
type onceStream struct {
	memStream
	head  []byte
	read  bool
	wrote int
}

func (q *onceStream) Read(p []byte) (int, error) {
	if q.read {
		return 0, io.EOF
	}
	q.read = true
	return copy(p, q.head), io.EOF
}

func (q *onceStream) TryWrite(p []byte) error { q.wrote += len(p); return nil }
func (q *onceStream) Close() error            { return nil }
func (q *onceStream) CancelRead(ErrCode)      {}
