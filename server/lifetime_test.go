package server_test

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lannerhq/lanner/server"
)

// fakeLifetime is a RequestLifetimeFeature that is aborted by hand.
type fakeLifetime struct {
	mu       sync.Mutex
	watchers []func(error)
	cause    error
}

func (l *fakeLifetime) OnAborted(fn func(error)) {
	l.mu.Lock()
	l.watchers = append(l.watchers, fn)
	cause := l.cause
	l.mu.Unlock()
	if cause != nil {
		fn(cause)
	}
}

func (l *fakeLifetime) Abort(cause error) {
	l.mu.Lock()
	l.cause = cause
	watchers := l.watchers
	l.mu.Unlock()
	for _, fn := range watchers {
		fn(cause)
	}
}

func (l *fakeLifetime) watched() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.watchers)
}

// handle runs an ordinary handler.
func handle(t *testing.T, f *server.Features, h http.HandlerFunc) {
	t.Helper()
	if err := server.HTTP(h).Process(f); err != nil {
		t.Errorf("Process: %v", err)
	}
}

func TestARequestThatDoesNotAskIsNotWatched(t *testing.T) {
	life := new(fakeLifetime)
	f, _, _ := newExchange("/", life)
	handle(t, f, func(_ http.ResponseWriter, r *http.Request) {
		ctx := context.WithValue(r.Context(), colour("key"), "value")
		if ctx.Value(colour("key")) != "value" || ctx.Value(colour("other")) != nil {
			t.Error("a derived context does not find its values")
		}
		if _, ok := ctx.Deadline(); ok {
			t.Error("the context has a deadline that nobody set")
		}
	})
	if n := life.watched(); n > 0 {
		t.Errorf("the server was asked %d times to watch the connection, want never: the handler did not ask for the context's end", n)
	}
}

func TestAbortEndsTheContextWithItsCause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		life := new(fakeLifetime)
		f, _, _ := newExchange("/", life)
		handle(t, f, func(_ http.ResponseWriter, r *http.Request) {
			derived, cancel := context.WithTimeout(r.Context(), time.Hour)
			defer cancel()
			go func() {
				time.Sleep(time.Second)
				life.Abort(server.ErrClientDisconnected)
			}()
			<-derived.Done()
			if !errors.Is(context.Cause(derived), server.ErrClientDisconnected) || !errors.Is(r.Context().Err(), context.Canceled) {
				t.Errorf("cause %v, error %v, want server.ErrClientDisconnected and context.Canceled", context.Cause(derived), r.Context().Err())
			}
		})
		if n := life.watched(); n != 1 {
			t.Errorf("the server was asked %d times to watch the connection, want once", n)
		}
		synctest.Wait()
	})
}

func TestAContextAskedForAfterAnAbortHasEnded(t *testing.T) {
	life := &fakeLifetime{cause: server.ErrServerShutdown}
	f, _, _ := newExchange("/", life)
	handle(t, f, func(_ http.ResponseWriter, r *http.Request) {
		if r.Context().Err() == nil || !errors.Is(context.Cause(r.Context()), server.ErrServerShutdown) {
			t.Errorf("the context is %v with the cause %v, want server.ErrServerShutdown at once", r.Context().Err(), context.Cause(r.Context()))
		}
	})
}

func TestAKeptContextHasEndedAndHoldsNothing(t *testing.T) {
	f, _, _ := newExchange("/", &connectionOnly{"native"})
	var asked, unasked context.Context
	handle(t, f, func(_ http.ResponseWriter, r *http.Request) {
		if _, ok := server.From[server.ConnectionFeature](r.Context()); !ok {
			t.Error("From does not find a feature while the handler runs")
		}
		if server.FeaturesOf(r.Context()) != f {
			t.Error("FeaturesOf is not the request's collection")
		}
		asked = r.Context()
		asked.Done()
	})
	handle(t, f, func(_ http.ResponseWriter, r *http.Request) { unasked = r.Context() })
	for name, ctx := range map[string]context.Context{"asked for its end before": asked, "never asked": unasked} {
		if ctx.Err() == nil || !errors.Is(context.Cause(ctx), server.ErrRequestDone) {
			t.Errorf("a kept context (%s) is %v with the cause %v, want server.ErrRequestDone", name, ctx.Err(), context.Cause(ctx))
		}
		if _, ok := server.From[server.ConnectionFeature](ctx); ok || server.FeaturesOf(ctx) != nil {
			t.Errorf("a kept context (%s) still leads to the features, which may be another request's", name)
		}
		if ctx.Value(http.LocalAddrContextKey) != nil {
			t.Errorf("a kept context (%s) still knows the local address", name)
		}
	}
}

func TestTheContextMayBeAskedByManyGoroutines(t *testing.T) {
	life := new(fakeLifetime)
	f, _, _ := newExchange("/", life)
	handle(t, f, func(_ http.ResponseWriter, r *http.Request) {
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				<-r.Context().Done()
				_ = context.Cause(r.Context())
			})
		}
		life.Abort(server.ErrClientDisconnected)
		all.Wait()
	})
	if n := life.watched(); n != 1 {
		t.Errorf("the server was asked %d times to watch the connection, want once", n)
	}
}
