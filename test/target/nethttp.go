package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/lannerhq/lanner/kestrel"
	"github.com/lannerhq/lanner/server"
)

// netHTTP is the standard library's server, to compare with.
type netHTTP struct {
	http    http.Server
	serving sync.WaitGroup
}

// newNetHTTP carries an application on net/http; an http.Handler without a layer between.
func newNetHTTP(application server.Application, headersTimeout time.Duration) *netHTTP {
	return &netHTTP{http: http.Server{
		Handler:           server.Handler(application),
		ReadHeaderTimeout: headersTimeout,
		IdleTimeout:       130 * time.Second, // as kestrel's
	}}
}

func (n *netHTTP) start(ctx context.Context, urls []string) ([]string, error) {
	var listening []kestrel.Bound
	for _, url := range urls {
		bound, err := listenPlain(ctx, url)
		if err != nil {
			for _, open := range listening {
				open.Listener.Close()
			}
			return nil, err
		}
		listening = append(listening, bound...)
	}
	var bound []string
	for _, l := range listening {
		bound = append(bound, l.URL)
		n.serving.Go(func() { n.http.Serve(l.Listener) }) // ends when stop closes the listener
	}
	return slices.Compact(bound), nil // localhost is two sockets under one name
}

// listenPlain opens the listeners of an address, without TLS.
func listenPlain(ctx context.Context, url string) ([]kestrel.Bound, error) {
	address, err := kestrel.ParseAddress(url)
	if err != nil {
		return nil, err
	}
	if address.Scheme != "http" {
		return nil, fmt.Errorf("cannot listen on %s: with -server nethttp the target speaks plain http only", url)
	}
	return kestrel.Listen(ctx, kestrel.Endpoint{URL: url})
}

func (n *netHTTP) stop(ctx context.Context) error {
	err := n.http.Shutdown(ctx)
	if err != nil {
		err = errors.Join(fmt.Errorf("requests were aborted: %w", err), n.http.Close())
	}
	n.serving.Wait()
	return err
}
