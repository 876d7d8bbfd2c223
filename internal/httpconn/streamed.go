package httpconn

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"time"

	"github.com/lannerhq/lanner/accesslog"
	"github.com/lannerhq/lanner/internal/httpcommon"
	"github.com/lannerhq/lanner/internal/muxcommon"
	"github.com/lannerhq/lanner/metrics"
	"github.com/lannerhq/lanner/server"
)

// streamed is what the native object of a request has that is one of several on its connection, whatever the version of HTTP.
type streamed struct {
	c        *conn
	features server.Features
	number   uint32 // of the request on its connection
	trace    string
	route    string
	tunnel   *tunnel   // what took it over
	ex       *exchange // what is observed of it; nil for nothing

	// The connection's mu guards what follows.
	running bool
	onAbort []func(error)
}

func (r *streamed) ConnectionID() string   { return r.c.ConnectionID() }
func (r *streamed) LocalAddr() net.Addr    { return r.c.LocalAddr() }
func (r *streamed) RemoteAddr() net.Addr   { return r.c.RemoteAddr() }
func (r *streamed) RemoteAddrText() string { return r.c.RemoteAddrText() }
func (r *streamed) EndpointName() string   { return r.c.EndpointName() }

func (r *streamed) TraceIdentifier() string {
	if r.trace == "" {
		r.trace = requestID(r.ConnectionID(), r.number)
	}
	return r.trace
}

func (r *streamed) SetTraceIdentifier(id string) { r.trace = id }

func (r *streamed) Route() string           { return r.route }
func (r *streamed) SetRoute(pattern string) { r.route = pattern }

// The data rates are those of the connection. As in Kestrel, a request can only end them.
func (r *streamed) MinRequestBodyDataRate() server.DataRate {
	return dataRate(r.c.transport.Rates().Read)
}

func (r *streamed) MinResponseDataRate() server.DataRate {
	return dataRate(r.c.transport.Rates().Write)
}

func (r *streamed) SetMinResponseDataRate(server.DataRate) error { return server.ErrNotSupported }

// beginObserved begins what is observed of the request, when its stream is new.
func (r *streamed) beginObserved() {
	if l := r.c.life; l != nil && l.observed {
		r.ex = exchanges.Get().(*exchange)
		r.ex.began = time.Now()
	}
}

// forget ends the request; what is observed of one that came to nothing is dropped.
func (r *streamed) forget() {
	if r.ex != nil {
		*r.ex = exchange{}
		exchanges.Put(r.ex)
	}
	r.c, r.ex, r.tunnel, r.number, r.trace, r.route = nil, nil, nil, 0, "", ""
}

// watch adds fn to those that are told of an abort. It reports whether it is the first, and whether the request runs.
func (r *streamed) watch(fn func(error)) (first bool) {
	r.c.mu.Lock()
	defer r.c.mu.Unlock()
	first = r.running && len(r.onAbort) == 0
	if r.running {
		r.onAbort = append(r.onAbort, fn)
	}
	return first
}

// fire tells everybody who asked that the request is aborted.
func (r *streamed) fire(cause error) {
	c := r.c
	if c.aborted() {
		cause = httpcommon.ErrServerShutdown
	}
	c.mu.Lock()
	fns := append([]func(error){}, r.onAbort...)
	clear(r.onAbort)
	r.onAbort = r.onAbort[:0]
	c.mu.Unlock()
	for _, fn := range fns {
		fn(cause)
	}
}

// setRunning says whether a handler runs. When none does, nobody is told any more.
func (r *streamed) setRunning(running bool) {
	c := r.c
	c.mu.Lock()
	defer c.mu.Unlock()
	r.running = running
	if !running {
		clear(r.onAbort)
		r.onAbort = r.onAbort[:0]
	}
}

// fault notes what went wrong: the first error wins.
func (r *streamed) fault(reason string) {
	if r.ex != nil && r.ex.reason == "" {
		r.ex.reason = reason
	}
}

