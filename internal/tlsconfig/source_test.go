package tlsconfig

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"software.sslmate.com/src/go-pkcs12"

	"github.com/lannerhq/lanner/test/selfsigned"
)

func block(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func load(t *testing.T, s Source) ([]*Certificate, error) {
	t.Helper()
	return s.load(newSnapshot(), &checker{now: time.Now()})
}

func TestKeysAreReadInEveryForm(t *testing.T) {
	root := newAuthority(t)
	between, err := root.Intermediate("Between")
	must(t, between, err)
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	must(t, ed, err)
	for name, key := range map[string]crypto.Signer{"EC": nil, "RSA": rsaKey(), "Ed25519": ed} {
		cert := issueSpec(t, between, selfsigned.Spec{Names: []string{"a.example.org"}, Key: key})
		chain, pkcs8, err := selfsigned.PEM(cert)
		must(t, chain, err)
		forms := map[string][]byte{"PKCS8": pkcs8}
		switch k := cert.PrivateKey.(type) {
		case *ecdsa.PrivateKey:
			der, err := x509.MarshalECPrivateKey(k)
			forms["SEC1"] = append([]byte("-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"), block("EC PRIVATE KEY", must(t, der, err))...)
		case *rsa.PrivateKey:
			forms["PKCS1"] = block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(k))
		}
		for form, keyPEM := range forms {
			dir := t.TempDir()
			apart := Source{Path: write(t, filepath.Join(dir, "c.pem"), chain), KeyPath: write(t, filepath.Join(dir, "k.pem"), keyPEM)}
			together := Source{Path: write(t, filepath.Join(dir, "both.pem"), append(bytes.Clone(keyPEM), chain...))}
			for _, s := range []Source{apart, together} {
				got, err := load(t, s)
				if err != nil {
					t.Errorf("%s in %s, %+v: %v", name, form, s, err)
					continue
				}
				if len(got) != 1 || len(got[0].TLS.Certificate) != 2 || !bytes.Equal(got[0].TLS.Leaf.Raw, cert.Leaf.Raw) || !matches(got[0].TLS.Leaf, got[0].TLS.PrivateKey) {
					t.Errorf("%s in %s: another certificate than was written, or without its chain", name, form)
				}
			}
		}
	}
}

func TestPKCS12IsReadWithItsPassword(t *testing.T) {
	root := newAuthority(t)
	first, err := root.Intermediate("First")
	must(t, first, err)
	second, err := first.Intermediate("Second")
	must(t, second, err)
	cert := issue(t, second, "a.example.org")
	cas := []*x509.Certificate{first.Cert, second.Cert} // in no order
	for name, encoder := range map[string]*pkcs12.Encoder{"modern": pkcs12.Modern2023, "legacy": pkcs12.LegacyRC2} {
		pfx, err := encoder.Encode(cert.PrivateKey, cert.Leaf, cas, "secret")
		path := write(t, filepath.Join(t.TempDir(), "a.bin"), must(t, pfx, err))
		got, err := load(t, Source{Path: path, Password: "secret"})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if chain := got[0].TLS.Certificate; len(chain) != 3 || !bytes.Equal(chain[1], second.Cert.Raw) || !bytes.Equal(chain[2], first.Cert.Raw) {
			t.Errorf("%s: the chain has %d certificates, want the leaf, then Second, then First", name, len(chain))
		}
		_, err = load(t, Source{Path: path, Password: "another"})
		wantError(t, name+" with a wrong password", err, path, "the password of", "is another")
		_, err = load(t, Source{Path: path})
		wantError(t, name+" without its password", err, path, "has a password: set Password")
	}
}

