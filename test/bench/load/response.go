package load

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
)

// maxResponse bounds a response, head and body, in bytes.
const maxResponse = 4096

var (
	headEnd       = []byte("\r\n\r\n")
	contentLength = []byte("content-length")
	okStatus      = []byte("HTTP/1.1 200 ")
	errTooLong    = fmt.Errorf("a response is longer than %d bytes", maxResponse)
)

// scan returns the length of the response that b begins with; 0 means that it is not whole yet. It takes 200 with a
// Content-Length, which is what servers answer to the requests that are made here, and nothing else.
func scan(b []byte) (int, error) {
	end := bytes.Index(b, headEnd)
	if end < 0 {
		if len(b) >= maxResponse {
			return 0, errTooLong
		}
		return 0, nil
	}
	head := b[:end]
	line, fields, _ := bytes.Cut(head, []byte("\r\n"))
	if !bytes.HasPrefix(line, okStatus) {
		return 0, fmt.Errorf("the answer is %.100q", line)
	}
	for len(fields) > 0 {
		line, fields, _ = bytes.Cut(fields, []byte("\r\n"))
		name, value, _ := bytes.Cut(line, []byte(":"))
		if !bytes.EqualFold(name, contentLength) {
			continue
		}
		n, err := strconv.ParseUint(string(bytes.TrimSpace(value)), 10, 31)
		if err != nil {
			return 0, fmt.Errorf("an answer has Content-Length %.100q", value)
		}
		length := end + len(headEnd) + int(n)
		if length > maxResponse {
			return 0, errTooLong
		}
		if length > len(b) {
			return 0, nil
		}
		return length, nil
	}
	return 0, errors.New("an answer has no Content-Length")
}
