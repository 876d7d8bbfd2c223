package httpconn

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/lannerhq/lanner/internal/httpcommon"
	"github.com/lannerhq/lanner/server"
)

// connectStream is what an extended CONNECT has besides (RFC 8441, RFC 9220): it can be taken over.
//
// The application sees the handshake of HTTP/1.1, a GET with Connection and Upgrade, so that every WebSocket library takes it. What
// such a library writes on the connection first, a 101, becomes the 200 of HTTP/2 and 3.
type connectStream struct {
	r    *streamed
	head *httpcommon.Head
	carrier
}

// carrier is the stream of an extended CONNECT, of either version.
type carrier struct {
	stream interface {
		Keep()
		Unmeter()
		SetReadDeadline(time.Time)
		SetWriteDeadline(time.Time)
	}
	lifetime server.RequestLifetimeFeature
	body     interface {
		io.Reader
		SetLimit(n int64) bool
	}
	res interface {
		io.Writer
		Started() bool
		SetStatus(int)
		Header() *httpcommon.Headers
		Flush() error
	}
}

var (
	_ server.UpgradeFeature         = (*connectStream)(nil)
	_ server.ExtendedConnectFeature = (*connectStream)(nil)
)

// offerTunnel puts the features of an extended CONNECT into a request's, and the fields of the same handshake on HTTP/1.1.
func (r *streamed) offerTunnel(head *httpcommon.Head, below carrier) {
	h := head.Header()
	h.Set("connection", "Upgrade")
	h.Set("upgrade", head.ConnectProtocol())
	if _, set := h.Lookup("sec-websocket-key"); !set && httpcommon.EqualFold(head.ConnectProtocol(), "websocket") {
		var key [16]byte // RFC 8441 §5: there is none on HTTP/2, and nobody looks at what becomes of it
		rand.Read(key[:])
		h.Add("sec-websocket-key", base64.StdEncoding.EncodeToString(key[:]))
	}
	s := &connectStream{r: r, head: head, carrier: below}
	server.Set[server.UpgradeFeature](&r.features, s)
	server.Set[server.ExtendedConnectFeature](&r.features, s)
}

func (s *connectStream) ConnectProtocol() string { return s.head.ConnectProtocol() }

// Upgradable implements server.UpgradeFeature.
func (s *connectStream) Upgradable() bool {
	return s.r.tunnel == nil && !s.res.Started()
}

// AcceptConnect implements server.ExtendedConnectFeature.
func (s *connectStream) AcceptConnect() (net.Conn, error) { return s.Upgrade() }

// Upgrade implements server.UpgradeFeature: it answers 200 with the response's fields.
func (s *connectStream) Upgrade() (net.Conn, error) {
	if !s.Upgradable() {
		return nil, server.ErrTooLate
	}
	t, err := s.take()
	if err != nil {
		return nil, err
	}
	s.res.SetStatus(200)
	t.answered = true
	if err := t.accept(); err != nil {
		t.Close() // the caller has none to close
		return nil, err
	}
	return t, nil
}

// Hijack implements server.UpgradeFeature. The caller writes the answer to the handshake as on HTTP/1.1.
func (s *connectStream) Hijack() (net.Conn, []byte, error) {
	if s.r.tunnel != nil {
		return nil, nil, server.ErrTooLate
	}
	t, err := s.take()
	if err != nil {
		return nil, nil, err
	}
	t.answered = s.res.Started()
	return t, nil, nil
}

// take makes the stream a tunnel, if there is a place among the upgraded connections. Its octets are no content of a request: they have no bound, and may come as seldom as the client likes.
func (s *connectStream) take() (*tunnel, error) {
	c := s.r.c
	if !c.m.reserve() {
		return nil, errUpgradedLimit
	}
	if l := c.life; l != nil {
		l.recorder.UpgradeStarted()
	}
	s.stream.Keep()
	s.stream.Unmeter()
	s.body.SetLimit(-1)
	t := &tunnel{carrier: s.carrier, c: c, done: make(chan struct{})}
	s.r.tunnel = t
	s.lifetime.OnAborted(func(error) { t.ended() }) // a handler may not notice for long
	return t, nil
}

