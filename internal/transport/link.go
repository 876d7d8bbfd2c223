package transport

import (
	"io"
	"net"
	"syscall"
	"time"
)

// Link is a connection as the owner of an engine sees it, whatever transport carries it.
type Link interface {
	// Read reads at least one byte.
	Read(p []byte) (int, error)
	// Writev writes a and then b.
	Writev(a, b []byte) error
	// SendFrom writes n bytes from r without copying them through user space; false when it cannot and has written nothing.
	SendFrom(r io.Reader, n int64) (int64, bool, error)

	// SetTimeout arms the one deadline, Expired is the reason of one that has passed. Rates and BodyRead: see Conn.
	SetTimeout(reason uint8, d time.Duration)
	Expired() uint8
	BodyRead(on bool)
	SetRates(*Rates)
	Rates() *Rates
	// Measured is what was measured of a read or write that was too slow; nil when none was.
	Measured() *Measure
	SetReadDeadline(t time.Time) error
	SetWriteDeadline(t time.Time) error
	ClearDeadlines()

	// Watch calls fn once when the peer goes away, until Unwatch.
	Watch(fn func(error))
	Unwatch()
	// Interrupt ends a wait between requests. It is safe from any goroutine.
	Interrupt()

	LocalAddr() net.Addr
	RemoteAddr() net.Addr

	// SyscallConn gives access to the descriptor, while the connection is open.
	SyscallConn() (syscall.RawConn, error)
	// Share says that another process holds a copy of the connection.
	Share()
	// Close, CloseLingering and Abort end the connection; Sever does from any goroutine, before one of them.
	Close()
	CloseLingering()
	Abort()
	Sever()
	// Cut makes reads and writes fail from now on, from any goroutine; the owner still has to Abort.
	Cut()
	// Detach hands the connection below to the caller, with bytes read from it.
	Detach() (nc net.Conn, first []byte)
}

// Inline is what a connection on an event loop has besides: its owner runs on the loop, and gives it up before it blocks.
// One goroutine at a time runs it. TryWrite, NotifyWritable, Left and what is said to be for any goroutine may be called
// by others meanwhile.
type Inline interface {
	Link
	// TryRead reads without waiting; 0 and nil when there is nothing.
	TryRead(p []byte) (int, error)
	// Enter and Exit bracket a handler. Exit reports whether the loop was taken from it because it took long.
	Enter()
	Exit() (seized bool)
	// Leave gives the loop to another goroutine: what follows may block.
	Leave()
	// Left reports whether the connection is run by a goroutine that does not lead the loop: after Leave, or when the loop
	// was taken from it. It is safe from any goroutine, and true only until Attach.
	Left() bool
	// Attach says that the connection waits for bytes. The caller must not run it any more. After Leave, or when Left, any
	// goroutine may call it.
	Attach()

	// TryWrite writes what the socket takes now, without waiting; fewer bytes than len(p) and no error mean that it is full.
	// It is for any goroutine, but one at a time, also while the connection is attached. After Close it fails with
	// net.ErrClosed, otherwise as Writev does.
	TryWrite(p []byte) (n int, err error)
	// TryWritev is TryWrite for several buffers one after the other. They are not changed.
	TryWritev(bufs [][]byte) (n int, err error)
	// NotifyWritable asks for one Ready(Writable) when the socket takes bytes. It is safe from any goroutine at any time.
	// What is asked for while the connection runs is told after Attach; closing forgets it.
	NotifyWritable()
}

var _ Link = (*Conn)(nil)
