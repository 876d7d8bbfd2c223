package acme

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	rfc8555 "github.com/mholt/acmez/v3/acme"
)

// Kind is why there is no certificate.
type Kind int

const (
	// Failed is all that is nothing else: an error of the storage, the DNS provider or the authority.
	Failed Kind = iota
	// Unreachable: the authority did not answer, or asked to come back later.
	Unreachable
	// RateLimited: the authority has had too many orders of this account, or for this name.
	RateLimited
	// Invalid: the authority could not validate that the name is yours.
	Invalid
	// Rejected: the authority does not certify this name, or not for this account.
	Rejected
)

// Error is an order that failed.
type Error struct {
	Kind Kind
	// Name is what the certificate was for.
	Name string
	// Directory is the authority. Empty when it was not asked.
	Directory string
	// RetryAt is the time before which the authority does not want to be asked again. Zero if it has not said so.
	RetryAt time.Time
	// Err is what certmagic reported.
	Err error

	text string
}

// Error says what failed in plain words, in the authority's own where it gave any, and what to check.
func (e *Error) Error() string { return e.text }

func (e *Error) Unwrap() error { return e.Err }

var (
	errNotStarted = errors.New("acme: the manager is not started, or was stopped")
	errStopped    = errors.New("acme: the manager was stopped")
)

// failures are those of several authorities.
type failures []error

func (f failures) Error() string {
	texts := make([]string, len(f))
	for i, err := range f {
		texts[i] = err.Error()
	}
	return strings.Join(texts, "; and ")
}

func (f failures) Unwrap() []error { return f }

// explain says in plain words why an order failed.
func explain(name, directory string, err error, retryAt time.Time) *Error {
	e := &Error{Name: name, Directory: directory, RetryAt: retryAt, Err: err}
	var problem rfc8555.Problem
	var address *url.Error
	var network net.Error
	switch {
	case errors.As(err, &problem):
		e.explainProblem(problem)
	case errors.As(err, &address):
		e.Kind = Unreachable
		e.text = fmt.Sprintf("cannot reach the certificate authority %s: %v", directory, address.Err)
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &network) && network.Timeout():
		e.Kind = Unreachable
		e.text = fmt.Sprintf("the certificate authority %s did not finish the order for %s in time", directory, name)
	case !retryAt.IsZero():
		e.Kind = Unreachable
		e.text = fmt.Sprintf("the certificate authority %s asks to come back later: %v", directory, err)
	default:
		e.text = fmt.Sprintf("cannot get a certificate for %s from %s: %v", name, directory, err)
	}
	if !e.RetryAt.IsZero() && !retryText.MatchString(e.text) { // else it is there
		e.text += "; it may be tried again at " + e.RetryAt.UTC().Format(time.RFC3339)
	}
	return e
}

// explainProblem is explain for an answer of the authority (RFC 8555 §6.7).
func (e *Error) explainProblem(p rfc8555.Problem) {
	detail := p.Detail
	for _, sub := range p.Subproblems {
		detail += "; " + sub.Detail
	}
	if detail == "" {
		detail = strings.TrimPrefix(p.Type, rfc8555.ProblemTypeNamespace)
	}
	if authz, ok := p.Resource.(rfc8555.Authorization); ok {
		e.Kind = Invalid
		how := failedChallenge(authz)
		e.text = fmt.Sprintf("the certificate authority %s could not validate %s by %s: %s; %s", e.Directory, e.Name, how, detail, whatToCheck(e.Name, how, p.Type))
		return
	}
	switch {
	case p.Type == rfc8555.ProblemTypeRateLimited, p.Status == http.StatusTooManyRequests:
		e.Kind = RateLimited
		if e.RetryAt.IsZero() {
			e.RetryAt = retryTime(detail)
		}
		e.text = fmt.Sprintf("the certificate authority %s limits the rate of orders: %s", e.Directory, detail)
	case p.Type == rfc8555.ProblemTypeCAA:
		e.Kind = Invalid
		e.text = fmt.Sprintf("the certificate authority %s may not certify %s: %s; %s", e.Directory, e.Name, detail, whatToCheck(e.Name, "", p.Type))
	case p.Type == rfc8555.ProblemTypeExternalAccountRequired:
		e.Kind = Rejected
		e.text = fmt.Sprintf("the certificate authority %s wants an account: %s; set Issuer.ExternalAccount to the key that it gives its customers", e.Directory, detail)
	case p.Type == rfc8555.ProblemTypeRejectedIdentifier, p.Type == rfc8555.ProblemTypeUnsupportedIdentifier:
		e.Kind = Rejected
		e.text = fmt.Sprintf("the certificate authority %s does not certify %s: %s", e.Directory, e.Name, detail)
	case p.Status == http.StatusServiceUnavailable:
		e.Kind = Unreachable
		e.text = fmt.Sprintf("the certificate authority %s asks to come back later: %s", e.Directory, detail)
	case p.Status >= 400 && p.Status < 500:
		e.Kind = Rejected
		e.text = fmt.Sprintf("the certificate authority %s rejects the order for %s: %s (%s)", e.Directory, e.Name, detail, strings.TrimPrefix(p.Type, rfc8555.ProblemTypeNamespace))
	default:
		e.text = fmt.Sprintf("the certificate authority %s failed: %s (HTTP %d)", e.Directory, detail, p.Status)
	}
}

// failedChallenge is the type of the challenge whose error ended an authorization.
func failedChallenge(authz rfc8555.Authorization) string {
	for _, c := range authz.Challenges {
		if c.Error != nil {
			return c.Type
		}
	}
	return "its challenge"
}

// whatToCheck is the way out of a failed validation.
func whatToCheck(name, challenge, problem string) string {
	switch {
	case problem == rfc8555.ProblemTypeCAA:
		return fmt.Sprintf("let the CAA records of %s name this authority, or remove them", name)
	case challenge == rfc8555.ChallengeTypeDNS01:
		return fmt.Sprintf("check that the DNS provider writes to the zone which the Internet sees for _acme-challenge.%s", strings.TrimPrefix(name, "*."))
	case problem == rfc8555.ProblemTypeDNS:
		return fmt.Sprintf("check that DNS has an A or AAAA record of %s which leads to this server", name)
	case challenge == rfc8555.ChallengeTypeTLSALPN01:
		return fmt.Sprintf("check that DNS leads %s to this server, and that port 443 reaches it from the Internet with nothing in between that ends TLS", name)
	case challenge == rfc8555.ChallengeTypeHTTP01:
		return fmt.Sprintf("check that DNS leads %s to this server, also for IPv6, and that its port 80 can be reached from the Internet", name)
	}
	return fmt.Sprintf("check that DNS leads %s to this server, and that its ports 80 and 443 can be reached from the Internet", name)
}

// retryTime finds the time in what Let's Encrypt writes about a limit: "... retry after 2026-11-24 15:04:05 UTC: see ...".
func retryTime(detail string) time.Time {
	found := retryText.FindStringSubmatch(detail)
	if found == nil {
		return time.Time{}
	}
	t, _ := time.Parse("2006-01-02 15:04:05", found[1]) // what does not parse is zero
	return t
}

var retryText = regexp.MustCompile(`retry after (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)`)

// inWords is a time to wait as one says it.
func inWords(d time.Duration) string {
	switch d = d.Round(time.Second); {
	case d < time.Minute:
		return fmt.Sprintf("%d s", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%d min", d.Round(time.Minute)/time.Minute)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", d.Round(time.Hour)/time.Hour)
	}
	return fmt.Sprintf("%d days", d.Round(24*time.Hour)/(24*time.Hour))
}
