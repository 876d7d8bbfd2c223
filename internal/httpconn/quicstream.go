package httpconn

import (
	"errors"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/lannerhq/lanner/internal/http3"
	"github.com/lannerhq/lanner/internal/httpcommon"
	"github.com/lannerhq/lanner/server"
)

// quicStream is a request on a quicConn: the native object of its features. It is recycled with its stream.
type quicStream struct {
	streamed
	http http3.Stream
	x    *quicConn

	elsewhere bool      // it runs on a goroutine of its own
	kind      *class    // of the request; nil where Exec decides, or nobody has asked
	left      time.Time // when its handler began there
}

var quicStreams = sync.Pool{New: func() any {
	r := new(quicStream)
	r.http.Owner = r
	return r
}}

// NewStream and Recycle implement http3.Handler.
func (x *quicConn) NewStream() *http3.Stream {
	r := quicStreams.Get().(*quicStream)
	r.x, r.c = x, x.conn
	r.beginObserved()
	return &r.http
}

func (x *quicConn) Recycle(s *http3.Stream) {
	r := s.Owner.(*quicStream)
	r.forget()
	r.x, r.kind, r.elsewhere = nil, nil, false
	quicStreams.Put(r)
}

// begin readies the features of a request.
func (r *quicStream) begin() {
	r.setRunning(true)
	q := r.http.Request()
	r.features.Init(q, r.http.Response(), r, r.c.parent)
	if q.ConnectProtocol() != "" {
		r.offerTunnel(&q.Head, carrier{&r.http, r, r.body(), r.http.Response()})
	}
	if r.ex != nil {
		r.ex.served = true
		r.c.life.recorder.RequestStarted(q.Method(), q.Scheme())
		server.Set(&r.features, server.RequestTimingFeature((*streamTiming)(&r.streamed)))
	}
}

var (
	_ server.ConnectionFeature         = (*quicStream)(nil)
	_ server.RequestLifetimeFeature    = (*quicStream)(nil)
	_ server.MaxRequestBodySizeFeature = (*quicStream)(nil)
	_ server.MinDataRateFeature        = (*quicStream)(nil)
	_ server.BodyControlFeature        = (*quicStream)(nil)
	_ server.RequestIdentifierFeature  = (*quicStream)(nil)
	_ server.RequestTrailersFeature    = (*quicStream)(nil)
	_ server.ResponseTrailersFeature   = (*quicStream)(nil)
	_ server.InterimResponseFeature    = (*quicStream)(nil)
	_ server.ResponseBodyFeature       = (*quicStream)(nil)
	_ server.RouteFeature              = (*quicStream)(nil)
	_ server.ResetFeature              = (*quicStream)(nil)
	_ StreamFeature                    = (*quicStream)(nil)
)

// DrainConnection implements StreamFeature.
func (r *quicStream) DrainConnection() { r.x.http.Drain() }

func (r *quicStream) body() *http3.Body { return r.http.Request().Body().(*http3.Body) }

func (r *quicStream) MaxRequestBodySize() int64 { return r.body().Limit() }

func (r *quicStream) SetMaxRequestBodySize(n int64) error {
	if !r.body().SetLimit(n) {
		return server.ErrTooLate
	}
	return nil
}

func (r *quicStream) SetMinRequestBodyDataRate(rate server.DataRate) error {
	if rate.BytesPerSecond > 0 {
		return server.ErrNotSupported
	}
	r.http.Unmeter()
	return nil
}

func (r *quicStream) SetReadDeadline(t time.Time) error  { r.http.SetReadDeadline(t); return nil }
func (r *quicStream) SetWriteDeadline(t time.Time) error { r.http.SetWriteDeadline(t); return nil }

func (r *quicStream) RequestTrailers() *server.Headers  { return r.http.Request().Trailers() }
func (r *quicStream) ResponseTrailers() *server.Headers { return r.http.Response().Trailers() }

func (r *quicStream) SendInterim(status int, h *server.Headers) error {
	err := r.http.Response().SendInterim(status, h)
	if errors.Is(err, httpcommon.ErrStarted) {
		return server.ErrTooLate
	}
	return err
}

func (r *quicStream) SendFrom(from io.Reader) (int64, error) { return r.http.Response().SendFrom(from) }

// Reset implements server.ResetFeature.
func (r *quicStream) Reset(code uint32) error {
	r.http.Abort(http3.ErrCode(code), nil)
	return nil
}

// OnAborted implements server.RequestLifetimeFeature.
func (r *quicStream) OnAborted(fn func(error)) {
	if r.watch(fn) {
		r.http.OnAborted(r.fire)
	} else if cause := r.http.Cause(); cause != nil {
		r.fire(cause)
	}
}

// Abort implements server.RequestLifetimeFeature: it resets the stream.
func (r *quicStream) Abort(cause error) {
	if cause == nil {
		cause = httpcommon.ErrRequestAborted
	}
	r.log(slog.LevelDebug, eventApplicationAborted, slog.Any("cause", cause))
	r.http.Abort(http3.RequestCancelled, cause)
}

// streamTiming is streamed as the feature that only observed connections have.
type streamTiming streamed

// RequestReceived implements server.RequestTimingFeature.
func (t *streamTiming) RequestReceived() time.Time {
	if t.ex != nil {
		return t.ex.began
	}
	return time.Time{}
}

// Ended implements http3.Handler.
func (x *quicConn) Ended(s *http3.Stream) {
	r := s.Owner.(*quicStream)
	if r.ex == nil {
		return
	}
	report := s.Report()
	if r.ex.reason == "" {
		r.ex.reason = r.reasonOf(report.Err)
	}
	if !r.ex.served && r.ex.reason == "" { // it came to nothing, and nobody is to blame
		return
	}
	q := s.Request()
	r.observed(&q.Head, q.Protocol(), ended{"3", report.Status, report.RequestHead, report.RequestBody, report.ResponseHead, report.ResponseBody})
}
