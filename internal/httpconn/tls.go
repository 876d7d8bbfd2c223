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
	if len(ahead) > 0 {
		nc = &replayed{Conn: nc, ahead: ahead}
	}
	gated := &gatedConn{Conn: nc, gate: ch.m.handshakes, heard: ch.hearing()}
	secure := tls.Server(gated, ch.endpoint.tlsConfig(ch.m.handshakes))
	err := ch.secure(secure, func() error {
		defer gated.opened.Store(true)
		return ch.shake(ctx, secure)
	})
	switch {
	case err == nil:
		return secure, nil
	case errors.Is(err, errPlainHTTP):
		ch.answerPlainHTTP(nc)
	case ch.secured != nil: // the handshake was well, what it came to is not
		secure.Close()
	}
	nc.Close()
	return nil, err
}

// secure makes the handshake by shake, tells of it, and keeps what it came to.
func (ch *chain) secure(made interface{ ConnectionState() tls.ConnectionState }, shake func() error) error {
	if !ch.handshaking(true) {
		return errDraining
	}
	rec := ch.m.recorder(ch.endpoint)
	rec.TLSHandshakeStarted()
	began := time.Now()
	err := ch.m.handshakes.during(shake)
	going := ch.handshaking(false)
	if err != nil {
		rec.TLSHandshakeEnded(time.Since(began), "", reasonHandshake)
		return ch.handshakeFailed(err, going, began)
	}
	state := made.ConnectionState()
	ch.secured = &secured{state}
	rec.TLSHandshakeEnded(time.Since(began), versionText(state.Version), "")
	if ch.m.debug.Load() {
		ch.log(slog.LevelDebug, eventHTTPSEstablished, slog.String("version", tls.VersionName(state.Version)),
			slog.String("cipher", tls.CipherSuiteName(state.CipherSuite)), slog.String("protocol", state.NegotiatedProtocol), slog.String("host", state.ServerName))
	}
	return ch.spoken()
}

// handshakeTime is how long a handshake on the endpoint may take; negative for no limit.
func (ep *Endpoint) handshakeTime() time.Duration {
	if ep.HandshakeTimeout == 0 {
		return DefaultHandshakeTimeout
	}
	return ep.HandshakeTimeout
}

// shake makes the handshake in its time. Whatever ends ctx closes the connection, so that no read or write outlasts it.
func (ch *chain) shake(ctx context.Context, secure *tls.Conn) error {
	if d := ch.endpoint.handshakeTime(); d > 0 {
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
		if isPlainHTTP(err) {
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

// isPlainHTTP reports whether a handshake failed because the client began with a request in its place.
func isPlainHTTP(err error) bool {
	var record tls.RecordHeaderError
	if !errors.As(err, &record) || record.Conn == nil {
		return false
	}
	switch string(record.RecordHeader[:]) {
	case "GET /", "HEAD ", "POST ", "PUT /", "PATCH", "DELET", "OPTIO":
		return true
	}
	return false
}

// answerPlainHTTP answers such a client, as net/http does.
func (ch *chain) answerPlainHTTP(nc net.Conn) {
	nc.SetWriteDeadline(time.Now().Add(time.Second))
	t := transport.NewConn(nc, ch.m.heartbeat, reasons)
	if t.Writev([]byte(plainHTTPAnswer), nil) != nil {
		t.Close()
		return
	}
	t.CloseLingering() // the rest of its request is read and dropped: a reset would destroy the answer
}

const plainHTTPAnswer = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n" +
	"This port speaks https: write https:// in the address.\n"

// spoken says why the endpoint does not serve what was negotiated; nil if it does.
func (ch *chain) spoken() error {
	switch name := ch.secured.state.NegotiatedProtocol; {
	case ch.endpoint.Protocols == HTTP2 && name != protocolHTTP2 && name != "acme-tls/1": // a validation (RFC 8737) is a handshake and no more
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

// SetTLS makes state, of a handshake that somebody else has made, a connection's features.
func SetTLS(f *server.Features, state tls.ConnectionState) { (&secured{state}).features(f) }

func (s *secured) features(f *server.Features) {
	server.Set[server.TLSHandshakeFeature](f, s)
	server.Set[server.TLSConnectionFeature](f, s)
}

// describe puts what was negotiated into the features and options of the connection.
func (s *secured) describe(f *server.Features, opts *Options) {
	s.features(f)
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
