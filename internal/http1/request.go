package http1

import (
	"io"
	"strings"
	"unsafe"

	"github.com/lannerhq/lanner/internal/httpcommon"
)

// Request is the request being served. Its strings share the connection's buffer until Retain.
type Request struct {
	conn *Conn

	memory    string // the head: what all strings below are parts of
	retained  bool
	minor     uint8
	method    string
	rawTarget string
	path      string
	query     string
	authority string // of an absolute-form or authority-form target
	absolute  bool
	header    httpcommon.Headers
	trailer   httpcommon.Headers

	host       string
	hosts      int
	lengths    int
	length     int64 // Content-Length, 0 when there is none
	chunked    bool
	lastTE     string
	hasTE      bool
	close      bool
	keepAlive  bool
	upgrade    bool
	expect     bool
	conflicted bool // both Content-Length and Transfer-Encoding
}

// reset forgets the last request and keeps memory.
func (q *Request) reset() {
	q.header.Reset()
	q.trailer.Reset()
	*q = Request{conn: q.conn, header: q.header, trailer: q.trailer}
}

// begin takes over the request line of a head whose bytes are b.
func (q *Request) begin(h *head, b []byte) error {
	q.memory = shared(b)
	q.minor = h.minor
	q.method = httpcommon.InternMethod(h.method.text(q.memory))
	q.rawTarget = h.target.text(q.memory)
	return q.parseTarget()
}

// load takes over a complete head that lies in b. When bytes have moved since begin, what it found moves along.
func (q *Request) load(h *head, b []byte) error {
	if old := q.memory; unsafe.StringData(old) != unsafe.SliceData(b) {
		q.memory = shared(b)
		q.relocate(old)
	}
	q.memory = shared(b)
	for i := range h.fields {
		f := &h.fields[i]
		name, value := f.name.text(q.memory), f.value.text(q.memory)
		q.header.Add(name, value)
		if err := q.note(name, value); err != nil {
			return err
		}
	}
	if err := q.checkHost(); err != nil {
		return err
	}
	return q.frame()
}

// note remembers the fields that the engine itself obeys.
func (q *Request) note(name, value string) error {
	switch len(name) {
	case len("Host"):
		if httpcommon.EqualFold(name, "Host") {
			q.hosts++
			q.host = value
		}
	case len("Expect"):
		if httpcommon.EqualFold(name, "Expect") {
			q.expect = httpcommon.EqualFold(value, "100-continue")
		}
	case len("Connection"):
		if httpcommon.EqualFold(name, "Connection") {
			q.close = q.close || httpcommon.HasToken(value, "close")
			q.keepAlive = q.keepAlive || httpcommon.HasToken(value, "keep-alive")
			q.upgrade = q.upgrade || httpcommon.HasToken(value, "upgrade")
		}
	case len("Content-Length"):
		if httpcommon.EqualFold(name, "Content-Length") {
			return q.noteLength(value)
		}
	case len("Transfer-Encoding"):
		if httpcommon.EqualFold(name, "Transfer-Encoding") {
			q.hasTE = true
			if last := lastItem(value); last != "" {
				q.lastTE = last
			}
		}
	}
	return nil
}

// noteLength is strict: one field, digits only, even an identical second one is refused (RFC 9112 §6.3, rule 5).
func (q *Request) noteLength(value string) error {
	q.lengths++
	if q.lengths > 1 {
		return errMultipleLengths
	}
	n, ok := httpcommon.ParseLength(value)
	if !ok {
		return badLength(value)
	}
	q.length = n
	return nil
}

// checkHost is RFC 9112 §3.2 and §3.2.2: exactly one Host in HTTP/1.1, well-formed, and the same as the target's
// authority when that has one.
func (q *Request) checkHost() error {
	switch {
	case q.hosts > 1:
		return errMultipleHosts
	case q.hosts == 0 && q.minor == 1:
		return errMissingHost
	case !httpcommon.ValidHost(q.host):
		return badHost(q.host)
	case q.authority == "":
		return nil
	case q.conn.cfg.Compat.HostHeaderOverride:
		q.setHost(q.authority)
		return nil
	case q.hosts == 0:
		q.host = q.authority
		return nil
	case q.absolute && sameAuthority(q.host, q.authority, q.rawTarget):
		return nil
	case !q.absolute && q.host == q.authority:
		return nil
	}
	return badHost(q.host)
}

func (q *Request) setHost(host string) {
	q.host = host
	q.header.Set("Host", host)
}

// frame decides how long the body is (RFC 9112 §6.3).
func (q *Request) frame() error {
	if q.hasTE {
		if !finalCodingIsChunked(q.lastTE) {
			return badCoding(q.lastTE)
		}
		q.chunked = true
		if q.lengths > 0 {
			// RFC 9112 §6.1: Transfer-Encoding overrides Content-Length; the message may be an attempt at smuggling, so
			// the field is renamed before anybody trusts it and the connection ends after the response.
			q.conflicted = true
			q.renameLength()
		}
		q.length = -1
		return nil
	}
	if q.minor == 0 && q.lengths == 0 && (q.method == "POST" || q.method == "PUT") {
		return lengthRequired(q.method)
	}
	return nil
}

func (q *Request) renameLength() {
	value := q.header.Get("Content-Length")
	q.header.Del("Content-Length")
	q.header.Add("X-Content-Length", value)
}

// finalCodingIsChunked looks at the last item of a list of transfer codings.
func finalCodingIsChunked(list string) bool {
	return httpcommon.EqualFold(lastItem(list), "chunked")
}

// lastItem is the last item of a comma-separated list that is not empty (RFC 9110 §5.6.1.2).
func lastItem(list string) string {
	for list != "" {
		i := strings.LastIndexByte(list, ',')
		if item := httpcommon.TrimOWS(list[i+1:]); item != "" {
			return item
		}
		list = list[:max(i, 0)]
	}
	return ""
}

// The contract's RequestFeature.

func (q *Request) Protocol() string {
	if q.minor == 0 {
		return "HTTP/1.0"
	}
	return "HTTP/1.1"
}
func (q *Request) Scheme() string              { return q.conn.cfg.Scheme }
func (q *Request) Method() string              { return q.method }
func (q *Request) Host() string                { return q.host }
func (q *Request) PathBase() string            { return "" }
func (q *Request) Path() string                { return q.path }
func (q *Request) RawQuery() string            { return q.query }
func (q *Request) RawTarget() string           { return q.rawTarget }
func (q *Request) Header() *httpcommon.Headers { return &q.header }
func (q *Request) ContentLength() int64        { return q.length }
func (q *Request) Body() io.Reader             { return &q.conn.body }

// Retain copies the head once and moves all strings over to the copy, so that they outlive the request.
func (q *Request) Retain() {
	if q.retained {
		return
	}
	q.retained = true
	old := q.memory
	q.memory = string([]byte(old))
	q.relocate(old)
}

// relocate moves all strings that are parts of old to the same places in q.memory.
func (q *Request) relocate(old string) {
	move := func(s string) string { return httpcommon.Moved(s, old, q.memory) }
	q.rawTarget, q.path, q.query = move(q.rawTarget), move(q.path), move(q.query)
	q.authority, q.host, q.method = move(q.authority), move(q.host), move(q.method)
	for i := range q.header.Len() {
		name, value := q.header.At(i)
		q.header.SetAt(i, move(name), move(value))
	}
}
