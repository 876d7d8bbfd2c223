package acme

import (
	"context"
	"crypto/x509"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/libdns/libdns"

	"github.com/lannerhq/lanner/acme"
	"github.com/lannerhq/lanner/kestrel"
)

func TestACertificateIsIssuedByEachChallengeThroughKestrel(t *testing.T) {
	for _, test := range []struct {
		challenge acme.Challenge
		protocols kestrel.Protocols
	}{
		{acme.HTTP01, 0},
		{acme.TLSALPN01, 0},
		{acme.TLSALPN01, kestrel.HTTP1},
		{acme.TLSALPN01, kestrel.HTTP2},
	} {
		t.Run(string(test.challenge)+" "+test.protocols.String(), func(t *testing.T) {
			s := newSite(t)
			opts := s.options(t, "one.test", "two.test", "three.test")
			opts.Challenges = []acme.Challenge{test.challenge}
			opts.Email = "ops@example.org"
			m := manager(t, opts)
			s.serve(t, m, test.protocols)
			if err := m.Wait(limit(t)); err != nil {
				t.Fatal(err)
			}
			for _, name := range opts.Names {
				cert := mustGet(t, s.client(t), "https://"+name+"/")
				got := state(t, m, name)
				if got.Source != acme.SourceIssued || got.Directory != s.authority.directory() || !strings.Contains(got.Issuer, "Pebble") || got.LastError != "" ||
					!got.NotAfter.Equal(cert.NotAfter) || len(got.Names) != 1 || got.Names[0] != name {
					t.Errorf("%+v, want the state of %v", got, cert.DNSNames)
				}
				if want := cert.NotAfter.Add(-cert.NotAfter.Sub(cert.NotBefore) / 3); got.NextAttempt.Sub(want).Abs() > 48*time.Hour {
					t.Errorf("the next attempt is at %v, want a third of the lifetime before its end, %v", got.NextAttempt, want)
				}
			}
			s.authority.wantOrders(t, 3, "one for each name")
			if log := s.log.String(); strings.Contains(log, "PRIVATE KEY") || strings.Contains(log, "level=ERROR") {
				t.Errorf("the log has a key or an error:\n%s", log)
			}
			err := filepath.Walk(opts.Folder, func(path string, info os.FileInfo, err error) error {
				if err == nil && info.Mode().Perm()&0o077 != 0 {
					t.Errorf("%s has mode %v: others may read it", path, info.Mode())
				}
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
}

func TestARestartOrdersNothing(t *testing.T) {
	s := newSite(t)
	opts := s.options(t, "one.test")
	first := manager(t, opts)
	end := s.serve(t, first, 0)
	if err := first.Wait(limit(t)); err != nil {
		t.Fatal(err)
	}
	before := mustGet(t, s.client(t), "https://one.test/")
	end()
	stop(t, first)

	s.plain, s.secure = listen(t), listen(t)
	second := manager(t, opts)
	s.serve(t, second, 0)
	if cert := mustGet(t, s.client(t), "https://one.test/"); !cert.Equal(before) {
		t.Error("another certificate is served, want the one in storage")
	}
	if got := state(t, second, "one.test"); got.Source != acme.SourceStorage || got.Directory != s.authority.directory() {
		t.Errorf("%+v, want it from storage", got)
	}
	s.authority.wantOrders(t, 1, "the first start's")
	if err := first.Start(t.Context()); err == nil || !strings.Contains(err.Error(), "cannot be started again") {
		t.Errorf("Start after Stop: %v, want an error that says so", err)
	}
}

// tester is a libdns provider for challtestsrv.
type tester struct {
	mu      sync.Mutex
	written []string
}

func (p *tester) AppendRecords(_ context.Context, zone string, records []libdns.Record) ([]libdns.Record, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range records {
		name := libdns.AbsoluteName(r.RR().Name, zone)
		names.AddDNSTXTRecord(name, r.RR().Data)
		p.written = append(p.written, name)
	}
	return records, nil
}

func (p *tester) DeleteRecords(_ context.Context, zone string, records []libdns.Record) ([]libdns.Record, error) {
	for _, r := range records {
		names.DeleteDNSTXTRecord(libdns.AbsoluteName(r.RR().Name, zone))
	}
	return records, nil
}

func TestAWildcardIsIssuedByDNS(t *testing.T) {
	s := newSite(t)
	provider := new(tester)
	opts := s.options(t, "*.dns.test")
	opts.DNS = &acme.DNS{Provider: provider, Resolvers: []string{resolver}}
	opts.KeyType = acme.P384
	s.issued(t, opts)
	cert := mustGet(t, s.client(t), "https://shop.dns.test/")
	if len(cert.DNSNames) != 1 || cert.DNSNames[0] != "*.dns.test" || cert.PublicKeyAlgorithm != x509.ECDSA {
		t.Errorf("the certificate is for %v by %v, want the wildcard", cert.DNSNames, cert.PublicKeyAlgorithm)
	}
	if len(provider.written) != 1 || provider.written[0] != "_acme-challenge.dns.test." {
		t.Errorf("the provider has written %q, want the record of RFC 8555 §8.4", provider.written)
	}
}

func TestOnDemandIsAskedForEachName(t *testing.T) {
	s := newSite(t)
	opts := s.options(t)
	refused := errors.New("no such customer")
	var mu sync.Mutex
	asked := make(map[string]int)
	opts.OnDemand = &acme.OnDemand{Ask: func(_ context.Context, name string) error {
		mu.Lock()
		defer mu.Unlock()
		if asked[name]++; name != "customer.test" {
			return refused
		}
		return nil
	}}
	m := manager(t, opts)
	s.serve(t, m, 0)

	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, err := get(s.client(t), "https://customer.test/"); err != nil {
				t.Errorf("a name that the policy allows: %v", err)
			}
		})
	}
	wg.Wait()
	s.authority.wantOrders(t, 1, "for all who came at once")
	if _, err := get(s.client(t), "https://stranger.test/"); err == nil {
		t.Error("a name that the policy refuses was served")
	}
	s.authority.wantOrders(t, 1, "none for a stranger")
	if !strings.Contains(s.log.String(), refused.Error()) {
		t.Error("the log does not say why the name was refused")
	}
	if list := m.Certificates(); len(list) != 1 || !list[0].OnDemand || list[0].Name != "customer.test" {
		t.Errorf("%+v, want the customer's alone", list)
	}
	mu.Lock()
	defer mu.Unlock()
	if asked["stranger.test"] == 0 || asked["customer.test"] == 0 || len(asked) != 2 {
		t.Errorf("asked for %v, want both names", asked)
	}
}

func TestAPolicyThatChangesItsMindEndsRenewals(t *testing.T) {
	s := newSite(t)
	opts := s.options(t, "one.test")
	var allowed atomic.Bool
	allowed.Store(true)
	opts.OnDemand = &acme.OnDemand{Ask: func(context.Context, string) error {
		if !allowed.Load() {
			return errors.New("the customer has left")
		}
		return nil
	}}
	m := manager(t, opts)
	s.serve(t, m, 0)
	mustGet(t, s.client(t), "https://customer.test/")
	if err := m.Wait(limit(t)); err != nil {
		t.Fatal(err)
	}
	allowed.Store(false)
	s.clock.advance(80 * 24 * time.Hour)
	eventually(t, "only the configured name is left", func() bool { return len(m.Certificates()) == 1 })
	if _, err := get(s.client(t), "https://customer.test/"); err == nil {
		t.Error("a name that the policy no longer allows is served")
	}
	eventually(t, "the configured name is renewed", func() bool { return s.authority.taken() == 3 })
	mustGet(t, s.client(t), "https://one.test/")
	s.authority.wantOrders(t, 3, "two, and the renewal of the name that is configured")
}

func TestAnExternalAccountIsBound(t *testing.T) {
	s := newSite(t)
	s.authority = newAuthority(t, port(s.plain), port(s.secure), true)
	opts := s.options(t, "one.test")
	m := manager(t, opts)
	eventually(t, "an order without an account fails", func() bool { return state(t, m, "one.test").LastError != "" })
	if got := state(t, m, "one.test").LastError; !strings.Contains(got, "wants an account") || !strings.Contains(got, "Issuer.ExternalAccount") {
		t.Errorf("%s, want what to set", got)
	}
	stop(t, m)

	opts.Issuers[0].ExternalAccount = &acme.ExternalAccount{KeyID: eabKeyID, MACKey: eabKey}
	s.issued(t, opts)
	mustGet(t, s.client(t), "https://one.test/")
	if strings.Contains(s.log.String(), eabKey) {
		t.Error("the log has the key of the account")
	}
}
