package http2

import (
	"io"
	"sync"
	"time"

	"github.com/lannerhq/lanner/internal/bufpool"
	"github.com/lannerhq/lanner/internal/hpack"
	"github.com/lannerhq/lanner/internal/httpcommon"
)

// Conn is one connection. One goroutine at a time is its reader: it calls Input, Received and Process. Handlers of streams run on
// the reader's goroutine or elsewhere, and write by themselves. Drain, Lose and Tick are for any goroutine.
type Conn struct {
	cfg     *Config
	wire    Wire
	handler Handler
	// blocking says that the wire's Write waits for the client.
	blocking bool

	// What follows until mu is the reader's.

	in       []byte // in[r:w] are bytes received and not yet used
	r, w     int
	greeted  bool // the preface has come
	settled  bool // so have the client's first settings
	opened   bool // a stream was opened in this Process
	armed    uint8
	decoder  hpack.Decoder
	block    []byte // a header block that is not complete
	blockOf  frame  // of its HEADERS frame
	blocks   int    // its CONTINUATION frames so far
	fields   fields // of the block that is being decoded
	upcoming struct {
		stream   uint32
		priority priority
	}

	// mu guards what the reader and the handlers share. It is not held while the Wire writes, nor while the Handler runs.
	mu         sync.Mutex
	streams    table
	lastID     uint32 // the highest stream that the client has opened
	active     int    // open streams, by the protocol
	running    int    // handlers
	inline     *Stream
	processing bool // the reader is in Process: it writes at its end
	finished   bool // the reader has ended

	encoder    hpack.Encoder
	out        []byte  // rendered and not yet written; its first controls bytes count for maxControls
	writeBuf   []byte  // being written
	written    int     // of writeBuf
	pieces     []piece // parts of bodies that lie between its bytes
	vector     [][]byte
	writing    bool
	full       bool // the wire is: Writable will be called
	stalled    bool // what it has not taken is measured
	idleWrite  sync.Cond
	controls   int // answers to control frames since the output was last empty, in bytes
	queue      [urgencies]queue
	queued     uint8 // a bit for each urgency that has a stream
	sendWindow int64
	maxFrame   int // of the client, and not more than ours
	peerWindow int64

	recvWindow int64
	consumed   int64 // not yet given back to the client
	growth     growth
	trip       trip
	meter      meter

	measured   *Measured  // of a client that was too slow
	dead       *connError // why the reader must end the connection
	gone       error      // why nothing more is written
	draining   bool       // the first GOAWAY was sent
	drainedAt  int64
	final      bool   // the last GOAWAY was sent
	served     uint32 // and names this stream as the last
	clientGone bool   // the client has sent GOAWAY
	resets     resets
	budgets    budgets
	calmed     calmed
	now        int64 // at the last Tick, in nanoseconds
	heard      int64 // when something was last received, by now
	pinged     int64 // when a PING was sent that has no answer; 0 for none
	hearing    bool  // something was received since the last Tick
}

// NewConn returns the engine of a new connection. now is the coarse time that Tick continues. blocking says that Wire.Write waits for
// the client: then output is written by a goroutine of its own.
func NewConn(cfg *Config, wire Wire, handler Handler, now int64, blocking bool) *Conn {
	c := &Conn{cfg: cfg, wire: wire, handler: handler, blocking: blocking, now: now, heard: now}
	l := &cfg.Limits
	c.idleWrite.L = &c.mu
	c.decoder.Init(uint32(max(l.HeaderTableSize, defaultHeaderSize))) // a smaller table once the client has agreed
	c.decoder.MaxString = l.MaxFieldSize
	c.encoder.Init()
	c.sendWindow, c.peerWindow, c.maxFrame = defaultWindow, defaultWindow, min(minFrameSize, l.MaxFrameSize)
	c.recvWindow = int64(l.ConnectionWindow)
	c.growth.size = c.recvWindow
	c.armed = TimeoutKeepAlive
	wire.SetTimeout(TimeoutKeepAlive, l.KeepAliveTimeout)
	c.out = c.hello(bufpool.Get(bufpool.Small)[:0])
	return c
}

