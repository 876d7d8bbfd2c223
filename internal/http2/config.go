package http2

import (
	"io"
	"time"

	"github.com/lannerhq/lanner/internal/httpcommon"
)

// Limits bounds what a client may do. They are effective: no field means a default. The first ten are those of
// spec Kestrel's Http2Limits, the others are shared with HTTP/1.1.
type Limits struct {
	// MaxStreams that are open at once. Beyond: REFUSED_STREAM.
	MaxStreams int
	// HeaderTableSize of our decoder, in bytes.
	HeaderTableSize int
	// MaxFrameSize that we take, in bytes. Beyond: FRAME_SIZE_ERROR.
	MaxFrameSize int
	// MaxFieldSize of a name or a value of a header field, in bytes. Beyond: PROTOCOL_ERROR.
	MaxFieldSize int
	// ConnectionWindow and StreamWindow are how much of request bodies may be on its way or unread at first, in bytes.
	ConnectionWindow, StreamWindow int
	// MaxConnectionWindow and MaxStreamWindow are what these grow to, in bytes. Not more than those: they do not grow.
	MaxConnectionWindow, MaxStreamWindow int
	// KeepAlivePingDelay of silence is followed by a PING, 0 for none; no answer in KeepAlivePingTimeout ends the connection.
	KeepAlivePingDelay, KeepAlivePingTimeout time.Duration

	// MaxRequestLineSize bounds :method and :path. MaxRequestHeadersTotalSize and MaxRequestHeaderCount bound the decoded fields.
	MaxRequestLineSize, MaxRequestHeadersTotalSize, MaxRequestHeaderCount int
	MaxRequestBodySize                                                    int64
	MaxResponseBufferSize                                                 int
	// KeepAliveTimeout bounds the time without a stream, RequestHeadersTimeout that of a header block; 0 for no limit.
	KeepAliveTimeout, RequestHeadersTimeout time.Duration
}

// Config is what connections of one endpoint share. It must not change while they live.
type Config struct {
	Limits Limits
	// RequestRate and ResponseRate are the least data rates; nil for none. They hold for all streams of a connection together.
	RequestRate, ResponseRate *Rate
	// Scheme is "http" or "https". AlternateSchemes lets a request name another than the connection's.
	Scheme           string
	AlternateSchemes bool
	// ServerHeader is the value of the Server field; "" sends none. Date returns the value of the Date field; nil sends none.
	ServerHeader string
	// AltSvc is the value of the Alt-Svc field of responses that do not have one (RFC 7838); "" sends none.
	AltSvc string
	Date   func() string
}

// Reasons of the one deadline of a Wire, as in package http1.
const (
	TimeoutNone           uint8 = 0
	TimeoutKeepAlive      uint8 = 1
	TimeoutRequestHeaders uint8 = 2
)

// Wire is the connection below. Its methods are safe from any goroutine; Write is called by one at a time.
type Wire interface {
	// Write writes what the connection takes now, all of it when the connection is a blocking one (NewConn). Fewer bytes and no error mean that it is full:
	// the engine asks for Writable.
	Write(p []byte) (int, error)
	// Writev is Write for several buffers one after the other. A blocking connection is not asked for it.
	Writev(bufs [][]byte) (int, error)
	// NotifyWritable makes the owner call Conn.Writable once, when the connection takes bytes again.
	NotifyWritable()
	// SetTimeout arms the one deadline; 0 disarms.
	SetTimeout(reason uint8, d time.Duration)
}

// Handler is the engine's owner: it runs the application and hears what happened.
type Handler interface {
	// NewStream returns a new stream, or one that was recycled; Recycle takes one back.
	NewStream() *Stream
	Recycle(*Stream)
	// Elsewhere reports whether the request runs on a goroutine of its own rather than on the reader's.
	Elsewhere(*Stream) bool
	// Left is asked when the request is about to run on the reader's goroutine, with the connection's lock held: true has it run
	// elsewhere after all, since nobody would be told that the reader takes long.
	Left(*Stream) bool
	// Serve runs the application. A panic is the owner's to recover.
	Serve(*Stream) error
	// GoOn is called on the goroutine of a handler that is about to block and has been the reader: the owner lets another goroutine
	// read on, which begins with Resume.
	GoOn()
	// Wake makes the reader call Process soon, though nothing was received. It is called from any goroutine.
	Wake()
	// Rejected tells of a request that was refused, or whose error became its answer.
	Rejected(*Stream, *httpcommon.BadRequestError) *Answer
	// Failed tells of an error in a response, or of a panic in a callback, for the log.
	Failed(*Stream, error)
	// Ended tells that an exchange is over, on the goroutine that ended it, before Recycle.
	Ended(*Stream)
	// ConnectionFailed tells that the client has broken a rule or exceeded a limit for which the connection ends.
	ConnectionFailed(*ConnectionError)
	// Broken is told of a panic of the engine's own: the connection is to be cut, and not used any more.
	Broken(v any)
	// LastReturned is called once: the connection is over, and no handler runs any more.
	LastReturned()
}

// Answer replaces the empty answer to a request that was refused.
type Answer = httpcommon.Answer

// Next is what the reader does after Process.
type Next uint8

const (
	// More: wait for bytes, then Received and Process again.
	More Next = iota
	// Close: the connection has ended well, or with a GOAWAY that is on its way: close it so that the client can read that.
	Close
	// Abort: close the connection at once.
	Abort
	// Gone: another goroutine is the reader now; the caller must not touch the connection any more.
	Gone
)

var _ io.Reader = (*Body)(nil)
