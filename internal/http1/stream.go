package http1

import (
	"io"
	"time"
)

// Reasons for which a Stream's deadline was set. They are opaque to the transport.
const (
	TimeoutNone uint8 = iota
	TimeoutKeepAlive
	TimeoutRequestHeaders
	TimeoutDrain
	TimeoutRequestBodyRate
	TimeoutResponseRate
	TimeoutHandshake
)

// Stream is what the engine needs of a connection. Reads come from one goroutine at a time, writes from one at a time;
// the two may be different ones while a request runs. All else comes from the goroutine that runs Process, or while it
// is in Handler.Serve.
type Stream interface {
	// Read blocks until there is at least one byte, the end, or an error.
	Read(p []byte) (int, error)
	// Writev writes a and then b, whole, in one system call where it can. Either may be empty. Neither is kept.
	Writev(a, b []byte) error
	// SendFrom writes n bytes from r without copying them through user space; it reports false, having written nothing,
	// when it cannot.
	SendFrom(r io.Reader, n int64) (written int64, ok bool, err error)
	// SetTimeout arms the connection's one deadline: after d, Read fails and Expired tells the reason. It replaces what
	// was armed before; 0 disarms.
	SetTimeout(reason uint8, d time.Duration)
	// Expired is the reason of the deadline that has passed, or TimeoutNone.
	Expired() uint8
	// BodyRead says that a read which now begins waits for a request body (true), or that it ended (false): the
	// transport measures the request's data rate meanwhile.
	BodyRead(on bool)
	// Watch begins to look for the client's going away, and returns at once. fn is called once, on any goroutine but the
	// caller's, when it does. It lasts until Unwatch, after which fn is not called; Read is not called between the two.
	Watch(fn func(error))
	Unwatch()
}
