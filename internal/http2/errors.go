package http2

import (
	"fmt"

	"github.com/lannerhq/lanner/internal/httpcommon"
	"github.com/lannerhq/lanner/internal/muxcommon"
)

// ErrCode says why a stream or connection ends (RFC 9113 §7).
type ErrCode uint32

// The codes of RFC 9113 §7.
const (
	NoError            ErrCode = 0x0
	ProtocolError      ErrCode = 0x1
	InternalError      ErrCode = 0x2
	FlowControlError   ErrCode = 0x3
	SettingsTimeout    ErrCode = 0x4
	StreamClosed       ErrCode = 0x5
	FrameSizeError     ErrCode = 0x6
	RefusedStream      ErrCode = 0x7
	Cancel             ErrCode = 0x8
	CompressionError   ErrCode = 0x9
	ConnectError       ErrCode = 0xa
	EnhanceYourCalm    ErrCode = 0xb
	InadequateSecurity ErrCode = 0xc
	HTTP11Required     ErrCode = 0xd
)

var codeNames = [...]string{"NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT", "STREAM_CLOSED",
	"FRAME_SIZE_ERROR", "REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR", "CONNECT_ERROR", "ENHANCE_YOUR_CALM", "INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED"}

// String is the name of the code in RFC 9113.
func (c ErrCode) String() string {
	if int(c) < len(codeNames) {
		return codeNames[c]
	}
	return fmt.Sprintf("0x%x", uint32(c))
}

// IsNoError implements muxcommon.Code.
func (c ErrCode) IsNoError() bool { return c == NoError }

// ConnectionError ends a connection: it is what Handler.ConnectionFailed is told.
type ConnectionError struct {
	Code ErrCode
	// Reason is the stable name of the rule: error.type of the metrics. Detail is text for the log.
	Reason, Detail string
}

type connError = ConnectionError

// Error returns the code and the detail.
func (e *ConnectionError) Error() string { return e.Code.String() + ": " + e.Detail }

// request is the error as that of the requests which it ends.
func (e *ConnectionError) request() *httpcommon.BadRequestError {
	return &httpcommon.BadRequestError{Status: 400, Reason: e.Reason, Detail: e.Detail}
}

// The names of rules are Kestrel's (its ConnectionEndReason).
var (
	errPreface          = &connError{ProtocolError, "invalid_handshake", "The connection does not begin with the HTTP/2 preface."}
	errFirstFrame       = &connError{ProtocolError, "invalid_handshake", "The first frame is not SETTINGS."}
	errFrameTooLarge    = &connError{FrameSizeError, "invalid_frame_length", "A frame is larger than SETTINGS_MAX_FRAME_SIZE."}
	errFrameLength      = &connError{FrameSizeError, "invalid_frame_length", "A frame has a length that its type does not have."}
	errPadding          = &connError{ProtocolError, "invalid_data_padding", "The padding is longer than the frame."}
	errEvenStream       = &connError{ProtocolError, "invalid_stream_id", "A client's stream has an even id."}
	errStreamZero       = &connError{ProtocolError, "invalid_stream_id", "A frame of a stream has the stream id 0."}
	errStreamNotZero    = &connError{ProtocolError, "invalid_stream_id", "A frame of the connection has a stream id."}
	errInterleaved      = &connError{ProtocolError, "unexpected_frame", "A header block is interrupted by another frame."}
	errContinuation     = &connError{ProtocolError, "unexpected_frame", "A CONTINUATION frame has no header block to continue."}
	errPushPromise      = &connError{ProtocolError, "unexpected_frame", "A client has sent PUSH_PROMISE."}
	errStreamIdle       = &connError{ProtocolError, "invalid_stream_id", "A frame refers to a stream that was never opened."}
	errStreamClosed     = &connError{StreamClosed, "frame_after_stream_close", "A frame refers to a stream that is closed."}
	errHalfClosed       = &connError{StreamClosed, "frame_after_stream_close", "A frame came after the end of the request."}
	errAborted          = &connError{StreamClosed, "frame_after_stream_close", "A frame refers to a stream that the client has reset."}
	errSelfDependency   = &connError{ProtocolError, "stream_self_dependency", "A stream depends on itself."}
	errSettingsLength   = &connError{FrameSizeError, "invalid_settings", "The length of a SETTINGS frame is no multiple of six."}
	errSettingsAck      = &connError{FrameSizeError, "invalid_settings", "An acknowledgement of SETTINGS has a payload."}
	errSettingsValue    = &connError{ProtocolError, "invalid_settings", "A setting is out of its range."}
	errSettingsWindow   = &connError{FlowControlError, "invalid_settings", "SETTINGS_INITIAL_WINDOW_SIZE is out of its range."}
	errWindowZero       = &connError{ProtocolError, "window_update_size_invalid", "The increment of a WINDOW_UPDATE is 0."}
	errWindowOverflow   = &connError{FlowControlError, "window_update_size_invalid", "A window has grown beyond 2^31-1."}
	errWindowExceeded   = &connError{FlowControlError, "flow_control_window_exceeded", "The client has sent more than the window allows."}
	errHeadersTooLarge  = &connError{ProtocolError, "max_request_headers_total_size_exceeded", "Request headers too long."}
	errFieldTooLarge    = &connError{ProtocolError, "max_request_headers_total_size_exceeded", "A header field is longer than MaxRequestHeaderFieldSize."}
	errTrailersEnd      = &connError{ProtocolError, "missing_stream_end", "Trailers do not end the stream."}
	errHeadersTimeout   = &connError{InternalError, "request_headers_timeout", "Reading the request headers timed out."}
	errBodyTimeout      = &connError{InternalError, "min_request_body_data_rate", "Reading the request body timed out due to data arriving too slowly."}
	errResponseTimeout  = &connError{InternalError, "min_response_data_rate", "The response was read too slowly."}
	errStalled          = &connError{EnhanceYourCalm, "min_response_data_rate", "The client asks for many answers and takes none of them."}
	errOutputQueue      = &connError{InternalError, "output_queue_size_exceeded", "The client does not read the answers to its control frames."}
	errKeepAlivePing    = &connError{InternalError, "keep_alive_ping_timeout", "The client does not answer PING."}
	errPriorityUpdateID = &connError{ProtocolError, "invalid_stream_id", "PRIORITY_UPDATE names a stream that it cannot."}
	errInadequate       = &connError{InadequateSecurity, "insufficient_tls_version", "The TLS connection is weaker than HTTP/2 asks for."}
)

// streamError resets one stream.
type streamError struct {
	code ErrCode
	bad  *httpcommon.BadRequestError
}

// What ends one stream.
var (
	errStreamWindow    = &streamError{FlowControlError, &httpcommon.BadRequestError{Status: 400, Reason: "window_update_size_invalid", Detail: "The stream's window has grown beyond 2^31-1."}}
	errTooManyStreams  = &streamError{RefusedStream, &httpcommon.BadRequestError{Status: 503, Reason: "max_concurrent_streams_exceeded", Detail: "More streams than SETTINGS_MAX_CONCURRENT_STREAMS."}}
	errEnhanceYourCalm = &streamError{EnhanceYourCalm, &httpcommon.BadRequestError{Status: 503, Reason: "max_concurrent_streams_exceeded", Detail: "More streams in work than twice SETTINGS_MAX_CONCURRENT_STREAMS."}}
	errHeadEnds        = &httpcommon.BadRequestError{Status: 400, Reason: "unexpected_end_of_request_content", Detail: "The client has left in the middle of a header block."}
)

// ResetError is the cause with which a request ends when a stream is reset.
type ResetError = muxcommon.ResetError
