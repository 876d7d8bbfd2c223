package httpconn

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"runtime/debug"

	"github.com/lannerhq/lanner/internal/http1"
	"github.com/lannerhq/lanner/internal/transport"
)

// securing is a connection on the loop that makes its TLS handshake. It is the connection's owner until the conn is.
//
//	attached: waits for the ClientHello ──▶ off the loop: the handshake, on a goroutine ──▶ conn, on the loop again
//
// So a client that has said nothing costs no goroutine, and one that is slow costs one for HandshakeTimeout at most.
type securing struct {
	chain *chain
	link  *transport.TLSConn
}

// linkSocket is a connection on the loop as a chain's socket.
type linkSocket struct{ link transport.Link }

func (s linkSocket) LocalAddr() net.Addr  { return s.link.LocalAddr() }
func (s linkSocket) RemoteAddr() net.Addr { return s.link.RemoteAddr() }

// Close ends the connection from any goroutine; whoever runs it closes it.
func (s linkSocket) Close() error {
	s.link.Sever()
	return nil
}

// secureOnLoop makes the owner of a connection on the loop that begins with a handshake, or refuses it.
func (m *Manager) secureOnLoop(link transport.Inline, ep *Endpoint, opts Options) transport.Events {
	ch := m.newChain(linkSocket{link}, ep, opts)
	ch.users.Store(1)
	if reason := ch.place(); reason != "" {
		m.reject(ep, ch.id, ch.RemoteAddrText(), reason, opts.Tag, 0)
		return nil
	}
	ch.lifeBegins()
	s := &securing{chain: ch}
	s.link = transport.NewTLSConn(link, s)
	if d := ep.handshakeTime(); d > 0 {
		link.SetTimeout(http1.TimeoutHandshake, d)
	}
	if !ch.handshaking(true) { // drain may have looked before it was placed
		link.Sever()
	}
	return s.link
}

// left is called by the conn of a chain without a goroutine, and by what took that over, at their ends.
func (ch *chain) left() {
	if ch != nil && ch.ctx == nil && ch.users.Add(-1) == 0 {
		ch.end()
	}
}

// Ready implements transport.Events: the client has said something, has left, or is late.
func (s *securing) Ready(transport.Why) {
	s.link.Leave()
	if c := s.secured(); c != nil {
		c.Ready(transport.Readable) // its first request may have come with the end of the handshake
	}
}

// secured makes the handshake and returns who serves the connection from then on; nil when it is over.
func (s *securing) secured() (c *conn) {
	ch := s.chain
	over := false
	defer func() {
		if over {
			return
		}
		if v := recover(); v != nil { // in a function of the tls.Config
			ch.log(slog.LevelError, eventConnectionFailed, slog.Any("error", v), slog.String("stack", string(debug.Stack())))
		}
		s.link.Abort()
		ch.left()
	}()
	err := ch.secure(s.link, s.shake)
	over = true
	if err == nil {
		if c, err = s.serve(); err == nil {
			return c
		}
	}
	if errors.Is(err, errPlainHTTP) {
		if s.link.WritePlain([]byte(plainHTTPAnswer)) == nil {
			s.link.CloseLingering()
		}
	}
	s.link.Close()
	ch.left()
	return nil
}

// shake makes the handshake in its time.
func (s *securing) shake() error {
	gate := s.chain.m.handshakes
	err := s.link.Handshake(context.Background(), s.chain.endpoint.tlsConfig(gate), transport.Handshaking{Wait: gate.leave, GoOn: gate.enter, Heard: s.chain.hearing()})
	if err != nil && s.link.Expired() != 0 {
		return errHandshaking
	}
	return err
}

// serve makes the conn that serves the connection from now on. It may be over already: then it is nil.
func (s *securing) serve() (*conn, error) {
	ch := s.chain
	m, opts := ch.m, ch.takeOptions()
	opts.Features = &ch.features
	ch.secured.describe(&ch.features, &opts)
	ch.keepHello(&ch.features)
	c := m.newConn(s.link, ch.endpoint, opts)
	c.id, c.chain, c.inline = ch.id, ch, s.link
	if err := m.join(c, ch); err != nil {
		return nil, err
	}
	s.link.Become(c)
	c.lifeBegins()
	s.link.SetTimeout(http1.TimeoutKeepAlive, c.engine.http.Limits.KeepAliveTimeout)
	if c.muxed {
		x := c.newMux(opts.Prefix)
		if c.weak {
			x.close(x.http.Refuse())
			return nil, nil
		}
		return c, nil
	}
	if len(opts.Prefix) > 0 {
		c.begin()
		c.http.Preload(opts.Prefix)
		c.preloaded = true
	}
	if c.draining() { // Drain may have looked before it joined
		s.link.Interrupt()
	}
	return c, nil
}
