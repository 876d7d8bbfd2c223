package kestrel

import (
	"crypto/tls"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/lannerhq/lanner/internal/tlsconfig"
)

// encrypted reports whether connections of the endpoint begin with a TLS handshake.
func (e *Endpoint) encrypted() bool { return e.TLS != nil || !e.Certificate.isZero() || len(e.SNI) > 0 }

// own reports whether the endpoint's TLS has certificates from code.
func (e *Endpoint) own() bool {
	return e.TLS != nil && (len(e.TLS.Certificates) > 0 || e.TLS.GetCertificate != nil)
}

// withDefaults gives endpoints that need a certificate and have none that of Options.Certificates.
func (o *Options) withDefaults(endpoints []Endpoint) []Endpoint {
	if o.Certificates.Default.isZero() {
		return endpoints
	}
	out := slices.Clone(endpoints)
	for i := range out {
		e := &out[i]
		if scheme, _, _ := strings.Cut(e.URL, ":"); !e.Certificate.isZero() || e.own() || !e.encrypted() && (e.Listener != nil || !strings.EqualFold(scheme, "https")) {
			continue
		}
		if e.TLS == nil || e.TLS.GetConfigForClient == nil {
			e.Certificate = o.Certificates.Default
		}
	}
	return out
}

// checkScheme says why the URL and the certificate do not go together.
func (e *Endpoint) checkScheme(a Address) error {
	switch {
	case a.Scheme == "https" && !e.encrypted():
		return fmt.Errorf("address %s: https needs a certificate: set the endpoint's TLS in code, or Certificate.Path and Certificate.KeyPath in the configuration", a)
	case a.Scheme == "http" && e.encrypted():
		return fmt.Errorf("address %s: the endpoint has a certificate, but http does not encrypt: write https, or leave TLS and Certificate out", a)
	}
	return nil
}

// checkTLS calls bad for each mistake in what the endpoint says of TLS.
func (e *Endpoint) checkTLS(bad func(option, format string, args ...any)) {
	if err := e.Protocols.validate(); err != nil {
		bad("Protocols", "endpoint %q: %w", e.Name, err)
	}
	if e.HandshakeTimeout < None {
		bad("HandshakeTimeout", "endpoint %q: HandshakeTimeout is %v: it must be more than 0, -1 for no limit, or 0 for the default", e.Name, e.HandshakeTimeout)
	}
	e.checkShown(bad, "", e.Certificate, e.AlternateCertificate, e.ClientCertificateMode, e.ClientCertificateAuthorities, e.TLSVersions)
	for _, name := range slices.Sorted(maps.Keys(e.SNI)) {
		e.checkSNI(bad, name, e.SNI[name])
	}
	if e.Certificate.isZero() && len(e.SNI) == 0 {
		e.checkWithoutFiles(bad)
	}
	if e.TLS == nil {
		return
	}
	switch {
	case e.own() && (!e.Certificate.isZero() || len(e.SNI) > 0):
		bad("Certificate", "endpoint %q: Certificate.Path is %q, or there is Sni, and TLS has certificates of its own: leave one of them out", e.Name, e.Certificate.Path)
	case !e.own() && e.TLS.GetConfigForClient == nil && e.Certificate.isZero() && len(e.SNI) == 0:
		bad("TLS", "endpoint %q: TLS has no certificate: set its Certificates, GetCertificate or GetConfigForClient, or the endpoint's Certificate.Path", e.Name)
	}
	for name, version := range map[string]uint16{"MinVersion": e.TLS.MinVersion, "MaxVersion": e.TLS.MaxVersion} {
		if version != 0 && version < tls.VersionTLS12 {
			bad("TLS", "endpoint %q: TLS.%s is %s: the least is TLS 1.2 (RFC 8996); leave it out", e.Name, name, tls.VersionName(version))
		}
	}
}

// checkWithoutFiles refuses what goes with certificates from files alone.
func (e *Endpoint) checkWithoutFiles(bad func(option, format string, args ...any)) {
	instead := "http does not encrypt: write https, with a Certificate"
	if e.TLS != nil {
		instead = "with TLS from code set its ClientAuth, ClientCAs, MinVersion and MaxVersion"
	}
	for option, there := range map[string]bool{
		"ClientCertificateMode": e.ClientCertificateMode != NoCertificate, "ClientCertificateAuthorities": e.ClientCertificateAuthorities != "", "SslProtocols": len(e.TLSVersions) > 0,
	} {
		if there {
			bad(option, "endpoint %q: %s is there, but no Certificate from files: %s", e.Name, option, instead)
		}
	}
}

