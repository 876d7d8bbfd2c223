package forwardedheaders

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"

	"github.com/lannerhq/lanner/internal/httpcommon"
	"github.com/lannerhq/lanner/middleware/hostfiltering"
)

// Headers is a set of forwarded headers.
type Headers uint8

// The headers that can be applied.
const (
	For    Headers = 1 << iota // X-Forwarded-For: the client's address
	Proto                      // X-Forwarded-Proto: the scheme
	Host                       // X-Forwarded-Host: the host that the client asked for
	Prefix                     // X-Forwarded-Prefix: the path base
	All    = For | Proto | Host | Prefix
)

// Options configures the middleware. The zero value applies no header and trusts loopback only: the headers to apply
// must be named, since each is a promise that every known proxy sets or removes it.
type Options struct {
	// Headers are the headers to apply. Zero applies none and makes the middleware do nothing.
	Headers Headers

	// ForwardLimit is how many proxies in a row are believed, counted from this server: how many items are taken from the
	// right of each header. Zero means 1, as in ASP.NET. Negative means no limit; every hop is still checked.
	ForwardLimit int

	// KnownProxies and KnownNetworks are the proxies whose headers are applied. When both are empty and there is no
	// Secret, the loopback addresses are known: ::1 and 127.0.0.0/8. Otherwise only what is listed is. An IPv4 address
	// that arrives as IPv6 (::ffff:10.0.0.1) is also looked up as IPv4.
	KnownProxies  []netip.Addr
	KnownNetworks []netip.Prefix

	// TrustUnixPeers believes whoever connects over a unix socket. Such a peer has no address to check; the permissions
	// of the socket file are the check then. False ignores their headers (ASP.NET since July 2026).
	TrustUnixPeers bool

	// DangerouslyTrustEveryPeer believes everybody and takes the place of the lists. It is right only where no client can
	// reach this server except through the proxy, for example on a network of the containers' own.
	DangerouslyTrustEveryPeer bool

	// SecretHeader and Secret let a proxy show by a header that it is known, where its address is not fixed (a CDN, a
	// cloud load balancer). The value is compared in constant time, must be sent exactly once, and the header is removed
	// before the handler runs. A peer is known when it shows the secret or is listed. Both are set or neither.
	SecretHeader string
	Secret       string

	// RequireHeaderSymmetry changes nothing at all unless all headers to be applied have the same number of items and
	// each item that is reached can be used.
	RequireHeaderSymmetry bool

	// AllowedHosts restricts what is taken from X-Forwarded-Host. Entries are as in hostfiltering.Options.AllowedHosts.
	// Empty allows every host. Set it when links are made from the host.
	AllowedHosts []string

	// RejectIfMissing answers 400 to a request from which not every header to be applied could be taken: it did not come
	// through a known proxy, or the proxy did not send what it should.
	RejectIfMissing bool

	// Names of the headers to read. Empty means X-Forwarded-For, X-Forwarded-Proto, X-Forwarded-Host, X-Forwarded-Prefix.
	ForwardedForName    string
	ForwardedProtoName  string
	ForwardedHostName   string
	ForwardedPrefixName string

	// Names of the headers that keep the values before. Empty means X-Original-For, X-Original-Proto, X-Original-Host,
	// X-Original-Prefix. They are removed from requests of peers that are not known.
	OriginalForName    string
	OriginalProtoName  string
	OriginalHostName   string
	OriginalPrefixName string

	// Logger receives the events. Nil means slog.Default().
	Logger *slog.Logger
}

// OptionsFromEnvironment reads ASPNETCORE_FORWARDEDHEADERS_ENABLED. When it is true, X-Forwarded-For and
// X-Forwarded-Proto are applied from every peer, as ASP.NET does for platforms that put all traffic through a proxy of
// unknown address. It reports false when the variable is not set to true (case is ignored).
func OptionsFromEnvironment(getenv func(string) string) (Options, bool) {
	if !httpcommon.EqualFold(getenv("ASPNETCORE_FORWARDEDHEADERS_ENABLED"), "true") {
		return Options{}, false
	}
	return Options{Headers: For | Proto, DangerouslyTrustEveryPeer: true}, true
}

