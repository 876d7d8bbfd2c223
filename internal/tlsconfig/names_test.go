package tlsconfig

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lannerhq/lanner/test/selfsigned"
)

func TestTheLongestNameWins(t *testing.T) {
	root := newAuthority(t)
	dir := t.TempDir()
	names := make(map[string]Name)
	for name, file := range map[string]string{"a.example.org": "exact", "*.example.org": "wild", "*.b.example.org": "deep", "*": "any"} {
		names[name] = Name{Sources: []Source{writePair(t, dir, file, issue(t, root, file, name, "xn--bcher-kva.example"))}}
	}
	names["XN--Bcher-kva.Example."] = Name{Sources: []Source{writePair(t, dir, "idn", issue(t, root, "idn", "xn--bcher-kva.example"))}}
	s := open(t, Options{Names: names})
	for name, want := range map[string]string{
		"a.example.org": "exact", "A.Example.ORG": "exact", "x.example.org": "wild", "x.y.example.org": "wild", "b.example.org": "wild",
		"x.b.example.org": "deep", "x.y.b.example.org": "deep", "example.org": "any", "other": "any", "": "any", "xn--bcher-kva.example": "idn",
	} {
		got := shown(t, s, &tls.Config{ServerName: name, InsecureSkipVerify: true})
		if got.Subject.CommonName != want {
			t.Errorf("%q is shown %q, want %q", name, got.Subject.CommonName, want)
		}
	}
	if got := s.current.Load().choices.find("a.example.org."); got == nil || got != s.current.Load().choices.find("a.example.org") {
		t.Error("a dot at the end makes a difference")
	}
}

func TestANameThatIsNotThereFailsTheHandshake(t *testing.T) {
	root := newAuthority(t)
	var unknown []string
	s := open(t, Options{
		Names:  map[string]Name{"a.example.org": {Sources: []Source{writePair(t, t.TempDir(), "a", issue(t, root, "a.example.org"))}}},
		Events: Events{UnknownName: func(name string) { unknown = append(unknown, name) }},
	})
	for _, name := range []string{"b.example.org", ""} {
		_, err := shake(s.Config(), &tls.Config{ServerName: name, InsecureSkipVerify: true})
		var alert *tls.AlertError
		if err == nil || !errors.As(err, &alert) && !strings.Contains(err.Error(), "unrecognized name") {
			t.Errorf("%q: %v, want the alert unrecognized_name", name, err)
		}
	}
	if len(unknown) != 2 || unknown[0] != "b.example.org" || unknown[1] != "" {
		t.Errorf("the event told of %q", unknown)
	}
}

func TestNamesThatCannotBeAskedForAreRefused(t *testing.T) {
	for name, want := range map[string]string{
		"": "is not a name", "*.*.org": "is not a name", "a*.org": "is not a name", "a.org:443": "without a port", "192.0.2.1": "an address",
		"bücher.example": "punycode", "a..b": "each part", strings.Repeat("a", 64) + ".org": "each part", "https://a": "without a port",
	} {
		wantError(t, name, CheckName(name), want)
	}
	for _, name := range []string{"*", "localhost", "*.example.org", "A.b.", "xn--bcher-kva.example", "_x.example"} {
		if err := CheckName(name); err != nil {
			t.Errorf("%q: %v, want it taken", name, err)
		}
	}
}

func TestACertificateMustBeForItsName(t *testing.T) {
	root := newAuthority(t)
	source := writePair(t, t.TempDir(), "a", issue(t, root, "a.example.org", "*.c.example.org"))
	for _, name := range []string{"b.example.org", "*.example.org"} {
		_, err := Open(Options{Names: map[string]Name{name: {Sources: []Source{source}}}})
		wantError(t, name, err, `is not for "`+name+`"`, source.Path, "a.example.org")
	}
	open(t, Options{Names: map[string]Name{"a.example.org": {Sources: []Source{source}}, "*.c.example.org": {Sources: []Source{source}}, "*": {Sources: []Source{source}}}})
}

