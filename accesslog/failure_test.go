package accesslog

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func TestAWriterThatIsStuckStopsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		logger, told := newJournal()
		s := &sink{block: make(chan struct{})}
		l := New(s, Options{Format: CLF, BufferSize: minBufferSize, FlushInterval: -1, Logger: logger})
		l.Write(visit("/first"))
		synctest.Wait() // it is being written
		targets := visits(200)
		for _, target := range targets {
			l.Write(visit(target))
		}
		fit := (minBufferSize + visitSize - 1) / visitSize
		if got, want := l.Dropped(), int64(len(targets)-fit); got != want {
			t.Errorf("%d entries are dropped, want %d", got, want)
		}
		told.want(t)
		close(s.block)
		synctest.Wait()
		s.want(t, "what was not dropped is written", 2, append([]string{"/first"}, targets[:fit]...)...)
		told.want(t, fmt.Sprintf("WARN %s dropped=%d", eventEntriesDropped, len(targets)-fit))
		l.Write(visit("/last"))
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		s.want(t, "the log goes on", 3, append(append([]string{"/first"}, targets[:fit]...), "/last")...)
	})
}

func TestAFullDiskLosesNothingWhileThereIsRoomInMemory(t *testing.T) {
	for cut := range 3 * visitSize {
		synctest.Test(t, func(t *testing.T) {
			logger, told := newJournal()
			s := &sink{err: syscall.ENOSPC, room: cut}
			l := New(s, Options{Format: CLF, Logger: logger})
			targets := visits(6)
			for _, target := range targets[:3] {
				l.Write(visit(target))
			}
			time.Sleep(defaultFlushInterval) // the first attempt
			for _, target := range targets[3:] {
				l.Write(visit(target))
			}
			time.Sleep(10 * defaultFlushInterval)
			synctest.Wait()
			told.want(t, "WARN "+eventWriteFailed)
			s.set(nil, 0)
			time.Sleep(defaultFlushInterval)
			synctest.Wait()
			wantTargets(t, "all lines are whole and in order", s.text(), targets...)
			told.want(t, "WARN "+eventWriteFailed, "INFO "+eventWriteRecovered+" dropped=0")
			if err := l.Close(); err != nil || l.Dropped() != 0 {
				t.Errorf("Close returns %v, %d entries are dropped", err, l.Dropped())
			}
		})
	}
}

func TestDroppedEntriesAreToldWhenTheDiskHasRoomAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		logger, told := newJournal()
		s := &sink{err: syscall.ENOSPC}
		l := New(s, Options{Format: CLF, BufferSize: minBufferSize, Logger: logger})
		l.Write(visit("/a"))
		time.Sleep(defaultFlushInterval)
		synctest.Wait()
		for l.Dropped() < 7 {
			l.Write(visit("/b"))
		}
		s.set(nil, 0)
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		told.want(t, "WARN "+eventWriteFailed, "INFO "+eventWriteRecovered+" dropped=7")
	})
}

func TestCloseCountsWhatItCannotWrite(t *testing.T) {
	for _, room := range []int{0, 1, visitSize} {
		synctest.Test(t, func(t *testing.T) {
			s := &sink{err: syscall.ENOSPC, room: room}
			l := New(s, Options{Format: CLF, Logger: quiet()})
			for _, target := range visits(3) {
				l.Write(visit(target))
			}
			if err := l.Flush(t.Context()); !errors.Is(err, syscall.ENOSPC) {
				t.Errorf("Flush returns %v", err)
			}
			l.Write(visit("/more"))
			if err := l.Close(); !errors.Is(err, syscall.ENOSPC) {
				t.Errorf("Close returns %v", err)
			}
			want := int64(4)
			if room == visitSize {
				want = 3
			}
			if l.Dropped() != want {
				t.Errorf("with room for %d bytes %d entries are dropped, want %d", room, l.Dropped(), want)
			}
		})
	}
}

func TestTheDirectivesOfW3CAreNoEntries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(&sink{err: syscall.ENOSPC}, Options{Format: W3C, Logger: quiet()})
		l.Write(typical())
		if err := l.Close(); !errors.Is(err, syscall.ENOSPC) || l.Dropped() != 1 {
			t.Errorf("Close returns %v, %d entries are dropped, want 1", err, l.Dropped())
		}
	})
}

func TestAPipeWhoseReaderHasLeftStopsNobody(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	r.Close()
	l := New(w, Options{Format: CLF, BufferSize: minBufferSize, Logger: quiet()})
	for range 1000 {
		l.Write(visit("/a"))
	}
	if err := l.Flush(t.Context()); err == nil {
		t.Error("Flush succeeds")
	}
	if err := l.Close(); err == nil {
		t.Error("Close succeeds")
	}
	if l.Dropped() != 1000 {
		t.Errorf("%d entries are dropped, want all", l.Dropped())
	}
}

// liar says that it wrote a number of bytes that cannot be.
type liar struct{ n int }

func (l liar) Write(p []byte) (int, error) { return l.n, nil }

func TestAWriterThatMiscountsIsAFailure(t *testing.T) {
	for _, tt := range []struct {
		n    int
		want error
		why  string
	}{
		{-1, io.ErrShortWrite, "fewer than none"},
		{1, io.ErrShortWrite, "io.Writer demands an error with less than all"},
		{1 << 20, nil, "more than all is all"},
	} {
		synctest.Test(t, func(t *testing.T) {
			l := New(liar{tt.n}, Options{Format: CLF, Logger: quiet()})
			l.Write(visit("/a"))
			if err := l.Close(); !errors.Is(err, tt.want) {
				t.Errorf("Close returns %v, want %v: %s", err, tt.want, tt.why)
			}
		})
	}
}