// hello is what the server sends first: its settings, and the connection's window.
func (c *Conn) hello(b []byte) []byte {
	l := &c.cfg.Limits
	at := len(b)
	b = appendFrameHead(b, 0, frameSettings, 0, 0)
	if l.HeaderTableSize != defaultHeaderSize {
		b = appendSetting(b, settingHeaderTableSize, uint32(l.HeaderTableSize))
	}
	b = appendSetting(b, settingMaxConcurrentStreams, uint32(l.MaxStreams))
	if l.StreamWindow != defaultWindow {
		b = appendSetting(b, settingInitialWindowSize, uint32(l.StreamWindow))
	}
	if l.MaxFrameSize != minFrameSize {
		b = appendSetting(b, settingMaxFrameSize, uint32(l.MaxFrameSize))
	}
	b = appendSetting(b, settingMaxHeaderListSize, uint32(min(l.MaxRequestHeadersTotalSize, maxWindow)))
	b = appendSetting(b, settingEnableConnect, 1)
	setLength(b, at)
	if more := l.ConnectionWindow - defaultWindow; more > 0 {
		b = appendWindowUpdate(b, 0, uint32(more))
	}
	return b
}

// Process handles every frame that is complete, and writes what came of them.
func (c *Conn) Process() Next {
	c.mu.Lock()
	if c.gone != nil {
		c.mu.Unlock()
		return c.end(Abort)
	}
	if dead := c.dead; dead != nil {
		c.mu.Unlock()
		return c.fail(dead)
	}
	c.processing = true
	c.hearing = c.hearing || c.w > c.r
	c.mu.Unlock()
	return c.process()
}

// Resume is Process for a goroutine that goes on as the reader, while the one before runs a handler.
func (c *Conn) Resume() Next { return c.process() }

func (c *Conn) process() Next {
	for {
		n, err := c.step()
		switch {
		case err == errGone:
			return Gone
		case err != nil:
			return c.fail(err)
		case n == 0:
			return c.rest()
		}
	}
}

// errGone is what step returns when its goroutine is not the reader any more.
var errGone = &connError{Detail: "another goroutine is the reader"}

// step handles one frame and returns how many bytes it took, 0 when it is not complete.
func (c *Conn) step() (int, *connError) {
	b := c.in[c.r:c.w]
	if !c.greeted {
		return c.greet(b)
	}
	if len(b) < frameHeaderSize {
		return 0, nil
	}
	f := frameHead(b)
	switch {
	case f.length > c.cfg.Limits.MaxFrameSize:
		return 0, errFrameTooLarge
	case !c.settled && (f.kind != frameSettings || f.has(flagAck)):
		return 0, errFirstFrame
	case len(b) < frameHeaderSize+f.length:
		return 0, nil
	}
	size := frameHeaderSize + f.length
	c.r += size
	return size, c.handle(&f, b[frameHeaderSize:size])
}

// greet looks for the preface.
func (c *Conn) greet(b []byte) (int, *connError) {
	n := min(len(b), len(Preface))
	switch {
	case string(b[:n]) != Preface[:n]:
		return 0, errPreface
	case n < len(Preface):
		return 0, nil
	}
	c.greeted = true
	c.r += n
	return n, nil
}

// handle is one frame with its payload, which it does not keep.
func (c *Conn) handle(f *frame, p []byte) *connError {
	if c.blockOf.stream != 0 && (f.kind != frameContinuation || f.stream != c.blockOf.stream) {
		return errInterleaved
	}
	switch f.kind {
	case frameData:
		return c.dataFrame(f, p)
	case frameHeaders:
		return c.headersFrame(f, p)
	case framePriority:
		return c.priorityFrame(f, p)
	case frameRSTStream:
		return c.rstFrame(f, p)
	case frameSettings:
		return c.settingsFrame(f, p)
	case framePushPromise:
		return errPushPromise
	case framePing:
		return c.pingFrame(f, p)
	case frameGoAway:
		return c.goAwayFrame(f, p)
	case frameWindowUpdate:
		return c.windowFrame(f, p)
	case frameContinuation:
		return c.continuationFrame(f, p)
	case framePriorityUpdate:
		return c.priorityUpdateFrame(f, p)
	}
	return c.spend(abuseUnknown) // RFC 9113 §4.1: ignored
}

