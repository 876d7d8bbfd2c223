package acme

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lannerhq/lanner/acme"
)

// load makes requests over new connections and kept ones until the function is called, which returns how many there were. None may fail.
func (s *site) load(t *testing.T, url string) (end func() int64) {
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	var n atomic.Int64
	for range 4 {
		c := s.client(t)
		wg.Go(func() {
			for ctx.Err() == nil {
				if _, err := get(c, url); err != nil {
					t.Errorf("request %d failed: %v", n.Load(), err)
					return
				}
				n.Add(1)
			}
		})
		kept := s.client(t)
		wg.Go(func() {
			for ctx.Err() == nil {
				resp, err := kept.Get(url)
				if err != nil {
					t.Errorf("a request on a kept connection failed: %v", err)
					return
				}
				resp.Body.Close()
				n.Add(1)
			}
		})
	}
	return func() int64 { cancel(); wg.Wait(); return n.Load() }
}

// nameWindow has the authority suggest when the certificate of one.test is to be renewed.
func (s *site) nameWindow(t *testing.T, start, end time.Time) {
	t.Helper()
	window := fmt.Sprintf(`{"suggestedWindow":{"start":%q,"end":%q}}`, start.UTC().Format(time.RFC3339), end.UTC().Format(time.RFC3339))
	if err := s.authority.db.SetARIResponse(mustGet(t, s.client(t), "https://one.test/").SerialNumber, window); err != nil {
		t.Fatal(err)
	}
}

func TestARenewalUnderLoadFailsNoRequest(t *testing.T) {
	for _, test := range []struct {
		name  string
		renew func(*testing.T, *site, *acme.Manager)
	}{
		{"forced", func(t *testing.T, s *site, m *acme.Manager) {
			if err := m.Renew(limit(t), "one.test"); err != nil {
				t.Fatal(err)
			}
		}},
		{"by time", func(t *testing.T, s *site, m *acme.Manager) {
			before := state(t, m, "one.test")
			if lifetime := before.NotAfter.Sub(before.NotBefore); lifetime > time.Hour {
				t.Fatalf("the certificate is valid for %v, want the hour of its profile", lifetime)
			}
			s.nameWindow(t, s.clock.Now().Add(58*time.Minute), s.clock.Now().Add(59*time.Minute)) // Pebble's own is nearly all of the hour
			s.clock.advance(10 * time.Minute)
			if due := before.NextAttempt; due.Before(s.clock.Now()) || due.After(before.NotAfter) {
				t.Fatalf("due at %v, want in the lifetime that ends at %v", due, before.NotAfter)
			}
			s.authority.wantOrders(t, 1, "it is not due yet")
			s.clock.advance(45 * time.Minute)
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newSite(t)
			opts := s.options(t, "one.test")
			opts.Issuers[0].Profile = "shortlived"
			m := s.issued(t, opts)
			before := mustGet(t, s.client(t), "https://one.test/")
			end := s.load(t, "https://one.test/")
			test.renew(t, s, m)
			eventually(t, "another certificate is served", func() bool { return !mustGet(t, s.client(t), "https://one.test/").Equal(before) })
			if n := end(); n == 0 {
				t.Error("there was no load")
			} else {
				t.Logf("%d requests, none failed", n)
			}
			s.authority.wantOrders(t, 2, "the first and the renewal")
			s.authority.mu.Lock()
			defer s.authority.mu.Unlock()
			if !s.authority.replace {
				t.Error("the order does not say which certificate it replaces (RFC 9773 §5), so it counts in limits of the rate")
			}
		})
	}
}

func TestARevokedCertificateIsReplaced(t *testing.T) {
	s := newSite(t)
	m := s.issued(t, s.options(t, "one.test"))
	before := mustGet(t, s.client(t), "https://one.test/")
	end := s.load(t, "https://one.test/")
	if err := m.Revoke(limit(t), "one.test", acme.KeyCompromise); err != nil {
		t.Fatal(err)
	}
	revoked := s.authority.db.GetRevokedCertificateByDER(before.Raw)
	if revoked == nil || revoked.Reason == nil || *revoked.Reason != uint(acme.KeyCompromise) {
		t.Errorf("the authority has %+v, want it revoked for its key", revoked)
	}
	var after = before
	eventually(t, "another certificate is served", func() bool {
		after = mustGet(t, s.client(t), "https://one.test/")
		return !after.Equal(before)
	})
	end()
	if string(after.RawSubjectPublicKeyInfo) == string(before.RawSubjectPublicKeyInfo) {
		t.Error("the replacement has the key that was compromised")
	}
	if err := m.Revoke(limit(t), "other.test", acme.Unspecified); err == nil {
		t.Error("a name that is not managed was revoked")
	}
}

func TestTheTimeThatTheAuthorityNamesIsHeeded(t *testing.T) {
	s := newSite(t)
	m := s.issued(t, s.options(t, "one.test"))
	before := mustGet(t, s.client(t), "https://one.test/")
	start, end := s.clock.Now().Add(2*time.Hour), s.clock.Now().Add(3*time.Hour)
	s.nameWindow(t, start, end)
	s.clock.advance(time.Minute) // to when the authority is asked first
	eventually(t, "the authority is asked when to renew", func() bool { return state(t, m, "one.test").NextAttempt.Before(end) })
	if due := state(t, m, "one.test").NextAttempt; due.Before(start.Add(-time.Second)) {
		t.Errorf("due at %v, want a time between %v and %v (RFC 9773 §4.2)", due, start, end)
	}
	s.authority.wantOrders(t, 1, "it is not due yet")
	s.clock.advance(3 * time.Hour)
	eventually(t, "another certificate is served", func() bool { return !mustGet(t, s.client(t), "https://one.test/").Equal(before) })
	s.authority.wantOrders(t, 2, "the first and the renewal")
}
