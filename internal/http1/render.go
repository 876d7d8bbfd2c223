package http1

import (
	"strconv"

	"github.com/lannerhq/lanner/internal/httpcommon"
)

// statusLines are rendered once.
var statusLines = func() (lines [600]string) {
	for code := 100; code < 600; code++ {
		lines[code] = "HTTP/1.1 " + strconv.Itoa(code) + " " + httpcommon.StatusText(code) + "\r\n"
	}
	return lines
}()

func appendStatusLine(b []byte, status int) []byte {
	if status >= 100 && status < len(statusLines) {
		return append(b, statusLines[status]...)
	}
	b = append(b, "HTTP/1.1 "...)
	b = strconv.AppendInt(b, int64(status), 10)
	return append(b, " \r\n"...)
}

// What a pass over the application's fields found.
type fieldsSeen struct {
	length, coding, connection, date, server, trailer bool
	close                                             bool
	lastCoding                                        string
}

func (s *Response) look() (seen fieldsSeen) {
	for name, value := range s.header.All() {
		switch len(name) {
		case len("Date"):
			seen.date = seen.date || httpcommon.EqualFold(name, "Date")
		case len("Server"):
			seen.server = seen.server || httpcommon.EqualFold(name, "Server")
		case len("Trailer"):
			seen.trailer = seen.trailer || httpcommon.EqualFold(name, "Trailer")
		case len("Connection"):
			if httpcommon.EqualFold(name, "Connection") {
				seen.connection = true
				seen.close = seen.close || httpcommon.HasToken(value, "close")
			}
		case len("Content-Length"):
			seen.length = seen.length || httpcommon.EqualFold(name, "Content-Length")
		case len("Transfer-Encoding"):
			if httpcommon.EqualFold(name, "Transfer-Encoding") {
				seen.coding, seen.lastCoding = true, value
			}
		}
	}
	return seen
}

// render decides the framing (RFC 9112 §6) and appends the header section to the connection's output, in Kestrel's order:
// Content-Length or Transfer-Encoding, Connection, Date, Server, then the application's fields. When whole, the body is
// complete in held. The connection's mu is held.
func (s *Response) render(whole bool) {
	c := s.conn
	seen := s.look()
	if seen.close || s.overrun || whole && c.body.tooLongToDrain() {
		c.closeAfter = true
	}
	s.at = len(c.out)
	b := appendStatusLine(c.outLocked(), s.status)
	b = s.appendFraming(b, &seen, whole)
	keep := c.keepAlive()
	switch {
	case seen.connection && (seen.close || keep): // the application's own field says it
	case !keep:
		c.closeAfter = true // whatever comes yet: the client has been told
		b = append(b, "Connection: close\r\n"...)
	case c.req.minor == 0:
		b = append(b, "Connection: keep-alive\r\n"...)
	}
	if !seen.date && c.cfg.Date != nil {
		b = append(b, c.cfg.Date()...)
	}
	if !seen.server && c.cfg.ServerHeader != "" {
		b = httpcommon.AppendField(b, "Server", c.cfg.ServerHeader)
	}
	if c.cfg.AltSvc != "" {
		if _, own := s.header.Lookup("Alt-Svc"); !own {
			b = httpcommon.AppendField(b, "Alt-Svc", c.cfg.AltSvc)
		}
	}
	for name, value := range s.header.All() {
		if s.leftOut(name, value, &seen) {
			s.removed = s.removed || len(name) != len("Date") && len(name) != len("Connection")
			continue
		}
		b = httpcommon.AppendField(b, name, value)
	}
	c.out = append(b, "\r\n"...)
	s.headSize = len(c.out) - s.at
}

// leftOut names the application's fields that are not sent as they are.
func (s *Response) leftOut(name, value string, seen *fieldsSeen) bool {
	switch len(name) {
	case len("Date"):
		return value == "" && httpcommon.EqualFold(name, "Date") // "no Date", as the bridge says it
	case len("Connection"):
		return httpcommon.EqualFold(name, "Connection") && !seen.close && !s.conn.keepAlive() // close was written instead
	case len("Content-Length"):
		// RFC 9110 §8.6: none in 1xx and 204; RFC 9112 §6.2: none beside Transfer-Encoding.
		return httpcommon.EqualFold(name, "Content-Length") && (s.status == 204 || s.status < 200 || seen.coding)
	case len("Transfer-Encoding"):
		return httpcommon.EqualFold(name, "Transfer-Encoding") && (s.status == 204 || s.status < 200)
	}
	return false
}

func (s *Response) appendFraming(b []byte, seen *fieldsSeen, whole bool) []byte {
	c := s.conn
	bodyless := !s.hasBody()
	s.framing = framingNone
	switch {
	case seen.coding:
		if !bodyless {
			s.framing = framingApp
		}
		if !finalCodingIsChunked(seen.lastCoding) || c.req.minor == 0 {
			c.closeAfter = true
		}
	case seen.length:
		n, _ := httpcommon.ParseLength(s.header.Get("Content-Length"))
		if !bodyless {
			s.framing, s.left = framingLength, n
		}
	case bodyless:
		// A HEAD response says what a GET would have, as far as it is known.
		if whole && len(s.held) > 0 && c.req.method == "HEAD" && httpcommon.BodyAllowed(s.status) {
			b = appendContentLength(b, len(s.held))
		}
	case whole && s.trailer.Len() == 0 && !seen.trailer:
		b = appendContentLength(b, len(s.held))
		s.framing, s.left = framingLength, int64(len(s.held))
	case c.req.minor == 0:
		s.framing = framingClose
		c.closeAfter = true
	default:
		b = append(b, "Transfer-Encoding: chunked\r\n"...)
		s.framing = framingChunked
	}
	return b
}

func appendContentLength(b []byte, n int) []byte {
	b = append(b, "Content-Length: "...)
	b = strconv.AppendInt(b, int64(n), 10)
	return append(b, "\r\n"...)
}

func appendHex(b []byte, n int) []byte { return strconv.AppendUint(b, uint64(n), 16) }

// goAwayHTTP11Required is what a client of HTTP/2 understands: the server's preface, a SETTINGS frame (RFC 9113 §3.4: it "MUST be the first
// frame the server sends"), and GOAWAY with HTTP_1_1_REQUIRED.
const goAwayHTTP11Required = "\x00\x00\x00\x04\x00\x00\x00\x00\x00" + "\x00\x00\x08\x07\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x0d"
