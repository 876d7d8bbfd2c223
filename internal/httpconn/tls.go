package httpconn

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/lannerhq/lanner/accesslog"
	"github.com/lannerhq/lanner/connection"
	"github.com/lannerhq/lanner/internal/httpcommon"
	"github.com/lannerhq/lanner/internal/transport"
	"github.com/lannerhq/lanner/server"
)

// DefaultHandshakeTimeout is Kestrel's HandshakeTimeout.
const DefaultHandshakeTimeout = 10 * time.Second

var (
	errDraining    = errors.New("the server stops: a handshake is not begun")
	errNoHTTP2     = errors.New("the client did not choose HTTP/2, and the endpoint speaks nothing else")
	errOtherName   = errors.New("the client chose a protocol that is not HTTP")
	errPlainHTTP   = errors.New("the client speaks HTTP without TLS")
	errHandshaking = errors.New("the handshake took too long")
)

// handshake is the last step before HTTP on an endpoint with TLS. When it returns an error, which has been logged, nc is closed.
func (ch *chain) handshake(ctx context.Context, nc net.Conn, ahead []byte) (*tls.Conn, error) {
	if !ch.handshaking(true) {
		nc.Close()
		return nil, errDraining
	}
	if len(ahead) > 0 {
		nc = &replayed{Conn: nc, ahead: ahead}
	}
	rec := ch.m.recorder(ch.endpoint)
	rec.TLSHandshakeStarted()
	began := time.Now()
	secure := tls.Server(nc, ch.endpoint.tlsConfig())
	err := ch.shake(ctx, secure)
	going := ch.handshaking(false)
	if err != nil {
		rec.TLSHandshakeEnded(time.Since(began), "", reasonHandshake)
		err = ch.handshakeFailed(err, going, began)
		nc.Close()
		return nil, err
	}
	state := secure.ConnectionState()
	ch.secured = &secured{state}
	rec.TLSHandshakeEnded(time.Since(began), versionText(state.Version), "")
	if ch.m.debug.Load() {
		ch.log(slog.LevelDebug, eventHTTPSEstablished, slog.String("version", tls.VersionName(state.Version)),
			slog.String("cipher", tls.CipherSuiteName(state.CipherSuite)), slog.String("protocol", state.NegotiatedProtocol), slog.String("host", state.ServerName))
	}
	if err := ch.spoken(); err != nil {
		secure.Close()
		return nil, err
	}
	return secure, nil
}

// shake makes the handshake in its time. Whatever ends ctx closes the connection, so that no read or write outlasts it.
func (ch *chain) shake(ctx context.Context, secure *tls.Conn) error {
	d := ch.endpoint.HandshakeTimeout
	if d == 0 {
		d = DefaultHandshakeTimeout
	}
	if d > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, d, errHandshaking)
		defer cancel()
	}
	err := secure.HandshakeContext(ctx)
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// handshaking notes that a handshake begins, unless the connection is to end, or is over. It reports whether the connection goes on.
func (ch *chain) handshaking(begins bool) bool {
	ch.m.mu.Lock()
	defer ch.m.mu.Unlock()
	ending := ch.m.draining.Load() || ch.endpoint.draining.Load()
	ch.shaking = begins && !ending
	return !ending
}

// handshakeFailed tells of a handshake that was not finished, and why. One that a stop has ended is no failure.
func (ch *chain) handshakeFailed(err error, going bool, began time.Time) error {
	switch {
	case errors.Is(err, httpcommon.ErrServerShutdown):
		ch.reason = reasonShutdown
		return err
	case !going:
		return errDraining
	case errors.Is(err, errHandshaking):
		ch.reason = reasonHandshake
		ch.log(slog.LevelDebug, eventAuthenticationTimedOut, slog.Duration("after", time.Since(began)))
	default:
		ch.reason = reasonHandshake
		if ch.answerPlainHTTP(err) {
			err = errPlainHTTP
		}
		ch.log(slog.LevelDebug, eventAuthenticationFailed, slog.Any("error", err))
	}
	if !errors.Is(err, io.EOF) { // else there was nothing: a check whether the port is open
		ch.m.entryOf(accesslog.Entry{Time: began, Duration: time.Since(began), RemoteAddr: ch.clientText(), Endpoint: ch.endpoint.Name,
			ConnectionID: ch.ConnectionID(), Scheme: ch.endpoint.Scheme, Reason: ch.reason})
	}
	return err
}

