package acme

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/caddyserver/certmagic"
	"github.com/libdns/libdns"
	"golang.org/x/net/idna"
)

// Directories of authorities. All but Let's Encrypt want an external account (Issuer.ExternalAccount).
const (
	LetsEncrypt        = certmagic.LetsEncryptProductionCA
	LetsEncryptStaging = certmagic.LetsEncryptStagingCA
	ZeroSSL            = certmagic.ZeroSSLProductionCA
	GoogleTrust        = certmagic.GoogleTrustProductionCA
)

// Options configures a Manager. AgreeToTerms, and Names or OnDemand, are required.
type Options struct {
	// Names are what to get certificates for, one for each: host names, wildcards such as *.example.com, which need DNS, or IP
	// addresses, which few authorities certify. Names outside ASCII may be written as they are. A client that sends no name gets the
	// certificate of the first that is not a wildcard.
	Names []string
	// OnDemand also gets certificates for names that clients ask for in their handshakes. Nil means that it does not.
	OnDemand *OnDemand
	// Email is for the authority to write to. Empty gives none.
	Email string
	// AgreeToTerms says that you agree to the terms of service of every issuer. Without it nothing is ordered, and New fails.
	AgreeToTerms bool
	// Issuers are asked in order, until one issues. Empty means Let's Encrypt. They are to differ in Directory.
	Issuers []Issuer
	// Folder has keys, certificates, accounts and locks. It is made with mode 0700, its files with 0600; one that exists and is open to
	// others is refused. Empty means DefaultFolder.
	Folder string
	// Challenges are the ways to prove control of a name. Empty means HTTP01 and TLSALPN01, of which the one that works is found out.
	// With DNS there is no other.
	Challenges []Challenge
	// DNS proves control by TXT records, as wildcards require. Nil means that it does not.
	DNS *DNS
	// HTTPPort and TLSPort are where validations come in on this machine, which are sent to ports 80 and 443 (RFC 8555 §8.3, RFC 8737 §3).
	// When nothing listens there, a listener is opened for the time of a challenge. Zero means 80 and 443.
	HTTPPort, TLSPort int
	// ListenHost is the address of that listener, without a port. Empty means all.
	ListenHost string
	// KeyType of certificates. Empty means P256. Each certificate has a new key.
	KeyType KeyType
	// RenewalWindow is the share of its lifetime at the end of which a certificate is renewed, between 0 and 1. Zero means a third, as in
	// certmagic. An authority that names a time (RFC 9773) is heeded if that is sooner.
	RenewalWindow float64
	// Logger takes events (docs/reference/acme.md), and certmagic's own at lower levels. Nil means slog.Default.
	Logger *slog.Logger
	// Clock says when orders are due. Nil means the machine's. Certmagic has no other, but what it decides here does not depend on it.
	Clock Clock
}

// OnDemand orders for names that clients ask for.
type OnDemand struct {
	// Ask says whether a certificate may be ordered, or one in storage be served, for a name that is in no Names: nil means yes. It is
	// required, because a policy that lets everything in lets anyone use up the account's rate limits. It is called in a handshake, by
	// many goroutines at once, and again before each renewal; the name is in lower case and ASCII.
	Ask func(ctx context.Context, name string) error
}

// Issuer is a certificate authority.
type Issuer struct {
	// Directory is its URL, https except on this machine or a private network.
	Directory string
	// TestDirectory is where an order is tried first after the authority has refused a validation, so that mistakes do not use up the
	// limits of the real one. Empty means none, or that of Let's Encrypt for Let's Encrypt.
	TestDirectory string
	// ExternalAccount binds the ACME account to one at the authority (RFC 8555 §7.3.4). Nil means none.
	ExternalAccount *ExternalAccount
	// Roots are what the directory's own certificate is checked against. Nil means those of the system.
	Roots *x509.CertPool
	// Profile is one of the certificate profiles in the directory, such as shortlived at Let's Encrypt. Empty means the authority's default.
	Profile string
}

// ExternalAccount is given out by an authority where one has an account.
type ExternalAccount struct {
	KeyID string
	// MACKey is the key in base64url, as it was given out.
	MACKey string
}

// DNS tells how TXT records are written.
type DNS struct {
	// Provider writes and removes records: any of github.com/libdns.
	Provider DNSProvider
	// TTL of the records. Zero means the provider's default.
	TTL time.Duration
	// PropagationDelay is waited before the record is looked for. Zero means none.
	PropagationDelay time.Duration
	// PropagationTimeout bounds the wait for the record to appear in the zone's own servers, or at Resolvers. Zero means 2 min, negative
	// that nothing is looked for.
	PropagationTimeout time.Duration
	// Resolvers are asked for the zone and the record, as host:port. Empty means those of the system.
	Resolvers []string
	// OverrideDomain is where the record is written, when _acme-challenge of the name is an alias (CNAME) for it.
	OverrideDomain string
}

// DNSProvider is what DNS-01 needs of a libdns provider.
type DNSProvider interface {
	libdns.RecordAppender
	libdns.RecordDeleter
}

// Challenge is a way to prove control of a name.
type Challenge string

const (
	// HTTP01 is a request to port 80 (RFC 8555 §8.3), which Manager.HTTPChallenge answers.
	HTTP01 Challenge = "http-01"
	// TLSALPN01 is a handshake with port 443 (RFC 8737), which Manager.TLSConfig answers.
	TLSALPN01 Challenge = "tls-alpn-01"
)

// KeyType is the type of a certificate's key.
type KeyType string

