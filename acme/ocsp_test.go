package acme

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddyserver/certmagic"
	"golang.org/x/crypto/ocsp"
)

// responder is an authority, and the OCSP responder for its certificates.
type responder struct {
	ca     *x509.Certificate
	key    crypto.Signer
	srv    *httptest.Server
	status atomic.Int32
	asked  atomic.Int32
}

func newResponder(t *testing.T, begin time.Time) *responder {
	t.Helper()
	r := new(responder)
	r.srv = httptest.NewServer(r)
	r.srv.Config.SetKeepAlivesEnabled(false) // no connection is left when the clock is to go on
	t.Cleanup(r.srv.Close)
	r.ca, r.key = sign(t, &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: begin.Add(-time.Hour), NotAfter: begin.Add(90 * 24 * time.Hour)}, nil, nil)
	return r
}

// issued is a certificate and its key.
type issued struct {
	leaf *x509.Certificate
	key  crypto.Signer
}

func (r *responder) issue(t *testing.T, serial int64) issued {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), NotBefore: r.ca.NotBefore.Add(time.Duration(serial) * time.Minute), NotAfter: r.ca.NotAfter,
		DNSNames: []string{"one.test"}, OCSPServer: []string{r.srv.URL}}
	leaf, key := sign(t, template, r.ca, r.key)
	return issued{leaf, key}
}

// issuerKey is how certmagic calls the directory of the test in storage.
const issuerKey = "127.0.0.1:1-dir"

func store(t *testing.T, s *storage, c issued, r *responder) {
	t.Helper()
	key, err := certmagic.PEMEncodePrivateKey(c.key)
	if err != nil {
		t.Fatal(err)
	}
	chain := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.leaf.Raw})
	chain = append(chain, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: r.ca.Raw})...)
	for path, data := range map[string][]byte{
		certmagic.StorageKeys.SiteCert(issuerKey, "one.test"):       chain,
		certmagic.StorageKeys.SitePrivateKey(issuerKey, "one.test"): key,
		certmagic.StorageKeys.SiteMeta(issuerKey, "one.test"):       []byte(`{"sans":["one.test"]}`),
	} {
		if err := s.Store(context.Background(), path, data); err != nil {
			t.Fatal(err)
		}
	}
}

func sign(t *testing.T, template, parent *x509.Certificate, by crypto.Signer) (*x509.Certificate, crypto.Signer) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if parent == nil {
		parent, by = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), by)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert, key
}

func (r *responder) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, _ := io.ReadAll(req.Body)
	question, err := ocsp.ParseRequest(body)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	r.asked.Add(1)
	answer := ocsp.Response{Status: int(r.status.Load()), SerialNumber: question.SerialNumber, ThisUpdate: r.ca.NotBefore, NextUpdate: r.ca.NotBefore.Add(2 * time.Hour),
		RevokedAt: r.ca.NotBefore, RevocationReason: ocsp.KeyCompromise}
	der, err := ocsp.CreateResponse(r.ca, r.ca, answer, r.key)
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	w.Write(der)
}

func TestACertificateThatItsAuthorityRevokedIsOrderedAnew(t *testing.T) {
	for name, first := range map[string]int32{"while it is served": ocsp.Good, "before the start": ocsp.Revoked} {
		t.Run(name, func(t *testing.T) { revokedElsewhere(t, first) })
	}
}

func revokedElsewhere(t *testing.T, first int32) {
	begin := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) // where the clock of a bubble begins
	authority := newResponder(t, begin)
	authority.status.Store(first)
	folder := filepath.Join(t.TempDir(), "acme")
	synctest.Test(t, func(t *testing.T) {
		m, err := New(Options{Names: []string{"one.test"}, AgreeToTerms: true, Folder: folder, Issuers: []Issuer{{Directory: "https://127.0.0.1:1/dir"}}})
		if err != nil {
			t.Fatal(err)
		}
		ctx := context.Background()
		s := newStorage(folder)
		store(t, s, authority.issue(t, 2), authority)
		if err := m.Start(ctx); err != nil {
			t.Fatal(err)
		}
		defer m.Stop(ctx)
		if err := m.Wait(ctx); err != nil {
			t.Fatal(err)
		}
		eng := m.engine.Load()
		served := func() *tls.Certificate {
			certs := eng.cache.AllMatchingCertificates("one.test")
			if len(certs) == 0 {
				return nil
			}
			return &certs[0].Certificate
		}
		if c := served(); c == nil || len(c.OCSPStaple) == 0 && first == ocsp.Good {
			t.Fatal("there is no certificate with an OCSP response")
		}
		authority.status.Store(ocsp.Revoked)
		time.Sleep(3 * time.Hour) // the response is half an hour from its end, and asked for each hour
		synctest.Wait()
		if n := authority.asked.Load(); n < 1 || n < 2 && first == ocsp.Good {
			t.Fatalf("the responder was asked %d times", n)
		}
		got := m.Certificates()[0]
		if !strings.HasPrefix(got.LastError, "cannot reach the certificate authority https://127.0.0.1:1/dir") {
			t.Errorf("%+v, want that a replacement was ordered", got)
		}
		if served() != nil {
			t.Error("a certificate that is known to be revoked is served")
		}
		if err := m.await(ctx, "one.test"); err == nil || !strings.Contains(err.Error(), "cannot reach the certificate authority") {
			t.Errorf("a handshake: %v, want why there is no certificate", err)
		}
		if _, err := s.Load(ctx, certmagic.StorageKeys.SitePrivateKey(issuerKey, "one.test")); !notThere(err) {
			t.Errorf("%v, want no key of a revoked certificate in storage: a restart would serve it", err)
		}

		authority.status.Store(ocsp.Good)
		replacement := authority.issue(t, 3) // as by another process
		store(t, s, replacement, authority)
		time.Sleep(3 * time.Hour) // more than to the next attempt
		synctest.Wait()
		if c := served(); c == nil || !c.Leaf.Equal(replacement.leaf) {
			t.Error("the replacement is not served")
		}
		if got := m.Certificates()[0]; got.LastError != "" || !got.NotAfter.Equal(replacement.leaf.NotAfter) {
			t.Errorf("%+v, want the replacement", got)
		}
	})
}
