package http1

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/lannerhq/lanner/internal/httpcommon"
)

// Errors of writing a response.
var (
	errBodyNotAllowed = errors.New("http1: a response with this status has no body")
	errTooManyBytes   = errors.New("http1: more bytes were written than the Content-Length says")
	errTooFewBytes    = errors.New("http1: fewer bytes were written than the Content-Length says")
	errInvalidStatus  = errors.New("http1: the status of a final response must be 200 to 999")
	errInvalidLength  = errors.New("http1: Content-Length must be one decimal number")
	errTaken          = errors.New("http1: the connection was taken over")
)

// ErrStarted is returned by what must come before the response starts.
var ErrStarted = errors.New("http1: the response has started")

func errInvalidField(name string) error {
	return fmt.Errorf("http1: the response header field %s has a name or value that cannot be sent: names are tokens, values have no control characters", quote([]byte(name)))
}

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
	*s = Response{conn: s.conn, status: 200, header: s.header, trailer: s.trailer, held: s.held[:0],
		onStarting: s.onStarting[:0], onCompleted: s.onCompleted[:0]}
}

// The contract's ResponseFeature.

func (s *Response) Status() int                 { return s.status }
func (s *Response) Header() *httpcommon.Headers { return &s.header }
func (s *Response) Started() bool               { return s.started }
func (s *Response) OnStarting(fn func())        { s.onStarting = append(s.onStarting, fn) }
func (s *Response) OnCompleted(fn func())       { s.onCompleted = append(s.onCompleted, fn) }

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
			return 0, errBodyNotAllowed
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

// holds reports whether n more bytes can be held back: the length is not announced, and there is room.
func (s *Response) holds(n int) bool {
	if _, announced := s.header.Lookup("Content-Length"); announced {
		return false
	}
	return s.room(n)
}

func (s *Response) room(n int) bool { return n <= s.conn.cfg.Limits.MaxResponseBufferSize-len(s.held) }

// hold keeps p back, in a buffer of one of the two pooled sizes as long as it fits.
func (s *Response) hold(p []byte) {
	if need := len(s.held) + len(p); need > cap(s.held) && need <= largeBuffer {
		bigger := getBuffer(need)
		n := copy(bigger, s.held)
		putBuffer(s.held)
		s.held = bigger[:n]
	}
	s.held = append(s.held, p...)
}

// write frames body bytes of a started response.
func (s *Response) write(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	switch s.framing {
	case framingNone:
		return len(p), nil
	case framingLength:
		if int64(len(p)) > s.left {
			s.overrun = true
			return 0, s.fail(errTooManyBytes)
		}
		s.left -= int64(len(p))
	case framingChunked:
		return s.writeChunk(p)
	}
	return len(p), s.send(p)
}

