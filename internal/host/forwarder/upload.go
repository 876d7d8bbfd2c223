package forwarder

import (
	"bytes"
	"io"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/lannerhq/lanner/internal/httpcommon"
	"github.com/lannerhq/lanner/server"
)

// What the upload goroutine does, as the heartbeat must know it.
const (
	uploadNone    int32 = iota // there is none, or it has ended
	uploadReading              // it waits for the client
	uploadWriting              // it waits for the worker
)

// uploadState is the part of an exchange that its upload goroutine owns while it runs.
type uploadState struct {
	running bool          // the owner's: it was started and not yet joined
	done    chan struct{} // closed when it ends
	clean   bool          // all of the body was sent; valid after done
	state   atomic.Int32
	moved   atomic.Int64 // when the worker last took something, or could have
	stop    atomic.Bool  // the connection is being closed, do not try again
}

func (s *uploadState) reset() {
	s.running, s.clean, s.done = false, false, nil
	s.state.Store(uploadNone)
	s.moved.Store(0)
	s.stop.Store(false)
}

// chunkRoom is what is kept free before and behind body bytes, so that a chunk and its frame leave in one write.
const (
	chunkHead = len("ffff\r\n") // bufferSize needs no more digits
	chunkTail = len("\r\n0\r\n\r\n")
)

// readAhead reads the first bytes of a body of known length behind the head, so that a small request leaves in one write.
// It reads once: what the client has sent is passed on, what it has not is not waited for. A body without a length, and
// one that the worker is to be asked about first, is left to the upload.
func (x *exchange) readAhead() error {
	if x.left <= 0 || x.expect || len(x.tx.b) > bufferSize/2 {
		return nil
	}
	buf := getBuffer()
	head := copy(buf[:], x.tx.b)
	room := buf[head:]
	if int64(len(room)) > x.left {
		room = room[:x.left]
	}
	n, err := readSome(x.req.Body(), room)
	if err != nil {
		putBuffer(buf)
		return bodyError(err)
	}
	x.left -= int64(n)
	x.pieceAt = head
	x.tx = outgoing{b: buf[:head+n], buf: buf, keep: x.idempotent && x.left == 0}
	return nil
}

// readSome reads at least one byte.
func readSome(r io.Reader, p []byte) (int, error) {
	for range 100 {
		if n, err := r.Read(p); n > 0 || err != nil {
			if n > 0 {
				err = nil // it will be back
			}
			return n, err
		}
	}
	return 0, io.ErrNoProgress
}

// bodyError is what Forward returns when the client's body cannot be read. A reader that ends early without calling it an
// error is a client that does.
func bodyError(err error) error {
	if err == io.EOF {
		return badRequest("unexpected_end", "the request body ended before its Content-Length")
	}
	return err
}

// putBack lets the next reader of the body have what was read of it.
func (x *exchange) putBack() {
	if x.pieceAt == 0 || len(x.tx.b) <= x.pieceAt {
		return
	}
	piece := append([]byte(nil), x.tx.b[x.pieceAt:]...)
	server.Set[server.RequestFeature](x.f, &replayed{x.req, io.MultiReader(bytes.NewReader(piece), x.req.Body())})
}

// replayed is a request whose body begins with what was read already.
type replayed struct {
	server.RequestFeature
	body io.Reader
}

func (r *replayed) Body() io.Reader { return r.body }

// Retain lets the request below last.
func (r *replayed) Retain() {
	if below, ok := r.RequestFeature.(server.Retainer); ok {
		below.Retain()
	}
}

// startUpload lets a goroutine send the rest of the body while the owner waits for the response: the worker may answer
// before it has read everything, or all along.
func (x *exchange) startUpload() {
	x.continueAt.Store(0)
	x.upload.done = make(chan struct{})
	x.upload.running = true
	x.upload.state.Store(uploadReading)
	var trailers server.RequestTrailersFeature
	if x.left < 0 {
		trailers, _ = server.Get[server.RequestTrailersFeature](x.f)
	}
	go x.uploadBody(x.req.Body(), trailers)
}

// uploadBody runs on the upload goroutine.
func (x *exchange) uploadBody(body io.Reader, trailers server.RequestTrailersFeature) {
	defer close(x.upload.done)
	var failed error
	if x.left < 0 {
		failed = x.uploadChunks(body, trailers)
	} else {
		failed = x.uploadLength(body)
	}
	x.upload.moved.Store(x.u.fw.now())
	x.upload.state.Store(uploadNone)
	if failed != nil { // the client's fault: there will be no response
		x.u.mu.Lock()
		x.uploadErr = failed
		x.pokeLocked()
		x.u.mu.Unlock()
	}
}

