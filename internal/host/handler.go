package host

import (
	"context"
	"errors"
	"time"

	"github.com/lannerhq/lanner/internal/host/forwarder"
	"github.com/lannerhq/lanner/internal/httpconn"
	"github.com/lannerhq/lanner/server"
)

// process handles a request that the host serves itself: it forwards it to an out-of-process worker, or answers.
func (h *Host) process(f *server.Features) error {
	c, ok := server.Get[*hostConn](f)
	if !ok {
		return errors.New("host: a request came on a connection that no front accepted")
	}
	if c.front.encrypted() && c.client == nil {
		return c.processSecure(f)
	}
	if stream, ok := server.Get[httpconn.StreamFeature](f); ok {
		return c.processStream(f, stream)
	}
	if c.no != nil {
		return c.no.write(f, h.development)
	}
	return c.app.serve(f)
}

// maxTries bounds how many workers a request is offered to, when each dies before it has taken it.
const maxTries = 3

// serve answers a request for the application in the host.
func (a *application) serve(f *server.Features) error {
	if limit := a.cfg.Load().limits.MaxRequestBodySize; limit != 0 {
		if size, ok := server.Get[server.MaxRequestBodySizeFeature](f); ok && size.MaxRequestBodySize() != limit {
			size.SetMaxRequestBodySize(limit) // before the first read, so it cannot be too late
		}
	}
	var last error
	for range maxTries {
		w, no := a.acquireFor(f)
		if no != nil {
			return no.write(f, a.host.development)
		}
		c, _ := server.Get[*hostConn](f)
		inside := w.upstream == nil
		if inside {
			w.release() // the worker tells its own number of running requests
			if stream, ok := server.Get[httpconn.StreamFeature](f); ok && !c.front.encrypted() {
				return c.refuse(a, f, stream)
			}
		}
		err := c.forward(w, f)
		var failed *forwarder.UpstreamError
		if !errors.As(err, &failed) || failed.ResponseStarted {
			return err
		}
		last = err
		if !failed.Retryable() {
			break
		}
		if !inside {
			w.awaitEnd()
		}
	}
	var failed *forwarder.UpstreamError
	errors.As(last, &failed)
	return upstreamAnswer(failed).write(f, a.host.development)
}

// forward sends the request to a worker of either model; to one in-process, to whichever has the client's link. Without TLS that is
// the rare request which was read when the application was still out-of-process; the next one takes the connection with it.
func (c *hostConn) forward(w *worker, f *server.Features) error {
	if w.upstream != nil {
		defer w.release()
		return w.upstream.Forward(f, forwarder.Request{})
	}
	u, err := c.link(w.app, f)
	if err != nil {
		return err
	}
	return u.Forward(f, forwarder.Request{Trusted: true}) // its fields are for the application to judge, as on any connection that it has itself
}

// endGrace is how long a worker that refuses connections is given to show that it has died, so that the next try waits
// for its successor rather than ask it again.
const endGrace = 5 * time.Second

func (w *worker) awaitEnd() {
	t := time.NewTimer(endGrace)
	defer t.Stop()
	select {
	case <-w.gone:
	case <-t.C:
	}
}

// upstreamAnswer says what the module says: 502.3 for a worker that broke. A request that was sent to a worker which is gone
// by now is not to be tried again: it was that worker's.
func upstreamAnswer(e *forwarder.UpstreamError) *answer {
	switch {
	case e.Status == 503 && !e.RequestSent:
		return &answer{status: 503, title: "Service Unavailable", detail: e.Error(), retryAfter: time.Second}
	case e.Status == 504:
		return &answer{status: 504, title: "Gateway Timeout", detail: e.Error()}
	}
	return &answer{status: 502, sub: "502.3", title: "Bad Gateway", detail: e.Error()}
}

// acquireFor waits for a worker on behalf of a request; the client's leaving ends the wait.
func (a *application) acquireFor(f *server.Features) (*worker, *answer) {
	if w, no := a.tryAcquire(); w != nil || no != nil {
		return w, no
	}
	ctx, cancel := context.WithCancelCause(a.host.ctx)
	defer cancel(nil)
	if life, ok := server.Get[server.RequestLifetimeFeature](f); ok {
		life.OnAborted(cancel)
	}
	return a.acquire(ctx)
}
