package httpsredirection

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"
)

// ACMEChallenges is the path below which a certificate authority looks for the answers to ACME's HTTP-01 challenges
// (RFC 8555 §8.3), for Options.ExcludedPaths. The authority asks by http on port 80. It would follow a redirect, but to a
// server that has no certificate yet.
const ACMEChallenges = "/.well-known/acme-challenge/"

// Options configures the middleware. The zero value redirects with 307 to the port that the environment or the server's
// addresses say.
type Options struct {
	// StatusCode is 307, 308 or 301. Zero means 307 (Temporary Redirect), as in ASP.NET. Browsers keep 301 and 308 for good
	// and ask no more, so that a wrong port cannot be taken back. After a 301 a client may turn POST into GET
	// (RFC 9110 §15.4.2).
	StatusCode int

	// HTTPSPort is the port that clients are sent to, from 1 to 65535. Port 443 is left out of the URL. Zero means to find
	// out; see the package documentation.
	HTTPSPort int

	// ExcludedPaths are paths that are served by http too: "/health" is that path alone, "/.well-known/acme-challenge/"
	// (ACMEChallenges) all below it. They are held against the path as it was sent, with the path base. A path with an
	// escape, an empty segment or a dot segment is never excluded, since a router may take it for another.
	ExcludedPaths []string

	// Getenv is where variables are looked up, once, when the middleware is made. Nil means os.Getenv.
	Getenv func(string) string

	// Logger receives the events. Nil means slog.Default().
	Logger *slog.Logger
}

// Validate reports what is wrong with the options, all of it. New fails with the same error.
func (o Options) Validate() error {
	var errs []error
	fail := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("https redirection: "+format, args...))
	}
	switch o.StatusCode {
	case 0, http.StatusMovedPermanently, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
	default:
		fail("StatusCode is %d: it can be 307 (or 0), 308 or 301", o.StatusCode)
	}
	if o.HTTPSPort < 0 || o.HTTPSPort > 65535 {
		fail("HTTPSPort is %d: a port is from 1 to 65535, and 0 means to find out", o.HTTPSPort)
	}
	for _, path := range o.ExcludedPaths {
		switch {
		case path == "/":
			fail(`ExcludedPaths has "/", which is every path: leave the middleware out instead`)
		case !strings.HasPrefix(path, "/"):
			fail("ExcludedPaths has %q: a path begins with a slash", path)
		case !plainPath(path) || strings.ContainsAny(path, "?#"):
			fail("ExcludedPaths has %q: a path with an escape, a query, an empty segment or a dot segment is never excluded", path)
		}
	}
	return errors.Join(errs...)
}

func (o Options) withDefaults() Options {
	if o.StatusCode == 0 {
		o.StatusCode = http.StatusTemporaryRedirect
	}
	if o.Getenv == nil {
		o.Getenv = os.Getenv
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return o
}
