package acme

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/lannerhq/lanner/acme"
)

// failed waits for an attempt to fail, and returns why.
func failed(t *testing.T, m *acme.Manager, name string) acme.Certificate {
	t.Helper()
	eventually(t, "an attempt fails", func() bool { c := state(t, m, name); return c.LastError != "" && !c.NextAttempt.IsZero() })
	return state(t, m, name)
}

func TestAnUnreachableAuthorityIsTriedAgain(t *testing.T) {
	s := newSite(t)
	opts := s.options(t, "one.test")
	gone := listen(t)
	addr := gone.Addr().String()
	gone.Close()
	opts.Issuers[0].Directory = "https://" + addr + "/dir"
	m := manager(t, opts)
	s.serve(t, m, 0)
	for _, wait := range []time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute} {
		got := failed(t, m, "one.test")
		want := fmt.Sprintf("; retried in %d min", wait/time.Minute)
		if !strings.HasPrefix(got.LastError, "cannot reach the certificate authority "+opts.Issuers[0].Directory+": dial tcp "+addr) || !strings.HasSuffix(got.LastError, want) {
			t.Errorf("%s, want that it cannot be reached%s", got.LastError, want)
		}
		if got.NextAttempt != s.clock.Now().Add(wait) {
			t.Errorf("the next attempt is in %v, want %v", got.NextAttempt.Sub(s.clock.Now()), wait)
		}
		if _, err := get(s.client(t), "https://one.test/"); err == nil {
			t.Error("there is a certificate from nowhere")
		}
		s.clock.advance(wait)
		eventually(t, "it is tried again", func() bool { return state(t, m, "one.test").NextAttempt != got.NextAttempt })
	}
	failed(t, m, "one.test")

	// The authority comes up at this address.
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Skipf("something else has taken the port: %v", err)
	}
	srv := s.authority.srv
	front := &http.Server{Handler: srv.Config.Handler, ErrorLog: srv.Config.ErrorLog}
	t.Cleanup(func() { front.Close() })
	go front.Serve(tls.NewListener(l, srv.TLS))
	s.clock.advance(30 * time.Minute)
	if err := m.Wait(limit(t)); err != nil {
		t.Fatal(err)
	}
	mustGet(t, s.client(t), "https://one.test/")
}

func TestARateLimitIsHeeded(t *testing.T) {
	s := newSite(t)
	s.authority.answerOrders(rateLimited(90 * time.Minute))
	m := manager(t, s.options(t, "one.test"))
	s.serve(t, m, 0)
	got := failed(t, m, "one.test")
	at := s.clock.Now().Add(90 * time.Minute)
	if got.NextAttempt != at {
		t.Errorf("the next attempt is in %v, want the 90 min of Retry-After", got.NextAttempt.Sub(s.clock.Now()))
	}
	want := fmt.Sprintf("the certificate authority %s limits the rate of orders: too many certificates (5) already issued for this exact set of identifiers in the last 168h0m0s; it may be tried again at %s; retried in 2 h",
		s.authority.directory(), at.UTC().Format(time.RFC3339))
	if got.LastError != want {
		t.Errorf("%q,\nwant %q", got.LastError, want)
	}
	err := m.Renew(limit(t), "one.test")
	if err == nil || !strings.Contains(err.Error(), "is not asked before") {
		t.Errorf("Renew in the meantime: %v, want an error that says until when", err)
	}
	s.authority.answerOrders(nil)
	s.clock.advance(91 * time.Minute)
	if err := m.Wait(limit(t)); err != nil {
		t.Fatal(err)
	}
	mustGet(t, s.client(t), "https://one.test/")
	s.authority.wantOrders(t, 1, "after the limit")
	if got := state(t, m, "one.test").LastError; got != "" {
		t.Errorf("the error is still there: %s", got)
	}
}

