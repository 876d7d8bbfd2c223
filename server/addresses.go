package server

import (
	"slices"
	"sync"
)

// Addresses is a ServerAddressesFeature for servers to put into their features. The zero value has no addresses. It is
// safe for concurrent use.
type Addresses struct {
	mu     sync.Mutex
	urls   []string
	bound  bool
	prefer bool
}

// NewAddresses returns a feature with the addresses that a server binds unless it is told otherwise.
func NewAddresses(urls ...string) *Addresses { return &Addresses{urls: urls} }

// Addresses returns the URLs that were set or, after Bind, those that are bound.
func (a *Addresses) Addresses() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.urls)
}

// SetAddresses replaces the URLs to bind. After Bind it has no effect.
func (a *Addresses) SetAddresses(urls []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.bound {
		a.urls = slices.Clone(urls)
	}
}

// PreferHostingURLs says that these addresses win over endpoints configured in code.
func (a *Addresses) PreferHostingURLs() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.prefer
}

// SetPreferHostingURLs sets what PreferHostingURLs returns.
func (a *Addresses) SetPreferHostingURLs(prefer bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.prefer = prefer
}

// Bind publishes the URLs that are bound. The server calls it when it listens.
func (a *Addresses) Bind(urls ...string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.urls, a.bound = slices.Clone(urls), true
}
