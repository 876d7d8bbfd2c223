package server

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// requestContext is the context of one request. It is made of nothing until somebody asks for Done or Err: only then
// does it become a real cancelable context and ask the server to watch the connection. It is never recycled, since a
// handler may keep it.
type requestContext struct {
	features *Features

	mu       sync.Mutex
	inner    context.Context // nil until needed
	cancel   context.CancelCauseFunc
	finished bool
}

func (c *requestContext) Deadline() (time.Time, bool) { return time.Time{}, false }
func (c *requestContext) Done() <-chan struct{}       { return c.real().Done() }
func (c *requestContext) Err() error                  { return c.real().Err() }

// noServer is the value of http.ServerContextKey: a server without settings. httputil.ReverseProxy only looks whether
// there is one. If not, it does not abort a response that its backend cut, and the client takes the part for the whole.
var noServer = new(http.Server)

// Value answers for the request's features, and for the real context below, through which context.Cause and derived
// contexts find it.
func (c *requestContext) Value(key any) any {
	c.mu.Lock()
	f, inner := c.features, c.inner
	if c.finished {
		f = nil
	}
	c.mu.Unlock()
	switch key {
	case featuresKey{}:
		return f
	case http.LocalAddrContextKey:
		if conn, ok := Get[ConnectionFeature](f); ok {
			return conn.LocalAddr()
		}
		return nil
	case http.ServerContextKey:
		return noServer
	}
	if inner == nil {
		return nil
	}
	return inner.Value(key)
}

// real returns the cancelable context, made on the first call.
func (c *requestContext) real() context.Context {
	c.mu.Lock()
	if c.inner != nil {
		defer c.mu.Unlock()
		return c.inner
	}
	c.inner, c.cancel = context.WithCancelCause(context.Background())
	if c.finished {
		c.cancel(ErrRequestDone)
		defer c.mu.Unlock()
		return c.inner
	}
	inner, cancel := c.inner, c.cancel
	life, watched := Get[RequestLifetimeFeature](c.features)
	c.mu.Unlock()
	if watched { // outside the lock: the server may call back at once
		life.OnAborted(cancel)
	}
	return inner
}

// finish ends the context: the handler has returned.
func (c *requestContext) finish() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.finished = true
	if c.cancel != nil {
		c.cancel(ErrRequestDone)
	}
}