func TestAllMistakesAreSaidAtOnce(t *testing.T) {
	_, err := Open(Options{Names: map[string]Name{
		"a": {Sources: []Source{{Path: "/nowhere/a"}}, ClientCAs: "/nowhere/ca"}, "b": {}, "c": {Sources: []Source{{Path: "/nowhere/c"}, {Directory: "/nowhere/d"}}}, "1.2.3.4": {},
	}})
	wantError(t, "four names", err, `for "a": `, "/nowhere/ca", "/nowhere/a", `for "b": there is no certificate`, "/nowhere/c", "/nowhere/d", "1.2.3.4")
}

func TestTheClientsAlgorithmsChooseBetweenECDSAAndRSA(t *testing.T) {
	root := newAuthority(t)
	dir := t.TempDir()
	rsaPair := writePair(t, dir, "rsa", issueSpec(t, root, selfsigned.Spec{Names: []string{"a.example.org"}, Key: rsaKey()}))
	s := open(t, only(rsaPair, writePair(t, dir, "ec", issue(t, root, "a.example.org"))))
	ofRSA, both := client(root, "a.example.org"), client(root, "a.example.org")
	ofRSA.MaxVersion, ofRSA.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}
	if got := shown(t, s, both).PublicKeyAlgorithm; got != x509.ECDSA {
		t.Errorf("a client of both is shown %v, want ECDSA", got)
	}
	if got := shown(t, s, ofRSA).PublicKeyAlgorithm; got != x509.RSA {
		t.Errorf("a client of RSA alone is shown %v", got)
	}
}

func TestADirectoryServesEachNameItHasACertificateFor(t *testing.T) {
	root := newAuthority(t)
	dir := t.TempDir()
	writePair(t, dir, "a", issue(t, root, "a.example.org", "www.a.example.org"))
	writePair(t, dir, "b", issue(t, root, "*.b.example.org"))
	writePair(t, dir, "b-rsa", issueSpec(t, root, selfsigned.Spec{Names: []string{"*.b.example.org"}, Key: rsaKey()}))
	s := open(t, only(Source{Directory: dir}))
	for _, name := range []string{"a.example.org", "www.a.example.org", "x.b.example.org"} {
		if got := shown(t, s, client(root, name)); got.VerifyHostname(name) != nil {
			t.Errorf("%s is shown %q", name, got.DNSNames)
		}
	}
	for _, name := range []string{"c.example.org", "x.y.b.example.org", "b.example.org", ""} {
		if _, err := shake(s.Config(), &tls.Config{ServerName: name, InsecureSkipVerify: true}); err == nil {
			t.Errorf("%q is shown something", name)
		}
	}
	other := writePair(t, t.TempDir(), "other", issue(t, root, "other"))
	both := open(t, only(Source{Directory: dir, Path: other.Path, KeyPath: other.KeyPath}))
	if got := shown(t, both, &tls.Config{ServerName: "c.example.org", InsecureSkipVerify: true}); got.DNSNames[0] != "other" {
		t.Errorf("a name that the folder has not is shown %q, want the certificate of Path", got.DNSNames)
	}
	if got := shown(t, both, client(root, "a.example.org")); got.DNSNames[0] != "a.example.org" {
		t.Errorf("a name of the folder is shown %q", got.DNSNames)
	}
}

