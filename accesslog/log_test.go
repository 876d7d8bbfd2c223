package accesslog

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestEntriesAreWrittenOneFlushIntervalAfterTheFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{}
		l := New(s, Options{Format: CLF})
		defer l.Close()
		time.Sleep(time.Hour) // an idle log
		for range 2 {
			l.Write(visit("/a"))
			time.Sleep(defaultFlushInterval / 2)
			l.Write(visit("/b"))
			time.Sleep(defaultFlushInterval/2 - time.Nanosecond)
			synctest.Wait()
			s.want(t, "just before", 0)
			time.Sleep(time.Nanosecond)
			synctest.Wait()
			s.want(t, "after the interval, in one call", 1, "/a", "/b")
			*s = sink{}
		}
	})
}

func TestAHalfFullBufferIsWrittenAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{}
		l := New(s, Options{Format: CLF, BufferSize: minBufferSize})
		defer l.Close()
		targets := visits((minBufferSize/2 + visitSize - 1) / visitSize)
		for i, target := range targets {
			synctest.Wait()
			if i == len(targets)-1 {
				s.want(t, "less than half full", 0)
			}
			l.Write(visit(target))
		}
		synctest.Wait()
		s.want(t, "half full, without a wait", 1, targets...)
	})
}

func TestANegativeIntervalWritesWithoutAWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{}
		l := New(s, Options{Format: CLF, FlushInterval: -1, Logger: quiet()})
		defer l.Close()
		l.Write(visit("/a"))
		synctest.Wait()
		s.want(t, "at once", 1, "/a")
		s.set(io.ErrShortWrite, 0)
		l.Write(visit("/b"))
		synctest.Wait()
		s.set(nil, 0)
		time.Sleep(time.Second)
		synctest.Wait()
		s.want(t, "a failed attempt is repeated after a second", 3, "/a", "/b")
	})
}

func TestFlushWritesWhatWasLoggedBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{}
		l := New(s, Options{Format: CLF, FlushInterval: time.Hour, Logger: quiet()})
		defer l.Close()
		if err := l.Flush(t.Context()); err != nil {
			t.Errorf("a flush of nothing fails: %v", err)
		}
		l.Write(visit("/a"))
		if err := l.Flush(t.Context()); err != nil {
			t.Error(err)
		}
		s.want(t, "after Flush", 1, "/a")
		s.set(io.ErrClosedPipe, 0)
		l.Write(visit("/b"))
		if err := l.Flush(t.Context()); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("Flush returns %v, want the writer's error", err)
		}
		s.set(nil, 0)
	})
}

func TestFlushWaitsNoLongerThanItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{block: make(chan struct{})}
		l := New(s, Options{Format: CLF})
		l.Write(visit("/a"))
		for _, why := range []string{"its own write is stuck", "the write of another is stuck"} {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			if err := l.Flush(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: Flush returns %v", why, err)
			}
			cancel()
		}
		close(s.block)
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		s.want(t, "nothing is lost", 1, "/a")
	})
}

func TestCloseWritesWhatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{}
		l := New(s, Options{Format: CLF})
		l.Write(visit("/a"))
		for range 2 {
			if err := l.Close(); err != nil {
				t.Error(err)
			}
		}
		s.want(t, "after Close", 1, "/a")
		l.Write(visit("/b"))
		if err := l.Flush(t.Context()); !errors.Is(err, ErrClosed) {
			t.Errorf("Flush after Close returns %v", err)
		}
		s.want(t, "an entry after Close", 1, "/a")
		if l.Dropped() != 1 {
			t.Errorf("%d entries are dropped, want the one after Close", l.Dropped())
		}
	})
}

func TestALineLongerThanTheBufferIsWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{}
		l := New(s, Options{Format: CLF, BufferSize: minBufferSize})
		long := "/" + strings.Repeat("\x00", 2*minBufferSize)
		for range 3 {
			l.Write(visit(long))
			if err := l.Flush(t.Context()); err != nil {
				t.Error(err)
			}
		}
		if err := l.Close(); err != nil || l.Dropped() != 0 {
			t.Errorf("Close returns %v, %d entries are dropped", err, l.Dropped())
		}
		escaped := "/" + strings.Repeat(`\x00`, 2*minBufferSize)
		s.want(t, "a client cannot hide by a long line", 3, escaped, escaped, escaped)
		if c := max(cap(l.front), cap(l.writer.batch)); c > 8*minBufferSize+visitSize*2 {
			t.Errorf("a buffer of %d bytes is kept", c)
		}
	})
}

func TestW3CBeginsWithItsDirectives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{}
		l := New(s, Options{Format: W3C})
		for range 2 {
			l.Write(typical())
			if err := l.Flush(t.Context()); err != nil {
				t.Error(err)
			}
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		line := string(W3C.Append(nil, typical()))
		if got, want := s.text(), "#Software: Lanner\n#Version: 1.0\n#Date: 2000-01-01 00:00:00\n#Fields: "+w3cFields+"\n"+line+line; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func TestManyGoroutinesWriteWholeLines(t *testing.T) {
	s := &sink{}
	l := New(s, Options{Format: CLF, BufferSize: minBufferSize, FlushInterval: time.Millisecond, Logger: quiet()})
	const writers, each = 8, 500
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			e := visit("/a")
			for i := range each {
				l.Write(e)
				if i%100 == 0 {
					if err := l.Flush(t.Context()); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	lines := int64(0)
	for line := range strings.Lines(s.text()) {
		if !clfLine.MatchString(line) {
			t.Fatalf("not a whole line: %q", line)
		}
		lines++
	}
	if lines+l.Dropped() != writers*each || lines == 0 {
		t.Errorf("%d lines and %d dropped, want %d together", lines, l.Dropped(), writers*each)
	}
}

func TestALoggedEntryCostsNoMemory(t *testing.T) {
	if raceBuild {
		t.Skip("the race detector makes sync.Pool forget")
	}
	l := New(io.Discard, Options{FlushInterval: time.Hour, Logger: quiet()})
	defer l.Close()
	e := typical()
	if n := testing.AllocsPerRun(100, func() { l.Write(e) }); n != 0 {
		t.Errorf("Write allocates %v times", n)
	}
}
