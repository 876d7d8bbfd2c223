package httpconn

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/lannerhq/lanner/internal/http2"
	"github.com/lannerhq/lanner/internal/httpcommon"
	"github.com/lannerhq/lanner/server"
)

// muxStream is a request on a mux: the native object of its features. It is recycled with its stream.
type muxStream struct {
	http     http2.Stream
	x        *mux
	features server.Features
	number   uint32 // of the request on its connection; 0 until it is known whether it is served
	trace    string
	route    string

	elsewhere bool      // it runs on a goroutine of its own
	kind      *class    // of the request; nil where Exec decides
	left      time.Time // when its handler began there
	turn      uint64    // of its reader, when it runs on that; portable only
	tunnel    *tunnel   // what took it over
	ex        *exchange // what is observed of it; nil for nothing

	// The connection's mu guards what follows.
	running bool
	onAbort []func(error)
}

var muxStreams = sync.Pool{New: func() any {
	r := new(muxStream)
	r.http.Owner = r
	return r
}}

// NewStream and Recycle implement http2.Handler.
func (x *mux) NewStream() *http2.Stream {
	r := muxStreams.Get().(*muxStream)
	r.x = x
	if x.life != nil && x.life.observed {
		r.ex = exchanges.Get().(*exchange)
		r.ex.began = time.Now()
	}
	return &r.http
}

func (x *mux) Recycle(s *http2.Stream) {
	r := s.Owner.(*muxStream)
	if r.ex != nil { // it came to nothing
		*r.ex = exchange{}
		exchanges.Put(r.ex)
	}
	r.x, r.ex, r.tunnel, r.kind, r.trace, r.route, r.number = nil, nil, nil, nil, "", "", 0
	muxStreams.Put(r)
}

// count gives a request its number. It is for the reader.
func (r *muxStream) count() {
	r.x.requests++
	r.number = r.x.requests
}

// begin readies the features of a request.
func (r *muxStream) begin() {
	x := r.x
	x.mu.Lock()
	r.running = true
	x.mu.Unlock()
	r.features.Init(r.http.Request(), r.http.Response(), r, x.parent)
	if as := x.chain.replaced(); as != nil {
		server.Set(&r.features, as)
	}
	if r.http.Request().ConnectProtocol() != "" {
		r.offerTunnel()
	}
	if r.ex != nil {
		r.ex.served = true
		q := r.http.Request()
		x.life.recorder.RequestStarted(q.Method(), q.Scheme())
		server.Set(&r.features, server.RequestTimingFeature((*muxTiming)(r)))
	}
}

var (
	_ server.ConnectionFeature         = (*muxStream)(nil)
	_ server.RequestLifetimeFeature    = (*muxStream)(nil)
	_ server.MaxRequestBodySizeFeature = (*muxStream)(nil)
	_ server.MinDataRateFeature        = (*muxStream)(nil)
	_ server.BodyControlFeature        = (*muxStream)(nil)
	_ server.RequestIdentifierFeature  = (*muxStream)(nil)
	_ server.RequestTrailersFeature    = (*muxStream)(nil)
	_ server.ResponseTrailersFeature   = (*muxStream)(nil)
	_ server.InterimResponseFeature    = (*muxStream)(nil)
	_ server.ResponseBodyFeature       = (*muxStream)(nil)
	_ server.RouteFeature              = (*muxStream)(nil)
	_ server.ResetFeature              = (*muxStream)(nil)
	_ StreamFeature                    = (*muxStream)(nil)
)

func (r *muxStream) ConnectionID() string   { return r.x.ConnectionID() }
func (r *muxStream) LocalAddr() net.Addr    { return r.x.LocalAddr() }
func (r *muxStream) RemoteAddr() net.Addr   { return r.x.RemoteAddr() }
func (r *muxStream) RemoteAddrText() string { return r.x.RemoteAddrText() }
func (r *muxStream) EndpointName() string   { return r.x.EndpointName() }

func (r *muxStream) TraceIdentifier() string {
	if r.trace == "" {
		r.trace = requestID(r.ConnectionID(), r.number)
	}
	return r.trace
}

