package http2

import (
	"io"

	"github.com/lannerhq/lanner/internal/httpcommon"
)

// Request is the request of a stream. Its strings share the stream's memory until Retain.
type Request struct {
	stream *Stream
	httpcommon.Head
}

func (q *Request) clear() {
	q.stream = nil
	q.Clear()
}

// Protocol and Body are what the contract's RequestFeature has besides the head.

func (q *Request) Protocol() string { return "HTTP/2" }
func (q *Request) Body() io.Reader  { return &q.stream.body }

// judge says what is wrong with a head whose fields are all there; whole means that no content follows.
func (q *Request) judge(cfg *Config, f *fields, whole bool) *streamError {
	rules := httpcommon.HeadRules{MaxRequestLineSize: cfg.Limits.MaxRequestLineSize, Scheme: cfg.Scheme, AlternateSchemes: cfg.AlternateSchemes}
	if bad := q.Finish(&rules, &f.Fields, whole); bad != nil {
		return &streamError{ProtocolError, bad}
	}
	return nil
}