func TestANameHasItsOwnVersionsProtocolsAndDemands(t *testing.T) {
	root := newAuthority(t)
	clients, err := selfsigned.NewAuthority("Clients")
	must(t, clients, err)
	dir := t.TempDir()
	ca := write(t, filepath.Join(dir, "ca.pem"), block("CERTIFICATE", clients.Cert.Raw))
	source := []Source{writePair(t, dir, "a", issue(t, root, "a", "b", "c", "d"))}
	s := open(t, Options{Names: map[string]Name{
		"a": {Sources: source, MinVersion: tls.VersionTLS13, NextProtos: []string{"http/1.1"}},
		"b": {Sources: source, MaxVersion: tls.VersionTLS12, NextProtos: []string{"h2"}, MustChoose: true},
		"c": {Sources: source, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: ca},
		"d": {Sources: source, ClientAuth: tls.VerifyClientCertIfGiven, ClientCAs: ca},
	}})
	try := func(name string, change func(*tls.Config)) (tls.ConnectionState, error) {
		cfg := client(root, name)
		if change != nil {
			change(cfg)
		}
		return shake(s.Config(), cfg)
	}
	if state, err := try("a", func(c *tls.Config) { c.NextProtos = []string{"h2", "http/1.1"} }); err != nil || state.NegotiatedProtocol != "http/1.1" {
		t.Errorf("a: %q, %v, want http/1.1", state.NegotiatedProtocol, err)
	}
	if _, err := try("a", func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }); err == nil {
		t.Error("a takes TLS 1.2")
	}
	if state, err := try("b", func(c *tls.Config) { c.NextProtos = []string{"h2", "http/1.1"} }); err != nil || state.NegotiatedProtocol != "h2" || state.Version != tls.VersionTLS12 {
		t.Errorf("b: %q of %x, %v, want h2 of TLS 1.2", state.NegotiatedProtocol, state.Version, err)
	}
	for _, protocols := range [][]string{nil, {"http/1.1"}} {
		_, err := try("b", func(c *tls.Config) { c.NextProtos = protocols })
		if err == nil {
			t.Errorf("b takes a client that offers %q", protocols)
		}
	}
	ours, theirs := issue(t, clients, "ada"), issue(t, root, "eve")
	for _, tt := range []struct {
		name string
		cert *tls.Certificate
		ok   bool
	}{{"c", nil, false}, {"c", &ours, true}, {"c", &theirs, false}, {"d", nil, true}, {"d", &ours, true}, {"d", &theirs, false}} {
		_, err := try(tt.name, func(c *tls.Config) {
			if tt.cert != nil { // also one that the server's list of authorities does not fit
				c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return tt.cert, nil }
			}
		})
		if (err == nil) != tt.ok {
			t.Errorf("%s with the client certificate %v: %v, want success: %v", tt.name, tt.cert != nil, err, tt.ok)
		}
	}
}

func TestTLS12OffersEphemeralKeysAndAuthenticatedEncryptionAlone(t *testing.T) {
	root := newAuthority(t)
	dir := t.TempDir()
	s := open(t, only(writePair(t, dir, "rsa", issueSpec(t, root, selfsigned.Spec{Names: []string{"a"}, Key: rsaKey()})), writePair(t, dir, "ec", issue(t, root, "a"))))
	good := make(map[uint16]bool)
	for _, id := range Suites() {
		good[id] = true
	}
	for _, suite := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		cfg := client(root, "a")
		cfg.MaxVersion, cfg.CipherSuites = tls.VersionTLS12, []uint16{suite.ID}
		_, err := shake(s.Config(), cfg)
		if of13 := len(suite.SupportedVersions) == 1 && suite.SupportedVersions[0] == tls.VersionTLS13; !of13 && (err == nil) != good[suite.ID] {
			t.Errorf("%s: %v, want it taken: %v", suite.Name, err, good[suite.ID])
		}
	}
	old := client(root, "a")
	old.MinVersion, old.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	if _, err := shake(s.Config(), old); err == nil {
		t.Error("TLS 1.1 is spoken")
	}
}

func TestChoosingAllocatesNothing(t *testing.T) {
	root := newAuthority(t)
	source := []Source{writePair(t, t.TempDir(), "a", issue(t, root, "a.example.org", "*.example.org"))}
	s := open(t, Options{Names: map[string]Name{"a.example.org": {Sources: source}, "*.example.org": {Sources: source}, "*": {Sources: source}}})
	for _, name := range []string{"a.example.org", "x.example.org", "other.org", ""} {
		hello := &tls.ClientHelloInfo{ServerName: name}
		first, _ := s.choose(hello)
		if n := testing.AllocsPerRun(100, func() {
			if cfg, err := s.choose(hello); cfg != first || err != nil {
				t.Fatal("another configuration in each handshake")
			}
		}); n > 0 {
			t.Errorf("%q: %v allocations in each handshake", name, n)
		}
	}
}

func TestTheBasesOwnChoiceComesFirst(t *testing.T) {
	root := newAuthority(t)
	special := issue(t, root, "special")
	opts := only(writePair(t, t.TempDir(), "a", issue(t, root, "a")))
	opts.Base = &tls.Config{GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if hello.ServerName == "special" {
			return &tls.Config{Certificates: []tls.Certificate{special}}, nil
		}
		return nil, nil
	}}
	s := open(t, opts)
	for _, name := range []string{"special", "a"} {
		if got := shown(t, s, client(root, name)); got.DNSNames[0] != name {
			t.Errorf("%s is shown %q", name, got.DNSNames)
		}
	}
}
