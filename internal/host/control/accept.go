package control

import (
	"net"
	"sync"
)

// maxConnections bounds the memory that clients of the API can take; more wait in the queue of the socket.
const maxConnections = 64

// limitedListener accepts at most so many connections at a time as slots has room for, and learns who connects.
type limitedListener struct {
	*net.UnixListener
	slots  chan struct{}
	closed chan struct{}
	once   sync.Once
}

func newLimitedListener(l *net.UnixListener, n int) *limitedListener {
	return &limitedListener{UnixListener: l, slots: make(chan struct{}, n), closed: make(chan struct{})}
}

// Accept waits for a slot and a connection.
func (l *limitedListener) Accept() (net.Conn, error) {
	select {
	case l.slots <- struct{}{}:
	case <-l.closed:
		return nil, net.ErrClosed
	}
	conn, err := l.AcceptUnix()
	if err != nil {
		<-l.slots
		return nil, err
	}
	who, err := readPeer(conn)
	if err != nil { // it has gone already; a peer that is known and nobody is let in nowhere
		who = peer{known: true, uid: -1, pid: -1}
	}
	return &limitedConn{UnixConn: conn, peer: who, release: sync.OnceFunc(func() { <-l.slots })}, nil
}

// Close ends a waiting Accept.
func (l *limitedListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.UnixListener.Close()
}

type limitedConn struct {
	*net.UnixConn
	peer    peer
	release func()
}

func (c *limitedConn) Close() error {
	err := c.UnixConn.Close()
	c.release()
	return err
}