// Validate reports what is wrong with the options, all of it. New panics with the same error.
func (o Options) Validate() error {
	var errs []error
	fail := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("forwarded headers: "+format, args...))
	}
	if o.Headers&^All != 0 {
		fail("Headers has the unknown bits %#x; it is made of For, Proto, Host and Prefix", uint8(o.Headers&^All))
	}
	d := o.withDefaults()
	for _, name := range append(d.forwardedNames(), d.originalNames()...) {
		if !httpcommon.IsToken(name) {
			fail("the header name %q is not a token (RFC 9110 §5.6.2)", name)
		}
	}
	switch {
	case o.SecretHeader == "" && o.Secret != "":
		fail("Secret is set and SecretHeader, the header to look for it in, is not")
	case o.SecretHeader != "" && o.Secret == "":
		fail("SecretHeader is set and Secret is empty: everybody would know it")
	case o.SecretHeader != "" && !httpcommon.IsToken(o.SecretHeader):
		fail("the header name %q is not a token (RFC 9110 §5.6.2)", o.SecretHeader)
	}
	for _, addr := range o.KnownProxies {
		if !addr.IsValid() {
			fail("KnownProxies has an address that is not valid (the zero netip.Addr)")
		}
	}
	for _, network := range o.KnownNetworks {
		if !network.IsValid() {
			fail("KnownNetworks has a prefix that is not valid (the zero netip.Prefix, or more bits than the address has)")
		}
	}
	if len(o.AllowedHosts) > 0 {
		if _, err := hostfiltering.NewList(o.AllowedHosts); err != nil {
			fail("%w", err)
		}
	}
	return errors.Join(errs...)
}

// withDefaults fills in what zero means.
func (o Options) withDefaults() Options {
	if o.ForwardLimit == 0 {
		o.ForwardLimit = 1
	}
	if len(o.KnownProxies) == 0 && len(o.KnownNetworks) == 0 && o.Secret == "" {
		o.KnownProxies = []netip.Addr{netip.IPv6Loopback()}
		o.KnownNetworks = []netip.Prefix{netip.PrefixFrom(netip.AddrFrom4([4]byte{127}), 8)}
	}
	for _, name := range []struct {
		field *string
		value string
	}{
		{&o.ForwardedForName, "X-Forwarded-For"}, {&o.ForwardedProtoName, "X-Forwarded-Proto"},
		{&o.ForwardedHostName, "X-Forwarded-Host"}, {&o.ForwardedPrefixName, "X-Forwarded-Prefix"},
		{&o.OriginalForName, "X-Original-For"}, {&o.OriginalProtoName, "X-Original-Proto"},
		{&o.OriginalHostName, "X-Original-Host"}, {&o.OriginalPrefixName, "X-Original-Prefix"},
	} {
		if *name.field == "" {
			*name.field = name.value
		}
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return o
}

// forwardedNames and originalNames are the names in the order For, Proto, Host, Prefix.
func (o Options) forwardedNames() []string {
	return []string{o.ForwardedForName, o.ForwardedProtoName, o.ForwardedHostName, o.ForwardedPrefixName}
}

func (o Options) originalNames() []string {
	return []string{o.OriginalForName, o.OriginalProtoName, o.OriginalHostName, o.OriginalPrefixName}
}

// String names the headers, for logs.
func (h Headers) String() string {
	text := ""
	for i, name := range []string{"For", "Proto", "Host", "Prefix"} {
		if h&(1<<i) == 0 {
			continue
		}
		if text != "" {
			text += "|"
		}
		text += name
	}
	if text == "" {
		return "none"
	}
	return text
}
