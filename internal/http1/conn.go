package http1

import (
	"io"
	"sync"
	"sync/atomic"

	"github.com/lannerhq/lanner/internal/bufpool"
	"github.com/lannerhq/lanner/internal/httpcommon"
)

// Config is what connections of one endpoint share. It must not change while they live.
type Config struct {
	// Limits must be effective (see Limits.Effective).
	Limits Limits
	Compat Compat
	// Scheme is "http" or "https".
	Scheme string
	// ServerHeader is the value of the Server field; "" sends none.
	ServerHeader string
	// AltSvc is the value of the Alt-Svc field of responses that do not have one (RFC 7838); "" sends none.
	AltSvc string
	// Date returns a rendered Date field line, which stays as it is; nil sends none.
	Date func() []byte
	// HTTP2 makes Process return Preface for the request line with which an HTTP/2 connection begins, instead of an answer.
	HTTP2 bool
}

// Handler is the engine's owner: it runs the application and hears what happened.
type Handler interface {
	// Claim is asked for each request before it runs; false leaves it unread, and Process returns Foreign.
	Claim(*Request) bool
	// Serve runs the application. A panic is the owner's to recover, an error means the response is not to be finished.
	Serve() error
	// Rejected tells of a request that was refused by the engine, or whose error became its answer. It may return another answer
	// than the standard one.
	Rejected(*httpcommon.BadRequestError, Report) *Answer
	// Drained tells of a rule that was broken in the rest of a body, after the response.
	Drained(*httpcommon.BadRequestError)
	// Failed tells of an error in a response, or of a *httpcommon.PanicError of a callback, for the log.
	Failed(error)
}

// Next is what a transport does after Process.
type Next uint8

const (
	// More: wait for bytes, then Received and Process again.
	More Next = iota
	// Close: all was written and all was read; close the connection.
	Close
	// Linger: all was written, but the client may still be sending: close so that it can read the answer.
	Linger
	// Abort: close the connection at once.
	Abort
	// Foreign: the next request belongs to somebody else; Unread has its bytes.
	Foreign
	// Taken: the application took the connection over.
	Taken
	// Preface: the client speaks HTTP/2; Unread has its bytes.
	Preface
)

// Conn is one connection. One goroutine at a time runs it (Input, Received, Process). While it is in Handler.Serve, one
// goroutine may read the body and one, which may be the same, may write the response; OnAborted and Lose are for any.
type Conn struct {
	cfg     *Config
	stream  Stream
	handler Handler
	// observer hears of exchanges; nil for nobody.
	observer Observer

	// in[r:w] are bytes received and not yet used. The head of the request being served lies in memory, which is in
	// or, when a body needed more room, the buffer before it.
	in     []byte
	r, w   int
	memory []byte

	head  head
	known knownHead
	req   Request
	body  Body
	res   Response

	closeAfter bool        // after this response
	draining   atomic.Bool // the server stops: say Connection: close
	taken      bool        // hijacked or upgraded
	armed      uint8       // the deadline that runs while there is no request

	// mu guards what the reader of the body, the writer of the response and those who watch share: all below, and
	// Response.started, Response.at and Body.awaiting. It is not held while the stream writes.
	mu        sync.Mutex
	written   sync.Cond // writing became false
	writing   bool
	out       []byte      // rendered and not yet written
	gone      error       // why nothing more can be written; changed once, together with isGone
	serving   bool        // a request runs: it can be aborted
	isGone    atomic.Bool // gone is not nil, to be asked without mu
	inputIdle bool        // the body has been read: what comes next on the stream is another request, or the end
	watching  bool
	onAborted func(error)
}

// NewConn returns the engine of a new connection.
func NewConn(cfg *Config, stream Stream, handler Handler) *Conn {
	c := new(Conn)
	c.Init(cfg, stream, handler)
	return c
}

// Init makes c, which is new or was parked, the engine of a connection that waits for a request, and whose wait has a
// deadline already. Start is for one that has none.
func (c *Conn) Init(cfg *Config, stream Stream, handler Handler) {
	c.cfg, c.stream, c.handler = cfg, stream, handler
	c.armed = TimeoutKeepAlive
	c.draining.Store(false)
	if c.req.conn == nil {
		c.req.conn, c.res.conn, c.body.conn = c, c, c
		c.res.status = 200
		c.written.L = &c.mu
	}
}

// Concluded reports whether the last request came to its end with all that belongs to it, so that nobody uses c any more
// and it may be parked although its connection has ended.
func (c *Conn) Concluded() bool {
	return c.Idle() && c.body.done && c.body.err == nil && c.res.err == nil && !c.taken && c.lostCause() == nil && c.memory == nil
}

// Park ends c's work for a connection that waits for a request: Init may make it another's. Its memory stays.
func (c *Conn) Park() {
	if len(c.in) > bufpool.Small {
		bufpool.Put(c.in)
		c.in = nil
	}
	if cap(c.res.held) > bufpool.Small {
		bufpool.Put(c.res.held)
		c.res.held = nil
	}
	if cap(c.out) > bufpool.Small {
		bufpool.Put(c.out)
		c.out = nil
	}
	c.r, c.w = 0, 0
	c.nextRequest()
	c.cfg, c.stream, c.handler, c.observer = nil, nil, nil, nil
}

