package server

import (
	"context"
	"sync"
)

// netHTTPLifetime tells when a request on net/http is given up: when its context ends, or when the application says so.
// It is made of nothing until somebody asks.
type netHTTPLifetime struct {
	mu      sync.Mutex
	ctx     context.Context // ends with the request's context or by abort; nil until needed
	cancel  context.CancelCauseFunc
	cause   error // of abort
	waiting []func()
}

// watch calls fn with the cause once the request is given up.
func (l *netHTTPLifetime) watch(parent context.Context, fn func(error)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	ctx := l.contextLocked(parent)
	ran := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(ran)
		cause := context.Cause(ctx)
		if cause == context.Canceled { // all that net/http says
			cause = ErrClientDisconnected
		}
		fn(cause)
	})
	l.waiting = append(l.waiting, func() {
		if !stop() {
			<-ran
		}
	})
}

func (l *netHTTPLifetime) contextLocked(parent context.Context) context.Context {
	if l.ctx == nil {
		l.ctx, l.cancel = context.WithCancelCause(parent)
	}
	return l.ctx
}

// abort gives the request up.
func (l *netHTTPLifetime) abort(parent context.Context, cause error) {
	if cause == nil {
		cause = ErrRequestAborted
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cause == nil {
		l.cause = cause
	}
	l.contextLocked(parent)
	l.cancel(l.cause)
}

// aborted returns the cause given to abort, or nil.
func (l *netHTTPLifetime) aborted() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.cause
}

// finish ends the watch: no function runs, or is still running, when it returns.
func (l *netHTTPLifetime) finish() {
	l.mu.Lock()
	waiting, cancel := l.waiting, l.cancel
	l.waiting = nil
	l.mu.Unlock()
	for _, stop := range waiting {
		stop()
	}
	if cancel != nil {
		cancel(ErrRequestDone)
	}
}
