// Package shim serves by Kestrel what a test of Go's meant net/http's server to serve. The suite's overlay gives
// http.Server calls to the functions here; everything else of net/http stays as it is.
package shim

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"sync"
	"time"

	"github.com/lannerhq/lanner/kestrel"
	"github.com/lannerhq/lanner/server"
)

// run is one call of Serve that Kestrel carries.
type run struct {
	srv      *http.Server
	kestrel  *kestrel.Server
	listener *listener
	bubble   bool // in one of testing/synctest
}

var (
	mu       sync.Mutex
	runs     []*run
	accepted int // connections, since the test began
)

// Serve serves l by Kestrel, by the fields of srv, and returns when l is closed, as http.Server.Serve does. It returns
// false for what Kestrel does not speak yet: TLS and HTTP/2 stay net/http's.
func Serve(srv *http.Server, l, original net.Listener) (handled bool, err error) {
	if stock(srv, original) {
		return false, nil
	}
	r := &run{srv: srv, listener: newListener(l), bubble: time.Now().Year() == 2000} // where synctest's time begins
	r.kestrel = kestrel.New(options(srv, r.listener))
	mu.Lock()
	runs = append(runs, r)
	mu.Unlock()
	if err := r.kestrel.Start(context.Background(), server.HTTP(handler{srv})); err != nil {
		return true, err
	}
	<-r.listener.done
	return true, r.listener.cause()
}

// handler is the Handler of srv at the time of the request: tests change it while the server runs.
type handler struct{ srv *http.Server }

func (h handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h.srv.Handler == nil {
		http.DefaultServeMux.ServeHTTP(w, r)
		return
	}
	h.srv.Handler.ServeHTTP(w, r)
}

// stock reports whether net/http's own server must serve.
func stock(srv *http.Server, l net.Listener) bool {
	if fmt.Sprintf("%T", l) == "*tls.listener" {
		return true
	}
	return srv.Protocols != nil && (srv.Protocols.UnencryptedHTTP2() || !srv.Protocols.HTTP1())
}

// Shutdown stops gracefully what serves for srv; false when nothing does.
func Shutdown(srv *http.Server, ctx context.Context) (handled bool, err error) {
	var errs []error
	mine := of(srv)
	for _, r := range mine {
		errs = append(errs, r.kestrel.Stop(ctx))
	}
	return len(mine) > 0, errors.Join(errs...)
}

// Close ends at once what serves for srv.
func Close(srv *http.Server) {
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	for _, r := range of(srv) {
		_ = r.kestrel.Stop(ended) // an error says that requests were aborted, which is what was asked for
	}
}

// KeepAlives is told of http.Server.SetKeepAlivesEnabled. Kestrel has no such switch, but httptest.Server.Close calls it
// after closing the listener, and then waits for the requests that run: a graceful stop.
func KeepAlives(srv *http.Server, enabled bool) {
	if enabled || !calledBy("net/http/httptest.(*Server).Close") {
		return
	}
	for _, r := range of(srv) {
		<-r.listener.done
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second) // hijacked connections are not waited for
		_ = r.kestrel.Stop(ctx)
		cancel()
	}
}

func calledBy(function string) bool {
	var pcs [8]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
	for {
		frame, more := frames.Next()
		if frame.Function == function {
			return true
		}
		if !more {
			return false
		}
	}
}

func of(srv *http.Server) (mine []*run) {
	mu.Lock()
	defer mu.Unlock()
	for _, r := range runs {
		if r.srv == srv {
			mine = append(mine, r)
		}
	}
	return mine
}
