package forwarder

import (
	"errors"
	"io"
	"net/http"
	"net/textproto"
	"sync"
	"time"

	"github.com/lannerhq/lanner/server"
)

// clientBody is the client's body as the library's client reads it, on a goroutine of the library. After end nothing of the
// request's features is used any more, whatever that goroutine does.
type clientBody struct {
	x        *exchange
	s        *stream
	body     io.Reader
	trailers server.RequestTrailersFeature // nil: none may follow
	trailer  http.Header                   // filled when the body has ended, before the library looks
	left     int64                         // -1 unknown

	mu      sync.Mutex
	over    bool
	reading chan struct{} // closed at the end of the read that is under way; nil for none
}

func newClientBody(x *exchange, s *stream) *clientBody {
	b := &clientBody{x: x, s: s, body: x.req.Body(), left: x.left, trailer: make(http.Header)}
	if x.left < 0 {
		b.trailers, _ = server.Get[server.RequestTrailersFeature](x.f)
	}
	return b
}

var errBodyOver = errors.New("the request has ended")

// Read implements io.Reader. An error of the client's ends the request.
func (b *clientBody) Read(p []byte) (int, error) {
	switch {
	case b.left == 0 || len(p) == 0:
		return 0, io.EOF
	case b.left > 0 && int64(len(p)) > b.left:
		p = p[:b.left]
	}
	if !b.begin() {
		return 0, errBodyOver
	}
	defer b.ended()
	n, err := b.x.uploadRead(b.body, p)
	switch {
	case err == nil:
		if b.left > 0 {
			b.left -= int64(n)
		}
		if b.left == 0 {
			b.x.upload.state.Store(uploadNone)
		}
		return n, nil
	case err == io.EOF && b.left < 0:
		b.copyTrailers()
		b.x.upload.state.Store(uploadNone)
		return 0, io.EOF
	}
	err = bodyError(err)
	b.x.upload.state.Store(uploadNone)
	b.s.cancel(err)
	return 0, err
}

func (b *clientBody) begin() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.over {
		return false
	}
	b.reading = make(chan struct{})
	return true
}

func (b *clientBody) ended() {
	b.mu.Lock()
	defer b.mu.Unlock()
	close(b.reading)
	b.reading = nil
}

// copyTrailers hands the trailer section on, by the rules of the HTTP/1.1 side.
func (b *clientBody) copyTrailers() {
	if b.trailers == nil {
		return
	}
	for name, value := range b.trailers.RequestTrailers().All() {
		if passesTrailer(name, value) {
			b.trailer.Add(textproto.CanonicalMIMEHeaderKey(name), value)
		}
	}
}

// Close implements io.Closer. The features are the exchange's, which ends their use by end.
func (b *clientBody) Close() error { return nil }

// end makes reads fail from now on and waits for the one that is under way. Like an upload over HTTP/1.1, it gives an HTTP/1.1
// client a moment, so that its connection may go on; on a stream nothing would be gained by that.
func (b *clientBody) end() {
	b.mu.Lock()
	b.over = true
	reading := b.reading
	b.mu.Unlock()
	if reading == nil {
		return
	}
	if !b.x.splitsCookies() {
		timer := time.NewTimer(uploadGrace)
		defer timer.Stop()
		select {
		case <-reading:
			return
		case <-timer.C:
		}
	}
	if control, ok := server.Get[server.BodyControlFeature](b.x.f); ok {
		_ = control.SetReadDeadline(longAgo)
	}
	<-reading
}