// rest ends a Process that has found no more frames: it writes what waits, and says whether there is anything to wait for.
func (c *Conn) rest() Next {
	if c.r == c.w {
		c.r, c.w = 0, 0
		if c.in != nil {
			bufpool.Put(c.in)
			c.in = nil
		}
	}
	c.mu.Lock()
	c.processing = false
	if c.gone != nil {
		c.mu.Unlock()
		return c.end(Abort)
	}
	if c.overLocked() {
		c.goAwayLocked(NoError)
		c.flushAndUnlock()
		c.mu.Lock()
		if !c.full {
			c.mu.Unlock()
			return c.end(Close)
		} // else the answers have not been taken yet
	}
	c.armLocked()
	c.flushAndUnlock()
	return More
}

// overLocked reports whether a connection that is to end has nothing left to do.
func (c *Conn) overLocked() bool {
	return (c.draining || c.clientGone) && c.active == 0 && c.running == 0
}

// armLocked arms the deadline for what the reader waits for.
func (c *Conn) armLocked() {
	l := &c.cfg.Limits
	switch {
	case c.blockOf.stream != 0:
		c.setTimeoutLocked(TimeoutRequestHeaders, l.RequestHeadersTimeout, false)
	case c.active > 0 || c.running > 0:
		c.setTimeoutLocked(TimeoutNone, 0, false)
	default:
		c.setTimeoutLocked(TimeoutKeepAlive, l.KeepAliveTimeout, c.opened)
	}
	c.opened = false
}

func (c *Conn) setTimeoutLocked(reason uint8, d time.Duration, again bool) {
	if c.armed != reason || again {
		c.armed = reason
		c.wire.SetTimeout(reason, d)
	}
}

// fail ends the connection because of the client.
func (c *Conn) fail(e *connError) Next {
	c.mu.Lock()
	c.processing = false
	if c.gone != nil {
		c.mu.Unlock()
		return c.end(Abort)
	}
	c.goAwayLocked(e.Code)
	c.mu.Unlock()
	c.handler.ConnectionFailed(e)
	if e == errResponseTimeout || e == errStalled {
		c.lost(httpcommon.ErrResponseTooSlow)
	} else {
		c.lost(e)
	}
	return c.end(Close)
}

// Refuse ends a connection whose TLS is weaker than HTTP/2 allows (RFC 9113 §9.2). It is called instead of Process.
func (c *Conn) Refuse() Next { return c.fail(errInadequate) }

// Expired ends the connection because a deadline has passed.
func (c *Conn) Expired(reason uint8) Next {
	switch reason {
	case TimeoutKeepAlive:
		c.mu.Lock()
		c.goAwayLocked(NoError)
		c.mu.Unlock()
		return c.end(Close)
	case TimeoutRequestHeaders:
		return c.fail(errHeadersTimeout)
	}
	c.lost(httpcommon.ErrResponseTooSlow)
	return c.end(Abort)
}

// ReadFailed ends the connection because the client sends no more, or is lost. One that has only closed its sending side, with no
// request under way, is told that the connection is over.
func (c *Conn) ReadFailed(err error) Next {
	c.mu.Lock()
	well := err == io.EOF && c.active == 0 && c.gone == nil
	if well {
		c.goAwayLocked(NoError)
	}
	c.mu.Unlock()
	c.lost(httpcommon.ErrClientDisconnected)
	if err == io.EOF {
		c.headLost(errHeadEnds)
	}
	if well {
		return c.end(Close)
	}
	return c.end(Abort)
}

// Ended is the error with which the connection has ended; nil when it ended well.
func (c *Conn) Ended() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.gone
}
