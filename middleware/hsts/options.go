package hsts

import (
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/lannerhq/lanner/middleware/hostfiltering"
)

// DefaultMaxAge is how long browsers remember the host unless told otherwise (ASP.NET's default).
const DefaultMaxAge = 30 * 24 * time.Hour

// preloadMaxAge is the least MaxAge that the browsers' list takes (hstspreload.org).
const preloadMaxAge = 365 * 24 * time.Hour

// Options configures the middleware. The zero value sends max-age=2592000 for every host but the local ones.
type Options struct {
	// MaxAge is how long a browser remembers, from each response on. Whole seconds are sent, rounded down. Zero means
	// DefaultMaxAge, 30 days. Below one second is an error; see Revoke.
	MaxAge time.Duration

	// IncludeSubDomains extends it to all names below the host (RFC 6797 §6.1.2).
	IncludeSubDomains bool

	// Preload asks for a place in the list that browsers are shipped with. It is no part of RFC 6797, and it is hard to
	// undo. The list demands a MaxAge of at least 365 days and IncludeSubDomains; less is an error.
	Preload bool

	// Revoke sends max-age=0, by which browsers forget the host (RFC 6797 §6.1.1). It excludes MaxAge and Preload.
	Revoke bool

	// ExcludedHosts are the hosts for which nothing is sent. Entries are as in hostfiltering.Options.AllowedHosts, but for
	// those that mean every host. Nil means localhost, 127.0.0.1 and [::1], as in ASP.NET; an empty list that is not nil
	// excludes none.
	ExcludedHosts []string

	// Logger receives at debug level why a response has no header. Nil means slog.Default().
	Logger *slog.Logger
}

// value is the value of the header.
func (o Options) value() (string, error) {
	age, err := o.maxAge()
	if err != nil {
		return "", err
	}
	value := "max-age=" + strconv.FormatInt(int64(age/time.Second), 10)
	if o.IncludeSubDomains {
		value += "; includeSubDomains"
	}
	if o.Preload {
		value += "; preload"
	}
	return value, nil
}

// maxAge is MaxAge as it is sent, once it fits with the rest.
func (o Options) maxAge() (time.Duration, error) {
	switch {
	case o.MaxAge < 0:
		return 0, fmt.Errorf("hsts: MaxAge is %v and must not be negative: leave it zero for 30 days, or set Revoke to make browsers forget the host", o.MaxAge)
	case o.Revoke && o.MaxAge > 0:
		return 0, fmt.Errorf("hsts: Revoke sends max-age=0 and MaxAge is %v: set one of them", o.MaxAge)
	case o.Revoke && o.Preload:
		return 0, errors.New("hsts: Revoke makes browsers forget the host and Preload asks them never to: set one of them")
	case o.Revoke:
		return 0, nil
	case o.MaxAge > 0 && o.MaxAge < time.Second:
		return 0, fmt.Errorf("hsts: MaxAge is %v, which as whole seconds is 0: set a second or more, or Revoke to make browsers forget the host", o.MaxAge)
	}
	age := o.MaxAge
	if age == 0 {
		age = DefaultMaxAge
	}
	if !o.Preload {
		return age, nil
	}
	var errs []error
	if age < preloadMaxAge {
		errs = append(errs, fmt.Errorf("hsts: Preload needs a MaxAge of at least 365 days and it is %v: set 365*24*time.Hour or more, or leave Preload out", age))
	}
	if !o.IncludeSubDomains {
		errs = append(errs, errors.New("hsts: Preload needs IncludeSubDomains: set it, or leave Preload out"))
	}
	return age, errors.Join(errs...)
}

// excluded is the list of ExcludedHosts.
func (o Options) excluded() (hostfiltering.List, error) {
	hosts := o.ExcludedHosts
	if hosts == nil {
		hosts = []string{"localhost", "127.0.0.1", "[::1]"}
	}
	list, err := hostfiltering.NewList(hosts)
	switch {
	case errors.Is(err, hostfiltering.ErrNoHosts):
		return hostfiltering.List{}, nil // excludes none
	case err != nil:
		return hostfiltering.List{}, fmt.Errorf("hsts: ExcludedHosts: %w", err)
	case list.String() == "*":
		return hostfiltering.List{}, fmt.Errorf(`hsts: ExcludedHosts %q excludes every host ("*", "[::]" and "0.0.0.0" mean all): name the hosts, or leave the middleware out`, hosts)
	}
	return list, nil
}

func (o Options) logger() *slog.Logger {
	if o.Logger != nil {
		return o.Logger
	}
	return slog.Default()
}
