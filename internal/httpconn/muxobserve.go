package httpconn

import (
	"errors"
	"time"

	"github.com/lannerhq/lanner/accesslog"
	"github.com/lannerhq/lanner/internal/http2"
	"github.com/lannerhq/lanner/internal/httpcommon"
	"github.com/lannerhq/lanner/metrics"
	"github.com/lannerhq/lanner/server"
)

// muxTiming is muxStream as the feature that only observed connections have.
type muxTiming muxStream

// RequestReceived implements server.RequestTimingFeature.
func (t *muxTiming) RequestReceived() time.Time {
	if t.ex != nil {
		return t.ex.began
	}
	return time.Time{}
}

// fault notes what went wrong: the first error wins.
func (r *muxStream) fault(reason string) {
	if r.ex != nil && r.ex.reason == "" {
		r.ex.reason = reason
	}
}

// Ended implements http2.Handler.
func (x *mux) Ended(s *http2.Stream) {
	r := s.Owner.(*muxStream)
	e := r.ex
	if e == nil {
		return
	}
	if r.number == 0 { // its head was not read in full: the reader says so
		r.count()
	}
	report := s.Report()
	if e.reason == "" {
		e.reason = x.muxReason(report.Err)
	}
	q := s.Request()
	d := time.Since(e.began)
	if rec := x.life.recorder; rec != nil {
		if !e.served {
			rec.RequestStarted(q.Method(), q.Scheme())
		}
		attrs := metrics.RequestAttrs{Method: q.Method(), Scheme: q.Scheme(), Status: report.Status, ErrorType: e.reason, Version: "2"}
		if e.served {
			attrs.Route = r.route
		}
		rec.RequestEnded(attrs, d, report.RequestBody, report.ResponseBody)
	}
	if log := x.m.cfg.AccessLog; log != nil {
		remote := x.RemoteAddrText()
		if e.served {
			if as, ok := server.Get[server.ConnectionFeature](&r.features); ok { // as the application saw it
				remote = as.RemoteAddrText()
			}
		}
		e.entry = accesslog.Entry{
			Time: e.began, Duration: d, RemoteAddr: remote, LocalAddr: x.localText(), Endpoint: x.endpoint.Name,
			ConnectionID: x.ConnectionID(), RequestID: r.TraceIdentifier(),
			Scheme: q.Scheme(), Method: q.Method(), Target: q.RawTarget(), Protocol: q.Protocol(),
			Host: q.Host(), UserAgent: q.Header().Get("User-Agent"), Referer: q.Header().Get("Referer"),
			Status: report.Status, RequestBytes: report.RequestBody, ResponseBytes: report.ResponseBody,
			RequestHeaderBytes: report.RequestHead, ResponseHeaderBytes: report.ResponseHead,
			Upgraded: r.tunnel != nil, Reason: e.reason,
		}
		log.Write(&e.entry)
	}
	r.ex = nil
	*e = exchange{}
	exchanges.Put(e)
}

// localText is the text of the local address, made when first asked for. Several streams may ask at once.
func (x *mux) localText() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	if l := x.life; l.local == "" {
		if addr := x.transport.LocalAddr(); addr != nil {
			l.local = addr.String()
		}
	}
	return x.life.local
}

// muxReason says what ended an exchange, "" when it ended well.
func (x *mux) muxReason(err error) string {
	var reset *http2.ResetError
	switch bad, isBad := httpcommon.AsBadRequest(err); {
	case err == nil:
		return ""
	case x.aborted():
		return reasonShutdown
	case isBad:
		return errorType(bad.Reason)
	case errors.Is(err, httpcommon.ErrResponseTooSlow):
		return reasonSlow
	case errors.As(err, &reset) && !reset.Remote && reset.Code == http2.NoError:
		return ""
	case errors.Is(err, httpcommon.ErrClientDisconnected):
		return reasonReset
	case httpcommon.LengthMismatch(err):
		return reasonLength
	case errors.Is(err, errTooOld):
		return reasonTimeout
	case errors.As(err, &reset), errors.Is(err, httpcommon.ErrRequestAborted):
		return reasonAborted
	}
	return reasonStarted
}
