package main

import (
	"context"
	"crypto/tls"
	"fmt"

	"github.com/lannerhq/lanner"
	"github.com/lannerhq/lanner/kestrel"
	"github.com/lannerhq/lanner/server"
)

// onKestrel is Lanner's default server.
type onKestrel struct {
	opts        kestrel.Options
	tls         *tls.Config // of https addresses; nil for none
	application server.Application
	server      *kestrel.Server
	untune      func()
}

func newKestrel(application server.Application, opts kestrel.Options, secure *tls.Config) *onKestrel {
	return &onKestrel{opts: opts, tls: secure, application: application}
}

func (k *onKestrel) start(ctx context.Context, urls []string) ([]string, error) {
	for _, url := range urls {
		e, err := endpoint(url, k.tls)
		if err != nil {
			return nil, err
		}
		if k.opts.HTTP3 != nil && e.TLS != nil {
			e.Protocols = kestrel.HTTP1AndHTTP2AndHTTP3
		}
		k.opts.Endpoints = append(k.opts.Endpoints, e)
	}
	k.server = kestrel.New(k.opts)
	if err := k.server.Start(ctx, k.application); err != nil {
		return nil, err
	}
	k.untune = lanner.TuneGC() // as lanner.Run does
	return k.server.Addresses(), nil
}

// endpoint is that of an address, with TLS where it is https.
func endpoint(url string, secure *tls.Config) (kestrel.Endpoint, error) {
	e := kestrel.Endpoint{URL: url}
	a, err := kestrel.ParseAddress(url)
	if err == nil && a.Scheme == "https" {
		if e.TLS = secure; secure == nil {
			err = fmt.Errorf("cannot listen on %s: https needs -tls, or -cert and -key", url)
		}
	}
	return e, err
}

func (k *onKestrel) stop(ctx context.Context) error {
	k.untune()
	return k.server.Stop(ctx)
}
