package http3

import (
	"errors"
	"fmt"

	"github.com/lannerhq/lanner/internal/httpcommon"
	"github.com/lannerhq/lanner/internal/muxcommon"
)

// ErrCode says why a stream or connection ends (RFC 9114 §8.1, RFC 9204 §6).
type ErrCode uint64

// The codes.
const (
	NoError              ErrCode = 0x100
	GeneralProtocolError ErrCode = 0x101
	InternalError        ErrCode = 0x102
	StreamCreationError  ErrCode = 0x103
	ClosedCriticalStream ErrCode = 0x104
	FrameUnexpected      ErrCode = 0x105
	FrameError           ErrCode = 0x106
	ExcessiveLoad        ErrCode = 0x107
	IDError              ErrCode = 0x108
	SettingsError        ErrCode = 0x109
	MissingSettings      ErrCode = 0x10a
	RequestRejected      ErrCode = 0x10b
	RequestCancelled     ErrCode = 0x10c
	RequestIncomplete    ErrCode = 0x10d
	MessageError         ErrCode = 0x10e
	ConnectError         ErrCode = 0x10f
	VersionFallback      ErrCode = 0x110
	DecompressionFailed  ErrCode = 0x200
	EncoderStreamError   ErrCode = 0x201
	DecoderStreamError   ErrCode = 0x202
)

var codeNames = [...]string{"H3_NO_ERROR", "H3_GENERAL_PROTOCOL_ERROR", "H3_INTERNAL_ERROR", "H3_STREAM_CREATION_ERROR", "H3_CLOSED_CRITICAL_STREAM",
	"H3_FRAME_UNEXPECTED", "H3_FRAME_ERROR", "H3_EXCESSIVE_LOAD", "H3_ID_ERROR", "H3_SETTINGS_ERROR", "H3_MISSING_SETTINGS", "H3_REQUEST_REJECTED",
	"H3_REQUEST_CANCELLED", "H3_REQUEST_INCOMPLETE", "H3_MESSAGE_ERROR", "H3_CONNECT_ERROR", "H3_VERSION_FALLBACK"}

// String is the name of the code in its RFC.
func (c ErrCode) String() string {
	switch {
	case c >= NoError && c <= VersionFallback:
		return codeNames[c-NoError]
	case c == DecompressionFailed:
		return "QPACK_DECOMPRESSION_FAILED"
	case c == EncoderStreamError:
		return "QPACK_ENCODER_STREAM_ERROR"
	case c == DecoderStreamError:
		return "QPACK_DECODER_STREAM_ERROR"
	}
	return fmt.Sprintf("0x%x", uint64(c))
}

// IsNoError implements muxcommon.Code.
func (c ErrCode) IsNoError() bool { return c == NoError }

// ConnectionError ends a connection because of what its client did.
type ConnectionError struct {
	Code ErrCode
	// Reason is the stable name of the rule: error.type of the metrics. Detail is text for the log.
	Reason, Detail string
}

// Error returns the code and the detail.
func (e *ConnectionError) Error() string { return e.Code.String() + ": " + e.Detail }

// What ends a connection. The reasons are those of HTTP/2 where it has the rule.
var (
	errReservedFrame   = &ConnectionError{FrameUnexpected, "unexpected_frame", "A frame of HTTP/2 that HTTP/3 does not have."}
	errFrameNotHere    = &ConnectionError{FrameUnexpected, "unexpected_frame", "A frame that does not belong on a request's stream."}
	errDataFirst       = &ConnectionError{FrameUnexpected, "unexpected_frame", "DATA before HEADERS."}
	errAfterTrailers   = &ConnectionError{FrameUnexpected, "unexpected_frame", "DATA or HEADERS behind the trailers."}
	errControlFrame    = &ConnectionError{FrameUnexpected, "unexpected_frame", "A frame that does not belong on the control stream."}
	errSettingsTwice   = &ConnectionError{FrameUnexpected, "unexpected_frame", "SETTINGS came twice."}
	errNoSettings      = &ConnectionError{MissingSettings, "invalid_settings", "The control stream does not begin with SETTINGS."}
	errSettingsInvalid = &ConnectionError{SettingsError, "invalid_settings", "A setting stands twice, is reserved or out of its range."}
	errFrameCut        = &ConnectionError{FrameError, "invalid_frame_length", "A stream ended within a frame."}
	errFrameLength     = &ConnectionError{FrameError, "invalid_frame_length", "The length of a frame is not that of its content."}
	errControlSize     = &ConnectionError{ExcessiveLoad, "invalid_frame_length", "A frame of the control stream has more than 10,000 bytes."}
	errControlTwice    = &ConnectionError{StreamCreationError, "stream_creation_error", "There are two control streams, or two of QPACK of one kind."}
	errPushStream      = &ConnectionError{StreamCreationError, "stream_creation_error", "A client has opened a push stream."}
	errCriticalClosed  = &ConnectionError{ClosedCriticalStream, "closed_critical_stream", "The client has closed its control stream, or one of QPACK."}
	errGoAwayGrew      = &ConnectionError{IDError, "invalid_stream_id", "The id of GOAWAY is larger than that before."}
	errPushID          = &ConnectionError{IDError, "invalid_stream_id", "A push id that was not promised, or a maximum that has become less."}
	errPriorityID      = &ConnectionError{IDError, "invalid_stream_id", "PRIORITY_UPDATE names a stream that it cannot."}
	errEncoder         = &ConnectionError{EncoderStreamError, "error_reading_headers", "An instruction for a dynamic table, of which there is none."}
	errDecoder         = &ConnectionError{DecoderStreamError, "error_reading_headers", "The client acknowledges what was not sent."}
)

// Requests that end before they reach the application.
var (
	errIncomplete   = &httpcommon.BadRequestError{Status: 400, Reason: "unexpected_end_of_request_content", Detail: "The stream ended before the request's head."}
	errHeadLate     = &httpcommon.BadRequestError{Status: 408, Reason: "request_headers_timeout", Detail: "Reading the request headers timed out."}
	errBodyLate     = &httpcommon.BadRequestError{Status: 408, Reason: "min_request_body_data_rate", Detail: "Reading the request body timed out due to data arriving too slowly."}
	errFieldTooLong = &httpcommon.BadRequestError{Status: 431, Reason: "max_request_headers_total_size_exceeded", Detail: "A header field is longer than MaxRequestHeaderFieldSize."}
	errTooEarly     = &httpcommon.BadRequestError{Status: 425, Reason: "too_early", Detail: "A request that is not safe came in early data."}
)

// ResetError is the cause with which a request ends when its stream is reset. A Connection returns it from streams.
type ResetError = muxcommon.ResetError

// LostError says that the connection is over. A Connection returns it from everything.
type LostError struct {
	// Cause is QUIC's. Idle says that nothing was heard of the client for too long, Closed that the client has ended it well.
	Cause        error
	Idle, Closed bool
}

// Error returns the cause.
func (e *LostError) Error() string { return "the connection is lost: " + e.Cause.Error() }

// Unwrap returns the cause.
func (e *LostError) Unwrap() error { return e.Cause }

// Is makes it what a lost client is on HTTP/1.1.
func (e *LostError) Is(target error) bool { return target == httpcommon.ErrClientDisconnected }

// ErrWouldBlock is what a Connection and its streams return instead of waiting.
var ErrWouldBlock = errors.New("http3: it would have to wait")

var errKeepAlive = errors.New("no request came within KeepAliveTimeout")
