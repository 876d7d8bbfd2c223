package fasthttp

import (
	"bufio"
	"io"
	"net"
	"sync"
)

// listener makes every connection a conn and enters it into conns.
type listener struct {
	net.Listener
	conns *sync.Map
}

func (l listener) Accept() (net.Conn, error) {
	inner, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := &conn{inner, l.conns}
	l.conns.Store(c, nil)
	return c, nil
}

// conn is a connection that can be closed by Stop. Its end is never an expected one: fasthttp takes a body that breaks
// off between two chunks for a whole one when it meets io.EOF there.
type conn struct {
	net.Conn
	conns *sync.Map
}

func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

func (c *conn) Close() error {
	c.conns.Delete(c)
	return c.Conn.Close()
}

// body is a request's body that knows whether it was read to its end.
type body struct {
	stream io.Reader
	ended  bool
}

func (b *body) Read(p []byte) (int, error) {
	if b.ended {
		return 0, io.EOF
	}
	n, err := b.stream.Read(p)
	b.ended = err == io.EOF
	return n, err
}

// stream is a response's body as fasthttp reads it.
type stream struct {
	*io.PipeReader
	done chan struct{} // closed when the application has returned
}

// WriteTo is what fasthttp calls for a body of known length. Without it nothing would be sent before a buffer is full.
func (s stream) WriteTo(w io.Writer) (n int64, err error) {
	for buf := make([]byte, 4096); ; {
		k, err := s.Read(buf)
		n += int64(k)
		w.Write(buf[:k]) // Flush returns its error
		if flushErr := w.(*bufio.Writer).Flush(); flushErr != nil {
			return n, flushErr
		}
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
}

// Close waits for the application: fasthttp recycles what it uses.
func (s stream) Close() error {
	err := s.PipeReader.Close()
	<-s.done
	return err
}
