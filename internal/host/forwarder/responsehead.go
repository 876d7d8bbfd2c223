package forwarder

import (
	"bytes"
	"strconv"
	"strings"
	"time"

	"github.com/lannerhq/lanner/internal/httpcommon"
)

// invalidResponse says which rule a response broke. The text never quotes the response.
type invalidResponse struct{ what string }

func (e *invalidResponse) Error() string { return "its response is invalid: " + e.what }

func invalid(what string) error { return &invalidResponse{what} }

// responseHead is a parsed status line and header section. It is reused from one response to the next.
type responseHead struct {
	status     int
	minor      int // HTTP/1.minor
	fields     httpcommon.Headers
	length     int64  // Content-Length; -1 when there is none
	lengthText string // the same as it was sent
	chunked    bool
	// What concerns the connection; none of it is in fields.
	connection []string      // values of Connection
	upgrade    string        // value of Upgrade
	idle       time.Duration // of Keep-Alive: timeout; 0 when there is none
	coded      bool          // Transfer-Encoding was there
}

func (h *responseHead) reset() {
	h.fields.Reset()
	clear(h.connection)
	*h = responseHead{fields: h.fields, connection: h.connection[:0], length: -1}
}

// headEnd returns the length of the head at the beginning of b, its empty line included, or 0 when that has not been
// received. from is where an earlier call gave up. A line may end with LF alone (RFC 9112 §2.2).
func headEnd(b []byte, from int) int {
	for from < len(b) {
		i := bytes.IndexByte(b[from:], '\n')
		if i < 0 {
			return 0
		}
		from += i + 1
		switch {
		case from < len(b) && b[from] == '\n':
			return from + 1
		case from+1 < len(b) && b[from] == '\r' && b[from+1] == '\n':
			return from + 2
		}
	}
	return 0
}

// parse reads a head that headEnd found. Its strings are parts of text.
func (h *responseHead) parse(text string) error {
	h.reset()
	line, rest := cutLine(text)
	if err := h.statusLine(line); err != nil {
		return err
	}
	for {
		line, rest = cutLine(rest)
		if line == "" {
			return h.checkFraming()
		}
		name, value, err := splitField(line)
		if err != nil {
			return err
		}
		if err := h.field(name, value); err != nil {
			return err
		}
	}
}

// cutLine cuts at the next line break.
func cutLine(s string) (line, rest string) {
	i := strings.IndexByte(s, '\n')
	if i < 0 {
		return "", ""
	}
	line, rest = s[:i], s[i+1:]
	if i > 0 && line[i-1] == '\r' {
		line = line[:i-1]
	}
	return line, rest
}

// statusLine parses "HTTP/1.1 200 OK". The blank before an empty reason phrase may be missing, as many programs have it.
func (h *responseHead) statusLine(line string) error {
	const version = "HTTP/1."
	if len(line) < len("HTTP/1.1 200") || !strings.HasPrefix(line, version) || line[7] != '0' && line[7] != '1' || line[8] != ' ' {
		return invalid("its first line is not an HTTP/1.0 or HTTP/1.1 status line; does another protocol listen on this port?")
	}
	code := line[9:12]
	for i := range len(code) {
		if code[i] < '0' || code[i] > '9' {
			return invalid("its status code is not a number")
		}
	}
	if len(line) > 12 && line[12] != ' ' || !httpcommon.IsFieldValue(line[12:]) {
		return invalid("its reason phrase is malformed")
	}
	h.minor = int(line[7] - '0')
	h.status = int(code[0]-'0')*100 + int(code[1]-'0')*10 + int(code[2]-'0')
	if h.status < 100 {
		return invalid("its status code is below 100")
	}
	return nil
}

// splitField splits a field line. A response that folds lines is refused (RFC 9112 §5.2 lets a gateway answer 502), blanks
// before the colon are removed (§5.1).
func splitField(line string) (name, value string, err error) {
	if line[0] == ' ' || line[0] == '\t' {
		return "", "", invalid("a header line begins with a blank: folded lines are obsolete (RFC 9112 §5.2)")
	}
	name, value, ok := strings.Cut(line, ":")
	if !ok {
		return "", "", invalid("a header line has no colon")
	}
	name, value = httpcommon.TrimOWS(name), httpcommon.TrimOWS(value)
	if !httpcommon.IsToken(name) {
		return "", "", invalid("a header name has a character that it must not have")
	}
	if !httpcommon.IsFieldValue(value) {
		return "", "", invalid("a header value has a control character")
	}
	return name, value, nil
}

// field takes one field: what concerns the connection and the framing is kept apart.
func (h *responseHead) field(name, value string) error {
	switch {
	case httpcommon.EqualFold(name, "Content-Length"):
		return h.contentLength(value)
	case httpcommon.EqualFold(name, "Transfer-Encoding"):
		if h.coded || !httpcommon.EqualFold(value, "chunked") {
			return invalid("it has a transfer coding other than chunked")
		}
		h.coded, h.chunked = true, true
	case httpcommon.EqualFold(name, "Connection"):
		h.connection = append(h.connection, value)
	case httpcommon.EqualFold(name, "Keep-Alive"):
		h.keepAlive(value)
	case httpcommon.EqualFold(name, "Upgrade"):
		h.upgrade = value
	case httpcommon.EqualFold(name, "Proxy-Connection"), httpcommon.EqualFold(name, "TE"):
	default:
		h.fields.Add(name, value)
	}
	return nil
}

// contentLength parses a Content-Length. The same number several times counts once (RFC 9110 §8.6).
func (h *responseHead) contentLength(list string) error {
	for value := range strings.SplitSeq(list, ",") {
		value = httpcommon.TrimOWS(value)
		n, ok := parseLength(value)
		if !ok {
			return invalid("its Content-Length is not a number")
		}
		if h.length >= 0 && h.length != n {
			return invalid("it has two different Content-Lengths")
		}
		h.length, h.lengthText = n, value
	}
	return nil
}

// parseLength parses decimal digits and nothing else; eighteen of them fit into an int64.
func parseLength(s string) (int64, bool) {
	if s == "" || len(s) > 18 {
		return 0, false
	}
	n := int64(0)
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + int64(s[i]-'0')
	}
	return n, true
}

// keepAlive takes the time after which the worker closes an idle connection, such as Node's "timeout=5".
func (h *responseHead) keepAlive(value string) {
	for parameter := range strings.SplitSeq(value, ",") {
		key, seconds, _ := strings.Cut(httpcommon.TrimOWS(parameter), "=")
		if n, err := strconv.Atoi(seconds); err == nil && n > 0 && n < 1e6 && httpcommon.EqualFold(key, "timeout") {
			h.idle = time.Duration(n) * time.Second
		}
	}
}

// checkFraming refuses a message whose end could be understood in two ways (RFC 9112 §6.3, rule 3).
func (h *responseHead) checkFraming() error {
	if h.coded && h.length >= 0 {
		return invalid("it has both a Transfer-Encoding and a Content-Length")
	}
	return nil
}

// hasOption reports whether a Connection field lists the option.
func (h *responseHead) hasOption(option string) bool {
	for _, value := range h.connection {
		if httpcommon.HasToken(value, option) {
			return true
		}
	}
	return false
}

// persistent reports whether the connection may carry another request (RFC 9112 §9.3). A chunked response of HTTP/1.0 is
// faulty framing, after which the connection must be closed (§6.1).
func (h *responseHead) persistent() bool {
	if h.minor == 0 {
		return !h.coded && h.hasOption("keep-alive") && !h.hasOption("close")
	}
	return !h.hasOption("close")
}