func (r *muxStream) SetTraceIdentifier(id string) { r.trace = id }

func (r *muxStream) Route() string           { return r.route }
func (r *muxStream) SetRoute(pattern string) { r.route = pattern }

func (r *muxStream) body() *http2.Body { return r.http.Request().Body().(*http2.Body) }

func (r *muxStream) MaxRequestBodySize() int64 { return r.body().Limit() }

func (r *muxStream) SetMaxRequestBodySize(n int64) error {
	if !r.body().SetLimit(n) {
		return server.ErrTooLate
	}
	return nil
}

// The data rates are those of the connection: its streams share it. As in Kestrel, a request can only end them.
func (r *muxStream) MinRequestBodyDataRate() server.DataRate {
	return dataRate(r.x.transport.Rates().Read)
}

func (r *muxStream) MinResponseDataRate() server.DataRate {
	return dataRate(r.x.transport.Rates().Write)
}

func (r *muxStream) SetMinRequestBodyDataRate(rate server.DataRate) error {
	if rate.BytesPerSecond > 0 {
		return server.ErrNotSupported
	}
	r.http.Unmeter()
	return nil
}

func (r *muxStream) SetMinResponseDataRate(server.DataRate) error { return server.ErrNotSupported }

func (r *muxStream) SetReadDeadline(t time.Time) error  { r.http.SetReadDeadline(t); return nil }
func (r *muxStream) SetWriteDeadline(t time.Time) error { r.http.SetWriteDeadline(t); return nil }

func (r *muxStream) RequestTrailers() *server.Headers  { return r.http.Request().Trailers() }
func (r *muxStream) ResponseTrailers() *server.Headers { return r.http.Response().Trailers() }

func (r *muxStream) SendInterim(status int, h *server.Headers) error {
	err := r.http.Response().SendInterim(status, h)
	if errors.Is(err, http2.ErrStarted) {
		return server.ErrTooLate
	}
	return err
}

func (r *muxStream) SendFrom(from io.Reader) (int64, error) { return r.http.Response().SendFrom(from) }

// Reset implements server.ResetFeature.
func (r *muxStream) Reset(code uint32) error {
	r.http.Reset(http2.ErrCode(code))
	return nil
}

// OnAborted implements server.RequestLifetimeFeature.
func (r *muxStream) OnAborted(fn func(error)) {
	x := r.x
	x.mu.Lock()
	first := r.running && len(r.onAbort) == 0
	if r.running {
		r.onAbort = append(r.onAbort, fn)
	}
	x.mu.Unlock()
	if first {
		r.http.OnAborted(r.fire)
	} else if cause := r.http.Cause(); cause != nil {
		r.fire(cause)
	}
}

// fire tells everybody who asked that the request is aborted.
func (r *muxStream) fire(cause error) {
	x := r.x
	if x.aborted() {
		cause = httpcommon.ErrServerShutdown
	}
	x.mu.Lock()
	fns := append([]func(error){}, r.onAbort...)
	clear(r.onAbort)
	r.onAbort = r.onAbort[:0]
	x.mu.Unlock()
	for _, fn := range fns {
		fn(cause)
	}
}

// Abort implements server.RequestLifetimeFeature: it resets the stream.
func (r *muxStream) Abort(cause error) {
	if cause == nil {
		cause = httpcommon.ErrRequestAborted
	}
	r.log(slog.LevelDebug, eventApplicationAborted, slog.Any("cause", cause))
	r.http.Abort(http2.InternalError, cause)
}

func (r *muxStream) log(level slog.Level, e event, attrs ...slog.Attr) {
	logger := r.x.m.cfg.Logger
	if !logger.Enabled(context.Background(), level) {
		return
	}
	attrs = append(attrs, e.id, slog.String("connection", r.ConnectionID()), slog.String("request", requestID(r.ConnectionID(), r.number)),
		slog.String("remote", r.RemoteAddrText()))
	logger.LogAttrs(context.Background(), level, e.msg, attrs...)
}