func (r *streamed) log(level slog.Level, e event, attrs ...slog.Attr) {
	logger := r.c.m.cfg.Logger
	if !logger.Enabled(context.Background(), level) {
		return
	}
	attrs = append(attrs, e.id, slog.String("connection", r.ConnectionID()), slog.String("request", requestID(r.ConnectionID(), r.number)),
		slog.String("remote", r.RemoteAddrText()))
	logger.LogAttrs(context.Background(), level, e.msg, attrs...)
}

// reasonOf says what ended an exchange, "" when it ended well.
func (r *streamed) reasonOf(err error) string {
	var reset *muxcommon.ResetError
	switch bad, isBad := httpcommon.AsBadRequest(err); {
	case err == nil:
		return ""
	case r.c.aborted():
		return reasonShutdown
	case isBad:
		return errorType(bad.Reason)
	case errors.Is(err, httpcommon.ErrResponseTooSlow):
		return reasonSlow
	case errors.As(err, &reset) && !reset.Remote && reset.Code.IsNoError():
		return ""
	case errors.Is(err, httpcommon.ErrClientDisconnected):
		return reasonReset
	case httpcommon.LengthMismatch(err):
		return reasonLength
	case errors.Is(err, errTooOld):
		return reasonTimeout
	case errors.Is(err, os.ErrDeadlineExceeded):
		return reasonCanceled
	case errors.As(err, &reset), errors.Is(err, httpcommon.ErrRequestAborted):
		return reasonAborted
	}
	return reasonStarted
}

// ended is what an exchange came to.
type ended struct {
	version                                              string // of the metrics
	status                                               int
	requestHead, requestBody, responseHead, responseBody int64
}

// observed writes the line of the access log, and records the metrics, of an exchange that is over.
func (r *streamed) observed(q *httpcommon.Head, protocol string, report ended) {
	c, e := r.c, r.ex
	d := time.Since(e.began)
	if rec := c.life.recorder; rec != nil {
		if !e.served {
			rec.RequestStarted(q.Method(), q.Scheme())
		}
		attrs := metrics.RequestAttrs{Method: q.Method(), Scheme: q.Scheme(), Status: report.status, ErrorType: e.reason, Version: report.version}
		if e.served {
			attrs.Route = r.route
		}
		rec.RequestEnded(attrs, d, report.requestBody, report.responseBody)
	}
	if log := c.m.cfg.AccessLog; log != nil {
		remote := c.RemoteAddrText()
		if e.served {
			if as, ok := server.Get[server.ConnectionFeature](&r.features); ok { // as the application saw it
				remote = as.RemoteAddrText()
			}
		}
		e.entry = accesslog.Entry{
			Time: e.began, Duration: d, RemoteAddr: remote, LocalAddr: c.localText(), Endpoint: c.endpoint.Name,
			ConnectionID: c.ConnectionID(), RequestID: r.TraceIdentifier(),
			Scheme: q.Scheme(), Method: q.Method(), Target: q.RawTarget(), Protocol: protocol,
			Host: q.Host(), UserAgent: q.Header().Get("User-Agent"), Referer: q.Header().Get("Referer"),
			Status: report.status, RequestBytes: report.requestBody, ResponseBytes: report.responseBody,
			RequestHeaderBytes: report.requestHead, ResponseHeaderBytes: report.responseHead,
			Upgraded: r.tunnel != nil, Reason: e.reason,
		}
		log.Write(&e.entry)
	}
	r.ex = nil
	*e = exchange{}
	exchanges.Put(e)
}

// localText is the text of the local address, made when first asked for. Several streams may ask at once.
func (c *conn) localText() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if l := c.life; l.local == "" {
		if addr := c.transport.LocalAddr(); addr != nil {
			l.local = addr.String()
		}
	}
	return c.life.local
}
