package app_test

import (
	"context"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/lannerhq/lanner/kestrel"
	"github.com/lannerhq/lanner/server"
	"github.com/lannerhq/lanner/test/target/app"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 10 * time.Second

// apis are the two programming interfaces.
var apis = map[string]func() server.Application{
	"http":   func() server.Application { return server.HTTP(app.HTTP()) },
	"native": app.Native,
}

// servers start an application and return host:port.
var servers = map[string]func(*testing.T, server.Application) string{"kestrel": onKestrel, "nethttp": onNetHTTP}

func onKestrel(t *testing.T, application server.Application) string {
	srv := kestrel.New(kestrel.Options{
		Endpoints: []kestrel.Endpoint{{Listener: listen(t)}},
		Logger:    slog.New(slog.DiscardHandler),
	})
	if err := srv.Start(t.Context(), application); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, srv.Stop) })
	return srv.Addresses()[0][len("http://"):]
}

func onNetHTTP(t *testing.T, application server.Application) string {
	l := listen(t)
	srv := &http.Server{Handler: server.Handler(application), ErrorLog: log.New(io.Discard, "", 0)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		srv.Serve(l)
	}()
	t.Cleanup(func() {
		stop(t, srv.Shutdown)
		<-done
	})
	return l.Addr().String()
}

func listen(t *testing.T) net.Listener {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func stop(t *testing.T, fn func(context.Context) error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := fn(ctx); err != nil {
		t.Errorf("stopping the server: %v", err)
	}
	if err := app.RemoveFiles(); err != nil {
		t.Errorf("removing the files: %v", err)
	}
}

// onAll runs a test for each programming interface on each server.
func onAll(t *testing.T, test func(t *testing.T, addr string)) {
	for name, start := range servers {
		for api, application := range apis {
			t.Run(name+"/"+api, func(t *testing.T) { test(t, start(t, application())) })
		}
	}
}
