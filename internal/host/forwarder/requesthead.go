package forwarder

import (
	"encoding/base64"
	"strconv"
	"strings"

	"github.com/lannerhq/lanner/internal/httpcommon"
	"github.com/lannerhq/lanner/server"
)

// render writes the request head into x.out. It fails with a *BadRequestError when the request cannot be forwarded.
func (x *exchange) render() error {
	h := x.req.Header()
	x.inspect(h)
	t := headText{b: x.out[:0]}
	if err := x.requestLine(&t); err != nil {
		return err
	}
	t.field("Host", x.req.Host()) // as sent; empty when there is none (RFC 9112 §3.2)
	for i := range h.Len() {
		name, value := h.At(i)
		if !x.passes(name, value) {
			continue
		}
		if !httpcommon.IsToken(name) {
			return badRequest("invalid_header", "a field name is not a token: "+strconv.QuoteToASCII(name))
		}
		t.field(name, value)
	}
	x.ownFields(&t, h)
	t.endLine()
	x.out = t.b
	if !t.intact() {
		return badRequest("invalid_header", "a line break or NUL in the request target, host or a field value")
	}
	x.tx = outgoing{b: t.b, keep: true}
	return nil
}

// inspect finds out what decides about several fields.
func (x *exchange) inspect(h *httpcommon.Headers) {
	x.left = x.req.ContentLength()
	x.idempotent = isIdempotent(x.req.Method())
	for i := range h.Len() {
		name, value := h.At(i)
		switch classify(name) {
		case fieldConnection:
			if !namesNothing(value) {
				x.connection = append(x.connection, value)
			}
		case fieldUpgrade:
			if x.upgrade != "" { // a list in several lines
				value = x.upgrade + ", " + value
			}
			x.upgrade = value
		case fieldExpect:
			// From an HTTP/1.0 client it is to be ignored (RFC 9110 §10.1.1).
			x.expect = x.left != 0 && x.req.Protocol() != "HTTP/1.0" && isContinue(value)
		}
	}
	if x.upgrade != "" && !x.mayUpgrade() {
		x.upgrade = ""
	}
}

func isContinue(value string) bool { return httpcommon.EqualFold(value, "100-continue") }

// namesNothing knows the usual values of Connection, which nominate no field that is forwarded.
func namesNothing(value string) bool {
	return httpcommon.EqualFold(value, "keep-alive") || httpcommon.EqualFold(value, "close") ||
		httpcommon.EqualFold(value, "upgrade")
}

// isIdempotent lists the methods of RFC 9110 §9.2.2.
func isIdempotent(method string) bool {
	switch method {
	case "GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE":
		return true
	}
	return false
}

func (x *exchange) mayUpgrade() bool {
	if x.u.opts.NoWebSockets || !forwardable(x.upgrade) {
		return false
	}
	feature, ok := server.Get[server.UpgradeFeature](x.f)
	return ok && feature.Upgradable()
}

// forwardable reports whether all protocols of an Upgrade field may be spoken past this forwarder. HTTP/2 may not: its
// further requests would reach the worker unseen, with whatever fields the client likes.
func forwardable(value string) bool {
	for protocol := range strings.SplitSeq(value, ",") {
		name, _, _ := strings.Cut(httpcommon.TrimOWS(protocol), "/")
		if !httpcommon.IsToken(name) || httpcommon.EqualFold(name, "h2c") || httpcommon.EqualFold(name, "h2") ||
			httpcommon.EqualFold(name, "HTTP") || httpcommon.EqualFold(name, "TLS") {
			return false
		}
	}
	return true
}

// passes reports whether a field is forwarded as it is.
func (x *exchange) passes(name, value string) bool {
	switch classify(name) {
	case fieldPlain:
		return !x.nominated(name)
	case fieldForwarded:
		return x.by.Trusted && !x.rewrites(name)
	case fieldExpect:
		return x.expect || !isContinue(value) // without a body there is nothing to wait for
	case fieldCookie:
		return !x.splitsCookies() && !x.nominated(name)
	}
	return false
}

// nominated reports whether a Connection field says that fields with that name end here (RFC 9110 §7.6.1).
func (x *exchange) nominated(name string) bool {
	for _, value := range x.connection {
		if httpcommon.HasToken(value, name) {
			return true
		}
	}
	return false
}

// splitsCookies reports whether the client may have sent its cookies in several fields without meaning anything by it.
func (x *exchange) splitsCookies() bool {
	protocol := x.req.Protocol()
	return protocol == "HTTP/2" || protocol == "HTTP/3"
}

// ownFields writes the fields that the forwarder itself is responsible for.
func (x *exchange) ownFields(t *headText, h *httpcommon.Headers) {
	if x.splitsCookies() {
		t.cookies(h)
	}
	if !x.u.opts.Inside {
		t.text("Via: ")
		t.text(receivedProtocol(x.req.Protocol()))
		t.text(" ")
		t.text(x.u.opts.Via)
		t.endLine()
	}
	x.framingFields(t, h)
	x.forwardedFields(t, h)
	switch {
	case x.upgrade != "":
		t.field("Connection", "Upgrade")
		t.field("Upgrade", x.upgrade)
	case h.HasToken("TE", "trailers"):
		// RFC 9110 §10.1.4: "A sender of TE MUST also send a "TE" connection option".
		t.field("TE", "trailers")
		t.field("Connection", "TE")
	}
	if x.key != "" {
		t.field("Sec-WebSocket-Key", x.key)
	}
	if x.req.Scheme() == "https" && !x.u.opts.Inside {
		x.certificateFields(t)
	}
	if x.u.opts.Token != "" {
		t.field("MS-ASPNETCORE-TOKEN", x.u.opts.Token)
	}
}

// receivedProtocol is the version for Via, without the name HTTP (RFC 9110 §7.6.3).
func receivedProtocol(protocol string) string {
	switch protocol {
	case "HTTP/2":
		return "2.0"
	case "HTTP/3":
		return "3.0"
	}
	return strings.TrimPrefix(protocol, "HTTP/")
}

// framingFields says how long the body is.
func (x *exchange) framingFields(t *headText, h *httpcommon.Headers) {
	switch {
	case x.left < 0:
		t.field("Transfer-Encoding", "chunked")
	case x.left > 0 || x.announcesNothing(h):
		t.text("Content-Length: ")
		t.b = strconv.AppendInt(t.b, x.left, 10)
		t.endLine()
	}
}

// announcesNothing reports whether a request without content says so: the client did, or the method "anticipates such
// content" (RFC 9110 §8.6).
func (x *exchange) announcesNothing(h *httpcommon.Headers) bool {
	if x.key != "" {
		return false
	}
	if _, ok := h.Lookup("Content-Length"); ok {
		return true
	}
	switch x.req.Method() {
	case "POST", "PUT", "PATCH":
		return true
	}
	return false
}

// certificateFields hand on the client's certificate: base64 of its DER form, as the ASP.NET Core Module does, and as a byte sequence
// (RFC 8941 §3.3.5) in Client-Cert (RFC 9440 §2.2).
func (x *exchange) certificateFields(t *headText) {
	conn, ok := server.Get[server.TLSConnectionFeature](x.f)
	if !ok {
		return
	}
	cert := conn.ClientCertificate()
	if cert == nil {
		return
	}
	t.text("MS-ASPNETCORE-CLIENTCERT: ")
	t.b = base64.StdEncoding.AppendEncode(t.b, cert.Raw)
	t.endLine()
	t.text("Client-Cert: :")
	t.b = base64.StdEncoding.AppendEncode(t.b, cert.Raw)
	t.text(":")
	t.endLine()
}
