package httpcommon

import (
	"errors"
	"fmt"
)

// Errors of a response that cannot be sent.
var (
	ErrInvalidStatus = errors.New("the status of a final response must be 200 to 999")
	ErrInvalidLength = errors.New("Content-Length must be one decimal number")
	// ErrBodyNotAllowed says that a status has no body.
	ErrBodyNotAllowed = errors.New("a response with this status has no body")
	// ErrTooFewBytes says that the application wrote less than its Content-Length announced.
	ErrTooFewBytes = errors.New("fewer bytes were written than the Content-Length says")
	// ErrStarted is returned by what must come before the response starts.
	ErrStarted = errors.New("the response has started")
)

// Answer replaces the empty answer to a request that was refused. Whoever makes one has checked it: the status is 400 to 599,
// the fields can be sent and say nothing of the framing or the connection.
type Answer struct {
	Status int
	Header *Headers
	Body   []byte
}

// LengthMismatch reports whether err says that a response has another length than its Content-Length.
func LengthMismatch(err error) bool {
	return errors.Is(err, ErrContentLength) || errors.Is(err, ErrTooFewBytes)
}

// CheckResponse looks for what must not be sent: a status that is not final, a field that could end the header section, a length that
// is none. It returns the Content-Length, -1 when there is none.
func CheckResponse(status int, h *Headers) (length int64, err error) {
	length = -1
	if status < 200 || status > 999 {
		return length, ErrInvalidStatus
	}
	for i := range h.fields {
		name, value := h.fields[i].Name, h.fields[i].Value
		if !IsToken(name) || !IsFieldValue(value) {
			return length, fmt.Errorf("the response header field %.128q has a name or value that cannot be sent: names are tokens, values have no control characters", name)
		}
		if len(name) != len("Content-Length") || !EqualFold(name, "Content-Length") {
			continue
		}
		n, ok := ParseLength(value)
		if !ok || length >= 0 {
			return length, ErrInvalidLength
		}
		length = n
	}
	return length, nil
}
