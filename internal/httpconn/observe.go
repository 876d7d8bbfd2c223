package httpconn

import (
	"cmp"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strconv"
	"time"
	"unsafe"

	"github.com/lannerhq/lanner/accesslog"
	"github.com/lannerhq/lanner/internal/http1"
	"github.com/lannerhq/lanner/internal/httpcommon"
	"github.com/lannerhq/lanner/metrics"
	"github.com/lannerhq/lanner/server"
)

// observer is conn as what hears of its exchanges: it writes the access log and records the metrics.
type observer conn

var _ http1.Observer = (*observer)(nil)

// Reasons that are no request's fault: values of error.type that Kestrel defines.
const (
	reasonKeepAlive = "keep_alive_timeout"
	reasonReset     = "connection_reset"
	reasonEnd       = "unexpected_end_of_request_content"
	reasonShutdown  = "app_shutdown_timeout"
	reasonAborted   = "aborted_by_app"
	reasonSlowBody  = "min_request_body_data_rate"
	reasonSlow      = "min_response_data_rate"
	reasonCanceled  = "write_canceled"
	reasonLength    = "response_content_length_mismatch"
	reasonStarted   = "error_after_starting_response"
	reasonTimeout   = "server_timeout"
	reasonOther     = "other_error"
	reasonFull      = "max_concurrent_connections_exceeded"
	reasonHandshake = "tls_handshake_failed"
)

// errorType is the name that Kestrel's metrics have for a reason of the engine: theirs is a closed list.
func errorType(reason string) string {
	switch reason {
	case "invalid_body":
		return "invalid_body_reader_state"
	case "":
		return reasonOther
	}
	return reason
}

// Began implements http1.Observer.
func (o *observer) Began() {
	if l := o.life; l.x == nil {
		l.x = exchanges.Get().(*exchange)
		l.x.began = time.Now()
	}
}

// Body implements http1.Observer.
func (o *observer) Body(done bool) { (*conn)(o).logBody(done) }

// serving begins the part of an exchange in which the application runs.
func (c *conn) serving() {
	c.count()
	x := c.life.x
	if x == nil {
		return
	}
	x.served = true
	q := c.http.Request()
	c.life.recorder.RequestStarted(q.Method(), q.Scheme())
	server.Set(&c.features, server.RequestTimingFeature((*timing)(c)))
}

// timing is conn as the feature that only connections with a life have.
type timing conn

// RequestReceived implements server.RequestTimingFeature.
func (t *timing) RequestReceived() time.Time {
	if x := t.life.x; x != nil {
		return x.began
	}
	return time.Time{}
}

// Route and SetRoute implement server.RouteFeature.
func (c *conn) Route() string { return c.route }

func (c *conn) SetRoute(pattern string) { c.route = pattern }

// faulted notes what went wrong in the exchange under way: the first error wins.
func (c *conn) faulted(reason string) {
	if c.life != nil && c.life.x != nil && c.life.x.reason == "" {
		c.life.x.reason = reason
	}
}

// readFailed is http1's ReadFailed, which ends the connection.
func (c *conn) readFailed(err error) http1.Next {
	l := c.life
	if l == nil {
		return c.http.ReadFailed(err)
	}
	expired := c.transport.Expired()
	next := c.http.ReadFailed(err) // answers a request whose head is late, and tells the observer
	reason := ""
	switch {
	case c.aborted():
		reason = reasonShutdown
	case expired == http1.TimeoutRequestHeaders:
	case expired == http1.TimeoutKeepAlive:
		reason = reasonKeepAlive
	case !errors.Is(err, io.EOF):
		reason = reasonReset
	case l.x != nil:
		reason = reasonEnd
	}
	if c.debugs() && expired == 0 && !c.aborted() {
		c.logConnection(eventConnectionDisconnect, slog.Any("error", err))
	}
	if l.x != nil {
		c.faulted(reason)
		(*observer)(c).Ended(c.http.Unserved(), next)
	}
	l.reason = cmp.Or(l.reason, reason)
	return next
}

// Ended implements http1.Observer.
func (o *observer) Ended(r http1.Report, next http1.Next) {
	c, l := (*conn)(o), o.life
	x := l.x
	if x == nil {
		return
	}
	l.x = nil
	if x.reason == "" {
		x.reason = c.reasonOf(&r)
	}
	if next == http1.Taken {
		r.Status = cmp.Or(r.Status, c.takenStatus())
	} else if next != http1.More {
		l.reason = cmp.Or(l.reason, x.reason)
	}
	c.logEnded(x, &r, next)
	d := time.Since(x.began)
	c.record(x, &r, d)
	if c.m.cfg.AccessLog != nil {
		c.writeEntry(x, &r, d, next == http1.Taken)
	}
	*x = exchange{} // the strings go back to the engine
	exchanges.Put(x)
}

