package http3

import (
	"io"
	"testing"

	"github.com/lannerhq/lanner/internal/httpcommon"
)

// FuzzRequestStreams holds that whatever a client writes on a request's stream, the stream comes to an end, and what reaches a handler is
// a request.
func FuzzRequestStreams(f *testing.F) {
	f.Add(aHead("GET", "/"))
	f.Add(append(aHead("POST", "/", "content-length", "3"), aData("abc")...))
	f.Add(append(append(aHead("POST", "/"), aData("abc")...), aHead("x", "y")...))
	f.Add([]byte{0x21, 3, 1, 2, 3, 1, 0})
	f.Add([]byte{0, 1, 'x'})
	f.Add([]byte{1, 0x80, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, data []byte) {
		var wrong string
		r := newRig(t, func(s *Stream) error {
			q := s.Request()
			n, err := io.Copy(io.Discard, q.Body())
			switch {
			case !httpcommon.IsToken(q.Method()):
				wrong = "the method"
			case q.Scheme() != "https":
				wrong = "the scheme"
			case q.Path() == "" && q.Method() != "CONNECT" && q.RawTarget() != "*":
				wrong = "the path"
			case !httpcommon.ValidHost(q.Host()):
				wrong = "the host"
			case err == nil && q.ContentLength() >= 0 && n != q.ContentLength():
				wrong = "the length"
			}
			return err
		}, nil)
		r.open(true, data).answer()
		r.quic.Close(NoError, "")
		<-r.done
		if wrong != "" {
			t.Errorf("a handler was given a request of which %s is wrong", wrong)
		}
	})
}
