package http3

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quic-go/quic-go"

	"github.com/lannerhq/lanner/internal/http3"
	"github.com/lannerhq/lanner/internal/httpcommon"
	"github.com/lannerhq/lanner/internal/httpconn"
	"github.com/lannerhq/lanner/kestrel"
)

// quicServer is what kestrel listens by.
type quicServer struct{ opts Options }

// Validate implements kestrel.HTTP3.
func (s *quicServer) Validate() error { return s.opts.validate() }

// EarlyDataAll implements kestrel.HTTP3.
func (s *quicServer) EarlyDataAll() bool { return s.opts.EarlyData == EarlyDataAll }

// Listen implements kestrel.HTTP3. The socket is quic-go's as it is: a *net.UDPConn gets segmentation offload, ECN and batches where the
// kernel has them.
func (s *quicServer) Listen(socket net.PacketConn, h kestrel.HTTP3Handler) (kestrel.HTTP3Listener, error) {
	l := &listener{handler: h, early: s.opts.EarlyData != EarlyDataOff}
	l.transport = &quic.Transport{
		Conn: socket, ConnContext: l.connecting, VerifySourceAddress: func(net.Addr) bool {
			return s.opts.MaxHandshakes < 0 || h.Full() || l.handshakes.Load() >= int64(orDefault(s.opts.MaxHandshakes, defaultMaxHandshakes))
		},
	}
	secure := &tls.Config{GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) { return chosen(h.TLS(), hello) }}
	cfg := s.opts.quic()
	cfg.GetConfigForClient = func(*quic.ClientInfo) (*quic.Config, error) { // the time may have changed by a reload
		own := *cfg
		own.HandshakeIdleTimeout = handshakeIdleTimeout(h.HandshakeTimeout())
		return &own, nil
	}
	var err error
	if l.early {
		var early *quic.EarlyListener
		if early, err = l.transport.ListenEarly(secure, cfg); err == nil {
			l.accepting, l.end = early.Accept, early.Close
		}
	} else {
		var late *quic.Listener
		if late, err = l.transport.Listen(secure, cfg); err == nil {
			l.accepting, l.end = late.Accept, late.Close
		}
	}
	if err != nil {
		l.transport.Close()
		return nil, err
	}
	l.wg.Go(l.accept)
	return l, nil
}

// handshakeIdleTimeout is the half of what a whole handshake may take: quic-go ends one that is silent for it, or takes twice as long.
func handshakeIdleTimeout(d time.Duration) time.Duration {
	if d <= 0 {
		return 24 * time.Hour // no limit: 0 would be quic-go's own
	}
	return max(d/2, 1)
}

// chosen is the configuration by which a client is served: package tls asks once, so that the endpoint's own choice, by name or of a certificate
// that is read again, has to be made here.
func chosen(cfg *tls.Config, hello *tls.ClientHelloInfo) (*tls.Config, error) {
	if choose := cfg.GetConfigForClient; choose != nil {
		if own, err := choose(hello); own != nil || err != nil {
			return own, err
		}
	}
	return cfg, nil
}

// listener accepts the connections of one socket.
type listener struct {
	handler    kestrel.HTTP3Handler
	transport  *quic.Transport
	early      bool
	accepting  func(context.Context) (*quic.Conn, error)
	end        func() error
	handshakes atomic.Int64
	closed     atomic.Bool
	wg         sync.WaitGroup // of accept, and handshakes that it awaits
}

// connecting is asked when a client begins a handshake, which is refused where the connection would be.
func (l *listener) connecting(ctx context.Context, client *quic.ClientInfo) (context.Context, error) {
	begun := l.handler.Begin(client.RemoteAddr)
	if begun == nil {
		return nil, errFull
	}
	l.handshakes.Add(1)
	h := &handshake{listener: l, begun: begun}
	ctx = context.WithValue(ctx, handshakeKey{}, h)
	context.AfterFunc(ctx, func() { h.connectionOver(context.Cause(ctx)) })
	return ctx, nil
}

// handshake is one that is under way, until end.
type handshake struct {
	listener *listener
	begun    *httpconn.QUICHandshake
	once     sync.Once
}

type handshakeKey struct{}

