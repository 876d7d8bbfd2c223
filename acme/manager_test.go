package acme

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	rfc8555 "github.com/mholt/acmez/v3/acme"
)

func newManager(t *testing.T, names ...string) *Manager {
	t.Helper()
	m, err := New(Options{Names: names, AgreeToTerms: true, Folder: filepath.Join(t.TempDir(), "acme")})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestAManagerThatDoesNotRunHasNothingToServe(t *testing.T) {
	m := newManager(t, "one.test")
	cfg := m.TLSConfig()
	if want := []string{"h2", "http/1.1", "acme-tls/1"}; !slices.Equal(cfg.NextProtos, want) || cfg.MinVersion != tls.VersionTLS12 {
		t.Errorf("%q and %x, want %q and TLS 1.2", cfg.NextProtos, cfg.MinVersion, want)
	}
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	if _, err := cfg.GetCertificate(&tls.ClientHelloInfo{ServerName: "one.test", Conn: a}); !errors.Is(err, errNotStarted) {
		t.Errorf("%v, want that it is not started", err)
	}
	rec := httptest.NewRecorder()
	m.HTTPChallenge(http.NotFoundHandler()).ServeHTTP(rec, httptest.NewRequest("GET", "/.well-known/acme-challenge/token", nil))
	if rec.Code != http.StatusNotFound {
		t.Errorf("status %d, want the handler's", rec.Code)
	}
	for what, err := range map[string]error{"Renew": m.Renew(context.Background(), "one.test"), "Revoke": m.Revoke(context.Background(), "one.test", Unspecified)} {
		if !errors.Is(err, errNotStarted) {
			t.Errorf("%s: %v, want that it is not started", what, err)
		}
	}
	if err := m.Stop(context.Background()); err != nil {
		t.Errorf("Stop before Start: %v", err)
	}
	if err := m.Start(context.Background()); err == nil {
		t.Error("Start after Stop was let through")
	}
}

// leafOf is a certificate that is valid for so long, from now on.
func leafOf(lifetime time.Duration) *x509.Certificate {
	return &x509.Certificate{NotBefore: time.Now(), NotAfter: time.Now().Add(lifetime)}
}

func TestACertificateIsDueInItsWindowOrWhenItsAuthoritySays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, now := newManager(t, "one.test"), time.Now()
		leaf := leafOf(90 * 24 * time.Hour)
		if got := m.renewAt(leaf, rfc8555.RenewalInfo{}); got.Sub(now).Round(time.Second) != 60*24*time.Hour {
			t.Errorf("due in %v, want 60 days", got.Sub(now))
		}
		for selected, want := range map[time.Duration]time.Duration{time.Hour: time.Hour, 80 * 24 * time.Hour: 60 * 24 * time.Hour} {
			if got := m.renewAt(leaf, rfc8555.RenewalInfo{SelectedTime: now.Add(selected)}); got.Sub(now).Round(time.Second) != want {
				t.Errorf("the authority says in %v: due in %v, want %v", selected, got.Sub(now), want)
			}
		}
	})
}

func TestTheTableSaysWhatIsDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, now := newManager(t, "due.test", "later.test"), time.Now()
		m.entries["later.test"].due = now.Add(time.Minute)
		m.entries["stranger.test"] = &entry{name: "stranger.test", onDemand: true, err: errors.New("refused"), due: now.Add(-time.Second)}
		m.entries["old.test"] = &entry{name: "old.test", onDemand: true, err: errors.New("refused"), due: now.Add(-forgotten - time.Second)}
		if wait := m.begin(); wait != time.Minute {
			t.Errorf("something is due in %v, want the minute of later.test", wait)
		}
		m.wg.Wait() // nothing can be had of a manager that is not started
		if e := m.entries["due.test"]; e.failed != 1 || !errors.Is(e.err, errStopped) || e.due.Sub(now) != time.Minute {
			t.Errorf("%+v, want one failed attempt, and another in a minute", e)
		}
		if e := m.entries["stranger.test"]; e == nil || e.running != nil {
			t.Error("a name on demand was tried without a client")
		}
		if m.entries["old.test"] != nil {
			t.Error("a name on demand that failed a day ago is not forgotten")
		}
		for _, want := range []time.Duration{5 * time.Minute, 15 * time.Minute} {
			time.Sleep(time.Until(m.entries["due.test"].due))
			m.begin()
			m.wg.Wait()
			if got := time.Until(m.entries["due.test"].due); got != want {
				t.Errorf("then in %v, want %v", got, want)
			}
		}
	})
}
