package acme

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"slices"

	"github.com/caddyserver/certmagic"
	rfc8555 "github.com/mholt/acmez/v3/acme"
	"go.uber.org/zap"
)

// engine is certmagic, set up. It runs from Start to Stop.
type engine struct {
	storage *storage
	cache   *certmagic.Cache
	// all has every issuer: it serves, and loads the newest certificate of any.
	all     *certmagic.Config
	issuers []*issuer
}

// issuer is one authority, with a configuration of its own: certmagic tries several in turn as well, but then tells the last error alone.
type issuer struct {
	directory string
	config    *certmagic.Config
	acme      *certmagic.ACMEIssuer
	patience  *retryAfter
}

// newEngine starts certmagic's upkeep of OCSP responses, which cache.Stop ends. revoked is called when one says that a certificate was revoked.
func newEngine(o *Options, revoked func(names []string)) *engine {
	e := &engine{storage: newStorage(o.Folder)}
	logger := newZap(o.Logger.Handler(), nil)
	var keeper *certmagic.Config
	e.cache = certmagic.NewCache(certmagic.CacheOptions{
		GetConfigForCert: func(certmagic.Certificate) (*certmagic.Config, error) { return keeper, nil },
		Logger:           logger,
	})
	config := certmagic.Config{
		RenewalWindowRatio: o.RenewalWindow,
		KeySource:          certmagic.StandardKeyGenerator{KeyType: certmagic.KeyType(o.KeyType)},
		Storage:            e.storage,
		Logger:             logger,
	}
	if i := slices.IndexFunc(o.Names, func(name string) bool { return name[0] != '*' }); i >= 0 {
		config.DefaultServerName = o.Names[i]
	}
	for _, given := range o.Issuers {
		e.issuers = append(e.issuers, e.newIssuer(o, given, config))
	}
	e.all = certmagic.New(e.cache, config)
	e.all.Issuers = nil
	for _, is := range e.issuers {
		e.all.Issuers = append(e.all.Issuers, is.acme)
	}

	// What certmagic does by itself is asked for by the cache through keeper. With OnDemand it renews nothing.
	config.Storage = staples{e.storage}
	config.OnDemand = &certmagic.OnDemandConfig{DecisionFunc: func(context.Context, string) error { return errStaplesOnly }}
	config.OnEvent = func(_ context.Context, event string, data map[string]any) error {
		if names, ok := data["subjects"].([]string); ok && event == "cert_ocsp_revoked" {
			revoked(names)
		}
		return nil
	}
	config.Issuers = e.all.Issuers
	keeper = certmagic.New(e.cache, config)
	return e
}

func (e *engine) newIssuer(o *Options, given Issuer, config certmagic.Config) *issuer {
	is := &issuer{directory: given.Directory, patience: &retryAfter{now: o.Clock.Now}}
	is.config = certmagic.New(e.cache, config)
	template := certmagic.ACMEIssuer{
		CA:                      given.Directory,
		TestCA:                  given.TestDirectory,
		Email:                   o.Email,
		Agreed:                  true, // complete has seen to it
		TrustedRoots:            given.Roots,
		Profile:                 given.Profile,
		ListenHost:              o.ListenHost,
		AltHTTPPort:             o.HTTPPort,
		AltTLSALPNPort:          o.TLSPort,
		DisableHTTPChallenge:    !slices.Contains(o.Challenges, HTTP01),
		DisableTLSALPNChallenge: !slices.Contains(o.Challenges, TLSALPN01),
		Logger:                  newZap(o.Logger.Handler(), is.patience),
	}
	if template.Email == "" {
		template.Email = " " // certmagic would take another account's, or ask on the terminal; a space is trimmed to none
	}
	if eab := given.ExternalAccount; eab != nil {
		template.ExternalAccount = &rfc8555.EAB{KeyID: eab.KeyID, MACKey: eab.MACKey}
	}
	if o.DNS != nil {
		template.DNS01Solver = o.DNS.solver(template.Logger)
	}
	is.acme = certmagic.NewACMEIssuer(is.config, template)
	is.config.Issuers = []certmagic.Issuer{is.acme}
	return is
}

func (d *DNS) solver(logger *zap.Logger) *certmagic.DNS01Solver {
	timeout := d.PropagationTimeout
	if timeout < 0 {
		timeout = -1
	}
	return &certmagic.DNS01Solver{DNSManager: certmagic.DNSManager{
		DNSProvider:        d.Provider,
		TTL:                d.TTL,
		PropagationDelay:   d.PropagationDelay,
		PropagationTimeout: timeout,
		Resolvers:          d.Resolvers,
		OverrideDomain:     d.OverrideDomain,
		Logger:             logger,
	}}
}

// stored returns the newest certificate of a name in storage, and whose it is; nil when there is none that is complete.
func (e *engine) stored(ctx context.Context, name string) (*x509.Certificate, *issuer, error) {
	var newest *x509.Certificate
	var of *issuer
	for _, is := range e.issuers {
		key := is.acme.IssuerKey()
		data, err := e.storage.Load(ctx, certmagic.StorageKeys.SiteCert(key, name))
		if notThere(err) {
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		block, _ := pem.Decode(data)
		if block == nil || !e.storage.Exists(ctx, certmagic.StorageKeys.SitePrivateKey(key, name)) || !e.storage.Exists(ctx, certmagic.StorageKeys.SiteMeta(key, name)) {
			continue // half written: it is ordered anew
		}
		leaf, err := x509.ParseCertificate(block.Bytes)
		if err == nil && (newest == nil || leaf.NotBefore.After(newest.NotBefore)) {
			newest, of = leaf, is
		}
	}
	return newest, of, nil
}

// forget deletes what is in storage of a name by every issuer but one, so that the newest is the one that was issued last: authorities put
// the beginning of a certificate's validity into the past, each as it likes.
func (e *engine) forget(ctx context.Context, name string, except *issuer) error {
	var errs []error
	for _, is := range e.issuers {
		if is != except {
			errs = append(errs, e.storage.Delete(ctx, certmagic.StorageKeys.CertsSitePrefix(is.acme.IssuerKey(), name)))
		}
	}
	return errors.Join(errs...)
}