const (
	P256    KeyType = "p256"
	P384    KeyType = "p384"
	RSA2048 KeyType = "rsa2048"
	RSA4096 KeyType = "rsa4096"
)

// Clock is time as the Manager sees it.
type Clock interface {
	Now() time.Time
	After(d time.Duration) <-chan time.Time
}

type systemClock struct{}

func (systemClock) Now() time.Time                         { return time.Now() }
func (systemClock) After(d time.Duration) <-chan time.Time { return time.After(d) }

// complete checks the options and fills in what is left out. The error names every mistake.
func (o *Options) complete() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf("acme: Options."+format, args...)) }

	if !o.AgreeToTerms {
		bad("AgreeToTerms is false: set it once you have read the terms of service of the certificate authority, to which its directory has a link")
	}
	if len(o.Names) == 0 && o.OnDemand == nil {
		bad("Names is empty, and there is no OnDemand: there is nothing to get a certificate for")
	}
	if o.OnDemand != nil && o.OnDemand.Ask == nil {
		bad("OnDemand.Ask is nil: it must say which names are yours, or anyone could have certificates ordered")
	}
	var names []string
	for _, given := range o.Names {
		name, err := normalName(given)
		switch {
		case err != nil:
			bad("Names: %w", err)
		case strings.HasPrefix(name, "*.") && o.DNS == nil:
			bad("Names: the wildcard %s can be validated by DNS only: set Options.DNS", name)
		case !slices.Contains(names, name):
			names = append(names, name)
		}
	}
	o.Names = names
	for _, c := range o.Challenges {
		if c != HTTP01 && c != TLSALPN01 {
			bad("Challenges: %q is none; %q and %q are, and DNS-01 is set by Options.DNS", c, HTTP01, TLSALPN01)
		}
	}
	if len(o.Challenges) == 0 {
		o.Challenges = []Challenge{HTTP01, TLSALPN01}
	}
	if o.DNS != nil && o.DNS.Provider == nil {
		bad("DNS.Provider is nil: take the one of your DNS host from github.com/libdns")
	}
	for _, port := range []int{o.HTTPPort, o.TLSPort} {
		if port < 0 || port > 65535 {
			bad("HTTPPort, TLSPort: %d is no port", port)
		}
	}
	switch o.KeyType {
	case "":
		o.KeyType = P256
	case P256, P384, RSA2048, RSA4096:
	default:
		bad("KeyType: %q is none of p256, p384, rsa2048, rsa4096", o.KeyType)
	}
	switch {
	case o.RenewalWindow == 0:
		o.RenewalWindow = certmagic.DefaultRenewalWindowRatio
	case o.RenewalWindow < 0 || o.RenewalWindow >= 1:
		bad("RenewalWindow: %v is not between 0 and 1", o.RenewalWindow)
	}
	o.Issuers = slices.Clone(o.Issuers)
	if len(o.Issuers) == 0 {
		o.Issuers = []Issuer{{Directory: LetsEncrypt}}
	}
	for i, issuer := range o.Issuers {
		if err := checkDirectory(issuer.Directory); err != nil {
			bad("Issuers[%d].Directory: %w", i, err)
		}
		if slices.ContainsFunc(o.Issuers[:i], func(other Issuer) bool { return other.Directory == issuer.Directory }) {
			bad("Issuers[%d].Directory: %s is there twice", i, issuer.Directory)
		}
		if issuer.TestDirectory != "" {
			if err := checkDirectory(issuer.TestDirectory); err != nil {
				bad("Issuers[%d].TestDirectory: %w", i, err)
			}
		}
		if eab := issuer.ExternalAccount; eab != nil && (eab.KeyID == "" || eab.MACKey == "") {
			bad("Issuers[%d].ExternalAccount: both KeyID and MACKey are needed", i)
		}
	}
	if o.Folder == "" {
		folder, err := DefaultFolder()
		if err != nil {
			bad("Folder is empty, and %w", err)
		}
		o.Folder = folder
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Clock == nil {
		o.Clock = systemClock{}
	}
	return errors.Join(errs...)
}

func checkDirectory(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return err
	case u.Scheme != "https" && (u.Scheme != "http" || !certmagic.SubjectIsInternal(u.Hostname())) || u.Host == "":
		return fmt.Errorf("%q is no https URL", text)
	}
	return nil
}

// normalName is a name as certificates have it: lower case, ASCII, without a dot at its end.
func normalName(given string) (string, error) {
	name := strings.TrimSuffix(strings.TrimSpace(given), ".")
	if addr, err := netip.ParseAddr(name); err == nil && addr.Zone() == "" {
		return addr.Unmap().String(), nil
	}
	wildcard := strings.HasPrefix(name, "*.")
	host, err := idna.Lookup.ToASCII(strings.TrimPrefix(name, "*."))
	if again, failed := idna.Lookup.ToASCII(host); err != nil || failed != nil || again != host || !isHostName(host) { // such as one with what replaces bytes that are no text
		return "", fmt.Errorf("%q is no host name", given)
	}
	if wildcard {
		if !strings.Contains(host, ".") {
			return "", fmt.Errorf("%q is a wildcard for a whole top-level domain", given)
		}
		host = "*." + host
	}
	return host, nil
}

// isHostName reports whether name has letters, digits and hyphens in labels of 1 to 63 (RFC 1123 §2.1), 253 in all.
func isHostName(name string) bool {
	if len(name) == 0 || len(name) > 253 {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if len(label) == 0 || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for _, c := range []byte(label) {
			if c != '-' && (c < '0' || c > '9') && (c < 'a' || c > 'z') {
				return false
			}
		}
	}
	return true
}