// Request and Response are those of the request being served.
func (c *Conn) Request() *Request { return &c.req }

func (c *Conn) Response() *Response { return &c.res }

// Start arms the wait for the first request.
func (c *Conn) Start() {
	c.armed = TimeoutNone
	c.arm(TimeoutKeepAlive)
}

// Drain makes the response being written, or the next one, the last: it says Connection: close.
// It is safe to call from any goroutine.
func (c *Conn) Drain() { c.draining.Store(true) }

// Process serves every request that is complete and says what to do next. When more is needed, all responses have been
// written.
func (c *Conn) Process() Next {
	for {
		size := c.known.recall(c)
		if size == 0 {
			var err error
			if size, err = c.parse(); err == nil && size == 0 {
				return c.wait()
			}
			if err == nil {
				err = c.req.load(&c.head, c.in[c.r:c.r+size])
			}
			if err == errHTTP2Preface && c.cfg.HTTP2 {
				c.disarm()
				return Preface
			}
			if err != nil {
				return c.reject(err)
			}
			c.known.remember(&c.req)
		} else if c.observer != nil {
			c.observer.Began()
		}
		if !c.handler.Claim(&c.req) {
			return c.unclaimed()
		}
		c.r += size
		if next := c.serve(); next != More {
			return next
		}
	}
}

// parse looks at what has been received. The target is judged as soon as its line is complete, so that a request gets the
// same answer however its bytes are cut.
func (c *Conn) parse() (int, error) {
	if c.head.phase == phaseRequestLine {
		if c.head.scanned == 0 {
			c.skipLineBreaks()
		}
		if c.w == c.r {
			return 0, nil
		}
		if c.observer != nil && c.head.scanned == 0 {
			c.observer.Began()
		}
		done, err := c.head.requestLineIn(c.in[c.r:c.w], &c.cfg.Limits, &c.cfg.Compat)
		if err != nil || !done {
			return 0, err
		}
		if err := c.req.begin(&c.head, c.in[c.r:c.w]); err != nil {
			return 0, err
		}
	}
	return c.head.fieldsIn(c.in[c.r:c.w], &c.cfg.Limits, &c.cfg.Compat)
}

// skipLineBreaks ignores line breaks before a request line, as RFC 9112 §2.2 asks for.
func (c *Conn) skipLineBreaks() {
	for c.r < c.w && (c.in[c.r] == '\r' || c.in[c.r] == '\n') {
		c.r++
	}
}

// wait readies the connection for more input.
func (c *Conn) wait() Next {
	if err := c.flush(nil); err != nil {
		return Abort
	}
	if !c.Idle() {
		c.arm(TimeoutRequestHeaders)
		return More
	}
	if c.draining.Load() {
		return Close
	}
	c.r, c.w = 0, 0
	c.arm(TimeoutKeepAlive)
	return More
}

// arm starts the deadline of a wait, unless it runs: one for the first byte, which blank lines do not extend, and one from
// it to the end of the head, which further bytes do not.
func (c *Conn) arm(reason uint8) {
	if c.armed == reason {
		return
	}
	c.armed = reason
	d := c.cfg.Limits.KeepAliveTimeout
	if reason == TimeoutRequestHeaders {
		d = c.cfg.Limits.RequestHeadersTimeout
	}
	c.stream.SetTimeout(reason, d)
}

func (c *Conn) disarm() {
	c.armed = TimeoutNone
	c.stream.SetTimeout(TimeoutNone, 0)
}

// unclaimed gives the request up before it was begun.
func (c *Conn) unclaimed() Next {
	c.req.reset()
	c.head.reset()
	c.disarm()
	if err := c.flush(nil); err != nil {
		return Abort
	}
	return Foreign
}

// RefusePreface says so on a connection of which Process returned Preface, where HTTP/2 is not spoken after all.
func (c *Conn) RefusePreface() Next { return c.reject(errHTTP2Preface) }

// ReadFailed says what to do after the transport's Read failed or reached the end of the input.
func (c *Conn) ReadFailed(err error) Next {
	switch expired := c.stream.Expired(); {
	case expired == TimeoutRequestHeaders:
		return c.reject(errHeadersTimeout)
	case expired == TimeoutKeepAlive:
		return Close
	case err == io.EOF:
		return Close // also with half a request: there is nobody to answer (Kestrel closes silently)
	}
	return Abort
}

// reject answers a request that breaks the rules, and ends the connection.
func (c *Conn) reject(err error) Next {
	bad, ok := httpcommon.AsBadRequest(err)
	if !ok {
		return Abort
	}
	c.disarm()
	report, waiting := c.Unserved(), len(c.out)
	answer := c.handler.Rejected(bad, report)
	if answer == nil {
		answer = standardAnswer(bad)
	}
	if bad == errHTTP2Preface {
		c.out = append(c.out, goAwayHTTP11Required...)
	} else {
		c.out = appendAnswer(c.out, answer, bad, c.date(), c.cfg.ServerHeader, report.Method)
		report.answered(answer, len(c.out)-waiting)
	}
	c.r = c.w
	next := Linger
	if c.flush(nil) != nil {
		next = Abort
	}
	if c.observer != nil {
		c.observer.Ended(report, next)
	}
	return next
}

func (c *Conn) date() []byte {
	if c.cfg.Date == nil {
		return nil
	}
	return c.cfg.Date()
}
