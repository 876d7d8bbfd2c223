package httpconn

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/lannerhq/lanner/internal/http1"
	"github.com/lannerhq/lanner/internal/http3"
	"github.com/lannerhq/lanner/internal/httpcommon"
	"github.com/lannerhq/lanner/metrics"
	"github.com/lannerhq/lanner/server"
)

// multiplexed is what a connection's engine is asked whose requests are streams, whatever the version.
type multiplexed interface {
	Drain()
	Lose(cause error)
	Tick(now int64)
}

// quicConn is a connection that speaks HTTP/3: the engine's Handler. Its goroutine is that of ServeQUIC; each request has one of its own.
type quicConn struct {
	*conn
	http   *http3.Conn
	minded minded // the minder's
}

var (
	_ http3.Handler = (*quicConn)(nil)
	_ turning       = (*quicConn)(nil)
)

func (x *quicConn) mind() *minded { return &x.minded }
func (x *quicConn) turn() uint64  { return x.http.Turn() }
func (x *quicConn) takeOver()     { x.http.Seize(x.http.Turn()) }

// Busy and Waits implement http3.Handler.
func (x *quicConn) Busy()  { x.m.minder.enter(x) }
func (x *quicConn) Waits() { x.m.minder.leave(x) }

// Elsewhere implements http3.Handler: where the handler of a request runs.
func (x *quicConn) Elsewhere(s *http3.Stream) bool {
	r, q := s.Owner.(*quicStream), s.Request()
	r.kind = nil
	switch {
	case q.ConnectProtocol() != "" || x.m.cfg.Exec == Goroutine:
		r.elsewhere = true
	case x.m.cfg.Exec == Inline:
		r.elsewhere = false
	default:
		r.kind = x.m.classes.of(q.Method(), q.Path())
		r.elsewhere = r.kind.blocks()
	}
	return r.elsewhere
}

// QUIC is a connection after its handshake, with what is known of it.
type QUIC struct {
	Connection    http3.Connection
	Local, Remote net.Addr
	State         tls.ConnectionState
}

// Full reports whether a new connection would be refused at the limit: then a handshake is not worth its while.
func (m *Manager) Full() bool { return over(m.open.Load(), m.settings.Load().maxConnections) }

// ServeQUIC serves a connection to its end, on the caller's goroutine. The endpoint's middleware does not run on it.
func (m *Manager) ServeQUIC(q QUIC, ep *Endpoint) {
	secure := &secured{q.State}
	features := server.NewFeatures(m.cfg.Features)
	secure.features(features)
	c := m.newConn(&quicLink{quic: q}, ep, Options{Features: features})
	if !m.admitted(c, false) {
		return
	}
	x := &quicConn{conn: c}
	x.http = http3.NewConn(&c.engine.quic, q.Connection, x, int64(time.Since(m.ages.start)))
	c.streams(x.http)
	defer x.forget(secure)
	x.ended(x.http.Run())
}

// streams makes c a connection whose requests are streams of an engine.
func (c *conn) streams(engine multiplexed) {
	c.mu.Lock()
	c.many = engine
	c.mu.Unlock()
	c.m.muxMu.Lock()
	c.m.muxes[engine] = struct{}{}
	c.m.muxMu.Unlock()
	if c.draining() {
		engine.Drain()
	}
}

// ended notes why the connection is over.
func (x *quicConn) ended(err error) {
	l := x.life
	if l == nil || l.reason != "" {
		return
	}
	var lost *http3.LostError
	switch {
	case x.aborted():
		l.reason = reasonShutdown
	case !errors.As(err, &lost), lost.Closed: // our own end, or the client's
	case lost.Idle:
		l.reason = reasonKeepAlive
	default:
		l.reason = reasonReset
	}
}

// forget is the end of the connection, which has no handler any more.
func (x *quicConn) forget(secure *secured) {
	c := x.conn
	c.m.muxMu.Lock()
	delete(c.m.muxes, x.http)
	c.m.muxMu.Unlock()
	c.streamsEnd(metrics.Protocol{Name: "http", Version: "3", TLSVersion: secure.version()})
	c.disown()
	c.m.remove(c)
}

// Broken implements http3.Handler.
func (x *quicConn) Broken(v any) {
	x.m.cfg.Logger.LogAttrs(context.Background(), slog.LevelError, eventConnectionFailed.msg, eventConnectionFailed.id, slog.String("connection", x.ConnectionID()),
		slog.String("remote", x.RemoteAddrText()), slog.Any("error", v), slog.String("stack", string(debug.Stack())))
}

// ConnectionFailed implements http3.Handler.
func (x *quicConn) ConnectionFailed(e *http3.ConnectionError) {
	x.mu.Lock()
	if x.life != nil && x.life.reason == "" {
		x.life.reason = e.Reason
	}
	x.mu.Unlock()
	if x.m.cfg.Logger.Enabled(context.Background(), slog.LevelDebug) {
		x.logConnection(eventHTTP3ConnectionError, slog.String("code", e.Code.String()), slog.String("reason", e.Reason), slog.String("detail", e.Detail))
	}
}

