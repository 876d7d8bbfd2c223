package tlsconfig

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ocsp"
)

const (
	stapleTimeout  = 10 * time.Second // for one request
	stapleParallel = 4                // requests at once
	maxStaple      = 64 << 10         // bytes; a response has one or two kilobytes
	minBackOff     = time.Minute
	maxBackOff     = time.Hour
	// A response that says no end "is indicating that newer revocation information is available all the time" (RFC 6960 §4.2.2.1).
	endless = day
	// skew is how much an authority's clock may be ahead.
	skew = 5 * time.Minute
)

// staple is the OCSP response of a certificate, or that there is none yet.
type staple struct {
	raw      []byte
	ends     time.Time // of raw
	next     time.Time // when to ask, also again after a failure
	failures int
}

// put makes handshakes with a certificate show the response, or none.
func (st *staple) put(c *served) {
	shown := *c.current.Load()
	if bytes.Equal(shown.OCSPStaple, st.raw) {
		return
	}
	shown.OCSPStaple = st.raw
	c.current.Store(&shown)
}

// staple is the goroutine that asks the responders of authorities, so that clients need not (RFC 6066 §8). No handshake waits for it.
func (s *Store) staple(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.changed:
		case <-timer.C:
		}
		due, _ := s.dueStaples(time.Now())
		var running sync.WaitGroup
		places := make(chan struct{}, stapleParallel)
		for _, c := range due {
			places <- struct{}{}
			running.Go(func() {
				s.refreshStaple(ctx, c)
				<-places
			})
		}
		running.Wait()
		_, wait := s.dueStaples(time.Now())
		timer.Reset(wait)
	}
}

// dueStaples drops what has expired, and returns what to ask for now, and how long to wait for the next.
func (s *Store) dueStaples(now time.Time) (due []*served, wait time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	wait = maxBackOff
	inUse := make(map[string]*staple)
	for _, c := range s.current.Load().certs {
		if len(c.responders()) == 0 || len(c.chain) < 2 {
			continue
		}
		st := s.staples[c.fingerprint()]
		if st == nil {
			st = &staple{}
		}
		inUse[c.fingerprint()] = st
		if st.raw != nil && !now.Before(st.ends) {
			st.raw = nil
			st.put(c)
		}
		if !now.Before(st.next) {
			due = append(due, c)
			continue
		}
		wait = min(wait, st.next.Sub(now))
		if st.raw != nil {
			wait = min(wait, st.ends.Sub(now))
		}
	}
	s.staples = inUse
	return due, wait
}

// responders are the addresses that the certificate names, of those that can be asked.
func (c *Certificate) responders() []string {
	return slices.DeleteFunc(slices.Clone(c.chain[0].OCSPServer), func(url string) bool {
		return !strings.HasPrefix(url, "http://") && !strings.HasPrefix(url, "https://")
	})
}

// refreshStaple asks for the response of one certificate, and notes when to ask again.
func (s *Store) refreshStaple(ctx context.Context, c *served) {
	raw, response, err := askResponders(ctx, s.opts.HTTP, c.Certificate)
	if ctx.Err() != nil {
		return
	}
	if err != nil && s.opts.Events.StapleFailed != nil {
		s.opts.Events.StapleFailed(c.Certificate, err)
	}
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.staples[c.fingerprint()]
	switch {
	case st == nil:
		return // another set is in use by now
	case errors.Is(err, errRevoked):
		st.raw = nil // what it says is not what the certificate is shown for
		fallthrough
	case err != nil:
		st.next = now.Add(min(minBackOff<<min(st.failures, 10), maxBackOff))
		st.failures++
	default:
		st.raw, st.ends, st.failures = raw, response.NextUpdate, 0
		st.next = response.ThisUpdate.Add(st.ends.Sub(response.ThisUpdate) / 2)
		if earliest := now.Add(minBackOff); st.next.Before(earliest) {
			st.next = earliest
		}
	}
	for _, shown := range s.current.Load().certs { // perhaps of a newer set
		if shown.fingerprint() == c.fingerprint() {
			st.put(shown)
		}
	}
}

var errRevoked = errors.New("the authority says that the certificate is revoked: have a new one issued")

