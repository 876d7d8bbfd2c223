package http3

import (
	"io"
	"time"

	"github.com/lannerhq/lanner/internal/httpcommon"
	"github.com/lannerhq/lanner/internal/muxcommon"
)

// Limits bounds what a client may do. They are effective: no field means a default. How many streams may be open is QUIC's to say.
type Limits struct {
	// MaxFieldSize of a name or a value of a header field, in bytes. Beyond: 431.
	MaxFieldSize int
	// MaxRequestLineSize bounds :method and :path. MaxRequestHeadersTotalSize and MaxRequestHeaderCount bound the decoded fields.
	MaxRequestLineSize, MaxRequestHeadersTotalSize, MaxRequestHeaderCount int
	MaxRequestBodySize                                                    int64
	MaxResponseBufferSize                                                 int
	// KeepAliveTimeout bounds the time without a request, RequestHeadersTimeout that of a head; 0 for no limit.
	KeepAliveTimeout, RequestHeadersTimeout time.Duration
}

// EarlyData says what becomes of requests that come in early data (0-RTT), which somebody may have recorded and sent again.
type EarlyData uint8

const (
	// EarlySafe serves those with safe methods (RFC 9110 §9.2.1), and answers the others 425 (RFC 8470 §5.2).
	EarlySafe EarlyData = iota
	// EarlyAll serves all of them: the application answers 425 by itself where it has to.
	EarlyAll
)

// Config is what connections of one endpoint share. It must not change while they live.
type Config struct {
	Limits Limits
	// RequestRate and ResponseRate are the least data rates, for each stream by itself; nil for none.
	RequestRate, ResponseRate *Rate
	// Scheme is "https". AlternateSchemes lets a request name another.
	Scheme           string
	AlternateSchemes bool
	// EarlyData is looked at where the Connection says that a stream came early. Such requests have the field Early-Data: 1.
	EarlyData EarlyData
	// ServerHeader is the value of the Server field; "" sends none. Date returns the value of the Date field; nil sends none.
	ServerHeader string
	Date         func() string
}

// Rate is a least data rate.
type Rate = muxcommon.Rate

// Connection is a QUIC connection after its handshake. Its methods are safe from any goroutine. Its errors, and those of its streams,
// are *LostError, *ResetError, io.EOF, and what wraps os.ErrDeadlineExceeded.
type Connection interface {
	// AcceptStream and AcceptUniStream wait for the client's next stream of a kind. TryAcceptStream does not wait: ErrWouldBlock.
	AcceptStream() (BidiStream, error)
	TryAcceptStream() (BidiStream, error)
	AcceptUniStream() (ReceiveStream, error)
	// OpenUniStream opens one of ours, without waiting.
	OpenUniStream() (SendStream, error)
	// Close ends the connection: what was not delivered is lost.
	Close(code ErrCode, reason string)
	// Early reports whether what is received now may be early data. RTT is how long the way to the client and back takes.
	Early() bool
	RTT() time.Duration
}

// ReceiveStream is the receiving side of a stream.
type ReceiveStream interface {
	io.Reader
	// ID is the stream's number (RFC 9000 §2.1).
	ID() uint64
	// CancelRead asks the client to send no more; it has no effect behind the end.
	CancelRead(code ErrCode)
	SetReadDeadline(time.Time) error
}

// SendStream is the sending side of a stream.
type SendStream interface {
	// Write returns when the bytes are taken over; it waits while flow or congestion control do.
	io.Writer
	// Close ends the stream behind what was written, CancelWrite at once.
	Close() error
	CancelWrite(code ErrCode)
	SetWriteDeadline(time.Time) error
	// SetPriority is RFC 9218's.
	SetPriority(httpcommon.Priority)
}

// BidiStream is a stream of a request.
type BidiStream interface {
	ReceiveStream
	SendStream
	// TryWrite writes all of p if it does not have to wait, or nothing: ErrWouldBlock.
	TryWrite(p []byte) error
	// OnAborted calls fn once, on a goroutine of its own, when the client does not want more or is gone. stop reports whether fn will
	// not be called.
	OnAborted(fn func(error)) (stop func() bool)
}

// Handler is the engine's owner: it runs the application and hears what happened.
type Handler interface {
	// NewStream returns a new stream, or one that was recycled; Recycle takes one back.
	NewStream() *Stream
	Recycle(*Stream)
	// Busy and Waits bracket the leader's work between its waits for requests. A leader that has lost the lead does not call Waits.
	Busy()
	Waits()
	// Elsewhere reports whether the request runs on a goroutine of its own rather than on the leader's.
	Elsewhere(*Stream) bool
	// Serve runs the application. A panic is the owner's to recover.
	Serve(*Stream) error
	// Rejected tells of a request that was refused, or whose error became its answer.
	Rejected(*Stream, *httpcommon.BadRequestError) *Answer
	// Failed tells of an error in a response, or of a panic in a callback, for the log.
	Failed(*Stream, error)
	// Ended tells that an exchange is over, before Recycle.
	Ended(*Stream)
	// ConnectionFailed tells that the client has broken a rule or exceeded a limit for which the connection ends.
	ConnectionFailed(*ConnectionError)
	// Broken is told of a panic of the engine's own. The connection is closed.
	Broken(v any)
}

// Answer replaces the empty answer to a request that was refused.
type Answer = httpcommon.Answer
