package hostfiltering

import (
	"errors"
	"log/slog"
)

// Options configures the filter. Only AllowedHosts must be set.
type Options struct {
	// AllowedHosts lists the host names that are served. An entry may hold several, separated by semicolons, as in
	// ASP.NET's AllowedHosts setting. Ports are not part of an entry and are ignored in requests; letter case is ignored.
	//
	//	"example.com"    that name
	//	"*.example.com"  every name below it, at any depth, not itself
	//	"[2001:db8::1]"  an IPv6 address; the brackets may be left out
	//	"bücher.example" a name in Unicode; requests carry its xn-- form
	//	"*"              any name that is not empty; "[::]" and "0.0.0.0" mean the same
	//
	// An empty list is an error: write "*" to allow everything.
	AllowedHosts []string

	// RejectEmptyHosts refuses requests without a host name. HTTP/1.0 has none, and HTTP/1.1 allows an empty one, so that
	// false, the default, lets them pass.
	RejectEmptyHosts bool

	// OmitFailureMessage leaves the body of the 400 empty. By default it is a small HTML page.
	OmitFailureMessage bool

	// Logger receives the refusals, at debug level. Nil means slog.Default().
	Logger *slog.Logger
}

// ErrNoHosts is returned for a list without an entry.
var ErrNoHosts = errors.New(`no allowed hosts are configured: list the names that this site serves, or "*" for any`)

func (o Options) logger() *slog.Logger {
	if o.Logger != nil {
		return o.Logger
	}
	return slog.Default()
}
