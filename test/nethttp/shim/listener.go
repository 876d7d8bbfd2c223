package shim

import (
	"errors"
	"net"
	"net/http"
	"sync"
)

// listener tells when it is over: http.Server.Serve returns then, and Kestrel's Start returned long before.
type listener struct {
	net.Listener
	done chan struct{}

	once sync.Once
	err  error // why it is over; set before done is closed
}

func newListener(l net.Listener) *listener { return &listener{Listener: l, done: make(chan struct{})} }

func (l *listener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err == nil {
		mu.Lock()
		accepted++
		mu.Unlock()
	}
	if err == nil || temporary(err) {
		return conn, err
	}
	l.end(err)
	return nil, net.ErrClosed // for Kestrel it is over, too
}

func (l *listener) Close() error {
	l.end(http.ErrServerClosed)
	return l.Listener.Close()
}

func (l *listener) end(err error) {
	l.once.Do(func() {
		l.err = err
		close(l.done)
	})
}

// cause is what Serve returns. It may be called when done is closed.
func (l *listener) cause() error { return l.err }

// temporary reports whether net/http would accept again after err.
func temporary(err error) bool {
	var ne interface{ Temporary() bool }
	return errors.As(err, &ne) && ne.Temporary()
}
