package main

import (
	"context"

	"github.com/lannerhq/lanner"
	"github.com/lannerhq/lanner/kestrel"
	"github.com/lannerhq/lanner/server"
)

// onKestrel is Lanner's default server.
type onKestrel struct {
	server      *kestrel.Server
	application server.Application
	untune      func()
}

func newKestrel(application server.Application, opts kestrel.Options) *onKestrel {
	return &onKestrel{server: kestrel.New(opts), application: application}
}

func (k *onKestrel) start(ctx context.Context, urls []string) ([]string, error) {
	addresses, _ := server.Get[server.ServerAddressesFeature](k.server.Features())
	addresses.SetAddresses(urls)
	if err := k.server.Start(ctx, k.application); err != nil {
		return nil, err
	}
	k.untune = lanner.TuneGC() // as lanner.Run does
	return addresses.Addresses(), nil
}

func (k *onKestrel) stop(ctx context.Context) error {
	k.untune()
	return k.server.Stop(ctx)
}
