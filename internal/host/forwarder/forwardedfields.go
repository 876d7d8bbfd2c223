package forwarder

import (
	"strings"

	"github.com/lannerhq/lanner/internal/httpcommon"
	"github.com/lannerhq/lanner/server"
)

// rewrites reports whether the field is one that forwardedFields writes, with what was received in front. When several
// lines of it were received they become one: programs that look at the first line only would miss this hop.
func (x *exchange) rewrites(name string) bool {
	if x.u.opts.Forwarded && same(name, "forwarded") {
		return true
	}
	return !x.u.opts.NoForwardedFields &&
		(same(name, "x-forwarded-for") || same(name, "x-forwarded-proto") || same(name, "x-forwarded-host"))
}

// forwardedFields writes X-Forwarded-For with the port, as the ASP.NET Core Module does, -Proto and -Host, and Forwarded
// when asked to.
func (x *exchange) forwardedFields(t *headText, h *httpcommon.Headers) {
	if x.u.opts.NoForwardedFields && !x.u.opts.Forwarded {
		return
	}
	client := ""
	if conn, ok := server.Get[server.ConnectionFeature](x.f); ok {
		client = ipAndPort(conn.RemoteAddrText())
	}
	if !x.u.opts.NoForwardedFields {
		x.appended(t, h, "X-Forwarded-For", client)
		x.appended(t, h, "X-Forwarded-Proto", x.req.Scheme())
		x.appended(t, h, "X-Forwarded-Host", x.req.Host())
	}
	if x.u.opts.Forwarded {
		t.text("Forwarded: ")
		if x.received(t, h, "Forwarded") {
			t.text(", ")
		}
		t.element(client, x.req.Scheme(), x.req.Host())
		t.endLine()
	}
}

// appended writes a field whose value is what a trusted proxy sent and own at the end. Nothing to say, no field.
func (x *exchange) appended(t *headText, h *httpcommon.Headers, name, own string) {
	before := len(t.b)
	t.text(name)
	t.text(": ")
	any := x.received(t, h, name)
	switch {
	case own == "" && !any:
		t.b = t.b[:before]
		return
	case own != "" && any:
		t.text(", ")
	}
	t.text(own)
	t.endLine()
}

// received writes the values that a trusted proxy sent as one list, and reports whether there are any.
func (x *exchange) received(t *headText, h *httpcommon.Headers, name string) (any bool) {
	if !x.by.Trusted {
		return false
	}
	for i := range h.Len() {
		other, value := h.At(i)
		if value == "" || !httpcommon.EqualFold(other, name) {
			continue
		}
		if any {
			t.text(", ")
		}
		t.text(value)
		any = true
	}
	return any
}

// element writes one element of Forwarded (RFC 7239 §4). Values with a colon must be quoted.
func (t *headText) element(client, scheme, host string) {
	t.text("for=")
	if client == "" {
		t.text("unknown")
	} else {
		t.quoted(client)
	}
	t.text(";proto=")
	t.text(scheme)
	if host != "" {
		t.text(";host=")
		t.quoted(host)
	}
}

func (t *headText) quoted(s string) {
	t.b = append(t.b, '"')
	for i := range len(s) {
		if s[i] == '"' || s[i] == '\\' {
			t.b = append(t.b, '\\')
		}
		t.b = append(t.b, s[i])
	}
	t.b = append(t.b, '"')
}

// ipAndPort is the client's address for others to parse: "" when text is the path of a unix socket, and without the zone
// of "[fe80::1%eth0]:80", which means something on this machine's link only.
func ipAndPort(text string) string {
	if text == "" || text[0] != '[' && (text[0] < '0' || text[0] > '9') {
		return ""
	}
	zone, end := strings.IndexByte(text, '%'), strings.IndexByte(text, ']')
	if zone < 0 || end < zone {
		return text
	}
	return text[:zone] + text[end:]
}
