package http1

import (
	"strconv"

	"github.com/lannerhq/lanner/internal/httpcommon"
)

// Rejections whose detail does not depend on the request. Statuses and reasons are Kestrel's (RequestRejectionReason).
var (
	errLineTooLong     = &httpcommon.BadRequestError{Status: 414, Reason: "invalid_request_line", Detail: "Request line too long."}
	errHeadersTooLarge = &httpcommon.BadRequestError{Status: 431, Reason: "max_request_headers_total_size_exceeded", Detail: "Request headers too long."}
	errTooManyHeaders  = &httpcommon.BadRequestError{Status: 431, Reason: "max_request_header_count_exceeded", Detail: "Request contains too many headers."}
	errTLSOverHTTP     = &httpcommon.BadRequestError{Status: 400, Reason: "tls_not_supported", Detail: "Detected a TLS handshake to an endpoint that does not have TLS enabled."}
	errHTTP2Preface    = &httpcommon.BadRequestError{Status: 505, Reason: "invalid_http_version", Detail: "An HTTP/2 preface on an HTTP/1.x endpoint."}
	errHeadersTimeout  = &httpcommon.BadRequestError{Status: 408, Reason: "request_headers_timeout", Detail: "Reading the request headers timed out."}
	errBodyTimeout     = &httpcommon.BadRequestError{Status: 408, Reason: "min_request_body_data_rate", Detail: "Reading the request body timed out due to data arriving too slowly."}
	errBodyTooLarge    = &httpcommon.BadRequestError{Status: 413, Reason: "max_request_body_size_exceeded", Detail: "Request body too large."}
	errUnexpectedEnd   = &httpcommon.BadRequestError{Status: 400, Reason: "unexpected_end_of_request_content", Detail: "Unexpected end of request content."}
	errBadChunkSize    = &httpcommon.BadRequestError{Status: 400, Reason: "invalid_body", Detail: "Bad chunk size data."}
	errBadChunkSuffix  = &httpcommon.BadRequestError{Status: 400, Reason: "invalid_body", Detail: "Bad chunk suffix."}
	errBadChunkExt     = &httpcommon.BadRequestError{Status: 400, Reason: "invalid_body", Detail: "Bad chunk extension."}
	errMissingHost     = &httpcommon.BadRequestError{Status: 400, Reason: "invalid_request_headers", Detail: "Request is missing Host header."}
	errMultipleHosts   = &httpcommon.BadRequestError{Status: 400, Reason: "invalid_request_headers", Detail: "Multiple Host headers."}
	errMultipleLengths = &httpcommon.BadRequestError{Status: 400, Reason: "invalid_request_headers", Detail: "Multiple Content-Length headers."}
	errOptionsRequired = &httpcommon.BadRequestError{Status: 405, Reason: "invalid_request_line", Detail: "Method not allowed.", Allow: "OPTIONS"}
	errConnectRequired = &httpcommon.BadRequestError{Status: 405, Reason: "invalid_request_line", Detail: "Method not allowed.", Allow: "CONNECT"}
)

func badRequestLine(line []byte) error {
	return &httpcommon.BadRequestError{Status: 400, Reason: "invalid_request_line", Detail: "Invalid request line: " + quote(line)}
}

func badTarget(line []byte) error {
	return &httpcommon.BadRequestError{Status: 400, Reason: "invalid_request_line", Detail: "Invalid request target: " + quote(line)}
}

func badVersion(version []byte) error {
	return &httpcommon.BadRequestError{Status: 505, Reason: "invalid_http_version", Detail: "Unrecognized HTTP version: " + quote(version)}
}

func badHeader(line []byte) error {
	return &httpcommon.BadRequestError{Status: 400, Reason: "invalid_request_headers", Detail: "Invalid request header: " + quoteName(line)}
}

func badHeaderName(line []byte) error {
	return &httpcommon.BadRequestError{Status: 400, Reason: "invalid_request_headers", Detail: "Invalid characters in header name: " + quoteName(line)}
}

func badHeaderValue(line []byte) error {
	return &httpcommon.BadRequestError{Status: 400, Reason: "invalid_request_headers", Detail: "Malformed request: invalid headers: " + quoteName(line)}
}

func badHost(host string) error {
	return &httpcommon.BadRequestError{Status: 400, Reason: "invalid_request_headers", Detail: "Invalid Host header: " + quote([]byte(host))}
}

func badLength(value string) error {
	return &httpcommon.BadRequestError{Status: 400, Reason: "invalid_request_headers", Detail: "Invalid content length: " + quote([]byte(value))}
}

func badCoding(value string) error {
	return &httpcommon.BadRequestError{Status: 400, Reason: "invalid_request_headers",
		Detail: "The message body length cannot be determined because the final transfer coding was set to " + quote([]byte(value)) + " instead of 'chunked'."}
}

func lengthRequired(method string) error {
	return &httpcommon.BadRequestError{Status: 400, Reason: "invalid_request_headers", Detail: method + " request contains no Content-Length header."}
}

// quote escapes what a client sent for a log line, and cuts it.
func quote(b []byte) string {
	if len(b) > 128 {
		return strconv.QuoteToASCII(string(b[:128])) + "..."
	}
	return strconv.QuoteToASCII(string(b))
}

// quoteName quotes the line up to its colon: a value may be a secret.
func quoteName(line []byte) string {
	for i, c := range line {
		if c == ':' {
			return quote(line[:i])
		}
	}
	return quote(line)
}
