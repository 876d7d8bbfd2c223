package httpcommon

// FieldLimits bound the fields of a head and its trailers together.
type FieldLimits struct {
	// MaxTotalSize in bytes, as the fields would have on HTTP/1.1, and MaxCount.
	MaxTotalSize, MaxCount int
}

// Field sections that are refused while they are read (RFC 9113 §8.2, §8.3; RFC 9114 §4.2, §4.3).
var (
	ErrHeadersTooLarge = malformed(431, "max_request_headers_total_size_exceeded", "Request headers too long.")
	ErrTooManyHeaders  = malformed(431, "max_request_header_count_exceeded", "Request contains too many headers.")
	errTrailersPseudo  = malformed(400, "invalid_request_headers", "Trailers have a pseudo-header field.")
	errUppercase       = malformed(400, "invalid_request_headers", "A field name has an uppercase letter.")
	errFieldInvalid    = malformed(400, "invalid_request_headers", "A field has a name or value that is not allowed.")
	errUnknownPseudo   = malformed(400, "invalid_request_headers", "An unknown pseudo-header field.")
	errDuplicatePseudo = malformed(400, "invalid_request_headers", "A pseudo-header field stands twice.")
	errPseudoLate      = malformed(400, "invalid_request_headers", "A pseudo-header field stands behind a regular one.")
	errConnectionField = malformed(400, "invalid_request_headers", "A field that is specific to a connection.")
)

// Fields takes the fields of a section of HTTP/2 or HTTP/3 one by one.
type Fields struct {
	head     *Head // nil: they are only checked
	limits   FieldLimits
	trailers bool
	regular  bool // a regular field has come
	size     int
	count    int
	seen     uint8
	scheme   string
	protocol string
	cookies  int
}

// Begin begins a section: the fields of head, or its trailers. With nil they are checked and go nowhere.
func (f *Fields) Begin(head *Head, trailers bool, limits FieldLimits) {
	*f = Fields{head: head, limits: limits, trailers: trailers}
	if head != nil && trailers {
		f.size, f.count = head.FieldsSize, head.FieldCount
	}
}

// End notes in the head what the fields have taken of the limits.
func (f *Fields) End() {
	if f.head != nil {
		f.head.FieldsSize, f.head.FieldCount = f.size, f.count
	}
}

// Which pseudo-header fields have come.
const (
	sawMethod uint8 = 1 << iota
	sawScheme
	sawPath
	sawAuthority
	sawProtocol
)

// Add takes one field, or says which rule it breaks.
func (f *Fields) Add(name, value string) *BadRequestError {
	// RFC 9113 §10.5.1 counts 32 bytes besides; Kestrel counts what the field would have on HTTP/1.1.
	f.size += len(name) + len(value) + 4
	if f.size > f.limits.MaxTotalSize {
		return ErrHeadersTooLarge
	}
	if name != "" && name[0] == ':' {
		return f.pseudo(name, value)
	}
	f.count++
	if f.count > f.limits.MaxCount {
		return ErrTooManyHeaders
	}
	f.regular = true
	if bad := checkName(name); bad != nil {
		return bad
	}
	if !validValue(value) {
		return errFieldInvalid
	}
	if connectionSpecific(name, value) {
		return errConnectionField
	}
	if f.head == nil {
		return nil
	}
	if f.trailers {
		if !ForbiddenTrailer(name) {
			f.head.trailer.Add(name, value)
		}
		return nil
	}
	if name == "cookie" {
		f.cookies++
	}
	f.head.header.Add(name, value)
	return nil
}

func (f *Fields) pseudo(name, value string) *BadRequestError {
	var bit uint8
	switch name {
	case ":method":
		bit = sawMethod
	case ":scheme":
		bit = sawScheme
	case ":path":
		bit = sawPath
	case ":authority":
		bit = sawAuthority
	case ":protocol":
		bit = sawProtocol
	}
	switch {
	case f.trailers:
		return errTrailersPseudo
	case bit == 0:
		return errUnknownPseudo
	case f.regular:
		return errPseudoLate
	case f.seen&bit != 0:
		return errDuplicatePseudo
	case !validValue(value):
		return errFieldInvalid
	}
	f.seen |= bit
	if f.head == nil {
		return nil
	}
	switch bit {
	case sawMethod:
		f.head.method = InternMethod(value)
	case sawScheme:
		f.scheme = value
	case sawPath:
		f.head.rawTarget = value
	case sawAuthority:
		f.head.authority = value
	case sawProtocol:
		f.protocol = value
	}
	return nil
}

// checkName is RFC 9113 §8.2.1: a token without uppercase letters.
func checkName(name string) *BadRequestError {
	if name == "" {
		return errFieldInvalid
	}
	for i := range len(name) {
		switch c := name[i]; {
		case c >= 'A' && c <= 'Z':
			return errUppercase
		case !IsTokenByte(c):
			return errFieldInvalid
		}
	}
	return nil
}

// validValue is RFC 9113 §8.2.1: no NUL, CR or LF, and no white space at the ends.
func validValue(v string) bool {
	if v == "" {
		return true
	}
	if first, last := v[0], v[len(v)-1]; first == ' ' || first == '\t' || last == ' ' || last == '\t' {
		return false
	}
	for i := range len(v) {
		if c := v[i]; c == 0 || c == '\r' || c == '\n' {
			return false
		}
	}
	return true
}

// connectionSpecific names the fields of RFC 9113 §8.2.2 and RFC 9114 §4.2.
func connectionSpecific(name, value string) bool {
	switch name {
	case "connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade":
		return true
	case "te":
		return !EqualFold(value, "trailers")
	}
	return false
}

// Sendable reports whether a response of HTTP/2 or HTTP/3 has a place for a field (RFC 9113 §8.2.2, RFC 9114 §4.2).
func Sendable(name string) bool {
	switch len(name) {
	case len("Connection"), len("Proxy-Connection"), len("Transfer-Encoding"), len("Upgrade"): // Keep-Alive is as long as Connection
		for _, own := range [...]string{"Connection", "Keep-Alive", "Proxy-Connection", "Transfer-Encoding", "Upgrade"} {
			if EqualFold(name, own) {
				return false
			}
		}
	}
	return name != "" && name[0] != ':'
}
