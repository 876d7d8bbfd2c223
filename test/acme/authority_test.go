package acme

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"

	"github.com/lannerhq/lanner/acme"
)

// authority is a Pebble that validates at the ports of a site.
type authority struct {
	srv  *httptest.Server
	db   *db.MemoryStore
	root *x509.CertPool

	mu      sync.Mutex
	orders  []string // the names of each order
	refuse  http.HandlerFunc
	replace bool // the last order said which certificate it replaces
}

// profiles: a certificate of the default profile is valid for 90 days.
var profiles = map[string]ca.Profile{
	"default":    {Description: "the default"},
	"shortlived": {Description: "valid for an hour", ValidityPeriod: 3600},
}

func newAuthority(t *testing.T, httpPort, tlsPort int, externalAccount bool) *authority {
	t.Helper()
	quiet := log.New(io.Discard, "", 0)
	a := &authority{db: db.NewMemoryStore(), root: x509.NewCertPool()}
	issuing := ca.New(quiet, a.db, "", "ecdsa", 0, 1, profiles)
	a.root.AppendCertsFromPEM(issuing.GetRootCert(0).PEM())
	if externalAccount {
		if err := a.db.AddExternalAccountKeyByID(eabKeyID, eabKey); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.db.AddBlockedDomain("blocked.test"); err != nil {
		t.Fatal(err)
	}
	front := wfe.New(quiet, a.db, va.New(quiet, httpPort, tlsPort, false, resolver, a.db), issuing, []string{"pebble.test"}, false, externalAccount, 0, 0)
	a.srv = httptest.NewUnstartedServer(a.watch(front.Handler()))
	a.srv.Config.ErrorLog = quiet
	a.srv.StartTLS()
	t.Cleanup(a.srv.Close)
	return a
}

const (
	eabKeyID = "customer-1"
	eabKey   = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"
)

// watch puts down the orders that were taken, and lets refuse answer in Pebble's place.
func (a *authority) watch(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.mu.Lock()
		refuse := a.refuse
		a.mu.Unlock()
		if r.URL.Path != "/order-plz" {
			next.ServeHTTP(w, r)
			return
		}
		if refuse != nil {
			refuse(w, r)
			return
		}
		rec := httptest.NewRecorder()
		next.ServeHTTP(rec, r)
		if rec.Code == http.StatusCreated {
			var order struct {
				Identifiers []struct{ Value string }
				Replaces    string
			}
			json.Unmarshal(rec.Body.Bytes(), &order)
			a.mu.Lock()
			for _, id := range order.Identifiers {
				a.orders = append(a.orders, id.Value)
			}
			a.replace = order.Replaces != ""
			a.mu.Unlock()
		}
		for k, v := range rec.Header() {
			w.Header()[k] = v
		}
		w.WriteHeader(rec.Code)
		w.Write(rec.Body.Bytes())
	})
}

// answerOrders has orders answered by f; nil by Pebble.
func (a *authority) answerOrders(f http.HandlerFunc) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.refuse = f
}

// taken is how many orders were taken.
func (a *authority) taken() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.orders)
}

// wantOrders checks how many orders were taken since the test began.
func (a *authority) wantOrders(t *testing.T, n int, why string) {
	t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.orders) != n {
		t.Errorf("the authority has taken the orders %q, want %d: %s", a.orders, n, why)
	}
}

func (a *authority) directory() string { return a.srv.URL + wfe.DirectoryPath }

func (a *authority) issuer() acme.Issuer {
	roots := x509.NewCertPool()
	roots.AddCert(a.srv.Certificate())
	return acme.Issuer{Directory: a.directory(), Roots: roots, Profile: "default"} // without one, Pebble takes any
}

// rateLimited answers as RFC 8555 §6.6 says.
func rateLimited(wait time.Duration) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.Header().Set("Retry-After", fmt.Sprint(int(wait/time.Second)))
		w.WriteHeader(http.StatusTooManyRequests)
		io.WriteString(w, `{"type":"urn:ietf:params:acme:error:rateLimited","status":429,"detail":"too many certificates (5) already issued for this exact set of identifiers in the last 168h0m0s"}`)
	}
}

// limit is the time that a test may take: it is there so that a mistake does not hang, and says nothing about speed.
func limit(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	t.Cleanup(cancel)
	return ctx
}