func (e *Endpoint) checkSNI(bad func(option, format string, args ...any), name string, o SNIOptions) {
	at := "Sni." + name
	for other := range e.SNI {
		if name < other && strings.EqualFold(strings.TrimSuffix(name, "."), strings.TrimSuffix(other, ".")) {
			bad(at, "endpoint %q: %q and %q are the same name of Sni: remove one", e.Name, name, other)
		}
	}
	if err := tlsconfig.CheckName(name); err != nil {
		bad(at, "endpoint %q: Sni: %w", e.Name, err)
	}
	if o.Certificate.isZero() && e.Certificate.isZero() {
		bad(at, "endpoint %q: Sni %q has no certificate, nor has the endpoint: set its Certificate.Path", e.Name, name)
	}
	if o.Protocols != nil {
		if err := o.Protocols.validate(); err != nil {
			bad(at+".Protocols", "endpoint %q: Sni %q: %w", e.Name, name, err)
		}
	}
	mode, authorities := e.ClientCertificateMode, nameOr(o.ClientCertificateAuthorities, e.ClientCertificateAuthorities)
	if o.ClientCertificateMode != nil {
		mode = *o.ClientCertificateMode
	}
	e.checkShown(bad, at+".", o.Certificate, o.AlternateCertificate, mode, authorities, o.TLSVersions)
}

// checkShown is what checkTLS and checkSNI have in common. at is "" or begins the options of one name.
func (e *Endpoint) checkShown(bad func(option, format string, args ...any), at string, cert, alternate Certificate, mode ClientCertificateMode, authorities string, versions []TLSVersion) {
	said := strings.ReplaceAll(at, "%", "%%")
	for _, c := range []struct {
		option string
		cert   Certificate
	}{{"Certificate", cert}, {"AlternateCertificate", alternate}} {
		c.cert.check(func(option, format string, args ...any) {
			bad(at+c.option+option, "endpoint %q: "+said+c.option+format, append([]any{e.Name}, args...)...)
		})
	}
	if !alternate.isZero() && cert.isZero() {
		bad(at+"AlternateCertificate", "endpoint %q: %sAlternateCertificate is there without a Certificate: name it so", e.Name, at)
	}
	switch {
	case mode > RequireCertificate:
		bad(at+"ClientCertificateMode", "endpoint %q: %sClientCertificateMode is %v: it must be one of %q", e.Name, at, mode, clientCertificateModeNames)
	case mode != NoCertificate && authorities == "" && (e.TLS == nil || e.TLS.ClientCAs == nil && e.TLS.VerifyPeerCertificate == nil && e.TLS.VerifyConnection == nil):
		bad(at+"ClientCertificateMode", "endpoint %q: %sClientCertificateMode is %v, but which authorities the certificates may be of is not said: set ClientCertificateAuthorities to a PEM file", e.Name, at, mode)
	}
	for _, v := range versions {
		if v > TLS13 {
			bad(at+"SslProtocols", "endpoint %q: %sTLSVersions has %v: it must have %q", e.Name, at, v, tlsVersionNames)
		}
	}
}

// secured is what TLS of an endpoint is made by. Its zero value is none.
type secured struct {
	config    *tls.Config
	protocols Protocols        // of all names
	store     *tlsconfig.Store // nil unless certificates are from files
	close     func()
	watching  watching
}

// watching are the options that a store is made with.
type watching struct {
	interval   time.Duration
	noStapling bool
}

func (o *Options) watching() watching {
	return watching{o.CertificatePollInterval, o.DisableOCSPStapling}
}

// start begins to look after certificates, until end.
func (s *secured) start() {
	if s.store != nil {
		s.store.Start()
	}
}

func (s *secured) end() {
	if s.close != nil {
		s.close()
	}
}

