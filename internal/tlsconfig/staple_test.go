package tlsconfig

import (
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/ocsp"

	"github.com/lannerhq/lanner/test/selfsigned"
)

// responder answers for the certificates of an authority.
type responder struct {
	root   *selfsigned.Authority
	by     *x509.Certificate // who signs; nil: the authority
	key    crypto.Signer
	status int
	life   time.Duration
	now    func() time.Time
	broken atomic.Bool
	asked  atomic.Int32
	t      *testing.T
}

func (r *responder) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.asked.Add(1)
	body, err := io.ReadAll(req.Body)
	question, err2 := ocsp.ParseRequest(body)
	if err != nil || err2 != nil || req.Header.Get("Content-Type") != "application/ocsp-request" {
		r.t.Errorf("the question cannot be read: %v, %v", err, err2)
		return
	}
	if r.broken.Load() {
		http.Error(w, "broken", http.StatusServiceUnavailable)
		return
	}
	template := ocsp.Response{Status: r.status, SerialNumber: question.SerialNumber, ThisUpdate: r.now(), NextUpdate: r.now().Add(r.life)}
	by, key := r.root.Cert, r.root.Key
	if r.by != nil {
		by, key, template.Certificate = r.by, r.key, r.by
	}
	answer, err := ocsp.CreateResponse(r.root.Cert, by, template, key)
	if err != nil {
		r.t.Error(err)
	}
	w.Header().Set("Content-Type", "application/ocsp-response")
	w.Write(answer)
}

func newResponder(t *testing.T) *responder {
	return &responder{t: t, root: newAuthority(t), status: ocsp.Good, life: time.Hour, now: time.Now}
}

// stapled opens a store of a certificate that names the responder, over a loopback socket or, in a bubble, in memory.
func stapled(t *testing.T, r *responder, httpClient *http.Client, url string, failed func(error)) (*Store, *tls.Config) {
	t.Helper()
	cert := issueSpec(t, r.root, selfsigned.Spec{Names: []string{"a"}, Template: x509.Certificate{OCSPServer: []string{"ldap://a", url}}})
	cert.Certificate = append(cert.Certificate, r.root.Cert.Raw) // the issuer
	opts := only(writePair(t, t.TempDir(), "a", cert))
	opts.HTTP, opts.Interval = httpClient, time.Minute
	opts.Events.StapleFailed = func(_ *Certificate, err error) { failed(err) }
	s := open(t, opts)
	s.Start()
	return s, client(r.root, "a")
}

func TestAResponseIsFetchedFromARealResponderAndStapled(t *testing.T) {
	r := newResponder(t)
	srv := httptest.NewServer(r)
	defer srv.Close()
	s, c := stapled(t, r, srv.Client(), srv.URL, func(err error) { t.Error(err) })
	for began := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		state, err := shake(s.Config(), c)
		if err != nil {
			t.Fatal(err)
		}
		if state.OCSPResponse != nil {
			got, err := ocsp.ParseResponseForCert(state.OCSPResponse, state.PeerCertificates[0], r.root.Cert)
			if err != nil || got.Status != ocsp.Good {
				t.Errorf("the client is given %v, %v, want it good", got, err)
			}
			return
		}
		if time.Since(began) > time.Minute {
			t.Fatal("nothing is stapled")
		}
	}
}

// inMemory is a client whose requests the responder answers without a socket.
type inMemory struct{ http.Handler }

func (h inMemory) RoundTrip(req *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, req)
	return w.Result(), req.Context().Err()
}

// hanging never answers.
type hanging struct{}

func (hanging) RoundTrip(req *http.Request) (*http.Response, error) {
	<-req.Context().Done()
	return nil, req.Context().Err()
}

func isStapled(t *testing.T, s *Store, c *tls.Config) bool {
	t.Helper()
	state, err := shake(s.Config(), c)
	if err != nil {
		t.Fatal(err)
	}
	return state.OCSPResponse != nil
}

func TestAResponseIsRefreshedAtHalfItsLifeAndUsedToItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newResponder(t)
		var failures atomic.Int32
		s, c := stapled(t, r, &http.Client{Transport: inMemory{r}}, "http://ocsp", func(error) { failures.Add(1) })
		synctest.Wait()
		if !isStapled(t, s, c) || r.asked.Load() != 1 {
			t.Errorf("stapled after %d questions: want it after the first", r.asked.Load())
		}
		time.Sleep(31 * time.Minute)
		if r.asked.Load() != 2 {
			t.Errorf("%d questions after half its life, want 2", r.asked.Load())
		}
		if err := s.Reload(); err != nil {
			t.Fatal(err)
		}
		r.broken.Store(true)
		time.Sleep(55 * time.Minute)
		if !isStapled(t, s, c) || failures.Load() < 3 || failures.Load() > 6 {
			t.Errorf("before its end, with a broken responder: stapled %v, %d failures, want it and a few", isStapled(t, s, c), failures.Load())
		}
		time.Sleep(5 * time.Minute)
		if isStapled(t, s, c) {
			t.Error("a response is shown that has expired")
		}
		r.broken.Store(false)
		time.Sleep(time.Hour)
		if !isStapled(t, s, c) {
			t.Error("nothing is stapled when the responder works again")
		}
	})
}

