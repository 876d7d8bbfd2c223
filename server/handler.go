package server

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"github.com/lannerhq/lanner/internal/httpcommon"
)

// Bridged returns the http.Handler that went into HTTP, when app came out of it.
func Bridged(app Application) (http.Handler, bool) {
	bridged, ok := app.(httpApplication)
	return bridged.handler, ok
}

// Handler carries an Application on net/http: a Lanner application, also one written on Context, runs on any http.Server.
// A handler that went into HTTP comes out as it was.
//
// A panic goes on to net/http, which closes the connection without an answer, so that a recovering middleware around the
// handler sees it. Hooks registered with OnCompleted run before net/http sends what it still holds.
func Handler(app Application) http.Handler {
	if bridged, ok := app.(httpApplication); ok {
		return bridged.handler
	}
	return netHTTP{app}
}

type netHTTP struct{ app Application }

// ServeHTTP runs the application on features made of w and r.
func (h netHTTP) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n := &netHTTPNative{w: w, r: r, control: http.NewResponseController(w)}
	_ = n.control.EnableFullDuplex() // HTTP/1 alone needs it; elsewhere there is nothing to enable
	req := newNetHTTPRequest(r)
	n.res.n = n
	f := new(Features)
	f.Init(req, &n.res, n, FeaturesOf(r.Context()))
	if r.TLS != nil {
		Set[TLSHandshakeFeature](f, tlsState{r.TLS})
		Set[TLSConnectionFeature](f, tlsState{r.TLS})
	}
	defer n.res.Complete()
	defer n.life.finish()
	err := h.app.Process(f)
	n.finish(err)
}

// finish sends what was not started, or the answer to an error.
func (n *netHTTPNative) finish(err error) {
	switch {
	case n.hijacked:
	case n.life.aborted() != nil, err != nil && n.res.started:
		panic(http.ErrAbortHandler)
	case err != nil:
		n.refuse(err)
	default:
		n.res.start()
		for name, value := range n.trailers.All() {
			n.w.Header().Add(http.TrailerPrefix+name, value)
		}
	}
}

// refuse answers an error with its status.
func (n *netHTTPNative) refuse(err error) {
	status := ErrorStatus(err)
	var tooLarge *http.MaxBytesError // from an http.MaxBytesReader around the body
	if bad, ok := httpcommon.AsBadRequest(err); ok {
		if bad.Allow != "" {
			n.w.Header().Set("Allow", bad.Allow)
		}
	} else if errors.As(err, &tooLarge) {
		status = http.StatusRequestEntityTooLarge
	}
	n.w.WriteHeader(status)
}

// netHTTPRequest is an http.Request as a RequestFeature.
type netHTTPRequest struct {
	r      *http.Request
	header Headers
}

// newNetHTTPRequest puts back among the header fields what net/http keeps apart.
func newNetHTTPRequest(r *http.Request) *netHTTPRequest {
	q := &netHTTPRequest{r: r}
	if r.Host != "" {
		q.header.Add("Host", r.Host)
	}
	for name, values := range r.Header {
		for _, value := range values {
			q.header.Add(name, value)
		}
	}
	for _, coding := range r.TransferEncoding {
		q.header.Add("Transfer-Encoding", coding)
	}
	for _, name := range slices.Sorted(maps.Keys(r.Trailer)) {
		q.header.Add("Trailer", name)
	}
	return q
}

func (q *netHTTPRequest) Protocol() string { return q.r.Proto }
func (q *netHTTPRequest) Scheme() string {
	if q.r.TLS != nil {
		return "https"
	}
	return "http"
}
func (q *netHTTPRequest) Method() string       { return q.r.Method }
func (q *netHTTPRequest) Host() string         { return q.r.Host }
func (q *netHTTPRequest) PathBase() string     { return "" }
func (q *netHTTPRequest) Path() string         { return cleanURLPath(q.r) }
func (q *netHTTPRequest) RawQuery() string     { return q.r.URL.RawQuery }
func (q *netHTTPRequest) RawTarget() string    { return q.r.RequestURI }
func (q *netHTTPRequest) Header() *Headers     { return &q.header }
func (q *netHTTPRequest) ContentLength() int64 { return q.r.ContentLength }
func (q *netHTTPRequest) Body() io.Reader {
	if q.r.Body == nil { // a request that no server made
		return http.NoBody
	}
	return q.r.Body
}

// cleanURLPath is the path as a RequestFeature gives it, from the URL, since a handler in front may have cut it.
func cleanURLPath(r *http.Request) string {
	switch path := r.URL.EscapedPath(); {
	case path == "*":
		return ""
	case path == "" && r.URL.Host != "" && r.Method != http.MethodConnect:
		return "/" // http://host
	default:
		return httpcommon.CleanPath(path)
	}
}

// netHTTPResponse is an http.ResponseWriter as a ResponseFeature.
type netHTTPResponse struct {
	ResponseState
	n *netHTTPNative
}

