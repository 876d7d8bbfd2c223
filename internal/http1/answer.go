package http1

import (
	"strconv"

	"github.com/lannerhq/lanner/internal/httpcommon"
)

// Answer replaces the empty answer to a request that was refused.
type Answer = httpcommon.Answer

// standardAnswer is the one to a request for which the owner has none of its own.
func standardAnswer(e *httpcommon.BadRequestError) *Answer {
	return &Answer{Status: e.Status, Header: new(httpcommon.Headers)}
}

// appendAnswer is the answer to a request that never reached the application. A response to HEAD has no body (RFC 9110 §9.3.2).
func appendAnswer(b []byte, a *Answer, e *httpcommon.BadRequestError, date []byte, server, method string) []byte {
	b = appendStatusLine(b, a.Status)
	b = append(b, "Content-Length: "...)
	b = strconv.AppendInt(b, int64(len(a.Body)), 10)
	b = append(b, "\r\nConnection: close\r\n"...)
	b = append(b, date...)
	if server != "" {
		b = httpcommon.AppendField(b, "Server", server)
	}
	if _, set := a.Header.Lookup("Allow"); !set && e.Allow != "" && a.Status == 405 {
		b = httpcommon.AppendField(b, "Allow", e.Allow)
	}
	for name, value := range a.Header.All() {
		b = httpcommon.AppendField(b, name, value)
	}
	b = append(b, "\r\n"...)
	if method == "HEAD" {
		return b
	}
	return append(b, a.Body...)
}

// apply makes a the response. The engine has just emptied it.
func (s *Response) apply(a *Answer) {
	s.status = a.Status
	for name, value := range a.Header.All() {
		s.header.Add(name, value)
	}
	_, _ = s.Write(a.Body) // an error is the response's, and shows when it is finished
}
