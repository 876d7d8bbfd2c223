package server

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/lannerhq/lanner/internal/httpcommon"
)

// Handler carries an Application on net/http: a Lanner application, also one written on Context, runs on any http.Server.
// A handler that went into HTTP comes out as it was.
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
	req := &netHTTPRequest{r: r}
	for name, values := range r.Header {
		for _, value := range values {
			req.header.Add(name, value)
		}
	}
	if r.Host != "" {
		req.header.Add("Host", r.Host)
	}
	n.res = netHTTPResponse{n: n, status: http.StatusOK}
	f := new(Features)
	f.Init(req, &n.res, n, FeaturesOf(r.Context()))
	if r.TLS != nil {
		Set[TLSHandshakeFeature](f, tlsState{r.TLS})
		Set[TLSConnectionFeature](f, tlsState{r.TLS})
	}
	defer n.res.completed()
	err := h.app.Process(f)
	n.finish(err)
}

// finish sends what was not started, or the answer to an error.
func (n *netHTTPNative) finish(err error) {
	switch {
	case n.hijacked:
	case err != nil && n.res.started:
		panic(http.ErrAbortHandler)
	case err != nil:
		status := http.StatusInternalServerError
		if bad, ok := httpcommon.AsBadRequest(err); ok {
			status = bad.Status
		}
		n.w.WriteHeader(status)
	default:
		n.res.start()
		for name, value := range n.trailers.All() {
			n.w.Header().Add(http.TrailerPrefix+name, value)
		}
	}
}

// netHTTPRequest is an http.Request as a RequestFeature.
type netHTTPRequest struct {
	r      *http.Request
	header Headers
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
func (q *netHTTPRequest) Path() string         { return httpcommon.CleanPath(q.r.URL.EscapedPath()) }
func (q *netHTTPRequest) RawQuery() string     { return q.r.URL.RawQuery }
func (q *netHTTPRequest) RawTarget() string    { return q.r.RequestURI }
func (q *netHTTPRequest) Header() *Headers     { return &q.header }
func (q *netHTTPRequest) ContentLength() int64 { return q.r.ContentLength }
func (q *netHTTPRequest) Body() io.Reader      { return q.r.Body }

// netHTTPResponse is an http.ResponseWriter as a ResponseFeature.
type netHTTPResponse struct {
	n           *netHTTPNative
	status      int
	header      Headers
	started     bool
	onStarting  []func()
	onCompleted []func()
}

func (s *netHTTPResponse) Status() int           { return s.status }
func (s *netHTTPResponse) Header() *Headers      { return &s.header }
func (s *netHTTPResponse) Started() bool         { return s.started }
func (s *netHTTPResponse) OnStarting(fn func())  { s.onStarting = append(s.onStarting, fn) }
func (s *netHTTPResponse) OnCompleted(fn func()) { s.onCompleted = append(s.onCompleted, fn) }
func (s *netHTTPResponse) SetStatus(code int) {
	if !s.started {
		s.status = code
	}
}

// start fixes the header section.
func (s *netHTTPResponse) start() {
	if s.started {
		return
	}
	for i := len(s.onStarting) - 1; i >= 0; i-- {
		s.onStarting[i]()
	}
	s.started = true
	for name, value := range s.header.All() {
		s.n.w.Header().Add(name, value)
	}
	s.n.w.WriteHeader(s.status)
}

func (s *netHTTPResponse) completed() {
	for i := len(s.onCompleted) - 1; i >= 0; i-- {
		s.onCompleted[i]()
	}
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
	trailers Headers
	hijacked bool
	trailer  Headers
}

func (n *netHTTPNative) ConnectionID() string   { return n.r.RemoteAddr }
func (n *netHTTPNative) RemoteAddrText() string { return n.r.RemoteAddr }
func (n *netHTTPNative) EndpointName() string   { return "" }
func (n *netHTTPNative) LocalAddr() net.Addr {
	addr, _ := n.r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	return addr
}
func (n *netHTTPNative) RemoteAddr() net.Addr {
	addr, err := net.ResolveTCPAddr("tcp", n.r.RemoteAddr)
	if err != nil {
		return nil
	}
	return addr
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
	if h != nil {
		for name, value := range h.All() {
			n.w.Header().Add(name, value)
		}
	}
	n.w.WriteHeader(status)
	clear(n.w.Header())
	return nil
}

func (n *netHTTPNative) OnAborted(fn func(error)) {
	ctx := n.r.Context()
	go func() {
		<-ctx.Done() // net/http ends the context when the handler returns, at the latest
		fn(ErrClientDisconnected)
	}()
}

func (n *netHTTPNative) Abort(error) { panic(http.ErrAbortHandler) }

func (n *netHTTPNative) Upgradable() bool {
	return fieldHasToken(n.r.Header.Get("Connection"), "upgrade") && n.r.ContentLength == 0
}

func (n *netHTTPNative) Hijack() (net.Conn, []byte, error) {
	conn, rw, err := n.control.Hijack()
	if err != nil {
		return nil, nil, err
	}
	n.hijacked = true
	buffered, err := rw.Reader.Peek(rw.Reader.Buffered())
	return conn, buffered, err
}

func (n *netHTTPNative) Upgrade() (net.Conn, error) {
	if n.res.started {
		return nil, ErrTooLate
	}
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
