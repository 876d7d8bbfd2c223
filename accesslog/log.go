package accesslog

import (
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"time"
)

// ErrClosed is what a Log's methods return after Close.
var ErrClosed = errors.New("the access log is closed")

// Options are the settings of a Log. The zero value works.
type Options struct {
	// Format is how entries are written. Zero means JSON.
	Format Format
	// BufferSize is how many bytes may wait to be written before entries are dropped. Twice as much is in use while a batch is
	// being written. Zero means 256 KiB; less than 4 KiB counts as 4 KiB.
	BufferSize int
	// FlushInterval is how long an entry waits at most before it is written, and the pause between two attempts to write after
	// one that failed. Zero means 1 s. Negative means no wait: entries are written as soon as the writer is free, and an attempt
	// is repeated after 1 s.
	FlushInterval time.Duration
	// Logger is told when writing fails, when it works again, and of dropped entries. Nil means slog.Default.
	Logger *slog.Logger
}

const (
	defaultBufferSize    = 256 << 10
	minBufferSize        = 4 << 10
	defaultFlushInterval = time.Second
)

func (o Options) bufferSize() int {
	return max(cmp.Or(o.BufferSize, defaultBufferSize), minBufferSize)
}

func (o Options) logger() *slog.Logger {
	if o.Logger == nil {
		return slog.Default()
	}
	return o.Logger
}

// Log takes entries and writes them in batches of whole lines. All methods may be called by many goroutines at once.
// A Log is made by [New] or [Open] and has a goroutine until Close.
//
// Nothing that happens to the writer stops or slows the server. While it fails, or is slower than entries come, they wait;
// when BufferSize bytes wait, entries are dropped and counted. A line that was written in part is completed by the next
// attempt, so that the log has whole lines only, in the order in which Write was called.
type Log struct {
	format Format
	size   int

	mu      sync.Mutex
	front   []byte // lines that wait, to be taken by the loop
	waiting int64  // how many
	dropped int64
	closed  bool

	begun chan struct{} // front is no longer empty
	half  chan struct{} // front is half full
	asks  chan ask
	stop  chan struct{} // closed by Close
	done  chan struct{} // closed by the loop at its end
	last  error         // of the loop; read it after done

	writer *writer // the loop's
}

// ask is what a goroutine wants of the loop.
type ask struct {
	reopen bool
	reply  chan<- error // has room for one
}

// New returns a Log that writes to w. Each call of w.Write has whole lines, unless it follows one that wrote less than it was
// given. w is used by one goroutine only, and is not closed by the Log. A w that blocks blocks Flush and Close with it, but
// not Write.
//
// A program whose standard output or error may be a pipe that somebody closes should ignore SIGPIPE (signal.Ignore), which
// else ends the program (see package os/signal); no writer can prevent that.
func New(w io.Writer, opts Options) *Log {
	return start(&writer{w: w, format: opts.Format, logger: opts.logger()}, opts)
}

func start(w *writer, opts Options) *Log {
	l := &Log{
		format: opts.Format, size: opts.bufferSize(), writer: w,
		begun: make(chan struct{}, 1), half: make(chan struct{}, 1), asks: make(chan ask),
		stop: make(chan struct{}), done: make(chan struct{}),
	}
	l.front = make([]byte, 0, l.size)
	w.begin(time.Now())
	go l.loop(cmp.Or(opts.FlushInterval, defaultFlushInterval))
	return l
}

// scratch is where a line is made before the lock is taken.
type scratch struct{ b []byte }

// keepScratch is the largest line whose memory is used again.
const keepScratch = 16 << 10

var scratches = sync.Pool{New: func() any { return &scratch{make([]byte, 0, 1<<10)} }}

// Write logs e. It does not wait for the writer: beyond BufferSize waiting bytes, and after Close, it drops the entry and
// counts it. A line is never too long: one more is always taken while there is room for a byte.
func (l *Log) Write(e *Entry) {
	s := scratches.Get().(*scratch)
	s.b = l.format.Append(s.b[:0], e)
	begun, half := l.add(s.b)
	if cap(s.b) <= keepScratch {
		scratches.Put(s)
	}
	if begun {
		notify(l.begun)
	}
	if half {
		notify(l.half)
	}
}

// add makes a line wait. It reports whether it is the first, and whether it filled half of the room.
func (l *Log) add(line []byte) (begun, half bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	before := len(l.front)
	if l.closed || before >= l.size {
		l.dropped++
		return false, false
	}
	l.front = append(l.front, line...)
	l.waiting++
	return before == 0, before < l.size/2 && len(l.front) >= l.size/2
}

func notify(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Dropped returns how many entries have been dropped since the Log was made.
func (l *Log) Dropped() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.dropped
}

// Flush writes everything that was logged before the call. Its error is the writer's, ctx's, or ErrClosed. When it fails, the
// entries wait on.
func (l *Log) Flush(ctx context.Context) error { return l.ask(ctx, false) }

func (l *Log) ask(ctx context.Context, reopen bool) error {
	reply := make(chan error, 1)
	select {
	case l.asks <- ask{reopen, reply}:
	case <-l.done:
		return ErrClosed
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	select {
	case err := <-reply:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Close writes what waits, once, waits for that, and closes the file of [Open]. What could not be written is dropped and
// counted, and the error says why. Closing again waits and returns the same.
func (l *Log) Close() error {
	l.mu.Lock()
	first := !l.closed
	l.closed = true
	l.mu.Unlock()
	if first {
		close(l.stop)
	}
	<-l.done
	return l.last
}
