package httpconn

import (
	"net"
	"sync"
	"time"

	"github.com/lannerhq/lanner/internal/httpcommon"
	"github.com/lannerhq/lanner/internal/transport"
)

// FullPolicy says what becomes of a connection beyond MaxConnections.
type FullPolicy uint8

const (
	// FullClose closes it without a byte, as Kestrel does.
	FullClose FullPolicy = iota
	// FullReply answers 503 with Retry-After and closes it.
	FullReply
	// FullWait accepts no more until one has ended. A listener holds one connection meanwhile; the others wait in its backlog.
	FullWait
)

// maxReplies bounds the connections that are being answered 503 at once; beyond, they are closed.
const maxReplies = 128

// unplaced returns the network connection of c when it is to be turned away with an answer; nil else.
func (c *conn) unplaced(reason string) net.Conn {
	if reason != reasonFull || c.m.settings.Load().full != FullReply {
		return nil
	}
	nc, _ := c.transport.Detach()
	return nc
}

// turnAway ends a connection for which there is no place, and takes nc over. It returns the status that the client gets.
func (m *Manager) turnAway(nc net.Conn, ep *Endpoint) (status int) {
	if !m.reply(ep) {
		nc.Close()
		return 0
	}
	go func() {
		defer m.wg.Done()
		defer m.replies.Add(-1)
		nc.SetWriteDeadline(time.Now().Add(time.Second))
		t := transport.NewConn(nc, m.heartbeat, reasons)
		if t.Writev(m.unavailable(), nil) != nil {
			t.Close()
			return
		}
		t.CloseLingering() // its request is read and dropped: a reset would destroy the answer
	}()
	return 503
}

// reply takes one of the places for answers, if it is the policy and there is one.
func (m *Manager) reply(ep *Endpoint) bool {
	if m.settings.Load().full != FullReply || ep.Scheme == "https" {
		return false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed || m.replies.Load() >= maxReplies {
		return false
	}
	m.replies.Add(1)
	m.wg.Add(1)
	return true
}

func (m *Manager) unavailable() []byte {
	b := []byte("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\nRetry-After: 1\r\n")
	b = append(b, *m.date.Load()...)
	if s := m.settings.Load().serverHeader; s != "" {
		b = httpcommon.AppendField(b, "Server", s)
	}
	return append(b, "\r\n"...)
}

// listenWaiting serves the connections of a listener, and accepts none beyond one while there is no place.
func (m *Manager) listenWaiting(l net.Listener, ep *Endpoint, options func() Options) (stop func()) {
	var a transport.Acceptor
	a.Failed = m.cfg.AcceptFailed
	var once sync.Once
	stopped := make(chan struct{})
	a.Serve(l, func(nc net.Conn) {
		opts := options()
		if m.settings.Load().full == FullWait {
			if !m.awaitPlace(opts.endpoint(ep), stopped) {
				nc.Close()
				return
			}
			opts.placed = true
		}
		m.Serve(nc, ep, opts)
	})
	return func() {
		once.Do(func() { close(stopped) })
		l.Close()
		a.Wait()
	}
}

// awaitPlace waits for a place and takes it. It reports false when the listener, or the manager, has ended before.
func (m *Manager) awaitPlace(ep *Endpoint, stopped <-chan struct{}) bool {
	queued := false
	defer func() {
		if queued {
			m.recorder(ep).ConnectionDequeued()
		}
	}()
	for {
		m.mu.Lock()
		if m.changed == nil {
			m.changed = make(chan struct{})
		}
		changed, full := m.changed, !m.closed && over(m.open.Load(), m.settings.Load().maxConnections)
		placed := !full && m.placeLocked() == ""
		m.mu.Unlock()
		if !full {
			return placed
		}
		if !queued {
			queued = true
			m.recorder(ep).ConnectionQueued()
		}
		select {
		case <-changed:
		case <-stopped:
			return false
		}
	}
}