func TestACertificateThatIsReplacedHasItsOwnResponse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, dir := newResponder(t), t.TempDir()
		make := func() tls.Certificate {
			cert := issueSpec(t, r.root, selfsigned.Spec{Names: []string{"a"}, Template: x509.Certificate{OCSPServer: []string{"http://ocsp"}}})
			cert.Certificate = append(cert.Certificate, r.root.Cert.Raw)
			return cert
		}
		opts := only(writePair(t, dir, "a", make()))
		opts.HTTP = &http.Client{Transport: inMemory{r}}
		s := open(t, opts)
		s.Start()
		synctest.Wait()
		replacePair(t, dir, "a", make())
		time.Sleep(10 * time.Second)
		state, err := shake(s.Config(), client(r.root, "a"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ocsp.ParseResponseForCert(state.OCSPResponse, state.PeerCertificates[0], r.root.Cert); err != nil {
			t.Errorf("the response is not of the new certificate: %v", err)
		}
	})
}

func TestResponsesThatClientsWouldRefuseAreNotStapled(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(r *responder)
		want   string
	}{
		"revoked":       {func(r *responder) { r.status = ocsp.Revoked }, "is revoked"},
		"unknown":       {func(r *responder) { r.status = ocsp.Unknown }, "does not know the certificate"},
		"expired":       {func(r *responder) { r.life = -time.Minute }, "has expired"},
		"of the future": {func(r *responder) { r.now = func() time.Time { return time.Now().Add(time.Hour) } }, "and now it is"},
		"signed by a stranger": {func(r *responder) {
			other, err := selfsigned.NewAuthority("Other")
			must(r.t, other, err)
			r.by, r.key = other.Cert, other.Key
		}, "bad OCSP signature"},
		"signed by a server": {func(r *responder) {
			c := issue(r.t, r.root, "server")
			r.by, r.key = c.Leaf, c.PrivateKey.(crypto.Signer)
		}, "which is not for that"},
	} {
		synctest.Test(t, func(t *testing.T) {
			r, failed := newResponder(t), ""
			tt.change(r)
			s, c := stapled(t, r, &http.Client{Transport: inMemory{r}}, "http://ocsp", func(err error) { failed = err.Error() })
			synctest.Wait()
			if isStapled(t, s, c) || !strings.Contains(failed, tt.want) {
				t.Errorf("%s: stapled %v, %q, want %q", name, isStapled(t, s, c), failed, tt.want)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		r := newResponder(t)
		delegate := issueSpec(t, r.root, selfsigned.Spec{Names: []string{"ocsp"}, Template: x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageOCSPSigning}}})
		r.by, r.key = delegate.Leaf, delegate.PrivateKey.(crypto.Signer)
		s, c := stapled(t, r, &http.Client{Transport: inMemory{r}}, "http://ocsp", func(err error) { t.Error(err) })
		synctest.Wait()
		if !isStapled(t, s, c) {
			t.Error("a response of a responder that the authority has named is not stapled")
		}
	})
}

func TestAResponderThatHangsOrTalksTooMuchDelaysNoHandshake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		failures := make(chan string, 10)
		endless := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write(make([]byte, maxStaple+1)) })
		s, c := stapled(t, newResponder(t), &http.Client{Transport: inMemory{endless}}, "http://ocsp", func(err error) { failures <- err.Error() })
		synctest.Wait()
		if isStapled(t, s, c) || !strings.Contains(<-failures, "more than 65536 bytes") {
			t.Error("an answer without bounds is taken")
		}
		hangs := &http.Client{Transport: hanging{}}
		s, c = stapled(t, newResponder(t), hangs, "http://ocsp", func(err error) { failures <- err.Error() })
		synctest.Wait()
		began := time.Now()
		if isStapled(t, s, c) || time.Since(began) > 0 {
			t.Error("a handshake waited")
		}
		time.Sleep(stapleTimeout)
		synctest.Wait()
		if got := <-failures; !strings.Contains(got, "deadline") {
			t.Errorf("the failure is %q, want that it took too long", got)
		}
		s.Close() // also while it waits
	})
}

func TestNothingIsAskedForACertificateThatNamesNoResponder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newResponder(t)
		opts := only(writePair(t, t.TempDir(), "a", issue(t, r.root, "a")))
		opts.HTTP = &http.Client{Transport: inMemory{r}}
		s := open(t, opts)
		s.Start()
		time.Sleep(time.Hour)
		if r.asked.Load() != 0 || isStapled(t, s, client(r.root, "a")) {
			t.Errorf("%d questions", r.asked.Load())
		}
	})
}