// Serve implements http3.Handler: it runs the application and turns a panic into an error.
func (x *quicConn) Serve(s *http3.Stream) (err error) {
	r := s.Owner.(*quicStream)
	counts := x.counts()
	counts.requests.Add(1)
	counts.running.Add(1)
	x.count(r)
	r.begin()
	if r.kind != nil && r.elsewhere {
		r.left = time.Now()
	}
	defer r.end(&err)
	err = x.m.cfg.App.Process(&r.features)
	if r.tunnel != nil {
		<-r.tunnel.done
	}
	return err
}

// count numbers a request, and makes the last one that the connection may have the last.
func (x *quicConn) count(r *quicStream) {
	x.mu.Lock()
	x.requests++
	r.number = x.requests
	x.mu.Unlock()
	if limit := x.engine.maxRequests; limit > 0 && int64(r.number) >= limit {
		x.http.Drain()
	}
}

// end is the end of a handler.
func (r *quicStream) end(err *error) {
	v := recover()
	r.c.counts().running.Add(-1)
	if r.kind != nil {
		r.learn()
	}
	if r.failure(v, err, r.http.Cause() != nil) {
		r.http.Abort(http3.InternalError, httpcommon.ErrRequestAborted)
	}
	r.setRunning(false)
	if r.tunnel != nil {
		r.tunnel.Close()
	}
}

// learn notes how long the handler took, for where the next of its kind runs.
func (r *quicStream) learn() {
	switch {
	case r.elsewhere:
		r.kind.took(time.Since(r.left))
	case r.http.Seized():
		r.kind.heldUp()
	default:
		if n := r.c.ranInline.Add(1); n%runStep == 0 {
			r.kind.ran()
		}
	}
}

// failure logs what a handler ended with: v it has panicked with, or err. gone says that nobody waits for the answer. It reports whether
// the request is to be aborted.
func (r *streamed) failure(v any, err *error, gone bool) (abort bool) {
	switch cause, isError := v.(error); {
	case v == http.ErrAbortHandler:
		*err = errPanicked
		r.log(slog.LevelDebug, eventApplicationAborted, slog.Any("cause", http.ErrAbortHandler))
		return true
	case isError && isBadRequest(cause):
		*err = cause
	case v != nil:
		*err = errPanicked
		r.log(slog.LevelError, eventApplicationError, slog.Any("error", v), slog.String("stack", string(debug.Stack())))
	case *err != nil && !isBadRequest(*err):
		level, e := slog.LevelError, eventApplicationError
		if gone { // the echo of the client's leaving is no news
			level, e = slog.LevelDebug, eventResponseFailed
		}
		r.log(level, e, slog.Any("error", *err))
	}
	return false
}

// Rejected implements http3.Handler.
func (x *quicConn) Rejected(s *http3.Stream, bad *httpcommon.BadRequestError) *http3.Answer {
	return s.Owner.(*quicStream).rejected(bad, &s.Request().Head, s.Request().Protocol())
}

// rejected logs a request that is refused, and asks the owner for the answer.
func (r *streamed) rejected(bad *httpcommon.BadRequestError, q *httpcommon.Head, protocol string) *http1.Answer {
	r.fault(errorType(bad.Reason))
	r.log(slog.LevelDebug, eventBadRequest, slog.Int("status", bad.Status), slog.String("reason", bad.Reason), slog.String("detail", bad.Detail))
	return r.c.answer(bad, &http1.Report{Method: q.Method(), Target: q.RawTarget(), Protocol: protocol}, r.log)
}

// Failed implements http3.Handler.
func (x *quicConn) Failed(s *http3.Stream, err error) { s.Owner.(*quicStream).failed(err) }

// failed logs an error in a response, or of a callback.
func (r *streamed) failed(err error) {
	if p := (*httpcommon.PanicError)(nil); errors.As(err, &p) {
		r.log(slog.LevelError, eventApplicationError, slog.Any("error", p.Value), slog.String("stack", string(p.Stack)))
		return
	}
	if httpcommon.LengthMismatch(err) {
		r.fault(reasonLength)
	}
	r.log(slog.LevelDebug, eventResponseFailed, slog.Any("error", err))
}

// quicConfig is an endpoint's configuration of the HTTP/3 engine.
func (m *Manager) quicConfig(now *settings, ep *Endpoint) http3.Config {
	l := now.limits
	cfg := http3.Config{
		Limits: http3.Limits{
			MaxFieldSize:       now.http3.MaxRequestHeaderFieldSize,
			MaxRequestLineSize: l.MaxRequestLineSize, MaxRequestHeadersTotalSize: l.MaxRequestHeadersTotalSize,
			MaxRequestHeaderCount: l.MaxRequestHeaderCount, MaxRequestBodySize: l.MaxRequestBodySize, MaxResponseBufferSize: l.MaxResponseBufferSize,
			KeepAliveTimeout: l.KeepAliveTimeout, RequestHeadersTimeout: l.RequestHeadersTimeout,
		},
		RequestRate: rateOf(now.rates.Read), ResponseRate: rateOf(now.rates.Write),
		Scheme: ep.Scheme, AlternateSchemes: now.compat.AlternateSchemes, ServerHeader: now.serverHeader, Date: m.dateValue,
	}
	if ep.EarlyDataAll {
		cfg.EarlyData = http3.EarlyAll
	}
	return cfg
}
