package httpcommon

import (
	"strings"
	"unsafe"
)

// Head is the head of a request of HTTP/2 or HTTP/3, which differ in how fields are coded and not in what they say (RFC 9113 §8,
// RFC 9114 §4). Its strings share Memory until Retain. Fields fills it in, Finish judges it.
type Head struct {
	// Memory is what literals of the head lie in.
	Memory []byte
	// FieldsSize and FieldCount are those of the fields so far, trailers included, as the limits count them.
	FieldsSize, FieldCount int

	retained  bool
	method    string
	scheme    string
	rawTarget string
	path      string
	query     string
	authority string
	host      string
	protocol  string // of an extended CONNECT (RFC 8441, RFC 9220)
	header    Headers
	trailer   Headers
	length    int64 // of the body; -1 when it is not known
	expect    bool  // 100-continue
}

// Clear forgets the request and keeps memory for the next one.
func (h *Head) Clear() {
	h.header.Reset()
	h.trailer.Reset()
	memory := h.Memory
	if h.retained || cap(memory) > maxMemory {
		memory = nil
	}
	*h = Head{header: h.header, trailer: h.trailer, Memory: memory[:0]}
}

// maxMemory is how much memory for literals a recycled head keeps, in bytes.
const maxMemory = 4 << 10

// HeadRules are what Finish judges by.
type HeadRules struct {
	// MaxRequestLineSize bounds :method and :path, in bytes.
	MaxRequestLineSize int
	// Scheme is that of the connection. AlternateSchemes lets a request name the other.
	Scheme           string
	AlternateSchemes bool
}

// Requests that are malformed although each of their fields is well-formed (RFC 9113 §8.1.1, RFC 9114 §4.1.2).
var (
	errNoMethod         = malformed(400, "invalid_request_headers", "A request needs :method, :scheme and :path.")
	errMethodInvalid    = malformed(400, "invalid_request_headers", "Invalid :method.")
	errConnectFields    = malformed(400, "invalid_request_headers", "CONNECT takes neither :scheme nor :path.")
	errConnectAuthority = malformed(400, "invalid_request_headers", "CONNECT needs :authority.")
	errProtocolField    = malformed(400, "invalid_request_headers", ":protocol goes with CONNECT, :scheme and :path only.")
	errSchemeMismatch   = malformed(400, "invalid_request_headers", "The :scheme is not that of the connection.")
	errPathInvalid      = malformed(400, "invalid_request_line", "Invalid :path.")
	errAuthority        = malformed(400, "invalid_request_headers", "Invalid Host header.")
	errLineTooLong      = malformed(414, "invalid_request_line", "Request line too long.")
	errLengthInvalid    = malformed(400, "invalid_request_headers", "Invalid content length.")
	// ErrMoreThanLength and ErrLessThanLength: the content is not as long as its Content-Length says.
	ErrMoreThanLength = malformed(400, "invalid_body_length", "More data than the Content-Length says.")
	ErrLessThanLength = malformed(400, "invalid_body_length", "Less data than the Content-Length says.")
	// ErrBodyTooLarge: it is longer than MaxRequestBodySize.
	ErrBodyTooLarge = malformed(413, "max_request_body_size_exceeded", "Request body too large.")
)

func malformed(status int, reason, detail string) *BadRequestError {
	return &BadRequestError{Status: status, Reason: reason, Detail: detail}
}

// Finish judges a head whose fields are all there (RFC 9113 §8.3.1, RFC 9114 §4.3.1, RFC 8441 §4). whole says that no content follows.
func (h *Head) Finish(rules *HeadRules, f *Fields, whole bool) *BadRequestError {
	h.length = -1
	connect := h.method == "CONNECT"
	switch {
	case f.seen&sawMethod == 0:
		return errNoMethod
	case !IsToken(h.method):
		return errMethodInvalid
	case f.seen&sawProtocol != 0 && (!connect || f.protocol == "" || f.seen&(sawScheme|sawPath) != sawScheme|sawPath):
		return errProtocolField
	case connect && h.authority == "":
		return errConnectAuthority
	case connect && f.seen&sawProtocol == 0:
		if f.seen&(sawScheme|sawPath) != 0 {
			return errConnectFields
		}
		h.rawTarget = h.authority
	case f.seen&(sawScheme|sawPath) != sawScheme|sawPath:
		return errNoMethod
	}
	if len(h.method)+len(h.rawTarget) > rules.MaxRequestLineSize {
		return errLineTooLong
	}
	h.scheme = rules.Scheme
	if f.seen&sawScheme != 0 && !EqualFold(f.scheme, rules.Scheme) {
		if !rules.AlternateSchemes || !EqualFold(f.scheme, "http") && !EqualFold(f.scheme, "https") {
			return errSchemeMismatch
		}
		h.scheme = strings.ToLower(f.scheme)
	}
	h.protocol = f.protocol
	if f.seen&sawPath != 0 {
		if bad := h.target(); bad != nil {
			return bad
		}
	}
	if bad := h.hosts(); bad != nil {
		return bad
	}
	if f.cookies > 1 {
		h.joinCookies()
	}
	if bad := h.framing(); bad != nil {
		return bad
	}
	if whole {
		if h.length > 0 {
			return ErrLessThanLength
		}
		h.length = 0
	}
	return nil
}

