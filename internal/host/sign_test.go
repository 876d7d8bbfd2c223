package host

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"io"
	"strings"
	"testing"

	"github.com/lannerhq/lanner/internal/memnet"
	"github.com/lannerhq/lanner/test/selfsigned"
)

func keysToSignBy(t *testing.T) map[string]crypto.Signer {
	t.Helper()
	p256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	numbers, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]crypto.Signer{"ECDSA": p256, "Ed25519": ed, "RSA": numbers}
}

// signedContent is what crypto/tls has had signed in a handshake.
type signedContent struct {
	crypto.Signer
	content []byte
	scheme  func(crypto.SignerOpts) tls.SignatureScheme
}

func (s *signedContent) SignMessage(_ io.Reader, content []byte, opts crypto.SignerOpts) ([]byte, error) {
	s.content = bytes.Clone(content)
	return signHandshake(s.Signer, s.scheme(opts), content)
}

func (s *signedContent) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	panic("a digest")
}

func schemeFor(key crypto.Signer) func(crypto.SignerOpts) tls.SignatureScheme {
	return func(opts crypto.SignerOpts) tls.SignatureScheme {
		_, padded := opts.(*rsa.PSSOptions)
		for scheme, by := range schemes {
			_, same := by.opts.(*rsa.PSSOptions)
			if by.fits(key.Public()) && by.opts.HashFunc() == opts.HashFunc() && same == padded {
				return scheme
			}
		}
		return 0
	}
}

func TestWhatCryptoTLSHasSignedIsSigned(t *testing.T) {
	root, err := selfsigned.NewAuthority("root")
	if err != nil {
		t.Fatal(err)
	}
	for name, key := range keysToSignBy(t) {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			for _, curve := range []tls.CurveID{tls.X25519, tls.CurveP256, tls.CurveP384, tls.CurveP521} {
				cert, err := root.Issue(selfsigned.Spec{Names: []string{"a"}, Key: key})
				if err != nil {
					t.Fatal(err)
				}
				asked := &signedContent{Signer: key, scheme: schemeFor(key)}
				cert.PrivateKey = asked
				near, far := memnet.Pipe(1 << 16)
				server := tls.Server(far, &tls.Config{Certificates: []tls.Certificate{cert}})
				done := make(chan error, 1)
				go func() { done <- server.Handshake() }()
				client := tls.Client(near, &tls.Config{RootCAs: root.Pool(), ServerName: "a", MaxVersion: version, CurvePreferences: []tls.CurveID{curve}})
				if err := client.Handshake(); err != nil {
					t.Errorf("%s, %s, %v: %v", name, tls.VersionName(version), curve, err)
				}
				if err := <-done; err != nil {
					t.Errorf("%s, %s, %v: the server: %v", name, tls.VersionName(version), curve, err)
				}
				if asked.content == nil {
					t.Errorf("%s, %s, %v: nothing was signed", name, tls.VersionName(version), curve)
				}
				near.Close()
				far.Close()
			}
		}
	}
}

