package httpconn

import (
	"errors"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/lannerhq/lanner/internal/http2"
	"github.com/lannerhq/lanner/internal/httpcommon"
	"github.com/lannerhq/lanner/server"
)

// muxStream is a request on a mux: the native object of its features. It is recycled with its stream.
type muxStream struct {
	streamed
	http http2.Stream
	x    *mux

	elsewhere bool      // it runs on a goroutine of its own
	kind      *class    // of the request; nil where Exec decides
	left      time.Time // when its handler began there
	turn      uint64    // of its reader, when it runs on that; portable only
}

var muxStreams = sync.Pool{New: func() any {
	r := new(muxStream)
	r.http.Owner = r
	return r
}}

// NewStream and Recycle implement http2.Handler.
func (x *mux) NewStream() *http2.Stream {
	r := muxStreams.Get().(*muxStream)
	r.x, r.c = x, x.conn
	r.beginObserved()
	return &r.http
}

func (x *mux) Recycle(s *http2.Stream) {
	r := s.Owner.(*muxStream)
	r.forget()
	r.x, r.kind = nil, nil
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
	r.setRunning(true)
	r.features.Init(r.http.Request(), r.http.Response(), r, x.parent)
	if as := x.chain.replaced(); as != nil {
		server.Set(&r.features, as)
	}
	if r.http.Request().ConnectProtocol() != "" {
		r.offerTunnel(&r.http.Request().Head, carrier{&r.http, r, r.body(), r.http.Response()})
	}
	if r.ex != nil {
		r.ex.served = true
		q := r.http.Request()
		x.life.recorder.RequestStarted(q.Method(), q.Scheme())
		server.Set(&r.features, server.RequestTimingFeature((*streamTiming)(&r.streamed)))
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

func (r *muxStream) body() *http2.Body { return r.http.Request().Body().(*http2.Body) }

func (r *muxStream) MaxRequestBodySize() int64 { return r.body().Limit() }

func (r *muxStream) SetMaxRequestBodySize(n int64) error {
	if !r.body().SetLimit(n) {
		return server.ErrTooLate
	}
	return nil
}

func (r *muxStream) SetMinRequestBodyDataRate(rate server.DataRate) error {
	if rate.BytesPerSecond > 0 {
		return server.ErrNotSupported
	}
	r.http.Unmeter()
	return nil
}

func (r *muxStream) SetReadDeadline(t time.Time) error  { r.http.SetReadDeadline(t); return nil }
func (r *muxStream) SetWriteDeadline(t time.Time) error { r.http.SetWriteDeadline(t); return nil }

func (r *muxStream) RequestTrailers() *server.Headers  { return r.http.Request().Trailers() }
func (r *muxStream) ResponseTrailers() *server.Headers { return r.http.Response().Trailers() }

func (r *muxStream) SendInterim(status int, h *server.Headers) error {
	err := r.http.Response().SendInterim(status, h)
	if errors.Is(err, httpcommon.ErrStarted) {
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
	if r.watch(fn) {
		r.http.OnAborted(r.fire)
	} else if cause := r.http.Cause(); cause != nil {
		r.fire(cause)
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