// uploadLength sends a body of known length. A failure of the worker is not reported: it may have answered before it hung
// up, and the owner, who reads, sees either.
func (x *exchange) uploadLength(body io.Reader) error {
	buf := getBuffer()
	defer putBuffer(buf)
	for left := x.left; left > 0; {
		n, err := x.uploadRead(body, buf[:min(left, bufferSize)])
		if err != nil {
			return bodyError(err)
		}
		if x.push(buf[:n]) != nil {
			return nil
		}
		left -= int64(n)
	}
	x.upload.clean = true
	return nil
}

// uploadChunks sends a body whose end is not known, in chunks, and its trailers (RFC 9112 §7.1).
func (x *exchange) uploadChunks(body io.Reader, trailers server.RequestTrailersFeature) error {
	buf := getBuffer()
	defer putBuffer(buf)
	for {
		n, err := x.uploadRead(body, buf[chunkHead:bufferSize-chunkTail])
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		if x.push(frameChunk(buf, n)) != nil {
			return nil
		}
	}
	end := append(buf[:0], "0\r\n"...)
	if trailers != nil {
		end = appendTrailers(end, trailers.RequestTrailers())
	}
	x.upload.clean = x.push(append(end, "\r\n"...)) == nil
	return nil
}

// frameChunk puts a frame around the n bytes at chunkHead and returns all of it.
func frameChunk(buf *buffer, n int) []byte {
	var digits [8]byte
	size := strconv.AppendInt(digits[:0], int64(n), 16)
	at := chunkHead - len("\r\n") - len(size)
	copy(buf[at:], size)
	copy(buf[chunkHead-len("\r\n"):], "\r\n")
	end := chunkHead + n
	return append(buf[at:end], "\r\n"...)
}

// appendTrailers appends the fields that may follow a body: what is dropped from the head is dropped here too, since
// programs merge the two.
func appendTrailers(b []byte, h *httpcommon.Headers) []byte {
	for name, value := range h.All() {
		if passesTrailer(name, value) {
			b = httpcommon.AppendField(b, name, value)
		}
	}
	return b
}

func passesTrailer(name, value string) bool {
	return classify(name) == fieldPlain && !reserved(name) && httpcommon.IsToken(name) && httpcommon.IsFieldValue(value)
}

// reserved names fields of a head whose meaning must be known before the content (RFC 9110 §6.5.1).
func reserved(name string) bool {
	for _, f := range [...]string{"Authorization", "Content-Encoding", "Content-Range", "Content-Type", "Set-Cookie", "Trailer", "Via"} {
		if httpcommon.EqualFold(name, f) {
			return true
		}
	}
	return false
}

func (x *exchange) uploadRead(body io.Reader, p []byte) (int, error) {
	x.upload.state.Store(uploadReading)
	n, err := readSome(body, p)
	x.upload.moved.Store(x.u.fw.now())
	x.upload.state.Store(uploadWriting)
	return n, err
}

// push writes p to the worker. A poke was for the owner; it goes on, unless the owner has given up.
func (x *exchange) push(p []byte) error {
	c := x.c
	for {
		n, err := c.nc.Write(p)
		c.wrote += int64(n)
		p = p[n:]
		if n > 0 {
			x.upload.moved.Store(x.u.fw.now())
		}
		if err == nil || !isPoke(err) || x.upload.stop.Load() {
			return err
		}
		_ = c.nc.SetWriteDeadline(time.Time{})
	}
}

// uploadGrace is how long an upload may take to notice that it is over: first while the connection is still good, then
// while what it waits for is the client. A client that is sending delivers something within it, and the server can then
// read the rest of the body in its own way.
const uploadGrace = 50 * time.Millisecond

// joinUpload waits for the upload after the response is complete, and ends it if it must: a worker that has answered
// without reading the body is not sent the rest.
func (x *exchange) joinUpload() {
	if !x.upload.running || x.joined(uploadGrace) {
		return
	}
	x.abandonUpload()
}

// abandonUpload ends the upload and waits for it.
func (x *exchange) abandonUpload() {
	if !x.upload.running {
		return
	}
	x.upload.stop.Store(true)
	_ = x.c.nc.Close()
	x.upload.clean = false
	if x.joined(uploadGrace) {
		x.upload.clean = false
		return
	}
	// It waits for a client that sends nothing. Reading fails from now on, so that the server will close the connection.
	if control, ok := server.Get[server.BodyControlFeature](x.f); ok {
		_ = control.SetReadDeadline(longAgo)
	}
	<-x.upload.done
	x.upload.running, x.upload.clean = false, false
}

// joined waits for the upload for at most d.
func (x *exchange) joined(d time.Duration) bool {
	select {
	case <-x.upload.done:
		x.upload.running = false
		return true
	default:
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-x.upload.done:
		x.upload.running = false
		return true
	case <-timer.C:
		return false
	}
}