func TestAnotherAuthorityIssuesWhenTheFirstDoesNot(t *testing.T) {
	s := newSite(t)
	s.authority.answerOrders(rateLimited(time.Hour))
	second := newAuthority(t, port(s.plain), port(s.secure), false)
	opts := s.options(t, "one.test")
	opts.Issuers = append(opts.Issuers, second.issuer())
	m := s.issued(t, opts)
	mustGet(t, s.clientOf(t, second.root), "https://one.test/")
	if got := state(t, m, "one.test"); got.Directory != second.directory() {
		t.Errorf("%+v, want it from the second authority", got)
	}
	second.wantOrders(t, 1, "in place of the first")

	// The first comes back. What it issues takes the place of the other's, also after a restart.
	s.authority.answerOrders(nil)
	s.clock.advance(61 * time.Minute)
	if err := m.Renew(limit(t), "one.test"); err != nil {
		t.Fatal(err)
	}
	mustGet(t, s.client(t), "https://one.test/")
	again := manager(t, opts)
	if err := again.Wait(limit(t)); err != nil {
		t.Fatal(err)
	}
	if got := state(t, again, "one.test"); got.Directory != s.authority.directory() || got.Source != acme.SourceStorage {
		t.Errorf("%+v, want what the first authority has issued", got)
	}
}

func TestARefusedValidationSaysWhatToCheck(t *testing.T) {
	for _, test := range []struct {
		challenge acme.Challenge
		want      string
	}{
		{acme.HTTP01, "also for IPv6, and that its port 80 can be reached from the Internet"},
		{acme.TLSALPN01, "that port 443 reaches it from the Internet with nothing in between that ends TLS"},
	} {
		t.Run(string(test.challenge), func(t *testing.T) {
			s := newSite(t)
			plain, secure := httptest.NewServer(http.NotFoundHandler()), httptest.NewTLSServer(http.NotFoundHandler()) // servers that know of no challenge
			t.Cleanup(plain.Close)
			t.Cleanup(secure.Close)
			secure.Config.ErrorLog = log.New(io.Discard, "", 0)
			s.authority = newAuthority(t, port(plain.Listener), port(secure.Listener), false)
			opts := s.options(t, "one.test")
			opts.Challenges = []acme.Challenge{test.challenge}
			m := manager(t, opts)
			got := failed(t, m, "one.test")
			if !strings.HasPrefix(got.LastError, "the certificate authority "+s.authority.directory()+" could not validate one.test by "+string(test.challenge)+": ") ||
				!strings.Contains(got.LastError, test.want) {
				t.Errorf("%s,\nwant the detail of the authority, and %q", got.LastError, test.want)
			}
			var e *acme.Error
			if err := m.Renew(limit(t), "one.test"); !errors.As(err, &e) || e.Kind != acme.Invalid || e.Name != "one.test" {
				t.Errorf("%v, want an *Error of kind Invalid", err)
			}
		})
	}
}

func TestANameThatTheAuthorityDoesNotCertifyIsRejected(t *testing.T) {
	s := newSite(t)
	m := manager(t, s.options(t, "blocked.test"))
	got := failed(t, m, "blocked.test").LastError
	if !strings.HasPrefix(got, "the certificate authority "+s.authority.directory()+" does not certify blocked.test: ") {
		t.Errorf("%s, want that it is not certified", got)
	}
}

func TestStopEndsAnOrderThatIsUnderWay(t *testing.T) {
	s := newSite(t)
	arrived, gone := make(chan struct{}), make(chan struct{})
	s.authority.answerOrders(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body) // else the end of the connection is not noticed
		close(arrived)
		<-r.Context().Done()
		close(gone)
	})
	m := manager(t, s.options(t, "one.test"))
	renewed := make(chan error)
	<-arrived
	go func() { renewed <- m.Renew(limit(t), "one.test") }()
	stop(t, m)
	<-gone
	if err := <-renewed; err == nil {
		t.Error("Renew has succeeded without an answer")
	}
	if got := state(t, m, "one.test"); got.Source != "" {
		t.Errorf("%+v, want no certificate", got)
	}
}
