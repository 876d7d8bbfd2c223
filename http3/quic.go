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
			return s.opts.MaxHandshakes < 0 || l.handshakes.Load() >= int64(orDefault(s.opts.MaxHandshakes, defaultMaxHandshakes))
		},
	}
	secure := &tls.Config{GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) { return chosen(h.TLS(), hello) }}
	cfg := s.opts.quic()
	cfg.HandshakeIdleTimeout = h.HandshakeTimeout() // it is the half of what the whole may take
	if cfg.HandshakeIdleTimeout /= 2; cfg.HandshakeIdleTimeout <= 0 {
		cfg.HandshakeIdleTimeout = 0
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
	wg         sync.WaitGroup // of accept
}

// connecting is asked when a client begins a handshake, which is refused where the connection would be.
func (l *listener) connecting(ctx context.Context, _ *quic.ClientInfo) (context.Context, error) {
	if l.handler.Full() {
		return nil, errFull
	}
	l.handshakes.Add(1)
	once := new(sync.Once)
	ctx = context.WithValue(ctx, handshakeKey{}, once)
	context.AfterFunc(ctx, func() { once.Do(func() { l.handshakes.Add(-1) }) })
	return ctx, nil
}

type handshakeKey struct{}

var errFull = errors.New("http3: there are as many connections as there may be")

func (l *listener) accept() {
	for {
		q, err := l.accepting(context.Background())
		if err != nil {
			return // it was closed
		}
		if once, ok := q.Context().Value(handshakeKey{}).(*sync.Once); ok {
			once.Do(func() { l.handshakes.Add(-1) })
		}
		go l.serve(q) // the manager waits for it
	}
}

func (l *listener) serve(q *quic.Conn) {
	l.handler.Serve(httpconn.QUIC{
		Connection: &connection{q: q, early: l.early}, Local: q.LocalAddr(), Remote: q.RemoteAddr(), State: q.ConnectionState().TLS,
	})
}

// Close implements kestrel.HTTP3Listener.
func (l *listener) Close() { _ = l.end() } // it is closed, whatever it says

// Release implements kestrel.HTTP3Listener. It does not wait for handlers that go on though they were aborted: their connections are closed.
func (l *listener) Release() {
	_ = l.end()
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
