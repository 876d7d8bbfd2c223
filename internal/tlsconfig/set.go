package tlsconfig

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
)

// Set is all that a Store shows, read and checked.
type Set struct {
	choices choices
	certs   []*served
	tickets map[*tls.Config]string // the configurations that make tickets, and what tells theirs from others'
	seen    *snapshot              // the files as they were before they were read
}

// served is a certificate in use. Handshakes take what current points to, which another OCSP response replaces.
type served struct {
	*Certificate
	current atomic.Pointer[tls.Certificate]
}

// builder makes a Set.
type builder struct {
	opts    *Options
	check   checker
	set     *Set
	byChain map[string]*served // a certificate that is there under several names is one
	read    map[Source]loaded
}

type loaded struct {
	certs []*Certificate
	err   error
}

// build reads everything. It goes on after a mistake, so that the error has all of them; the Set then has but what was seen.
func build(opts *Options, check checker) (*Set, error) {
	b := &builder{opts: opts, check: check, byChain: make(map[string]*served), read: make(map[Source]loaded), set: &Set{
		choices: choices{exact: make(map[string]*choice), below: make(map[string]*choice)},
		tickets: make(map[*tls.Config]string), seen: newSnapshot(),
	}}
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(opts.Names)) {
		err := b.name(name, opts.Names[name])
		if err != nil && (len(opts.Names) > 1 || name != anyName) {
			err = fmt.Errorf("for %q: %w", name, err)
		}
		errs = append(errs, err)
	}
	return b.set, errors.Join(errs...)
}

func (b *builder) name(name string, n Name) error {
	if err := CheckName(name); err != nil {
		return err
	}
	authorities, content, err := b.authorities(n)
	direct, made, loadErr := b.certificates(name, n)
	if err = errors.Join(err, loadErr); err != nil {
		return err
	}
	at := &choice{}
	prepare := func(of string, certs []*served) *prepared {
		p := &prepared{config: b.config(n, certs, authorities), certs: certs, owner: n.Owner}
		if n.MustChoose {
			p.must = n.NextProtos
		}
		// A ticket of one name is worth nothing under another, nor when the demands on clients have changed.
		b.set.tickets[p.config] = fmt.Sprintf("%s\x00%s\x00%d\x00%x", normal(name), of, n.ClientAuth, sha256.Sum256(content))
		if n.Owner != "" {
			b.set.tickets[p.config] += "\x00" + n.Owner
		}
		return p
	}
	if n.Get != nil {
		at.other = prepare("", nil)
		at.other.config.GetCertificate = n.Get
	}
	if len(direct) > 0 {
		at.other = prepare("", direct)
	}
	if len(made) > 0 {
		at.made = make(map[string]*prepared)
		for of, certs := range made {
			at.made[of] = prepare(of, certs)
		}
	}
	switch host := normal(name); {
	case name == anyName:
		b.set.choices.any = at
	case strings.HasPrefix(host, "*"):
		b.set.choices.below[host[1:]] = at
	default:
		b.set.choices.exact[host] = at
	}
	return nil
}

// certificates reads the sources of a name: those that are shown for all, and those that are shown for what they are made for.
func (b *builder) certificates(name string, n Name) (direct []*served, made map[string][]*served, err error) {
	made = make(map[string][]*served)
	var errs []error
	for _, source := range n.Sources {
		files, folder := source, source
		files.Directory, folder.Path, folder.KeyPath = "", "", ""
		for _, c := range b.load(files, &errs) {
			errs = append(errs, covers(c, normal(name)))
			direct = append(direct, b.use(c))
		}
		for _, c := range b.load(folder, &errs) {
			for _, of := range madeFor(c.chain[0]) {
				made[of] = append(made[of], b.use(c))
			}
		}
	}
	if len(n.Sources) == 0 && n.Get == nil {
		errs = append(errs, errors.New("there is no certificate"))
	}
	for of := range made {
		slices.SortStableFunc(made[of], byAlgorithm)
	}
	slices.SortStableFunc(direct, byAlgorithm)
	return direct, made, errors.Join(errs...)
}

func (b *builder) load(source Source, errs *[]error) []*Certificate {
	if source.isZero() {
		return nil
	}
	got, ok := b.read[source]
	if !ok {
		got.certs, got.err = source.load(b.set.seen, &b.check)
		b.read[source] = got
	}
	if got.err != nil {
		*errs = append(*errs, got.err)
	}
	return got.certs
}