func askResponders(ctx context.Context, client *http.Client, c *Certificate) (raw []byte, r *ocsp.Response, err error) {
	var errs []error
	for _, url := range c.responders() {
		raw, r, err := askResponder(ctx, client, url, c.chain[0], c.chain[1])
		if err == nil || errors.Is(err, errRevoked) {
			return raw, r, err
		}
		errs = append(errs, fmt.Errorf("the OCSP responder %s: %w", url, err))
	}
	return nil, nil, errors.Join(errs...)
}

func askResponder(ctx context.Context, client *http.Client, url string, leaf, issuer *x509.Certificate) ([]byte, *ocsp.Response, error) {
	ctx, cancel := context.WithTimeout(ctx, stapleTimeout)
	defer cancel()
	question, err := ocsp.CreateRequest(leaf, issuer, nil)
	if err != nil {
		return nil, nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(question))
	if err != nil {
		return nil, nil, err
	}
	req.Header.Set("Content-Type", "application/ocsp-request")
	req.Header.Set("Accept", "application/ocsp-response")
	res, err := client.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, nil, fmt.Errorf("it answers %s", res.Status)
	}
	raw, err := io.ReadAll(io.LimitReader(res.Body, maxStaple+1))
	if err != nil {
		return nil, nil, err
	}
	if len(raw) > maxStaple {
		return nil, nil, fmt.Errorf("its answer has more than %d bytes", maxStaple)
	}
	r, err := checkStaple(raw, leaf, issuer, time.Now())
	return raw, r, err
}

// checkStaple refuses what a client would. A response without an end is given one.
func checkStaple(raw []byte, leaf, issuer *x509.Certificate, now time.Time) (*ocsp.Response, error) {
	r, err := ocsp.ParseResponseForCert(raw, leaf, issuer)
	if err != nil {
		return nil, err
	}
	if by := r.Certificate; by != nil && !by.Equal(issuer) {
		// "a certificate's issuer MUST ... sign ... or explicitly designate this authority" (RFC 6960 §4.2.2.2)
		if !slices.Contains(by.ExtKeyUsage, x509.ExtKeyUsageOCSPSigning) {
			return nil, fmt.Errorf("its answer is signed by %s, which is not for that", subjectOf(by))
		}
		if now.Before(by.NotBefore) || now.After(by.NotAfter) {
			return nil, fmt.Errorf("its answer is signed by %s, which is not valid now", subjectOf(by))
		}
	}
	if r.NextUpdate.IsZero() {
		r.NextUpdate = r.ThisUpdate.Add(endless)
	}
	switch {
	case r.ThisUpdate.After(now.Add(skew)):
		return nil, fmt.Errorf("its answer is of %s, and now it is %s", text(r.ThisUpdate), text(now))
	case !now.Before(r.NextUpdate):
		return nil, fmt.Errorf("its answer has expired at %s", text(r.NextUpdate))
	case r.Status == ocsp.Revoked:
		return nil, errRevoked
	case r.Status != ocsp.Good:
		return nil, errors.New("it does not know the certificate")
	}
	return r, nil
}

// Staple returns the OCSP response that is shown with a certificate of the Store, nil if there is none.
func (s *Store) Staple(c *Certificate) []byte {
	for _, shown := range s.current.Load().certs {
		if shown.Certificate == c {
			return shown.current.Load().OCSPStaple
		}
	}
	return nil
}

// StapleTimes returns from when to when an OCSP response says that the first certificate of a chain is good, or why it does not say so now.
func StapleTimes(raw []byte, chain []*x509.Certificate) (from, to time.Time, err error) {
	if len(chain) < 2 {
		return from, to, errors.New("the chain has no certificate of the authority")
	}
	r, err := checkStaple(raw, chain[0], chain[1], time.Now())
	if err != nil {
		return from, to, err
	}
	return r.ThisUpdate, r.NextUpdate, nil
}

// Responders is a client for Options.HTTP. It keeps no connection: each responder is asked every few days.
var Responders = &http.Client{Transport: &http.Transport{
	Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true, MaxResponseHeaderBytes: 16 << 10,
}, CheckRedirect: func(_ *http.Request, via []*http.Request) error {
	if len(via) > 3 {
		return errors.New("it redirects more than three times")
	}
	return nil
}}