func TestWhatIsWrongWithAFileIsSaidWithTheWayOut(t *testing.T) {
	root := newAuthority(t)
	between, err := root.Intermediate("Between")
	must(t, between, err)
	other, err := selfsigned.NewAuthority("Other Root")
	must(t, other, err)
	names := []string{"a.example.org"}
	good := issue(t, between, names...)
	chain, key, err := selfsigned.PEM(good)
	must(t, chain, err)
	_, otherKey, err := selfsigned.PEM(issue(t, between, "b.example.org"))
	must(t, otherKey, err)
	leaf, authority, rootPEM, strange := block("CERTIFICATE", good.Certificate[0]), block("CERTIFICATE", good.Certificate[1]),
		block("CERTIFICATE", root.Cert.Raw), block("CERTIFICATE", other.Cert.Raw)
	of := func(spec selfsigned.Spec) []byte {
		spec.Names = names
		chain, key, err := selfsigned.PEM(issueSpec(t, between, spec))
		return append(must(t, chain, err), key...)
	}
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	must(t, weak, err)
	rsaRoot := issueSpec(t, root, selfsigned.Spec{Key: rsaKey(), Template: x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}})
	sha1, err := (&selfsigned.Authority{Cert: rsaRoot.Leaf, Key: rsaKey()}).Issue(selfsigned.Spec{Names: names, Template: x509.Certificate{SignatureAlgorithm: x509.SHA1WithRSA}})
	must(t, sha1, err)
	sha1Chain, sha1Key, err := selfsigned.PEM(sha1)
	must(t, sha1Chain, err)
	encrypted := block("ENCRYPTED PRIVATE KEY", []byte("x"))
	old := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Headers: map[string]string{"Proc-Type": "4,ENCRYPTED", "DEK-Info": "AES-128-CBC,00"}, Bytes: []byte("x")})
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	for name, tt := range map[string]struct {
		cert, key []byte
		want      []string
	}{
		"a key of another":                {chain, otherKey, []string{"does not match the certificate \"CN=a.example.org\"", "with the key"}},
		"the authority first":             {join(authority, leaf), key, []string{`wrong order: they are "CN=Between", then "CN=a.example.org", and must be "CN=a.example.org", then "CN=Between"`}},
		"the root in between":             {join(leaf, rootPEM, authority), key, []string{`must be "CN=a.example.org", then "CN=Between", then "CN=Test Root"`}},
		"a stranger behind":               {join(leaf, strange), key, []string{`"CN=a.example.org" does not lead on to "CN=Other Root": it was issued by "CN=Between"`}},
		"a certificate twice":             {join(leaf, leaf), key, []string{"is there twice"}},
		"expired":                         {of(selfsigned.Spec{Template: x509.Certificate{NotAfter: time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC)}}), nil, []string{"has expired at 2001-01-01T00:00:00Z", "renew it"}},
		"not yet valid":                   {of(selfsigned.Spec{Template: x509.Certificate{NotBefore: time.Date(2098, 1, 1, 0, 0, 0, 0, time.UTC)}}), nil, []string{"not valid before 2098-01-01T00:00:00Z", "is the clock right?"}},
		"for clients":                     {of(selfsigned.Spec{Template: x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}}), nil, []string{"extended key usage is not that of a server (serverAuth)"}},
		"a weak key":                      {of(selfsigned.Spec{Key: weak}), nil, []string{"has 1024 bits: it must have at least 2048"}},
		"SHA-1":                           {sha1Chain, sha1Key, []string{"is signed by SHA1-RSA", "SHA-256"}},
		"an encrypted key":                {chain, encrypted, []string{"is encrypted", "openssl pkey -in"}},
		"an encrypted key in the old way": {chain, old, []string{"is encrypted", "openssl pkey -in"}},
		"two keys":                        {chain, join(key, otherKey), []string{"there are two private keys in"}},
		"a key in both":                   {join(chain, key), key, []string{"has a private key, too", "leave KeyPath out"}},
		"no certificate":                  {key, nil, []string{"there is no certificate in", "BEGIN CERTIFICATE"}},
		"no key":                          {chain, nil, []string{"there is no private key in", "set KeyPath"}},
		"no key in its file":              {chain, chain, []string{"there is no private key in", "BEGIN PRIVATE KEY"}},
		"half a file":                     {join(leaf, authority[:100]), key, []string{"is not whole"}},
		"DER":                             {good.Certificate[0], key, []string{"in DER", "openssl x509 -inform DER"}},
		"DER without a key":               {good.Certificate[0], nil, []string{"in DER"}},
		"nonsense":                        {[]byte("nonsense"), nil, []string{"neither PEM nor PKCS#12"}},
		"a certificate that is none":      {block("CERTIFICATE", []byte("x")), key, []string{"certificate 1 in", "cannot be read"}},
		"a key that is none":              {chain, block("PRIVATE KEY", []byte("x")), []string{"private key in", "cannot be read"}},
	} {
		dir := t.TempDir()
		s := Source{Path: write(t, filepath.Join(dir, "cert.pem"), tt.cert)}
		if tt.key != nil {
			s.KeyPath = write(t, filepath.Join(dir, "key.pem"), tt.key)
		}
		_, err := load(t, s)
		wantError(t, name, err, append(tt.want, "cannot use the certificate "+s.Path)...)
	}
	_, err = load(t, Source{Path: "/nowhere/cert.pem"})
	wantError(t, "a file that is not there", err, "there is no file /nowhere/cert.pem")
	_, err = load(t, Source{Path: t.TempDir()})
	wantError(t, "a folder", err, "is a folder", "Directory")
}

func TestAChainMayEndWithItsRoot(t *testing.T) {
	root := newAuthority(t)
	cert := issue(t, root, "a.example.org")
	cert.Certificate = append(cert.Certificate, root.Cert.Raw)
	if got, err := load(t, writePair(t, t.TempDir(), "a", cert)); err != nil || len(got[0].TLS.Certificate) != 2 {
		t.Errorf("%d, %v, want both certificates", len(got), err)
	}
}