// writeChunk gathers small writes into one chunk.
func (s *Response) writeChunk(p []byte) (int, error) {
	if s.room(len(p)) {
		s.hold(p)
		return len(p), nil
	}
	if err := s.sendHeld(); err != nil {
		return 0, err
	}
	if err := s.sendChunk(p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// sendHeld makes a chunk of the bytes held back.
func (s *Response) sendHeld() error {
	if len(s.held) == 0 {
		return nil
	}
	err := s.sendChunk(s.held)
	s.held = s.held[:0]
	return err
}

// sendChunk is a chunk: its size, p, and a line end. When writes are not to be held back, none of the three is.
func (s *Response) sendChunk(p []byte) error {
	c := s.conn
	c.mu.Lock()
	c.out = append(appendHex(c.outLocked(), len(p)), "\r\n"...)
	c.mu.Unlock()
	if err := s.send(p); err != nil {
		return err
	}
	c.mu.Lock()
	c.out = append(c.outLocked(), "\r\n"...)
	c.mu.Unlock()
	if c.cfg.Limits.MaxResponseBufferSize == 0 {
		return s.sendWaiting()
	}
	return nil
}

// send puts p behind what is waiting to be written; a large p goes out at once, without being copied.
func (s *Response) send(p []byte) error {
	c := s.conn
	c.mu.Lock()
	if len(p) <= copyBelow && len(p) <= c.cfg.Limits.MaxResponseBufferSize-len(c.out) {
		c.out = append(c.out, p...)
		c.mu.Unlock()
		return nil
	}
	c.mu.Unlock()
	if err := c.flush(p); err != nil {
		return s.fail(err)
	}
	return nil
}

// copyBelow is the size up to which copying is cheaper than a second vector of a writev.
const copyBelow = 16 << 10

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

func (s *Response) sendWaiting() error {
	if err := s.conn.flush(nil); err != nil {
		return s.fail(err)
	}
	return nil
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
		if err != nil {
			return n, s.fail(err)
		}
		if ok {
			return n, nil
		}
	}
	return s.copyFrom(r)
}

func (s *Response) copyFrom(r io.Reader) (int64, error) {
	buf := getBuffer(largeBuffer)
	defer putBuffer(buf)
	var total int64
	for {
		n, err := r.Read(buf)
		if n > 0 {
			if _, werr := s.Write(buf[:n]); werr != nil {
				return total, werr
			}
			total += int64(n)
		}
		if err == io.EOF {
			return total, nil
		}
		if err != nil {
			return total, err
		}
	}
}

// SendInterim sends a 1xx response at once (RFC 9110 §15.2). An HTTP/1.0 client gets none.
func (s *Response) SendInterim(status int, h *httpcommon.Headers) error {
	c := s.conn
	if err := s.writable(); err != nil {
		return err
	}
	if s.started {
		return ErrStarted
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

// Starting runs what OnStarting registered, last first. start calls it; so does an upgrade, whose 101 is a response, too.
func (s *Response) Starting() error {
	for len(s.onStarting) > 0 {
		last := len(s.onStarting) - 1
		fn := s.onStarting[last]
		s.onStarting = s.onStarting[:last]
		if err := guard(fn); err != nil {
			return s.fail(err)
		}
	}
	return nil
}

// start runs OnStarting, fixes the header section and renders it. next is the size of the write that causes it; whole
// says that the body is complete in held.
func (s *Response) start(next int64, whole bool) error {
	if err := s.Starting(); err != nil {
		return err
	}
	if s.started {
		return s.err // by a write in OnStarting
	}
	if err := s.check(next); err != nil {
		return s.fail(err) // not started: the server can still answer 500
	}
	c := s.conn
	c.mu.Lock()
	s.started = true
	s.render(whole)
	c.mu.Unlock()
	if s.framing == framingChunked {
		return nil // what is held becomes a chunk
	}
	held := s.held
	s.held = s.held[:0]
	_, err := s.write(held)
	return err
}

func (s *Response) hasBody() bool {
	return s.conn.req.method != "HEAD" && httpcommon.BodyAllowed(s.status)
}

// check looks for what must not be sent: a field that could end the header section, a length that is none or that is
// exceeded already, a status that is not final.
func (s *Response) check(next int64) error {
	if s.status < 200 || s.status > 999 {
		return errInvalidStatus
	}
	length := int64(-1)
	for name, value := range s.header.All() {
		if !httpcommon.IsToken(name) || !httpcommon.IsFieldValue(value) {
			return errInvalidField(name)
		}
		if len(name) != len("Content-Length") || !httpcommon.EqualFold(name, "Content-Length") {
			continue
		}
		n, ok := parseLength(value)
		if !ok || length >= 0 {
			return errInvalidLength
		}
		length = n
	}
	if length >= 0 && next+int64(len(s.held)) > length && s.hasBody() {
		s.overrun = true
		return errTooManyBytes
	}
	return nil
}

// finish completes the response after the application returned without an error.
func (s *Response) finish() error {
	if s.started && s.err == errTooManyBytes && s.whole() {
		s.conn.handler.Failed(s.err) // the response is what it says; the connection ends after it
		s.err = nil
	}
	if s.err != nil {
		return s.err
	}
	if !s.started {
		if err := s.start(0, true); err != nil {
			return err
		}
	}
	if s.framing == framingChunked {
		return s.finishChunked()
	}
	if s.framing == framingLength && s.left > 0 {
		return s.fail(errTooFewBytes)
	}
	return nil
}

// whole reports whether the client has all it was promised by a started response, without its end being the connection's.
func (s *Response) whole() bool {
	return s.framing == framingNone || s.framing == framingLength && s.left == 0
}

func (s *Response) finishChunked() error {
	if err := s.sendHeld(); err != nil {
		return err
	}
	c := s.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	c.out = append(c.out, "0\r\n"...)
	for name, value := range s.trailer.All() {
		if httpcommon.IsToken(name) && httpcommon.IsFieldValue(value) && !forbiddenTrailer(name) {
			c.out = httpcommon.AppendField(c.out, name, value)
		}
	}
	c.out = append(c.out, "\r\n"...)
	return nil
}

// replace discards what the application prepared and makes s an empty answer with that status.
func (s *Response) replace(status int) {
	s.header.Reset()
	s.trailer.Reset()
	s.onStarting = s.onStarting[:0]
	s.held = s.held[:0]
	s.err, s.status, s.overrun = nil, status, false
}

// completed runs OnCompleted, last registered first; a panic in one does not keep the others from running.
func (s *Response) completed() {
	for _, fn := range slices.Backward(s.onCompleted) {
		if err := guard(fn); err != nil {
			s.conn.handler.Failed(err)
		}
	}
}