func (b *builder) use(c *Certificate) *served {
	chain := string(slices.Concat(c.TLS.Certificate...))
	if s := b.byChain[chain]; s != nil {
		return s
	}
	s := &served{Certificate: c}
	s.current.Store(&c.TLS)
	b.byChain[chain] = s
	b.set.certs = append(b.set.certs, s)
	return s
}

// authorities reads those of clients. content tells them from others.
func (b *builder) authorities(n Name) (pool *x509.CertPool, content []byte, err error) {
	if n.ClientCAs == "" {
		return nil, nil, nil
	}
	data, _, err := readFile(n.ClientCAs, b.set.seen)
	if err == nil {
		var found *blocks
		if found, err = parsePEM(n.ClientCAs, data); err == nil && len(found.chain) == 0 {
			err = fmt.Errorf("there is no certificate in %s", n.ClientCAs)
		}
		if err == nil {
			pool = x509.NewCertPool()
			for _, c := range found.chain {
				pool.AddCert(c)
			}
			return pool, data, nil
		}
	}
	return nil, nil, fmt.Errorf("cannot use the authorities of clients %s: %w", n.ClientCAs, err)
}

// config makes the configuration of handshakes.
func (b *builder) config(n Name, certs []*served, authorities *x509.CertPool) *tls.Config {
	cfg := &tls.Config{}
	if b.opts.Base != nil {
		cfg = b.opts.Base.Clone()
	}
	cfg.GetConfigForClient, cfg.Certificates = nil, nil
	cfg.GetCertificate = group(certs).choose
	if n.NextProtos != nil {
		cfg.NextProtos = n.NextProtos
	}
	if n.ClientAuth != tls.NoClientCert {
		cfg.ClientAuth = n.ClientAuth
	}
	if authorities != nil {
		cfg.ClientCAs = authorities
	}
	if n.MinVersion != 0 {
		cfg.MinVersion = n.MinVersion
	}
	if n.MaxVersion != 0 {
		cfg.MaxVersion = n.MaxVersion
	}
	cfg.MinVersion = max(cfg.MinVersion, tls.VersionTLS12)
	if cfg.CipherSuites == nil {
		cfg.CipherSuites = Suites()
	}
	return cfg
}

// Suites are those of TLS 1.2 that are offered: ephemeral keys and authenticated encryption alone. The defaults of crypto/tls have suites
// with CBC, too (RFC 9113 Appendix A has them among those not to be used). What is first is for crypto/tls to say; suites of TLS 1.3 cannot be chosen.
func Suites() []uint16 {
	return []uint16{
		tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
		tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
		tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
	}
}

// group are the certificates of one configuration, the best first.
type group []*served

func (g group) choose(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	first := g[0].current.Load()
	if len(g) == 1 {
		return first, nil
	}
	for _, s := range g {
		if cert := s.current.Load(); hello.SupportsCertificate(cert) == nil {
			return cert, nil
		}
	}
	return first, nil // and let the client say what it misses
}

// byAlgorithm puts before others what costs a server less.
func byAlgorithm(a, b *served) int { return a.rank() - b.rank() }

func (s *served) rank() int {
	return slices.Index([]x509.PublicKeyAlgorithm{x509.ECDSA, x509.Ed25519, x509.RSA}, s.chain[0].PublicKeyAlgorithm)
}

// Certificates are those of the set.
func (s *Set) Certificates() []*Certificate {
	var out []*Certificate
	for _, c := range s.certs {
		out = append(out, c.Certificate)
	}
	return out
}

// serves reports whether a certificate is in the set.
func (s *Set) serves(c *Certificate) bool {
	return slices.ContainsFunc(s.certs, func(has *served) bool { return has.chain[0].Equal(c.chain[0]) })
}

// same reports whether clients would notice no difference between sets of the same options.
func (s *Set) same(other *Set) bool {
	chains := func(s *Set) (out []string) {
		for _, c := range s.certs {
			out = append(out, string(slices.Concat(c.TLS.Certificate...)))
		}
		slices.Sort(out)
		return out
	}
	keys := func(s *Set) []string { return slices.Sorted(maps.Values(s.tickets)) }
	return slices.Equal(chains(s), chains(other)) && slices.Equal(keys(s), keys(other))
}