func TestKeysThatOthersMayReadAreRefused(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("files have no mode here")
	}
	root := newAuthority(t)
	cert := issue(t, root, "a.example.org")
	s := writePair(t, t.TempDir(), "a", cert)
	pfx, err := pkcs12.Modern2023.Encode(cert.PrivateKey, cert.Leaf, nil, "p")
	packed := Source{Path: write(t, filepath.Join(t.TempDir(), "a.pfx"), must(t, pfx, err)), Password: "p"}
	for _, mode := range []os.FileMode{0o604, 0o644, 0o660, 0o620, 0o750} {
		for _, tt := range []struct {
			s    Source
			file string
		}{{s, s.KeyPath}, {packed, packed.Path}} {
			os.Chmod(tt.file, mode)
			_, err := load(t, tt.s)
			wantError(t, mode.String(), err, "chmod 600 "+tt.file)
			os.Chmod(tt.file, 0o600)
		}
	}
	os.Chmod(s.Path, 0o644)
	os.Chmod(s.KeyPath, 0o440)
	if _, err := load(t, s); err != nil {
		t.Errorf("a certificate that everybody may read, and a key that a group may: %v", err)
	}
	if os.Geteuid() != 0 { // root may read everything
		os.Chmod(s.KeyPath, 0)
		_, err := load(t, s)
		wantError(t, "a file without permission", err, "may not be read by this process")
	}
}

func TestADirectoryHasPairsPackagesAndCertbotsFolders(t *testing.T) {
	root := newAuthority(t)
	dir := t.TempDir()
	writePair(t, dir, "a", issue(t, root, "a.example.org"))
	chain, key, err := selfsigned.PEM(issue(t, root, "b.example.org"))
	must(t, chain, err)
	write(t, filepath.Join(dir, "b.crt"), chain)
	write(t, filepath.Join(dir, "b.key"), key)
	c := issue(t, root, "c.example.org")
	pfx, err := pkcs12.Modern2023.Encode(c.PrivateKey, c.Leaf, nil, "p")
	write(t, filepath.Join(dir, "c.pfx"), must(t, pfx, err))
	chain, key, err = selfsigned.PEM(issue(t, root, "d.example.org"))
	must(t, chain, err)
	write(t, filepath.Join(dir, "d.example.org", "fullchain.pem"), chain)
	write(t, filepath.Join(dir, "d.example.org", "privkey.pem"), key)
	write(t, filepath.Join(dir, "d.example.org", "chain.pem"), chain)
	write(t, filepath.Join(dir, "README"), []byte("text"))
	write(t, filepath.Join(dir, ".hidden.pem"), []byte("text"))
	if err := os.Mkdir(filepath.Join(dir, "empty"), 0o700); err != nil {
		t.Fatal(err)
	}
	names := func(s Source) string {
		got, err := load(t, s)
		if err != nil {
			t.Errorf("%+v: %v", s, err)
		}
		var out []string
		for _, c := range got {
			out = append(out, c.TLS.Leaf.DNSNames...)
		}
		return strings.Join(out, " ")
	}
	if got, want := names(Source{Directory: dir, Password: "p"}), "a.example.org b.example.org c.example.org d.example.org"; got != want {
		t.Errorf("the folder has %q, want %q", got, want)
	}
	if got := names(Source{Directory: filepath.Join(dir, "d.example.org")}); got != "d.example.org" {
		t.Errorf("certbot's folder itself has %q", got)
	}
	write(t, filepath.Join(dir, "lost.pem"), chain)
	_, err = load(t, Source{Directory: dir})
	wantError(t, "two mistakes at once", err, "lost.pem", "there is no private key", "c.pfx has a password")
	_, err = load(t, Source{Directory: filepath.Join(dir, "empty")})
	wantError(t, "an empty folder", err, "there is no certificate in "+filepath.Join(dir, "empty"))
	_, err = load(t, Source{Directory: filepath.Join(dir, "nowhere")})
	wantError(t, "no folder", err, "there is no file "+filepath.Join(dir, "nowhere"))
}

func FuzzParsePEM(f *testing.F) {
	cert, err := selfsigned.New("a.example.org")
	if err != nil {
		f.Fatal(err)
	}
	chain, key, err := selfsigned.PEM(cert)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(chain)
	f.Add(append(bytes.Clone(chain), key...))
	f.Add(append(bytes.Clone(key), chain[:40]...))
	f.Add([]byte("-----BEGIN PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END PRIVATE KEY-----\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := parsePEM("f", data)
		if (b == nil) == (err == nil) {
			t.Fatalf("%v and %v, want one of both", b, err)
		}
		if err != nil {
			return
		}
		if _, ok := b.key.(crypto.Signer); b.key != nil && !ok {
			t.Errorf("the key is a %T, which cannot sign", b.key)
		}
		if len(b.chain) == 0 || b.key == nil {
			return
		}
		c := &Certificate{TLS: tls.Certificate{PrivateKey: b.key}, chain: b.chain}
		if err := (&checker{now: time.Unix(1e9, 0)}).certificate(c); err == nil && !matches(c.TLS.Leaf, c.TLS.PrivateKey) {
			t.Error("a certificate is taken that its key is not of")
		}
	})
}