// connectionOver ends a handshake of which nothing came. A connection that its client has closed as an application does (RFC 9000 §10.2) was
// made: accept gets it, and tells.
func (h *handshake) connectionOver(cause error) {
	var closed *quic.ApplicationError
	if !errors.As(cause, &closed) {
		h.end(cause, tls.ConnectionState{})
	}
}

// await ends a handshake whose connection was accepted before it was complete, for its early data.
func (h *handshake) await(q *quic.Conn) {
	select {
	case <-q.HandshakeComplete():
		h.end(nil, q.ConnectionState().TLS)
	case <-q.Context().Done():
		h.end(context.Cause(q.Context()), tls.ConnectionState{})
	}
}

// end ends it once, with an error or with what it came to.
func (h *handshake) end(err error, state tls.ConnectionState) {
	h.once.Do(func() {
		h.listener.handshakes.Add(-1)
		var transport *quic.TransportError
		switch {
		case err == nil:
			h.begun.Done(state)
			return
		case isLost(err):
			err = httpconn.ErrHandshakeTimeout
		case h.listener.closed.Load() && errors.As(err, &transport) && !transport.Remote && transport.ErrorCode == quic.ConnectionRefused:
			err = httpcommon.ErrServerShutdown // so quic-go ends what is under way when it listens no more
		}
		h.begun.Failed(err)
	})
}

var errFull = errors.New("http3: there are as many connections as there may be")

func (l *listener) accept() {
	for {
		q, err := l.accepting(context.Background())
		if err != nil {
			return // it was closed
		}
		h := q.Context().Value(handshakeKey{}).(*handshake)
		if l.early {
			l.wg.Go(func() { h.await(q) })
		} else {
			h.end(nil, q.ConnectionState().TLS)
		}
		go l.serve(q, h) // the manager waits for it
	}
}

func (l *listener) serve(q *quic.Conn, h *handshake) {
	l.handler.Serve(httpconn.QUIC{
		Connection: &connection{q: q, early: l.early}, Handshake: h.begun, Local: q.LocalAddr(), Remote: q.RemoteAddr(), State: q.ConnectionState().TLS,
	})
}

// Close implements kestrel.HTTP3Listener.
func (l *listener) Close() {
	l.closed.Store(true)
	_ = l.end() // it is closed, whatever it says
}

// Release implements kestrel.HTTP3Listener. It does not wait for handlers that go on though they were aborted: their connections are closed.
func (l *listener) Release() {
	l.Close()
	l.wg.Wait()
	_ = l.transport.Close()
	_ = l.transport.Conn.Close()
}

// connection is quic-go's as the engine's.
type connection struct {
	q     *quic.Conn
	early bool
}

var _ http3.Connection = (*connection)(nil)

func (c *connection) AcceptStream() (http3.BidiStream, error) {
	s, err := c.q.AcceptStream(context.Background())
	if err != nil {
		return nil, translate(err)
	}
	return stream{s}, nil
}

// TryAcceptStream implements http3.Connection: with a context that is over, a stream that is there is returned all the same.
func (c *connection) TryAcceptStream() (http3.BidiStream, error) {
	s, err := c.q.AcceptStream(over)
	switch {
	case err == nil:
		return stream{s}, nil
	case errors.Is(err, context.Canceled) && c.q.Context().Err() == nil:
		return nil, http3.ErrWouldBlock
	}
	return nil, translate(err)
}

var over = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

func (c *connection) AcceptUniStream() (http3.ReceiveStream, error) {
	s, err := c.q.AcceptUniStream(context.Background())
	if err != nil {
		return nil, translate(err)
	}
	return receiveStream{s}, nil
}

func (c *connection) OpenUniStream() (http3.SendStream, error) {
	s, err := c.q.OpenUniStream()
	if err != nil {
		return nil, translate(err)
	}
	return sendStream{s}, nil
}

func (c *connection) Close(code http3.ErrCode, reason string) {
	_ = c.q.CloseWithError(quic.ApplicationErrorCode(code), reason) // it is closed, whatever it says
}

// Early implements http3.Connection: until the handshake is complete, what comes is early data.
func (c *connection) Early() bool {
	if !c.early {
		return false
	}
	select {
	case <-c.q.HandshakeComplete():
		return false
	default:
		return true
	}
}

func (c *connection) RTT() time.Duration { return c.q.ConnectionStats().SmoothedRTT }