// reasonOf says what ended an exchange, "" when it ended well.
func (c *conn) reasonOf(r *http1.Report) string {
	switch cause := c.http.Lost(); {
	case cause == nil && r.Err == nil:
		if r.DrainTimedOut {
			return reasonTimeout
		}
		return ""
	case cause == nil && httpcommon.LengthMismatch(r.Err):
		return reasonLength
	case cause == nil:
		return reasonStarted
	case errors.Is(cause, httpcommon.ErrServerShutdown):
		return reasonShutdown
	case errors.Is(cause, errTooOld):
		return reasonTimeout
	case errors.Is(cause, httpcommon.ErrResponseTooSlow):
		return reasonSlow
	case errors.Is(cause, httpcommon.ErrClientDisconnected):
		return reasonReset
	case errors.Is(cause, os.ErrDeadlineExceeded):
		return reasonCanceled
	}
	return reasonAborted
}

// takenStatus is the status of a connection that was taken over before its response had started: what the application writes
// on it is not looked at.
func (c *conn) takenStatus() int {
	switch q := c.http.Request(); {
	case q.Method() == http.MethodConnect:
		return http.StatusOK
	case q.Header().HasToken("Connection", "upgrade"):
		return http.StatusSwitchingProtocols
	}
	return 0
}

// record records the metrics of a request. One that the application never saw is counted, too.
func (c *conn) record(x *exchange, r *http1.Report, d time.Duration) {
	rec := c.life.recorder
	if rec == nil {
		return
	}
	scheme := c.endpoint.Scheme
	if !x.served {
		rec.RequestStarted(r.Method, scheme)
	}
	attrs := metrics.RequestAttrs{Method: r.Method, Scheme: scheme, Status: r.Status, ErrorType: x.reason}
	if x.served {
		attrs.Route = c.route
	}
	if len(r.Protocol) > len("HTTP/") {
		attrs.Version = r.Protocol[len("HTTP/"):]
	}
	rec.RequestEnded(attrs, d, r.RequestBody, r.ResponseBody)
}

// writeEntry writes the line of the access log.
func (c *conn) writeEntry(x *exchange, r *http1.Report, d time.Duration, upgraded bool) {
	l := c.life
	if l.local == "" {
		if addr := c.LocalAddr(); addr != nil {
			l.local = addr.String()
		}
	}
	q := c.http.Request()
	x.entry = accesslog.Entry{
		Time: x.began, Duration: d,
		RemoteAddr: c.RemoteAddrText(), LocalAddr: l.local, Endpoint: c.endpoint.Name,
		ConnectionID: c.ConnectionID(), RequestID: c.entryID(x),
		Scheme: c.endpoint.Scheme, Method: r.Method, Target: r.Target, Protocol: r.Protocol,
		Host: q.Host(), UserAgent: q.Header().Get("User-Agent"), Referer: q.Header().Get("Referer"),
		Status: r.Status, RequestBytes: r.RequestBody, ResponseBytes: r.ResponseBody,
		RequestHeaderBytes: r.RequestHead, ResponseHeaderBytes: r.ResponseHead,
		Upgraded: upgraded, Reason: x.reason,
	}
	if x.served {
		if as, ok := server.Get[server.ConnectionFeature](&c.features); ok { // as the application saw it
			x.entry.RemoteAddr = as.RemoteAddrText()
		}
	}
	c.m.cfg.AccessLog.Write(&x.entry)
}

// entryID is the request's id, without an allocation. A request that the application did not see has the number that the
// next one would have.
func (c *conn) entryID(x *exchange) string {
	n := c.requests
	if !x.served {
		n++
	} else if c.trace != "" {
		return c.trace
	}
	id := append(append(x.id[:0], c.ConnectionID()...), ":00000000"...)
	var digits [8]byte
	hex := strconv.AppendUint(digits[:0], uint64(n), 16)
	copy(id[len(id)-len(hex):], hex)
	return unsafe.String(unsafe.SliceData(id), len(id))
}

// observeRejection is for a connection that got no place.
func (m *Manager) observeRejection(ep *Endpoint, id uint64, remote string, status int) {
	m.recorder(ep).ConnectionRejected(reasonFull)
	m.entryOf(accesslog.Entry{Time: time.Now(), RemoteAddr: remote, Endpoint: ep.Name, ConnectionID: connectionID(id),
		Scheme: ep.Scheme, Status: status, Reason: reasonFull})
}

// entryOf writes the line of a connection that came to no request.
func (m *Manager) entryOf(e accesslog.Entry) {
	if m.cfg.AccessLog != nil {
		m.cfg.AccessLog.Write(&e)
	}
}