// secureLocked reads the certificates of an endpoint.
func (s *Server) secureLocked(e Endpoint) (secured, error) {
	if !e.encrypted() {
		return secured{protocols: e.Protocols}, nil
	}
	keys, err := s.ticketKeysLocked()
	if err != nil {
		return secured{}, err
	}
	if e.Certificate.isZero() && len(e.SNI) == 0 {
		out := secured{config: e.TLS, protocols: e.Protocols}
		if e.TLS.GetConfigForClient == nil && !e.TLS.SessionTicketsDisabled && s.opts.TicketKeysFile != "" {
			chosen := e.TLS.Clone()
			keys.Attach(chosen, fmt.Sprintf("code\x00%s\x00%d", e.Name, chosen.ClientAuth))
			out.config = &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return chosen, nil }}
			out.close = func() { keys.Detach(chosen) }
		}
		return out, nil
	}
	opts, protocols := e.shown()
	opts.Tickets, opts.Interval = keys, s.opts.CertificatePollInterval
	opts.Events = s.certificateEvents(nameOr(e.Name, e.URL))
	if !s.opts.DisableOCSPStapling {
		opts.HTTP = tlsconfig.Responders
	}
	store, err := tlsconfig.Open(opts)
	if err != nil {
		return secured{}, fmt.Errorf("endpoint %q: %w", e.Name, err)
	}
	return secured{config: store.Config(), protocols: protocols, store: store, close: store.Close, watching: s.opts.watching()}, nil
}

// shown is what the endpoint shows under each name, and what is spoken under any of them.
func (e *Endpoint) shown() (opts tlsconfig.Options, protocols Protocols) {
	opts.Names = make(map[string]tlsconfig.Name)
	auth := tls.NoClientCert
	if e.TLS != nil {
		opts.Base = e.TLS.Clone()
		auth, opts.Base.ClientAuth = opts.Base.ClientAuth, tls.NoClientCert
	}
	if e.ClientCertificateMode != NoCertificate {
		auth = e.ClientCertificateMode.auth()
	}
	names := e.SNI
	if len(names) == 0 {
		names = map[string]SNIOptions{"*": {}}
	}
	first := true
	for name, o := range names {
		speaks := e.Protocols
		if o.Protocols != nil {
			speaks = *o.Protocols
		}
		if first || speaks == protocols {
			protocols = speaks
		} else {
			protocols = HTTP1AndHTTP2
		}
		first = false
		opts.Names[name] = e.shownUnder(o, speaks, auth)
	}
	for name, n := range opts.Names { // where all speak HTTP/2 alone, it is the connection's to see to
		n.MustChoose = protocols != HTTP2 && slices.Equal(n.NextProtos, HTTP2.alpn())
		opts.Names[name] = n
	}
	return opts, protocols
}

func (e *Endpoint) shownUnder(o SNIOptions, speaks Protocols, auth tls.ClientAuthType) tlsconfig.Name {
	n := tlsconfig.Name{NextProtos: speaks.alpn(), ClientAuth: auth, ClientCAs: nameOr(o.ClientCertificateAuthorities, e.ClientCertificateAuthorities)}
	if o.ClientCertificateMode != nil {
		n.ClientAuth = o.ClientCertificateMode.auth()
	}
	if n.ClientAuth == tls.NoClientCert {
		n.ClientCAs = ""
	}
	if e.TLS != nil && len(e.TLS.NextProtos) > 0 && o.Protocols == nil {
		n.NextProtos = nil // its own, of which what is not spoken is left out later
	}
	n.Sources = sources(o.Certificate, o.AlternateCertificate)
	if o.Certificate.isZero() {
		n.Sources = sources(e.Certificate, e.AlternateCertificate)
	}
	versions := o.TLSVersions
	if len(versions) == 0 {
		versions = e.TLSVersions
	}
	n.MinVersion, n.MaxVersion = bounds(versions)
	return n
}

// ticketKeysLocked returns the keys of session tickets, which are made when an endpoint first needs them.
func (s *Server) ticketKeysLocked() (*tlsconfig.TicketKeys, error) {
	if s.tickets != nil {
		return s.tickets, nil
	}
	keys, err := tlsconfig.OpenTicketKeys(tlsconfig.TicketOptions{Path: s.opts.TicketKeysFile, Failed: s.ticketKeysFailed, Rotated: s.ticketKeysRotated})
	if err != nil {
		return nil, err
	}
	keys.Start()
	s.tickets = keys
	return keys, nil
}

func (s *Server) closeTicketKeysLocked() {
	if s.tickets != nil {
		s.tickets.Close()
		s.tickets = nil
	}
}
