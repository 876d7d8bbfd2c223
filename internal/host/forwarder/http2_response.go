package forwarder

import (
	"io"
	"maps"
	"net/http"
	"net/textproto"
	"slices"
	"sync"

	"github.com/lannerhq/lanner/internal/httpcommon"
	"github.com/lannerhq/lanner/server"
)

// answerHTTP2 passes a response on that came over HTTP/2.
func (x *exchange) answerHTTP2(s *stream, res *http.Response) error {
	s.interims.close() // they come before it
	header := x.res.Header()
	x.head.status = res.StatusCode
	x.answering, x.fieldsBefore = true, header.Len()
	x.res.SetStatus(res.StatusCode)
	addFields(header, res.Header)
	for _, name := range slices.Sorted(maps.Keys(res.Trailer)) {
		header.Add("Trailer", name) // the library has taken the field apart
	}
	if length := res.Header.Get("Content-Length"); length != "" && (httpcommon.BodyAllowed(res.StatusCode) || res.StatusCode == 304) {
		header.Add("Content-Length", length)
	}
	return x.relayHTTP2(s, res)
}

// addFields adds the fields of a message, except those that HTTP/2 must not have (RFC 9113 §8.2.2) and Content-Length.
func addFields(to *httpcommon.Headers, from map[string][]string) {
	for _, name := range slices.Sorted(maps.Keys(from)) {
		switch name {
		case "Connection", "Keep-Alive", "Proxy-Connection", "Transfer-Encoding", "Upgrade", "Te", "Content-Length":
			continue
		}
		for _, value := range from[name] {
			to.Add(name, value)
		}
	}
}

// relayHTTP2 passes the body on. The library does not tell whether more has arrived, so what was written is flushed before every
// read, unless the whole body is short, and announced: that comes together.
func (x *exchange) relayHTTP2(s *stream, res *http.Response) error {
	buf := smallBuffers.Get().(*smallBuffer)
	defer smallBuffers.Put(buf)
	p := buf[:]
	short := res.ContentLength >= 0 && res.ContentLength <= bufferSize
	var large *buffer
	defer func() {
		if large != nil {
			putBuffer(large)
		}
	}()
	for res.Body != http.NoBody && httpcommon.BodyAllowed(res.StatusCode) { // of a 304 with a length the library would miss the body
		if !short {
			if err := x.res.Flush(); err != nil {
				return x.toClient(err)
			}
		}
		x.since.Store(x.u.fw.now())
		n, err := res.Body.Read(p)
		x.since.Store(0)
		if failed := x.write(p[:n]); failed != nil {
			return failed
		}
		switch {
		case err == io.EOF:
			return x.passTrailersHTTP2(res.Trailer)
		case err != nil:
			return x.brokenStream(s, err)
		case n == len(p) && large == nil: // there is more
			large = getBuffer()
			p = large[:]
		case n < len(buf) && large != nil: // for now a small one does, so that a stream that waits holds no large one
			putBuffer(large)
			large, p = nil, buf[:]
		}
	}
	return nil
}

// smallBuffer is what a response holds while it waits for its worker.
type smallBuffer [4 << 10]byte

var smallBuffers = sync.Pool{New: func() any { return new(smallBuffer) }}

// passTrailersHTTP2 hands the trailer section on.
func (x *exchange) passTrailersHTTP2(trailer http.Header) error {
	if len(trailer) == 0 {
		return nil
	}
	if feature, ok := server.Get[server.ResponseTrailersFeature](x.f); ok {
		addFields(feature.ResponseTrailers(), trailer)
	}
	return nil
}

// interimRelay passes interim responses on while the owner waits for the final one, on a goroutine of its own: a client that is
// slow must not hold up the connection to the worker, which the library reads.
type interimRelay struct {
	x *exchange

	mu      sync.Mutex
	waiting []interimResponse
	count   int
	running bool
	closed  bool
	wg      sync.WaitGroup
}

type interimResponse struct {
	status int
	fields *httpcommon.Headers
}

// got is called by the library. 100 is the server's own to send.
func (r *interimRelay) got(status int, header textproto.MIMEHeader) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.count++; r.count > maxInterims {
		return invalid("it consists of more than 1000 interim responses")
	}
	if r.closed || status == 100 {
		return nil
	}
	fields := new(httpcommon.Headers)
	addFields(fields, header)
	r.waiting = append(r.waiting, interimResponse{status, fields})
	if !r.running {
		r.running = true
		r.wg.Go(r.run)
	}
	return nil
}

// run sends until nothing is left.
func (r *interimRelay) run() {
	feature, ok := server.Get[server.InterimResponseFeature](r.x.f)
	ok = ok && r.x.req.Protocol() != "HTTP/1.0" // RFC 9110 §15.2
	for {
		r.mu.Lock()
		if len(r.waiting) == 0 {
			r.running = false
			r.mu.Unlock()
			return
		}
		next := r.waiting[0]
		r.waiting = r.waiting[1:]
		r.mu.Unlock()
		if ok {
			_ = feature.SendInterim(next.status, next.fields) // a client that has left is noticed by who watches it
		}
	}
}

// close waits until all are sent. None is taken any more.
func (r *interimRelay) close() {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.wg.Wait()
}