// framing reads the fields that say what content follows.
func (h *Head) framing() *BadRequestError {
	for i := range h.header.fields {
		name, value := h.header.fields[i].Name, h.header.fields[i].Value
		switch len(name) {
		case len("content-length"):
			if name == "content-length" {
				n, ok := ParseLength(value)
				if !ok || h.length >= 0 && n != h.length {
					return errLengthInvalid
				}
				h.length = n
			}
		case len("expect"):
			if name == "expect" {
				h.expect = EqualFold(value, "100-continue")
			}
		}
	}
	return nil
}

// target splits :path: a path with a query, or * for OPTIONS.
func (h *Head) target() *BadRequestError {
	t := h.rawTarget
	switch {
	case t == "*" && h.method == "OPTIONS":
		return nil
	case t == "" || t[0] != '/':
		return errPathInvalid
	}
	path := t
	if i := strings.IndexByte(t, '?'); i >= 0 {
		path, h.query = t[:i], t[i+1:]
	}
	for i := range len(t) {
		if c := t[i]; c <= ' ' || c >= 0x7f || c == '#' {
			return errPathInvalid
		}
	}
	if strings.IndexByte(path, '%') >= 0 && HasEncodedNull(path) {
		return errPathInvalid
	}
	h.path = CleanPath(path)
	return nil
}

// hosts finds the host: :authority, or else one Host field (RFC 9113 §8.3.1). The application sees one Host field in any case.
func (h *Head) hosts() *BadRequestError {
	if h.authority != "" {
		if !ValidHost(h.authority) {
			return errAuthority
		}
		h.host = h.authority
		h.header.Set("host", h.authority)
		return nil
	}
	hosts := 0
	for name, value := range h.header.All() {
		if name == "host" {
			hosts++
			h.host = value
		}
	}
	if hosts > 1 || !ValidHost(h.host) {
		return errAuthority
	}
	return nil
}

// joinCookies makes one field of the crumbs (RFC 9113 §8.2.3).
func (h *Head) joinCookies() {
	joined := strings.Join(h.header.Values("cookie"), "; ")
	h.header.Set("cookie", joined)
}

// SetScheme sets the scheme that the request has until Finish: that of the connection, for the log of what is refused before.
func (h *Head) SetScheme(scheme string) { h.scheme = scheme }

// Incomplete makes the best of a head that Finish has not seen to its end: the log is to have its host.
func (h *Head) Incomplete() {
	if h.host == "" {
		h.host = h.authority
	}
}

// Method is that of the head. An extended CONNECT is a GET, as the same handshake is on HTTP/1.1 (RFC 8441 §5).
func (h *Head) Method() string {
	if h.protocol != "" {
		return "GET"
	}
	return h.method
}

// IsHead reports whether the response has no content.
func (h *Head) IsHead() bool { return h.method == "HEAD" }

// The contract's RequestFeature, without what depends on the version.

func (h *Head) Scheme() string       { return h.scheme }
func (h *Head) Host() string         { return h.host }
func (h *Head) PathBase() string     { return "" }
func (h *Head) Path() string         { return h.path }
func (h *Head) RawQuery() string     { return h.query }
func (h *Head) RawTarget() string    { return h.rawTarget }
func (h *Head) Header() *Headers     { return &h.header }
func (h *Head) ContentLength() int64 { return h.length }

// Expects reports whether the client waits for 100 (Continue) before it sends content.
func (h *Head) Expects() bool { return h.expect && h.length != 0 }

// ConnectProtocol is the :protocol of an extended CONNECT; "" for any other request.
func (h *Head) ConnectProtocol() string { return h.protocol }

// Trailers are the fields behind the body, empty until it has been read.
func (h *Head) Trailers() *Headers { return &h.trailer }

// Retain leaves the memory to whoever keeps the strings: the next request gets memory of its own.
func (h *Head) Retain() {
	if h.retained {
		return
	}
	h.retained = true
	if len(h.Memory) == 0 {
		return
	}
	old := unsafe.String(unsafe.SliceData(h.Memory), len(h.Memory))
	kept := strings.Clone(old)
	move := func(s string) string { return Moved(s, old, kept) }
	h.method, h.rawTarget, h.path, h.query = move(h.method), move(h.rawTarget), move(h.path), move(h.query)
	h.authority, h.host, h.protocol = move(h.authority), move(h.host), move(h.protocol)
	for i := range h.header.Len() {
		name, value := h.header.At(i)
		h.header.SetAt(i, move(name), move(value))
	}
}