// tunnel is a stream as a connection.
type tunnel struct {
	carrier
	c    *conn
	done chan struct{}
	once sync.Once // of Close
	left sync.Once // of ended

	mu       sync.Mutex // serializes writes
	answered bool       // the answer to the handshake has been sent
	head     []byte     // of it, as far as it was written
}

var _ net.Conn = (*tunnel)(nil)

// accept sends the header section.
func (t *tunnel) accept() error {
	h := t.res.Header()
	for _, own := range [...]string{"Connection", "Upgrade", "Sec-WebSocket-Accept", "Content-Length", "Transfer-Encoding"} {
		h.Del(own)
	}
	return t.res.Flush()
}

// Read reads what the client sends.
func (t *tunnel) Read(p []byte) (int, error) {
	select {
	case <-t.done:
		return 0, net.ErrClosed
	default:
	}
	return t.body.Read(p)
}

// Write sends at once. The head of an answer to the handshake is looked at rather than sent.
func (t *tunnel) Write(p []byte) (int, error) {
	select {
	case <-t.done:
		return 0, net.ErrClosed
	default:
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	rest := p
	if !t.answered {
		t.head = append(t.head, p...)
		end := bytes.Index(t.head, []byte("\r\n\r\n"))
		if end < 0 {
			if len(t.head) > maxAnswer {
				return 0, errAnswerTooLong
			}
			return len(p), nil
		}
		rest = t.head[end+len("\r\n\r\n"):]
		if err := t.answer(string(t.head[:end])); err != nil {
			return 0, err
		}
		t.answered, t.head = true, nil
	}
	if _, err := t.res.Write(rest); err != nil {
		return 0, err
	}
	return len(p), t.res.Flush()
}

const maxAnswer = 64 << 10

var (
	errAnswerTooLong = errors.New("httpconn: the answer to the handshake has no end")
	errAnswerInvalid = errors.New("httpconn: what was written first on the stream of an extended CONNECT is not an HTTP/1.1 response: answer the handshake, or use AcceptConnect")
)

// answer makes the response of what was written for HTTP/1.1.
func (t *tunnel) answer(head string) error {
	line, fields, _ := bytes.Cut([]byte(head), []byte("\r\n"))
	if len(line) < len("HTTP/1.1 101") || string(line[:len("HTTP/1.")]) != "HTTP/1." {
		return errAnswerInvalid
	}
	status, err := strconv.Atoi(string(line[len("HTTP/1.1 ") : len("HTTP/1.1 ")+3]))
	if err != nil {
		return errAnswerInvalid
	}
	if status == 101 {
		status = 200
	}
	t.res.SetStatus(status)
	t.res.Header().Reset()
	for len(fields) > 0 {
		var field []byte
		field, fields, _ = bytes.Cut(fields, []byte("\r\n"))
		name, value, ok := bytes.Cut(field, []byte(":"))
		if !ok {
			return errAnswerInvalid
		}
		t.res.Header().Add(string(name), httpcommon.TrimOWS(string(value)))
	}
	return t.accept()
}

// Close ends the stream: what was written is sent, and what the client sends from now on is dropped.
func (t *tunnel) Close() error {
	t.once.Do(func() {
		close(t.done)
		t.stream.SetReadDeadline(time.Unix(1, 0))
		t.ended()
	})
	return nil
}

// ended gives the place among the upgraded connections back.
func (t *tunnel) ended() {
	t.left.Do(func() {
		c := t.c
		if c.life != nil {
			c.life.recorder.UpgradeEnded()
		}
		c.m.mu.Lock()
		defer c.m.mu.Unlock()
		c.m.upgraded.Add(-1)
		c.m.signalLocked()
	})
}

func (t *tunnel) LocalAddr() net.Addr  { return t.c.LocalAddr() }
func (t *tunnel) RemoteAddr() net.Addr { return t.c.RemoteAddr() }

func (t *tunnel) SetDeadline(at time.Time) error {
	t.stream.SetReadDeadline(at)
	t.stream.SetWriteDeadline(at)
	return nil
}

func (t *tunnel) SetReadDeadline(at time.Time) error {
	t.stream.SetReadDeadline(at)
	return nil
}

func (t *tunnel) SetWriteDeadline(at time.Time) error {
	t.stream.SetWriteDeadline(at)
	return nil
}
