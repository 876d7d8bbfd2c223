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
	ctx     requestContext
	request http.Request
	url     url.URL
	body    requestBody
	writer  hijackWriter
	values  [8]string // of the first fields
}

// empty is what every request is a copy of: Request.WithContext is the only way to set a context, and it copies.
var empty http.Request

// Process implements Application.
func (a httpApplication) Process(f *Features) error {
	x := new(exchange)
	x.ctx.features = f
	x.writer.features = f
	x.writer.res = f.responseFeature()
	if err := x.fill(f); err != nil {
		return err
	}
	x.writer.req = &x.request
	defer x.close()
	if f.hasUpgrade() {
		a.handler.ServeHTTP(&x.writer, &x.request)
	} else {
		a.handler.ServeHTTP(&x.writer.responseWriter, &x.request)
	}
	x.writer.complete()
	if x.request.Pattern != "" {
		if route, ok := f.routeFeature(); ok {
			route.SetRoute(x.request.Pattern)
		}
	}
	return nil
}

// close cuts the request loose from the server: what the handler kept goes on to exist, but does nothing.
func (x *exchange) close() {
	x.ctx.finish()
	if x.body.features != nil {
		x.body.close()
	}
	x.writer.closed.Store(true)
	if x.request.MultipartForm != nil {
		_ = x.request.MultipartForm.RemoveAll() // the temporary files of ParseMultipartForm, as net/http; what it cannot remove stays
	}
}

// fill makes the http.Request.
func (x *exchange) fill(f *Features) error {
	req := f.requestFeature()
	if keep, ok := req.(Retainer); ok {
		keep.Retain()
	}
	x.request = *empty.WithContext(&x.ctx) // inlined, the copy is not allocated
	r := &x.request
	r.Method = req.Method()
	r.Proto, r.ProtoMajor, r.ProtoMinor = protocolVersion(req.Protocol())
	r.Host = req.Host()
	r.RequestURI = req.RawTarget()
	if err := x.parseURL(r, req); err != nil {
		return err
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
	if conn, ok := f.connectionFeature(); ok {
		r.RemoteAddr = conn.RemoteAddrText()
	}
	if handshake, ok := f.tlsHandshakeFeature(); ok {
		r.TLS = handshake.TLSState()
	} else if req.Scheme() == "https" {
		r.TLS = &tls.ConnectionState{HandshakeComplete: true}
	}
	return nil
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
	n := fields.Len()
	r.Header = make(http.Header, n)
	values := x.values[:0]
	if n > len(x.values) {
		values = make([]string, 0, n)
	}
	for i := range n {
		name, value := fields.At(i)
		key := canonicalKey(name)
		switch key {
		case "Host", "Transfer-Encoding":
			continue
		case "Connection":
			r.Close = r.Close || fieldHasToken(value, "close")
		case "Trailer":
			announceTrailers(r, value)
			continue
		}
		if have := r.Header[key]; have != nil {
			r.Header[key] = append(have, value)
			continue
		}
		values = append(values, value)
		r.Header[key] = values[len(values)-1 : len(values) : len(values)]
	}
}

// canonicalKey is http.CanonicalHeaderKey. Most clients send names in canonical form already, and these names.
func canonicalKey(name string) string {
	switch name {
	case "Accept", "Accept-Encoding", "Accept-Language", "Authorization", "Cache-Control", "Connection", "Content-Length",
		"Content-Type", "Cookie", "Host", "If-Modified-Since", "If-None-Match", "Origin", "Pragma", "Range", "Referer",
		"Sec-Fetch-Dest", "Sec-Fetch-Mode", "Sec-Fetch-Site", "Te", "Upgrade-Insecure-Requests", "User-Agent",
		"X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip", "X-Request-Id":
		return name
	}
	return http.CanonicalHeaderKey(name)
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

// protocolVersion is the version as net/http has it, which writes HTTP/2.0 where the contract and the RFCs write HTTP/2.
func protocolVersion(proto string) (name string, major, minor int) {
	switch {
	case proto == "HTTP/2":
		return "HTTP/2.0", 2, 0
	case proto == "HTTP/3":
		return "HTTP/3.0", 3, 0
	case len(proto) < len("HTTP/1"):
		return proto, 0, 0
	}
	major = int(proto[5] - '0')
	if len(proto) == len("HTTP/1.1") {
		minor = int(proto[7] - '0')
	}
	return proto, major, minor
}

var _ io.ReadCloser = (*requestBody)(nil)
