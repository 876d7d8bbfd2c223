package servertest

import (
	"context"
	"net/url"
	"reflect"
	"testing"
	"time"

	"github.com/lannerhq/lanner/server"
)

// patience is how long anything may take before the check fails. It bounds failures only; a test of this package shortens it.
var patience = 10 * time.Second

// running is a started server.
type running struct {
	t       *testing.T
	srv     server.Server
	addr    string // host:port
	stopped bool   // the check stops the server itself
}

// start starts a new server with app and stops it when the check ends.
func (s suite) start(t *testing.T, app server.ApplicationFunc) *running {
	t.Helper()
	return s.startServer(t, s.newServer(), app)
}

func (s suite) startServer(t *testing.T, srv server.Server, app server.Application) *running {
	t.Helper()
	askForAnyPort(srv)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := srv.Start(ctx, app); err != nil {
		t.Fatalf("Start: %v", err)
	}
	r := &running{t: t, srv: srv}
	t.Cleanup(r.cleanup)
	r.addr = boundAddress(t, srv)
	return r
}

// askForAnyPort tells the server to listen on a free port of loopback, if it can be told.
func askForAnyPort(srv server.Server) {
	if addresses, ok := server.Get[server.ServerAddressesFeature](srv.Features()); ok {
		addresses.SetAddresses([]string{"http://127.0.0.1:0"})
	}
}

// boundAddress is host:port of the first address that the server published.
func boundAddress(t *testing.T, srv server.Server) string {
	t.Helper()
	addresses, ok := server.Get[server.ServerAddressesFeature](srv.Features())
	if !ok {
		t.Fatal("the server's features hold no ServerAddressesFeature after Start: nobody can know where it listens")
	}
	bound := addresses.Addresses()
	if len(bound) == 0 {
		t.Fatal("Addresses() is empty after Start: nobody can know where the server listens")
	}
	u, err := url.Parse(bound[0])
	if err != nil {
		t.Fatalf("Addresses()[0] is not a URL: %v", err)
	}
	if u.Scheme != "http" {
		t.Fatalf("the server listens on %s, and servertest speaks plain http only", bound[0])
	}
	if u.Port() == "" || u.Port() == "0" {
		t.Fatalf("Addresses()[0] is %s: after Start the port must be the one that is bound", bound[0])
	}
	return u.Host
}

// cleanup stops the server: all requests are over by then, so it must succeed.
func (r *running) cleanup() {
	err := r.stop(patience)
	if err != nil && !r.stopped {
		r.t.Errorf("Stop when no request is running: %v", err)
	}
}

// stop calls Stop with a context that ends after limit.
func (r *running) stop(limit time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	return r.srv.Stop(ctx)
}

// stopInBackground calls Stop and delivers what it returns. The check has the last word on the result.
func (r *running) stopInBackground() <-chan error {
	r.stopped = true
	result := make(chan error, 1)
	go func() { result <- r.stop(patience) }()
	return result
}

// endedContext is a context that has ended.
func endedContext() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// receive waits for a value.
func receive[T any](t *testing.T, from <-chan T, why string) T {
	t.Helper()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case v := <-from:
		return v
	case <-timer.C:
		t.Fatalf("waited %v in vain: %s", patience, why)
		panic("unreachable")
	}
}

// need gets a feature that the contract demands of every request.
func need[T any](t *testing.T, f *server.Features) T {
	v, ok := server.Get[T](f)
	if !ok {
		t.Errorf("a request's features hold no %s", featureName[T]())
	}
	return v
}

// skipUnless skips the check unless requests have the feature T. lines are further header lines of the request that is
// sent to find out.
func skipUnless[T any](t *testing.T, s suite, lines ...string) {
	t.Helper()
	has := make(chan bool, 1)
	r := s.start(t, func(f *server.Features) error {
		_, ok := server.Get[T](f)
		has <- ok
		return nil
	})
	c := r.dial()
	c.send(append([]string{"GET / HTTP/1.1", "Host: a"}, append(lines, "")...)...)
	c.want("an empty response", "GET", 200)
	if !receive(t, has, "the application is called for a request") {
		t.Skipf("this server does not provide %s, which is optional", featureName[T]())
	}
}

func featureName[T any]() string { return reflect.TypeFor[T]().String() }

// receiveQuietly is receive for the goroutine of an application, which must not end the test: the zero value is its no.
func receiveQuietly[T any](from <-chan T) (v T) {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case v = <-from:
	case <-timer.C:
	}
	return v
}
