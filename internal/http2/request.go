package http2

import (
	"io"
	"strings"
	"unsafe"

	"github.com/lannerhq/lanner/internal/httpcommon"
)

// Request is the request of a stream. Its strings share the stream's memory until Retain.
type Request struct {
	stream *Stream

	memory     []byte // what literals of the head lie in
	retained   bool
	method     string
	scheme     string
	rawTarget  string
	path       string
	query      string
	authority  string
	host       string
	protocol   string // of an extended CONNECT (RFC 8441)
	header     httpcommon.Headers
	trailer    httpcommon.Headers
	length     int64 // of the body; -1 when it is not known
	expect     bool  // 100-continue
	fieldsSize int
	fieldCount int
}

func (q *Request) clear() {
	q.header.Reset()
	q.trailer.Reset()
	memory := q.memory
	if q.retained || cap(memory) > maxMemory {
		memory = nil
	}
	*q = Request{header: q.header, trailer: q.trailer, memory: memory[:0]}
}

// maxMemory is how much memory for literals a recycled stream keeps, in bytes.
const maxMemory = 4 << 10

// finish judges a head whose fields are all there (RFC 9113 §8.3.1, RFC 8441 §4).
func (q *Request) finish(cfg *Config, f *fields) *streamError {
	q.length = -1
	connect := q.method == "CONNECT"
	switch {
	case f.seen&sawMethod == 0:
		return errNoMethod
	case !httpcommon.IsToken(q.method):
		return errMethodInvalid
	case f.seen&sawProtocol != 0 && (!connect || f.protocol == "" || f.seen&(sawScheme|sawPath) != sawScheme|sawPath):
		return errProtocolField
	case connect && q.authority == "":
		return errConnectAuthority
	case connect && f.seen&sawProtocol == 0:
		if f.seen&(sawScheme|sawPath) != 0 {
			return errConnectFields
		}
		q.rawTarget = q.authority
	case f.seen&(sawScheme|sawPath) != sawScheme|sawPath:
		return errNoMethod
	}
	if len(q.method)+len(q.rawTarget) > cfg.Limits.MaxRequestLineSize {
		return errLineTooLong
	}
	q.scheme = cfg.Scheme
	if f.seen&sawScheme != 0 && !httpcommon.EqualFold(f.scheme, cfg.Scheme) {
		if !cfg.AlternateSchemes || !httpcommon.EqualFold(f.scheme, "http") && !httpcommon.EqualFold(f.scheme, "https") {
			return errSchemeMismatch
		}
		q.scheme = strings.ToLower(f.scheme)
	}
	q.protocol = f.protocol
	if f.seen&sawPath != 0 {
		if bad := q.target(); bad != nil {
			return bad
		}
	}
	if bad := q.hosts(); bad != nil {
		return bad
	}
	if f.cookies > 1 {
		q.joinCookies()
	}
	for name, value := range q.header.All() {
		switch len(name) {
		case len("content-length"):
			if name == "content-length" {
				n, ok := httpcommon.ParseLength(value)
				if !ok || q.length >= 0 && n != q.length {
					return errLengthInvalid
				}
				q.length = n
			}
		case len("expect"):
			if name == "expect" {
				q.expect = httpcommon.EqualFold(value, "100-continue")
			}
		}
	}
	return nil
}

// target splits :path: a path with a query, or * for OPTIONS.
func (q *Request) target() *streamError {
	t := q.rawTarget
	switch {
	case t == "*" && q.method == "OPTIONS":
		return nil
	case t == "" || t[0] != '/':
		return errPathInvalid
	}
	path := t
	if i := strings.IndexByte(t, '?'); i >= 0 {
		path, q.query = t[:i], t[i+1:]
	}
	for i := range len(t) {
		if c := t[i]; c <= ' ' || c >= 0x7f || c == '#' {
			return errPathInvalid
		}
	}
	if strings.IndexByte(path, '%') >= 0 && httpcommon.HasEncodedNull(path) {
		return errPathInvalid
	}
	q.path = httpcommon.CleanPath(path)
	return nil
}

// hosts finds the host: :authority, or else one Host field (RFC 9113 §8.3.1). The application sees one Host field in any case.
func (q *Request) hosts() *streamError {
	if q.authority != "" {
		if !httpcommon.ValidHost(q.authority) {
			return errAuthority
		}
		q.host = q.authority
		q.header.Set("host", q.authority)
		return nil
	}
	hosts := 0
	for name, value := range q.header.All() {
		if name == "host" {
			hosts++
			q.host = value
		}
	}
	if hosts > 1 || !httpcommon.ValidHost(q.host) {
		return errAuthority
	}
	return nil
}

// joinCookies makes one field of the crumbs (RFC 9113 §8.2.3).
func (q *Request) joinCookies() {
	joined := strings.Join(q.header.Values("cookie"), "; ")
	q.header.Set("cookie", joined)
}

// begin says whether the head is all.
func (q *Request) begin(whole bool) {
	if whole && q.length < 0 {
		q.length = 0
	}
}

// Method is that of the head. An extended CONNECT is a GET, as the same handshake is on HTTP/1.1 (RFC 8441 §5).
func (q *Request) Method() string {
	if q.protocol != "" {
		return "GET"
	}
	return q.method
}

// The contract's RequestFeature.

func (q *Request) Protocol() string            { return "HTTP/2" }
func (q *Request) Scheme() string              { return q.scheme }
func (q *Request) Host() string                { return q.host }
func (q *Request) PathBase() string            { return "" }
func (q *Request) Path() string                { return q.path }
func (q *Request) RawQuery() string            { return q.query }
func (q *Request) RawTarget() string           { return q.rawTarget }
func (q *Request) Header() *httpcommon.Headers { return &q.header }
func (q *Request) ContentLength() int64        { return q.length }
func (q *Request) Body() io.Reader             { return &q.stream.body }

// ConnectProtocol is the :protocol of an extended CONNECT; "" for any other request.
func (q *Request) ConnectProtocol() string { return q.protocol }

// Trailers are the fields behind the body, empty until it has been read.
func (q *Request) Trailers() *httpcommon.Headers { return &q.trailer }

// Retain leaves the memory to whoever keeps the strings: the next request gets memory of its own.
func (q *Request) Retain() {
	if q.retained {
		return
	}
	q.retained = true
	if len(q.memory) == 0 {
		return
	}
	old := unsafe.String(unsafe.SliceData(q.memory), len(q.memory))
	kept := strings.Clone(old)
	move := func(s string) string { return httpcommon.Moved(s, old, kept) }
	q.method, q.rawTarget, q.path, q.query = move(q.method), move(q.rawTarget), move(q.path), move(q.query)
	q.authority, q.host, q.protocol = move(q.authority), move(q.host), move(q.protocol)
	for i := range q.header.Len() {
		name, value := q.header.At(i)
		q.header.SetAt(i, move(name), move(value))
	}
}
