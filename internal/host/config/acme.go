package config

// ACME says where certificates of bindings with acme: true come from (RFC 8555).
type ACME struct {
	// AgreeToTerms says that the operator agrees to the terms of service of the authority. Nothing is ordered without it. Default false.
	AgreeToTerms bool
	// Email is for the authority to write to. Empty, the default, gives none.
	Email string
	// Directory is the URL of the authority. Default that of Let's Encrypt.
	Directory string
	// Roots is the absolute path of a PEM file against which the directory's own certificate is checked. Empty, the default, means the
	// authorities of the system.
	Roots string
	// ExternalAccount binds the account to one that the operator has at the authority (RFC 8555 section 7.3.4). Nil, the default, for none.
	ExternalAccount *ExternalAccount
	// Profile is one of the certificate profiles in the directory, such as shortlived at Let's Encrypt. Empty, the default, leaves it to the authority.
	Profile string
	// Folder is the absolute path of the folder for accounts, certificates and keys. Default: acme in State.
	Folder string
	// Challenges are the ways to prove control of a name, at least one. Default both.
	Challenges []Challenge
	// HTTPPort and TLSPort are where validations arrive on this machine. Default 80 and 443, to which authorities send them.
	HTTPPort, TLSPort int
}

// ExternalAccount is given out by an authority where one has an account.
type ExternalAccount struct {
	KeyID string
	// MACKey is the key in base64url, as it was given out.
	MACKey string
}

// Challenge is a way to prove control of a name.
type Challenge string

const (
	// HTTP01 is a request to port 80 (RFC 8555 section 8.3).
	HTTP01 Challenge = "http-01"
	// TLSALPN01 is a handshake with port 443 (RFC 8737).
	TLSALPN01 Challenge = "tls-alpn-01"
)

// letsEncrypt is the directory of Let's Encrypt (letsencrypt.org/docs/client-options).
const letsEncrypt = "https://acme-v02.api.letsencrypt.org/directory"
