package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
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
func newNetHTTP(application server.Application, headersTimeout time.Duration, secure *tls.Config) *netHTTP {
	var protocols http.Protocols // kestrel's; UnencryptedHTTP2 is h2c by prior knowledge
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true)
	return &netHTTP{http: http.Server{
		Protocols:         &protocols,
		Handler:           server.Handler(application),
		TLSConfig:         secure,
		ReadHeaderTimeout: headersTimeout,
		IdleTimeout:       130 * time.Second, // as kestrel's
	}}
}

func (n *netHTTP) start(ctx context.Context, urls []string) ([]string, error) {
	var listening []kestrel.Bound
	for _, url := range urls {
		e, err := endpoint(url, n.http.TLSConfig)
		var bound []kestrel.Bound
		if err == nil {
			bound, err = kestrel.Listen(ctx, e)
		}
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
		n.serving.Go(func() { // ends when stop closes the listener
			if strings.HasPrefix(l.URL, "https:") {
				n.http.ServeTLS(l.Listener, "", "")
				return
			}
			n.http.Serve(l.Listener)
		})
	}
	return slices.Compact(bound), nil // localhost is two sockets under one name
}

func (n *netHTTP) stop(ctx context.Context) error {
	err := n.http.Shutdown(ctx)
	if err != nil {
		err = errors.Join(fmt.Errorf("requests were aborted: %w", err), n.http.Close())
	}
	n.serving.Wait()
	return err
}