// answerPlainHTTP answers a client that began with a request in place of a handshake, as net/http does. It reports whether it was one.
func (ch *chain) answerPlainHTTP(err error) bool {
	var record tls.RecordHeaderError
	if !errors.As(err, &record) || record.Conn == nil {
		return false
	}
	switch string(record.RecordHeader[:]) {
	default:
		return false
	case "GET /", "HEAD ", "POST ", "PUT /", "PATCH", "DELET", "OPTIO":
	}
	record.Conn.SetWriteDeadline(time.Now().Add(time.Second))
	t := transport.NewConn(record.Conn, ch.m.heartbeat, reasons)
	if t.Writev([]byte(plainHTTPAnswer), nil) != nil {
		t.Close()
		return true
	}
	t.CloseLingering() // the rest of its request is read and dropped: a reset would destroy the answer
	return true
}

const plainHTTPAnswer = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n" +
	"This port speaks https: write https:// in the address.\n"

// spoken says why the endpoint does not serve what was negotiated; nil if it does.
func (ch *chain) spoken() error {
	switch name := ch.secured.state.NegotiatedProtocol; {
	case ch.endpoint.Protocols == HTTP2 && name != protocolHTTP2:
		ch.log(slog.LevelError, eventHTTP2NotNegotiated, slog.String("protocol", name))
		return errNoHTTP2
	case name != "" && name != protocolHTTP2 && !strings.HasPrefix(name, "http/"):
		ch.log(slog.LevelDebug, eventAuthenticationFailed, slog.Any("error", errOtherName))
		return errOtherName
	}
	return nil
}

// secured is a finished handshake as features of the connection.
type secured struct{ state tls.ConnectionState }

var (
	_ server.TLSHandshakeFeature  = (*secured)(nil)
	_ server.TLSConnectionFeature = (*secured)(nil)
)

func (s *secured) TLSState() *tls.ConnectionState { return &s.state }

func (s *secured) ClientCertificate() *x509.Certificate {
	if len(s.state.PeerCertificates) == 0 {
		return nil
	}
	return s.state.PeerCertificates[0]
}

// describe puts what was negotiated into the features and options of the connection.
func (s *secured) describe(c *connection.Conn, opts *Options) {
	server.Set[server.TLSHandshakeFeature](c.Features(), s)
	server.Set[server.TLSConnectionFeature](c.Features(), s)
	opts.Protocol = s.state.NegotiatedProtocol
	opts.Inadequate = !adequate(s.state.Version, s.state.CipherSuite)
}

// version is the value of tls.protocol.version in metrics.
func (s *secured) version() string {
	if s == nil {
		return ""
	}
	return versionText(s.state.Version)
}

func versionText(version uint16) string { return strings.TrimPrefix(tls.VersionName(version), "TLS ") }

// replayed is a connection of which bytes have been read before.
type replayed struct {
	net.Conn
	ahead []byte
}

func (r *replayed) Read(p []byte) (int, error) {
	if len(r.ahead) == 0 {
		return r.Conn.Read(p)
	}
	n := copy(p, r.ahead)
	r.ahead = r.ahead[n:]
	return n, nil
}

// NetConn is what is below, as of a tls.Conn.
func (r *replayed) NetConn() net.Conn { return r.Conn }

// CloseWrite ends the sending side.
func (r *replayed) CloseWrite() error {
	if half, ok := r.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}
