package connection

import (
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/lannerhq/lanner/server"
)

// MaxPeek is how much Peek can look ahead, in bytes.
const MaxPeek = 128 << 10

// firstRead is how much Peek reads for at least.
const firstRead = 512

// ErrPeekTooLong is returned by Peek for more than MaxPeek bytes.
var ErrPeekTooLong = errors.New("connection: cannot look that far ahead")

// Conn is a connection on its way to HTTP. The embedded connection is the one below: read and write through Conn, which
// knows what has been peeked, and do not replace it (see With).
//
// As of any net.Conn, its methods may be called from several goroutines, except that Read, Peek and Detach are for one at a
// time. A Conn implements neither syscall.Conn nor io.ReaderFrom, so that nothing gets past what is wrapped around it.
type Conn struct {
	net.Conn
	features *server.Features
	ahead    []byte // peeked and not read
}

// New returns a connection with these features. It is for servers, and for tests of middleware, which give no features:
// nil makes a collection with a server.ConnectionFeature that has nc's addresses and nothing else.
func New(nc net.Conn, features *server.Features) *Conn {
	if features == nil {
		features = server.NewFeatures(nil)
		server.Set[server.ConnectionFeature](features, addresses{nc})
	}
	return &Conn{Conn: nc, features: features}
}

// addresses is all that is known of a connection that no server accepted.
type addresses struct{ net.Conn }

func (addresses) ConnectionID() string { return "" }
func (addresses) EndpointName() string { return "" }
func (a addresses) RemoteAddrText() string {
	if addr := a.RemoteAddr(); addr != nil {
		return addr.String()
	}
	return ""
}

// Features are what every request of this connection falls back to. A middleware sets features here, before it calls next.
//
// Of those that the server makes itself for each request only server.ConnectionFeature can be replaced here: one that is
// set is what requests find, and whose remote address they are logged with. Before next, the server's own is found here.
func (c *Conn) Features() *server.Features { return c.features }

// ID is the connection's, unique in this process, as logs show it; "" on one without a server.ConnectionFeature.
func (c *Conn) ID() string {
	if f, ok := server.Get[server.ConnectionFeature](c.features); ok {
		return f.ConnectionID()
	}
	return ""
}

// With returns the same connection carried by nc, which is to be given to next. nc reads and writes through c: bytes that
// were peeked come out of c's Read.
//
//	return next(ctx, c.With(&counted{Conn: c}))
//
// nc passes deadlines on, since the server interrupts waits by them; its Close closes c.
func (c *Conn) With(nc net.Conn) *Conn { return &Conn{Conn: nc, features: c.features} }

// Read reads what has been peeked, then from the connection.
func (c *Conn) Read(p []byte) (int, error) {
	if len(c.ahead) == 0 {
		return c.Conn.Read(p)
	}
	n := copy(p, c.ahead)
	c.ahead = c.ahead[n:]
	return n, nil
}

// Peek returns the next n bytes without taking them; they are valid until the next Read or Peek. It reads until there are as
// many, and may read more, see Buffered. With an error, which is io.EOF at the end, it returns those that there are.
func (c *Conn) Peek(n int) ([]byte, error) {
	if n < 0 || n > MaxPeek {
		return nil, fmt.Errorf("%w: Peek(%d), the bound is %d bytes", ErrPeekTooLong, n, MaxPeek)
	}
	if n > cap(c.ahead) {
		c.ahead = append(make([]byte, 0, max(n, firstRead)), c.ahead...)
	}
	for empty := 0; len(c.ahead) < n; {
		have := len(c.ahead)
		m, err := c.Conn.Read(c.ahead[have:cap(c.ahead)])
		c.ahead = c.ahead[:have+m]
		if err != nil && len(c.ahead) < n {
			return c.ahead, err
		}
		if m > 0 {
			empty = 0
		} else if empty++; empty == 100 { // as bufio
			return c.ahead, io.ErrNoProgress
		}
	}
	return c.ahead[:n:n], nil
}

// Buffered is how many bytes Peek can return without reading.
func (c *Conn) Buffered() int { return len(c.ahead) }

// Discard takes n bytes, of those that are Buffered.
func (c *Conn) Discard(n int) { c.ahead = c.ahead[n:] }

// CloseWrite ends the sending side; errors.ErrUnsupported where the connection below has no sides.
func (c *Conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

// Detach takes the connection out of c and all Conns directly below, with the bytes that were peeked and not read. It is for
// servers; c must not be used afterwards.
func (c *Conn) Detach() (nc net.Conn, ahead []byte) {
	nc, ahead = c.Conn, c.ahead
	for {
		below, ok := nc.(*Conn)
		if !ok {
			return nc, ahead
		}
		nc, ahead = below.Conn, append(ahead[:len(ahead):len(ahead)], below.ahead...)
	}
}
