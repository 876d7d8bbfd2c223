package acme

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"testing"
	"time"

	rfc8555 "github.com/mholt/acmez/v3/acme"
)

func TestErrorsSayWhatFailedAndWhatToDo(t *testing.T) {
	const dir = "https://ca.test/dir"
	later := time.Date(2026, 11, 24, 16, 0, 0, 0, time.UTC)
	authz := func(challenge string) rfc8555.Authorization {
		return rfc8555.Authorization{Challenges: []rfc8555.Challenge{{Type: "other"}, {Type: challenge, Error: new(rfc8555.Problem)}}}
	}
	for _, test := range []struct {
		err   error
		after time.Time
		kind  Kind
		want  string
	}{
		{fmt.Errorf("provisioning: %w", &url.Error{Op: "Get", URL: dir, Err: &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}}), time.Time{}, Unreachable,
			"cannot reach the certificate authority https://ca.test/dir: dial tcp: connection refused"},
		{fmt.Errorf("polling: %w", context.DeadlineExceeded), time.Time{}, Unreachable, "the certificate authority https://ca.test/dir did not finish the order for one.test in time"},
		{errors.New("HTTP 503: closed"), later, Unreachable, "the certificate authority https://ca.test/dir asks to come back later: HTTP 503: closed; it may be tried again at 2026-11-24T16:00:00Z"},
		{rfc8555.Problem{Type: rfc8555.ProblemTypeRateLimited, Status: 429, Detail: "too many, retry after 2026-11-24 16:00:00 UTC: see https://ca.test"}, time.Time{}, RateLimited,
			"the certificate authority https://ca.test/dir limits the rate of orders: too many, retry after 2026-11-24 16:00:00 UTC: see https://ca.test"},
		{rfc8555.Problem{Type: rfc8555.ProblemTypeDNS, Detail: "NXDOMAIN", Resource: authz("http-01")}, time.Time{}, Invalid,
			"the certificate authority https://ca.test/dir could not validate one.test by http-01: NXDOMAIN; check that DNS has an A or AAAA record of one.test which leads to this server"},
		{rfc8555.Problem{Type: rfc8555.ProblemTypeUnauthorized, Detail: "no TXT record", Resource: authz("dns-01")}, time.Time{}, Invalid,
			"the certificate authority https://ca.test/dir could not validate one.test by dns-01: no TXT record; check that the DNS provider writes to the zone which the Internet sees for _acme-challenge.one.test"},
		{rfc8555.Problem{Type: rfc8555.ProblemTypeCAA, Detail: "CAA forbids", Resource: authz("http-01")}, time.Time{}, Invalid,
			"the certificate authority https://ca.test/dir could not validate one.test by http-01: CAA forbids; let the CAA records of one.test name this authority, or remove them"},
		{rfc8555.Problem{Type: rfc8555.ProblemTypeRejectedIdentifier, Status: 400, Detail: "no", Subproblems: []rfc8555.Subproblem{{Problem: rfc8555.Problem{Detail: "policy forbids"}}}}, time.Time{}, Rejected,
			"the certificate authority https://ca.test/dir does not certify one.test: no; policy forbids"},
		{rfc8555.Problem{Type: rfc8555.ProblemTypeInvalidContact, Status: 400, Detail: "bad address"}, time.Time{}, Rejected,
			"the certificate authority https://ca.test/dir rejects the order for one.test: bad address (invalidContact)"},
		{rfc8555.Problem{Type: rfc8555.ProblemTypeServerInternal, Status: 500}, time.Time{}, Failed, "the certificate authority https://ca.test/dir failed: serverInternal (HTTP 500)"},
		{errors.New("no space left on device"), time.Time{}, Failed, "cannot get a certificate for one.test from https://ca.test/dir: no space left on device"},
	} {
		got := explain("one.test", dir, test.err, test.after)
		if want := test.want; got.Error() != want || got.Kind != test.kind || errors.Unwrap(got) == nil {
			t.Errorf("kind %d: %s,\nwant kind %d: %s", got.Kind, got, test.kind, want)
		}
		if test.kind == RateLimited && !got.RetryAt.Equal(later) {
			t.Errorf("it may be tried again at %v, want %v as its detail says", got.RetryAt, later)
		}
	}
}

func TestTimesAreSaidInWords(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0 s", 59 * time.Second: "59 s", time.Minute: "1 min", 90 * time.Second: "2 min", 59 * time.Minute: "59 min",
		time.Hour: "1 h", 47 * time.Hour: "47 h", 72 * time.Hour: "3 days",
	} {
		if got := inWords(d); got != want {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
	}
}

func TestAttemptsBecomeRarer(t *testing.T) {
	last, hour, sum := time.Duration(0), 0, time.Duration(0)
	for n := 1; n < 20; n++ {
		d := backoff(n)
		if d < last || d > 6*time.Hour {
			t.Errorf("after %d failures %v, after one less %v", n, d, last)
		}
		if sum += d; sum < time.Hour {
			hour++
		}
		last = d
	}
	if hour+1 > 5 {
		t.Errorf("%d attempts in the first hour, want at most the five that Let's Encrypt allows", hour+1)
	}
}
