package forwarder

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/lannerhq/lanner/internal/httpcommon"
	"github.com/lannerhq/lanner/server"
)

// maxInterims bounds the interim responses to one request. A program that reports its progress every second for a quarter
// of an hour stays below it.
const maxInterims = 1000

// awaitHead waits for the head of the final response, or of a 101, and passes interim responses on.
func (x *exchange) awaitHead() error {
	scanned := 0
	for {
		b := x.c.unread()
		if n := headEnd(b, max(scanned-2, 0)); n > 0 {
			if err := x.head.parse(string(b[:n])); err != nil {
				return err
			}
			x.c.r += n
			scanned = 0
			if x.head.status >= 200 || x.head.status == 101 {
				return nil
			}
			if err := x.interim(); err != nil {
				return err
			}
			continue
		}
		scanned = len(b)
		switch err := x.wait(false); {
		case err == errContinue:
			x.startUpload()
		case err != nil:
			return err
		default:
			x.answered = true
		}
	}
}

// interim passes a 1xx on. 100 is the server's to send, which it does when the body is read; what it tells us is whether
// the worker wants the body.
func (x *exchange) interim() error {
	if x.interims++; x.interims > maxInterims {
		return invalid("it consists of more than 1000 interim responses")
	}
	if x.head.status == 100 {
		if x.continueAt.Load() != 0 {
			x.startUpload()
		}
		return nil
	}
	feature, ok := server.Get[server.InterimResponseFeature](x.f)
	if !ok || x.req.Protocol() == "HTTP/1.0" { // RFC 9110 §15.2
		return nil
	}
	var fields httpcommon.Headers
	x.copyFields(&fields)
	if err := feature.SendInterim(x.head.status, &fields); err != nil && !errors.Is(err, server.ErrNotSupported) {
		return x.toClient(err)
	}
	return nil
}

// toClient makes the verdict for a client that takes no more.
func (x *exchange) toClient(err error) error {
	x.verdict = fmt.Errorf("cannot send the response to the client: %w", err)
	return x.verdict
}

// answer passes the response on whose head has been received.
func (x *exchange) answer() error {
	x.continueAt.Store(0)
	if x.head.status == 101 {
		return x.tunnel()
	}
	x.framing.begin(&x.head, x.req.Method())
	header := x.res.Header()
	x.answering, x.fieldsBefore = true, header.Len()
	x.res.SetStatus(x.head.status)
	x.copyFields(header)
	if x.head.length >= 0 && (httpcommon.BodyAllowed(x.head.status) || x.head.status == 304) {
		header.Add("Content-Length", x.head.lengthText)
	}
	if x.u.opts.ForwardResponseConnectionHeader {
		for _, value := range x.head.connection {
			header.Add("Connection", value)
		}
	}
	if err := x.relay(); err != nil {
		return err
	}
	x.joinUpload()
	x.settle()
	return nil
}

// copyFields adds the fields of the response to h, except those that a Connection field nominates. Date stays the worker's:
// it is "the date and time at which the message was originated" (RFC 9110 §6.6.1), and that was there.
func (x *exchange) copyFields(h *httpcommon.Headers) {
	for name, value := range x.head.fields.All() {
		if len(x.head.connection) > 0 && x.head.hasOption(name) {
			continue
		}
		h.Add(name, value)
	}
}

// takeBack undoes what answer has done to a response that has not started, so that the caller can make its own.
func (x *exchange) takeBack() {
	header := x.res.Header()
	before := make([]httpcommon.Field, 0, x.fieldsBefore)
	for i := range min(x.fieldsBefore, header.Len()) {
		name, value := header.At(i)
		before = append(before, httpcommon.Field{Name: name, Value: value})
	}
	header.Reset()
	for _, f := range before {
		header.Add(f.Name, f.Value)
	}
	x.res.SetStatus(200)
}

// relay passes the body on. A body that came with its head is written once and left to the server to send; else nothing
// is held back while the worker is waited for.
func (x *exchange) relay() error {
	for first := true; ; first = false {
		body, used, err := x.framing.take(x.c.unread())
		if err != nil {
			return x.broken(err)
		}
		x.c.r += used
		if first && x.framing.done {
			x.announce(len(body))
		}
		if err := x.write(body); err != nil {
			return err
		}
		if x.framing.done {
			return x.passTrailers()
		}
		if err := x.more(); err != nil {
			return err
		}
	}
}

// write passes body bytes on, unless the status does not allow any (205).
func (x *exchange) write(body []byte) error {
	if len(body) == 0 || !httpcommon.BodyAllowed(x.head.status) {
		return nil
	}
	x.wrote = true
	if _, err := x.res.Write(body); err != nil {
		return x.toClient(err)
	}
	return nil
}

// announce tells what is known of a chunked response that has been received whole: its length, or, when it has trailers,
// their names, without which the server would have no place for them.
func (x *exchange) announce(length int) {
	if x.framing.kind != framingChunked || !httpcommon.BodyAllowed(x.head.status) {
		return
	}
	header := x.res.Header()
	if x.framing.trailers.Len() == 0 {
		if _, promised := x.head.fields.Lookup("Trailer"); !promised {
			header.Add("Content-Length", strconv.Itoa(length))
		}
		return
	}
	if _, promised := x.head.fields.Lookup("Trailer"); promised {
		return
	}
	for name := range x.framing.trailers.All() {
		header.Add("Trailer", name)
	}
}

// more gets more of the body. Before it waits it flushes what was written.
func (x *exchange) more() error {
	err := x.c.tryFill()
	if err == errWouldBlock || err != nil && isPoke(err) {
		if err := x.res.Flush(); err != nil {
			return x.toClient(err)
		}
		err = x.wait(false)
	}
	if err == io.EOF && x.framing.kind == framingClose {
		x.framing.done = true
		return nil
	}
	if err != nil {
		return x.broken(err)
	}
	return nil
}

// passTrailers hands the trailer section on. The server drops it where it has no place for one.
func (x *exchange) passTrailers() error {
	if x.framing.trailers.Len() == 0 {
		return nil
	}
	feature, ok := server.Get[server.ResponseTrailersFeature](x.f)
	if !ok {
		return nil
	}
	for name, value := range x.framing.trailers.All() {
		feature.ResponseTrailers().Add(name, value)
	}
	return nil
}

// settle decides whether the connection may carry another request: both messages ended where their framing says, and the
// worker means to keep it open.
func (x *exchange) settle() {
	sent := x.left == 0 || x.upload.clean
	if rest := len(x.c.unread()); rest > 0 {
		x.u.logUnsolicited(rest)
		return
	}
	x.reuse = sent && x.framing.kind != framingClose && x.head.persistent()
	if hint := x.head.idle; hint > 0 {
		// A second less than the worker announces, so that the two do not meet.
		x.c.keep = min(x.u.opts.IdleTimeout, max(hint-time.Second, hint/2))
	}
}
