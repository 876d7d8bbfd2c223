package server_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/lannerhq/lanner/server"
	"github.com/lannerhq/lanner/server/servertest"
)

// TestHandlerKeepsTheContract holds the bridge to net/http, with all its optional features, to the contract.
func TestHandlerKeepsTheContract(t *testing.T) {
	servertest.Run(t, func() server.Server { return newBridged() })
}

// bridged is a server.Server made of http.Server and server.Handler.
type bridged struct {
	features  server.Features
	addresses *server.Addresses
	http      http.Server
	running   atomic.Int64
	serving   sync.WaitGroup
	abort     context.CancelCauseFunc

	mu               sync.Mutex
	started, stopped bool
}

func newBridged() *bridged {
	b := &bridged{addresses: server.NewAddresses()}
	server.Set[server.ServerAddressesFeature](&b.features, b.addresses)
	ctx, abort := context.WithCancelCause(server.WithFeatures(context.Background(), &b.features))
	b.abort = abort
	b.http.BaseContext = func(net.Listener) context.Context { return ctx }
	b.http.DisableGeneralOptionsHandler = true
	b.http.ErrorLog = log.New(io.Discard, "", 0)
	return b
}

func (b *bridged) Features() *server.Features { return &b.features }

func (b *bridged) Start(_ context.Context, app server.Application) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.stopped:
		return server.ErrStopped
	case b.started:
		return server.ErrStarted
	}
	l, err := net.Listen("tcp", strings.TrimPrefix(b.addresses.Addresses()[0], "http://"))
	if err != nil {
		return err
	}
	b.started = true
	b.addresses.Bind("http://" + l.Addr().String())
	b.http.Handler = server.Handler(server.ApplicationFunc(func(f *server.Features) error {
		b.running.Add(1)
		defer b.running.Add(-1)
		err := server.Call(app, f)
		if err == http.ErrAbortHandler {
			panic(err)
		}
		return err
	}))
	b.serving.Go(func() { b.http.Serve(l) })
	return nil
}

func (b *bridged) Stop(ctx context.Context) error {
	b.mu.Lock()
	b.stopped = true
	b.mu.Unlock()
	defer b.serving.Wait()
	err, aborted := b.http.Shutdown(ctx), b.running.Load()
	b.abort(server.ErrServerShutdown)
	if err != nil && aborted > 0 {
		return errors.Join(fmt.Errorf("%d requests were aborted: %w", aborted, err), b.http.Close())
	}
	return nil
}
