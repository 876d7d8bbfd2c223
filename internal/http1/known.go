package http1

import "github.com/lannerhq/lanner/internal/httpcommon"

// knownHead is a request head that was parsed before, and what came of it. A client that keeps its connection sends the
// same bytes again and again; what they mean depends on nothing but them and the configuration, so the result is taken over
// when they are equal. The plain path is parse and load; a test holds the two equal.
//
// Heads with credentials are not kept: an engine serves one connection after another, and how long a comparison takes must
// not tell anybody what another client has sent. Nor are those with a body, whose trailers share the budget of the head.
type knownHead struct {
	cfg    *Config
	text   []byte
	req    Request // its strings are parts of text
	unlike uint8   // requests since the last one that was known
}

const (
	maxKnown = 1 << 10
	// rememberEvery is how many unlike requests there are for one that is remembered: where no two are alike, copying each
	// would be for nothing.
	rememberEvery = 16
)

// recall makes the request that the input begins with from what is known of it, and returns the size of its head, or 0.
func (k *knownHead) recall(c *Conn) int {
	size := len(k.text)
	if size == 0 || k.cfg != c.cfg || c.w-c.r < size || c.head.scanned != 0 || string(c.in[c.r:c.r+size]) != string(k.text) {
		return 0
	}
	k.unlike = 0
	q := &c.req
	header, trailer := q.header, q.trailer
	*q = k.req
	q.header, q.trailer = header, trailer
	q.header.CopyFrom(&k.req.header)
	return size
}

// remember keeps what came of a head, now and then.
func (k *knownHead) remember(q *Request) {
	if k.unlike++; k.unlike != 1 {
		if k.unlike == rememberEvery {
			k.unlike = 0
		}
		return
	}
	size := len(q.memory)
	if size > maxKnown || q.length != 0 || q.chunked || hasCredentials(&q.header) {
		return
	}
	if k.text == nil {
		k.text = make([]byte, 0, maxKnown)
	}
	k.cfg = q.conn.cfg
	k.text = append(k.text[:0], q.memory...)
	header := k.req.header
	k.req = *q
	k.req.header = header
	k.req.header.CopyFrom(&q.header)
	k.req.memory = shared(k.text)
	k.req.trailer = httpcommon.Headers{}
	k.req.relocate(q.memory)
}

func hasCredentials(h *httpcommon.Headers) bool {
	for name := range h.All() {
		switch len(name) {
		case len("Cookie"):
			if httpcommon.EqualFold(name, "Cookie") {
				return true
			}
		case len("Authorization"):
			if httpcommon.EqualFold(name, "Authorization") {
				return true
			}
		case len("Proxy-Authorization"):
			if httpcommon.EqualFold(name, "Proxy-Authorization") {
				return true
			}
		}
	}
	return false
}
