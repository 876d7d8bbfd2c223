package server

import (
	"crypto/tls"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// HTTP carries an http.Handler. What the handler sees is as with net/http: URL, Header, Body, context, and a
// ResponseWriter that implements Flusher, io.ReaderFrom, io.StringWriter, what http.ResponseController asks for and,
// when there is an UpgradeFeature, Hijacker. Nothing that a handler may keep is recycled.
//
// Where net/http and the contract differ, the handler gets net/http's view: r.URL is parsed from the target as sent,
// with no dot segment removed. A path base is cut from r.URL.Path as http.StripPrefix does.
func HTTP(h http.Handler) Application {
	if h == nil {
		h = http.DefaultServeMux
	}
	return httpApplication{h}
}

type httpApplication struct{ handler http.Handler }

// exchange is all that one request needs, in one allocation. It is never recycled.
type exchange struct {
	ctx    requestContext
	url    url.URL
	body   requestBody
	writer hijackWriter
	values [24]string
}

// empty is what every request is a copy of: Request.WithContext is the only way to set a context, and it copies.
var empty http.Request

// Process implements Application.
func (a httpApplication) Process(f *Features) error {
	x := new(exchange)
	x.ctx.features = f
	x.writer.features = f
	x.writer.res, _ = Get[ResponseFeature](f)
	r, err := x.request(f)
	if err != nil {
		return err
	}
	x.writer.req = r
	defer x.close()
	if _, ok := Get[UpgradeFeature](f); ok {
		a.handler.ServeHTTP(&x.writer, r)
	} else {
		a.handler.ServeHTTP(&x.writer.responseWriter, r)
	}
	x.writer.complete()
	if r.Pattern != "" {
		if route, ok := Get[RouteFeature](f); ok {
			route.SetRoute(r.Pattern)
		}
	}
	return nil
}

// close cuts the request loose from the server: what the handler kept goes on to exist, but does nothing.
func (x *exchange) close() {
	x.ctx.finish()
	x.body.close()
	x.writer.closed.Store(true)
	if r := x.writer.req; r != nil && r.MultipartForm != nil {
		_ = r.MultipartForm.RemoveAll() // the temporary files of ParseMultipartForm, as net/http; what it cannot remove stays
	}
}

// request makes the http.Request.
func (x *exchange) request(f *Features) (*http.Request, error) {
	req, _ := Get[RequestFeature](f)
	if keep, ok := req.(Retainer); ok {
		keep.Retain()
	}
	r := empty.WithContext(&x.ctx)
	r.Method = req.Method()
	r.Proto = req.Protocol()
	r.ProtoMajor, r.ProtoMinor = protocolVersion(r.Proto)
	r.Host = req.Host()
	r.RequestURI = req.RawTarget()
	if err := x.parseURL(r, req); err != nil {
		return nil, err
	}
	x.header(r, req.Header())
	if r.ProtoMajor == 1 && r.ProtoMinor == 0 && !req.Header().HasToken("Connection", "keep-alive") {
		r.Close = true // RFC 9112 §9.3: HTTP/1.0 keeps a connection only when asked
	}
	r.ContentLength = req.ContentLength()
	r.Body = http.NoBody
	if r.ContentLength != 0 {
		x.body.features, x.body.source, x.body.req = f, req.Body(), r
		x.body.length = r.ContentLength
		r.Body = &x.body
	}
	if r.ContentLength < 0 && r.ProtoMajor == 1 {
		r.TransferEncoding = chunkedEncoding
	}
	if conn, ok := Get[ConnectionFeature](f); ok {
		r.RemoteAddr = conn.RemoteAddrText()
	}
	if handshake, ok := Get[TLSHandshakeFeature](f); ok {
		r.TLS = handshake.TLSState()
	} else if req.Scheme() == "https" {
		r.TLS = &tls.ConnectionState{HandshakeComplete: true}
	}
	return r, nil
}

var chunkedEncoding = []string{"chunked"}

// parseURL fills r.URL from the target as net/http does, then cuts the path base.
func (x *exchange) parseURL(r *http.Request, req RequestFeature) error {
	target := r.RequestURI
	r.URL = &x.url
	if plainPath(target) {
		x.url.Path = target
		if i := strings.IndexByte(target, '?'); i >= 0 {
			x.url.Path, x.url.RawQuery = target[:i], target[i+1:]
			x.url.ForceQuery = x.url.RawQuery == ""
		}
	} else {
		authority := r.Method == http.MethodConnect && !strings.HasPrefix(target, "/")
		if authority {
			target = "http://" + target
		}
		u, err := url.ParseRequestURI(target)
		if err != nil {
			return &BadRequestError{Status: http.StatusBadRequest, Reason: "invalid_request_line", Detail: "the request target is not a URL"}
		}
		if authority {
			u.Scheme = ""
		}
		x.url = *u
	}
	if base := req.PathBase(); base != "" && underBase(x.url.Path, base) {
		x.url.Path = x.url.Path[len(base):]
		if len(x.url.RawPath) >= len(base) {
			x.url.RawPath = x.url.RawPath[len(base):]
		}
		if x.url.Path == "" {
			x.url.Path, x.url.RawPath = "/", ""
		}
	}
	return nil
}

// plainPath reports whether target is an origin-form path that needs no decoding and that net/url would not encode
// otherwise, so that parsing it is cutting it.
func plainPath(target string) bool {
	if target == "" || target[0] != '/' || strings.HasPrefix(target, "//") {
		return false
	}
	for i := range len(target) {
		switch c := target[i]; {
		case c == '?':
			return !strings.Contains(target[i:], "#")
		case !plainPathBytes[c]:
			return false
		}
	}
	return true
}

// plainPathBytes are those that net/url leaves as they are in a path. For others, such as '!', it fills in RawPath.
var plainPathBytes = func() (t [256]bool) {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~$&+,/:;=@"
	for i := range len(plain) {
		t[plain[i]] = true
	}
	return t
}()

// header makes r.Header and r.Trailer. Values share one array, keys in canonical form cost nothing.
func (x *exchange) header(r *http.Request, fields *Headers) {
	r.Header = make(http.Header, fields.Len())
	values := x.values[:0]
	for i := range fields.Len() {
		name, value := fields.At(i)
		key := http.CanonicalHeaderKey(name)
		switch key {
		case "Host", "Transfer-Encoding":
			continue
		case "Connection":
			r.Close = r.Close || fieldHasToken(value, "close")
		case "Trailer":
			announceTrailers(r, value)
			continue
		}
		if have, ok := r.Header[key]; ok {
			r.Header[key] = append(have, value)
			continue
		}
		if len(values) == cap(values) {
			r.Header[key] = []string{value}
			continue
		}
		values = append(values, value)
		r.Header[key] = values[len(values)-1 : len(values) : len(values)]
	}
}

// announceTrailers enters the names of a Trailer field into r.Trailer, without values (as net/http).
func announceTrailers(r *http.Request, names string) {
	for name := range strings.SplitSeq(names, ",") {
		key := http.CanonicalHeaderKey(strings.TrimSpace(name))
		switch key {
		case "", "Transfer-Encoding", "Trailer", "Content-Length":
			continue
		}
		if r.Trailer == nil {
			r.Trailer = make(http.Header)
		}
		r.Trailer[key] = nil
	}
}

// protocolVersion splits "HTTP/1.1"; "HTTP/2" is 2, 0.
func protocolVersion(proto string) (major, minor int) {
	if len(proto) < len("HTTP/1") {
		return 0, 0
	}
	major = int(proto[5] - '0')
	if len(proto) == len("HTTP/1.1") {
		minor = int(proto[7] - '0')
	}
	return major, minor
}

var _ io.ReadCloser = (*requestBody)(nil)