// start fixes the header section.
func (s *netHTTPResponse) start() {
	if !s.Start() {
		return
	}
	out := s.n.w.Header()
	if _, typed := out["Content-Type"]; !typed {
		out["Content-Type"] = nil // or net/http would guess one, which no other server does
	}
	for name, value := range s.header.All() {
		if name == "Date" && value == "" {
			out["Date"] = nil // how either side is told not to send one
			continue
		}
		out.Add(name, value)
	}
	s.n.w.WriteHeader(s.Status())
}

func (s *netHTTPResponse) Write(p []byte) (int, error) {
	s.start()
	return s.n.w.Write(p)
}

func (s *netHTTPResponse) Flush() error {
	s.start()
	return s.n.control.Flush()
}

// netHTTPNative provides the optional features that net/http has an equivalent of.
type netHTTPNative struct {
	w        http.ResponseWriter
	r        *http.Request
	control  *http.ResponseController
	res      netHTTPResponse
	life     netHTTPLifetime
	trailers Headers
	trailer  Headers
	hijacked bool
}

func (n *netHTTPNative) ConnectionID() string   { return n.r.RemoteAddr }
func (n *netHTTPNative) RemoteAddrText() string { return n.r.RemoteAddr }
func (n *netHTTPNative) EndpointName() string   { return "" }
func (n *netHTTPNative) LocalAddr() net.Addr {
	addr, _ := n.r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	return addr
}
func (n *netHTTPNative) RemoteAddr() net.Addr {
	addr, err := netip.ParseAddrPort(n.r.RemoteAddr)
	if err != nil {
		return nil
	}
	return net.TCPAddrFromAddrPort(addr)
}

func (n *netHTTPNative) SetReadDeadline(t time.Time) error  { return n.control.SetReadDeadline(t) }
func (n *netHTTPNative) SetWriteDeadline(t time.Time) error { return n.control.SetWriteDeadline(t) }
func (n *netHTTPNative) ResponseTrailers() *Headers         { return &n.trailers }

func (n *netHTTPNative) RequestTrailers() *Headers {
	n.trailer.Reset()
	for name, values := range n.r.Trailer {
		for _, value := range values {
			n.trailer.Add(name, value)
		}
	}
	return &n.trailer
}

func (n *netHTTPNative) SendFrom(r io.Reader) (int64, error) {
	n.res.start()
	return io.Copy(n.w, r)
}

func (n *netHTTPNative) SendInterim(status int, h *Headers) error {
	switch {
	case n.res.started:
		return ErrTooLate
	case !n.r.ProtoAtLeast(1, 1):
		return ErrNotSupported // RFC 9110 §15.2: no 1xx to an HTTP/1.0 client
	}
	out := n.w.Header()
	final := maps.Clone(out) // what a handler in front set for the final response
	clear(out)
	if h != nil {
		for name, value := range h.All() {
			out.Add(name, value)
		}
	}
	n.w.WriteHeader(status)
	clear(out)
	maps.Copy(out, final)
	return nil
}

func (n *netHTTPNative) OnAborted(fn func(error)) { n.life.watch(n.r.Context(), fn) }

// Abort makes reading and writing fail from now on; the connection ends when the handler returns.
func (n *netHTTPNative) Abort(cause error) {
	n.life.abort(n.r.Context(), cause)
	_ = n.control.SetReadDeadline(time.Unix(1, 0))
	_ = n.control.SetWriteDeadline(time.Unix(1, 0))
}

func (n *netHTTPNative) Upgradable() bool {
	return fieldHasToken(n.r.Header.Get("Connection"), "upgrade") && n.r.ContentLength == 0
}

func (n *netHTTPNative) Hijack() (net.Conn, []byte, error) {
	if n.res.started {
		return nil, nil, ErrTooLate
	}
	conn, rw, err := n.control.Hijack()
	if err != nil {
		return nil, nil, err
	}
	n.hijacked, n.res.started = true, true
	buffered, err := rw.Reader.Peek(rw.Reader.Buffered())
	return conn, buffered, err
}

func (n *netHTTPNative) Upgrade() (net.Conn, error) {
	conn, buffered, err := n.Hijack()
	if err != nil {
		return nil, err
	}
	head := httpcommon.AppendUpgrade(nil, &n.res.header)
	if _, err := conn.Write(head); err != nil {
		conn.Close()
		return nil, err
	}
	return &upgradedConn{conn, prefixReader{buffered, conn}}, nil
}

// upgradedConn reads first what the client sent right after its request.
type upgradedConn struct {
	net.Conn
	reader prefixReader
}

func (c *upgradedConn) Read(p []byte) (int, error) { return c.reader.Read(p) }

// tlsState is a finished handshake as features.
type tlsState struct{ state *tls.ConnectionState }

func (t tlsState) TLSState() *tls.ConnectionState { return t.state }
func (t tlsState) ClientCertificate() *x509.Certificate {
	if len(t.state.PeerCertificates) == 0 {
		return nil
	}
	return t.state.PeerCertificates[0]
}
