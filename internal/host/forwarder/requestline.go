package forwarder

import (
	"crypto/rand"
	"encoding/base64"
	"strings"

	"github.com/lannerhq/lanner/internal/httpcommon"
	"github.com/lannerhq/lanner/server"
)

// requestLine writes method, target and version. The version is the forwarder's own (RFC 9110 §2.5).
func (x *exchange) requestLine(t *headText) error {
	method, target := x.req.Method(), x.req.RawTarget()
	if method == "CONNECT" {
		// RFC 8441 §5: a WebSocket on a stream is the same handshake in other words.
		extended, ok := server.Get[server.ExtendedConnectFeature](x.f)
		if !ok || x.u.opts.NoWebSockets || !httpcommon.EqualFold(extended.ConnectProtocol(), "websocket") {
			return notImplemented("CONNECT is for proxies; this gateway forwards only WebSockets from it")
		}
		method = "GET"
		x.left, x.expect, x.upgrade = 0, false, "websocket"
		x.key = newWebSocketKey()
	}
	if !httpcommon.IsToken(method) {
		return badRequest("invalid_request_line", "the method is not a token")
	}
	path, slash, ok := originForm(method, target)
	if !ok {
		return badRequest("invalid_request_line", "the request target has no path that could be forwarded")
	}
	t.text(method)
	t.text(" ")
	if slash {
		t.text("/")
	}
	t.text(path)
	t.text(" HTTP/1.1")
	t.endLine()
	return nil
}

func notImplemented(detail string) error {
	return &httpcommon.BadRequestError{Status: 501, Reason: "not_implemented", Detail: detail}
}

func newWebSocketKey() string {
	var key [16]byte
	rand.Read(key[:])
	return base64.StdEncoding.EncodeToString(key[:])
}

// originForm reduces an absolute form to the origin form (RFC 9112 §3.2.1); nothing is decoded or cleaned. slash says
// that a slash belongs in front: the target had no path.
func originForm(method, target string) (path string, slash, ok bool) {
	for i := range len(target) {
		if target[i] <= ' ' || target[i] == 0x7f {
			return "", false, false
		}
	}
	if strings.HasPrefix(target, "/") || target == "*" {
		return target, false, true
	}
	_, rest, absolute := strings.Cut(target, "://")
	if !absolute {
		return "", false, false
	}
	switch i := strings.IndexAny(rest, "/?"); {
	case i < 0 && method == "OPTIONS":
		return "*", false, true // RFC 9112 §3.2.4
	case i < 0:
		return "/", false, true
	default:
		return rest[i:], rest[i] == '?', true
	}
}
