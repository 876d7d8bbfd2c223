package kestrel

import (
	"crypto/tls"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/lannerhq/lanner/internal/tlsconfig"
)

// Certificate names the files of a certificate, or a folder of certificates. The zero value is none. A path that is not absolute begins in
// the working directory. Start and AddEndpoint read the files; so does Reload, and the server itself when they have changed
// (Options.CertificatePollInterval), for handshakes from then on. What clients would refuse is an error. On Unix a file with a private
// key must not be readable by others than its owner.
type Certificate struct {
	// Path is a PEM file with the certificate, and behind it those that lead to the client's authority, or a PKCS#12 (PFX) file with its
	// Password.
	Path string
	// KeyPath is a PEM file with the private key, of PKCS#8, PKCS#1 or SEC 1. Empty means that it is in the file of the certificate. It must
	// not be encrypted.
	KeyPath string
	// Password is that of PKCS#12 files. Outside of files, the variable Kestrel__..._Password is a place for it.
	Password string
	// Directory is a folder of certificates, each for the names that it is made for: NAME.pem or .crt with NAME.key or its key in the same
	// file, NAME.pfx or .p12, and folders with fullchain.pem and privkey.pem, as certbot's live. New ones are noticed. For names
	// that the folder does not have there is Path.
	Directory string
}

// defaultCertificatePoll is how often files of certificates are looked at.
const defaultCertificatePoll = 5 * time.Second

// Certificates are those that endpoints share.
type Certificates struct {
	// Default is for https endpoints, and names of SNI on them, that have no certificate of their own.
	Default Certificate
}

func (c Certificate) isZero() bool { return c.Path == "" && c.Directory == "" }

func (c Certificate) source() tlsconfig.Source { return tlsconfig.Source(c) }

// check calls bad for each mistake that can be seen without the files.
func (c Certificate) check(bad func(option, format string, args ...any)) {
	if c.KeyPath != "" && c.Path == "" {
		bad(".KeyPath", ".KeyPath is %q, but there is no %s", c.KeyPath, "Certificate.Path")
	}
	if c.Password != "" && c.isZero() {
		bad(".Password", ".Password is there, but there is no Path or Directory that it is for")
	}
}

// sources are those of certificates that are there.
func sources(certs ...Certificate) (out []tlsconfig.Source) {
	for _, c := range certs {
		if !c.isZero() {
			out = append(out, c.source())
		}
	}
	return out
}

// SNIOptions is what an endpoint shows to clients that ask for one name. What is zero is as the endpoint has it.
type SNIOptions struct {
	Certificate          Certificate
	AlternateCertificate Certificate
	// Protocols are the versions of HTTP. Nil means those of the endpoint.
	Protocols *Protocols
	// ClientCertificateMode says whether clients must show a certificate. Nil means what the endpoint says.
	ClientCertificateMode *ClientCertificateMode
	// ClientCertificateAuthorities is a PEM file with the authorities that they may be of.
	ClientCertificateAuthorities string
	TLSVersions                  []TLSVersion
}

// ClientCertificateMode says whether the client must show a certificate (Kestrel's ClientCertificateMode). What it has shown is in
// server.TLSConnectionFeature and in http.Request.TLS.PeerCertificates. Kestrel's DelayCertificate, which asks later, is impossible with
// HTTP/2 and TLS 1.3.
type ClientCertificateMode uint8

const (
	// NoCertificate does not ask for one.
	NoCertificate ClientCertificateMode = iota
	// AllowCertificate asks for one; a client that has none is served, and one whose certificate is not of the authorities is not.
	AllowCertificate
	// RequireCertificate serves nobody without one.
	RequireCertificate
)

var clientCertificateModeNames = []string{"NoCertificate", "AllowCertificate", "RequireCertificate"}

// String returns the name that UnmarshalText takes, which is Kestrel's.
func (m ClientCertificateMode) String() string { return name(clientCertificateModeNames, m) }

// MarshalText and UnmarshalText make a ClientCertificateMode readable in configuration files.
func (m ClientCertificateMode) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText takes "NoCertificate", "AllowCertificate" or "RequireCertificate".
func (m *ClientCertificateMode) UnmarshalText(text []byte) error {
	if strings.EqualFold(string(text), "DelayCertificate") {
		return errors.New("a client cannot be asked later in HTTP/2 and TLS 1.3: use AllowCertificate, or RequireCertificate for a name of its own (Sni)")
	}
	return unmarshal(clientCertificateModeNames, m, text)
}

func (m ClientCertificateMode) auth() tls.ClientAuthType {
	switch m {
	case AllowCertificate:
		return tls.VerifyClientCertIfGiven
	case RequireCertificate:
		return tls.RequireAndVerifyClientCert
	}
	return tls.NoClientCert
}

// TLSVersion is a version of TLS, as one of Kestrel's SslProtocols.
type TLSVersion uint8

const (
	// TLS12 is TLS 1.2.
	TLS12 TLSVersion = iota
	// TLS13 is TLS 1.3.
	TLS13
)

var tlsVersionNames = []string{"Tls12", "Tls13"}

// String returns the name that UnmarshalText takes, which is Kestrel's.
func (v TLSVersion) String() string { return name(tlsVersionNames, v) }

// MarshalText and UnmarshalText make a TLSVersion readable in configuration files.
func (v TLSVersion) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// UnmarshalText takes "Tls12" or "Tls13".
func (v *TLSVersion) UnmarshalText(text []byte) error {
	switch strings.ToLower(string(text)) {
	case "tls", "tls11", "ssl2", "ssl3":
		return errors.New("the least is Tls12 (RFC 8996)")
	}
	return unmarshal(tlsVersionNames, v, text)
}

// bounds are the least and the greatest of versions for a tls.Config; 0 for none.
func bounds(versions []TLSVersion) (least, greatest uint16) {
	if len(versions) == 0 {
		return 0, 0
	}
	return tls.VersionTLS12 + uint16(slices.Min(versions)), tls.VersionTLS12 + uint16(slices.Max(versions))
}
