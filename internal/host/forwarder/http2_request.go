package forwarder

import (
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"net/url"
	"strings"
)

// http2Request makes the library's form of the head that was rendered for HTTP/1.1: so the fields are the same, but for those
// that HTTP/2 says otherwise (RFC 9113 §8.2.2, §8.3.1).
func (x *exchange) http2Request(s *stream) *http.Request {
	line, rest := cutLine(string(x.out))
	method, line, _ := strings.Cut(line, " ")
	target, _, _ := strings.Cut(line, " ")
	req := &http.Request{
		Method: method, URL: x.http2URL(target), Host: x.req.Host(), Proto: "HTTP/2.0", ProtoMajor: 2,
		Header: make(http.Header), ContentLength: x.left,
	}
	for line, rest = cutLine(rest); line != ""; line, rest = cutLine(rest) {
		name, value, _ := strings.Cut(line, ": ")
		switch name = textproto.CanonicalMIMEHeaderKey(name); name {
		case "Host", "Connection", "Transfer-Encoding", "Content-Length":
		default:
			req.Header[name] = append(req.Header[name], value)
		}
	}
	if _, has := req.Header["User-Agent"]; !has {
		req.Header["User-Agent"] = nil // else the library would add its own
	}
	if s.body != nil {
		req.Body = s.body
		req.Trailer = s.body.trailer
	}
	return req.WithContext(httptrace.WithClientTrace(s.ctx, x.trace(s)))
}

// http2URL makes the library send the target as it is. A target that begins with two slashes would be taken for an authority, so
// that the library's own has to stand before it.
func (x *exchange) http2URL(target string) *url.URL {
	u := &url.URL{Scheme: "http", Host: x.u.addr, Opaque: target}
	if strings.HasPrefix(target, "//") {
		host := x.req.Host()
		if host == "" {
			host = u.Host
		}
		u.Opaque = "//" + host + target
	}
	return u
}
