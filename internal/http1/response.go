package http1

import (
	"errors"
	"io"

	"github.com/lannerhq/lanner/internal/bufpool"
	"github.com/lannerhq/lanner/internal/httpcommon"
)

// Errors of writing a response.
var (
	errTooManyBytes = httpcommon.ErrContentLength
	errTooFewBytes  = httpcommon.ErrTooFewBytes
	errTaken        = errors.New("http1: the connection was taken over")
)

// How the end of the body is told to the client.
const (
	framingNone    uint8 = iota // no body: HEAD, 204, 205, 304
	framingLength               // Content-Length
	framingChunked              // chunked transfer coding
	framingClose                // the end of the connection
	framingApp                  // the application set Transfer-Encoding itself
)

// Response is the answer to the request being served. Body bytes are held back until they exceed
// Limits.MaxResponseBufferSize, Flush, or the end of the request; a response held back whole gets a Content-Length.
type Response struct {
	conn        *Conn
	status      int
	header      httpcommon.Headers
	trailer     httpcommon.Headers
	held        []byte // body bytes not yet framed
	started     bool
	wrote       bool // Write was called
	framing     uint8
	left        int64 // of a Content-Length
	err         error // sticky: what broke the response
	overrun     bool  // more than the Content-Length was written
	headSize    int   // of the header section, in bytes
	bodySize    int64 // of the body so far, framing included
	swallowed   int64 // bytes written for a body that is not sent
	removed     bool  // a field of the application about the framing was left out
	at          int   // where in the output the header section begins, or sent
	onStarting  []func()
	onCompleted []func()
}

// sent as Response.at: the header section, or what came before it, is on its way.
const sent = -1

func (s *Response) reset() {
	s.header.Reset()
	s.trailer.Reset()
	clear(s.onStarting)
	clear(s.onCompleted)
	s.held, s.onStarting, s.onCompleted = s.held[:0], s.onStarting[:0], s.onCompleted[:0]
	s.status, s.framing, s.left, s.at, s.err = 200, framingNone, 0, 0, nil
	s.headSize, s.bodySize, s.swallowed = 0, 0, 0
	s.started, s.wrote, s.overrun, s.removed = false, false, false, false
}

// The contract's ResponseFeature.

func (s *Response) Status() int { return s.status }

func (s *Response) Header() *httpcommon.Headers { return &s.header }

func (s *Response) Started() bool { return s.started }

func (s *Response) OnStarting(fn func()) { s.onStarting = append(s.onStarting, fn) }

func (s *Response) OnCompleted(fn func()) { s.onCompleted = append(s.onCompleted, fn) }

// SetStatus sets the status of a response that has not started.
func (s *Response) SetStatus(code int) {
	if !s.started {
		s.status = code
	}
}

// Write appends to the body.
func (s *Response) Write(p []byte) (int, error) {
	s.wrote = true
	if err := s.writable(); err != nil {
		return 0, err
	}
	if !s.started {
		if len(p) > 0 && !httpcommon.BodyAllowed(s.status) {
			return 0, httpcommon.ErrBodyNotAllowed
		}
		if s.holds(len(p)) {
			s.hold(p)
			return len(p), nil
		}
		if err := s.start(int64(len(p)), false); err != nil {
			return 0, err
		}
	}
	return s.write(p)
}

func (s *Response) writable() error {
	if s.conn.taken {
		return errTaken
	}
	return s.err
}

// Held returns the body bytes that are held back; none once the response has started. They are valid until the next write.
func (s *Response) Held() []byte {
	if s.started {
		return nil
	}
	return s.held
}

// Flush fixes the header section and sends all that was written.
func (s *Response) Flush() error {
	if err := s.writable(); err != nil {
		return err
	}
	if !s.started {
		if err := s.start(0, false); err != nil {
			return err
		}
	}
	if s.framing == framingChunked {
		if err := s.sendHeld(); err != nil {
			return err
		}
	}
	return s.sendWaiting()
}

// SendFrom appends what r yields. A file behind a Content-Length goes by sendfile(2).
func (s *Response) SendFrom(r io.Reader) (int64, error) {
	s.wrote = true
	if err := s.writable(); err != nil {
		return 0, err
	}
	if _, announced := s.header.Lookup("Content-Length"); announced && !s.started && len(s.held) == 0 {
		if err := s.start(0, false); err != nil {
			return 0, err
		}
	}
	if s.started && s.framing == framingLength && s.left > copyBelow {
		if err := s.sendWaiting(); err != nil {
			return 0, err
		}
		n, ok, err := s.conn.stream.SendFrom(r, s.left)
		s.left -= n
		s.bodySize += n
		if err != nil {
			return n, s.fail(err)
		}
		if ok {
			return n, nil
		}
	}
	return bufpool.Copy(s, r)
}

// SendInterim sends a 1xx response at once (RFC 9110 §15.2). An HTTP/1.0 client gets none.
func (s *Response) SendInterim(status int, h *httpcommon.Headers) error {
	c := s.conn
	if err := s.writable(); err != nil {
		return err
	}
	if s.started {
		return httpcommon.ErrStarted
	}
	if c.req.minor == 0 || status < 100 || status > 199 || status == 101 {
		return nil
	}
	c.mu.Lock()
	if status == 100 {
		c.body.awaiting = false
	}
	c.out = appendStatusLine(c.out, status)
	if h != nil {
		for name, value := range h.All() {
			if httpcommon.IsToken(name) && httpcommon.IsFieldValue(value) && !httpcommon.EqualFold(name, "Content-Length") && !httpcommon.EqualFold(name, "Transfer-Encoding") {
				c.out = httpcommon.AppendField(c.out, name, value)
			}
		}
	}
	c.out = append(c.out, "\r\n"...)
	c.mu.Unlock()
	return c.flush(nil)
}

// ResponseTrailers is the list of fields sent after a chunked body.
func (s *Response) ResponseTrailers() *httpcommon.Headers { return &s.trailer }

// fail breaks the response: what was sent so far stays without an end, and the connection closes.
func (s *Response) fail(err error) error {
	if s.err == nil {
		s.err = err
	}
	s.conn.closeAfter = true
	return s.err
}
