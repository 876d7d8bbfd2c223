package kestrel

import (
	"slices"
	"sync"

	"github.com/lannerhq/lanner/server"
)

// addresses is the server's ServerAddressesFeature.
type addresses struct {
	mu     sync.Mutex
	urls   []string
	prefer bool
}

var _ server.ServerAddressesFeature = (*addresses)(nil)

func (a *addresses) Addresses() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.urls)
}

func (a *addresses) SetAddresses(urls []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.urls = slices.Clone(urls)
}

func (a *addresses) PreferHostingURLs() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.prefer
}

func (a *addresses) SetPreferHostingURLs(on bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.prefer = on
}