func TestNothingElseThanHandshakesIsSigned(t *testing.T) {
	keys := keysToSignBy(t)
	verify := append(bytes.Clone(verifyContext), make([]byte, 32)...)
	exchange := append(make([]byte, 64), append([]byte{3, 0, 29, 32}, make([]byte, 32)...)...)
	digest := sha256.Sum256(nil)
	for _, tt := range []struct {
		why     string
		key     string
		scheme  tls.SignatureScheme
		content []byte
		want    string // in the error; "" for a signature
	}{
		{"TLS 1.3", "ECDSA", tls.ECDSAWithP256AndSHA256, verify, ""},
		{"TLS 1.3 with SHA-384", "ECDSA", tls.ECDSAWithP256AndSHA256, append(bytes.Clone(verifyContext), make([]byte, 48)...), ""},
		{"TLS 1.2", "ECDSA", tls.ECDSAWithP384AndSHA384, exchange, ""},
		{"RSA in TLS 1.2", "RSA", tls.PKCS1WithSHA256, exchange, ""},
		{"RSA in TLS 1.3", "RSA", tls.PSSWithSHA512, verify, ""},
		{"Ed25519", "Ed25519", tls.Ed25519, verify, ""},
		{"PKCS #1 is not of TLS 1.3", "RSA", tls.PKCS1WithSHA256, verify, "not a scheme for handshakes of TLS 1.3"},
		{"SHA-1", "RSA", tls.PKCS1WithSHA1, exchange, "not a scheme that servers sign by"},
		{"SHA-1 with ECDSA", "ECDSA", tls.ECDSAWithSHA1, exchange, "not a scheme that servers sign by"},
		{"no scheme", "RSA", 0, exchange, "not a scheme that servers sign by"},
		{"another key's", "ECDSA", tls.PSSWithSHA256, verify, "not a scheme for a"},
		{"another key's", "RSA", tls.Ed25519, verify, "not a scheme for a"},
		{"a digest", "ECDSA", tls.ECDSAWithP256AndSHA256, digest[:], "not what a server signs"},
		{"a digest by Ed25519", "Ed25519", tls.Ed25519, digest[:], "not what a server signs"},
		{"the client's context", "ECDSA", tls.ECDSAWithP256AndSHA256, bytes.Replace(verify, []byte("server"), []byte("client"), 1), "not what a server signs"},
		{"no hash", "ECDSA", tls.ECDSAWithP256AndSHA256, verifyContext, "not what a server signs"},
		{"more than a hash", "ECDSA", tls.ECDSAWithP256AndSHA256, append(bytes.Clone(verify), 0), "not what a server signs"},
		{"less than 64 spaces", "ECDSA", tls.ECDSAWithP256AndSHA256, verify[1:], "not what a server signs"},
		{"explicit parameters", "ECDSA", tls.ECDSAWithP256AndSHA256, append(make([]byte, 64), append([]byte{1, 0, 29, 32}, make([]byte, 32)...)...), "not what a server signs"},
		{"an unknown curve", "ECDSA", tls.ECDSAWithP256AndSHA256, append(make([]byte, 64), append([]byte{3, 0, 1, 32}, make([]byte, 32)...)...), "not what a server signs"},
		{"a key of another size", "ECDSA", tls.ECDSAWithP256AndSHA256, exchange[:len(exchange)-1], "not what a server signs"},
		{"nothing", "ECDSA", tls.ECDSAWithP256AndSHA256, nil, "not what a server signs"},
	} {
		signature, err := signHandshake(keys[tt.key], tt.scheme, tt.content)
		if tt.want == "" {
			if err != nil || len(signature) == 0 {
				t.Errorf("%s: %x, %v, want a signature", tt.why, signature, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), tt.want) || signature != nil {
			t.Errorf("%s: %x, %v, want %q", tt.why, signature, err, tt.want)
		}
	}
}

// FuzzWhatIsSigned holds that whatever is signed begins as one of two things does.
func FuzzWhatIsSigned(f *testing.F) {
	f.Add(append(bytes.Clone(verifyContext), make([]byte, 32)...))
	f.Add(append(make([]byte, 64), append([]byte{3, 0, 29, 32}, make([]byte, 32)...)...))
	f.Add([]byte("eyJhbGciOiJFUzI1NiJ9.e30"))
	f.Fuzz(func(t *testing.T, content []byte) {
		switch {
		case isCertificateVerify(content):
			if n := len(content) - len(verifyContext); n != 32 && n != 48 || string(content[64:97]) != "TLS 1.3, server CertificateVerify" {
				t.Errorf("%q is taken for a CertificateVerify", content)
			}
		case isKeyExchange(content):
			if len(content) < 100 || len(content) > 68+133 || content[64] != 3 || int(content[67]) != len(content)-68 {
				t.Errorf("%q is taken for a key exchange", content)
			}
		}
	})
}
