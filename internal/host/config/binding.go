package config

import (
	"net"
	"strconv"
	"strings"

	"github.com/lannerhq/lanner/internal/devcert"
)

// Binding is one address, with or without a host name, on which a site answers.
type Binding struct {
	// Protocol is http or https. Default http.
	Protocol Protocol

	// Address is "*" (every address of the machine), "localhost" (127.0.0.1 and ::1), an IP address in its shortest form, or
	// "unix:" and an absolute path. Default "*".
	Address string

	// Port is 0 to 65535; 0 lets the system choose one. Default 80 for http, 443 for https. Always 0 for a unix socket.
	Port int

	// Host is a host name in lower case, or "*." and a name for every name below it. Empty, the default, means every host.
	Host string

	// Certificate belongs to https and is nil otherwise. It is nil there, too, for the certificate for development, which only bindings
	// for this computer may have.
	Certificate *Certificate

	// ClientCertificate says whether clients must show a certificate. It belongs to https; nil means that none is asked for.
	ClientCertificate *ClientCertificate
}

// Certificate says where a certificate comes from: files, with a Path, a Directory, or both; or an authority.
type Certificate struct {
	// ACME has the authority of Config.ACME issue it, for the Host of the binding. Default false.
	ACME bool
	// Path is the absolute path of the certificate and its chain, of PEM or PKCS#12 (PFX).
	Path string
	// KeyPath is the absolute path of the private key. Default: Path, for a file that holds both.
	KeyPath string
	// Password is that of PKCS#12 files.
	Password string
	// Directory is the absolute path of a folder of certificates, each shown for the names that it is made for. For other names there is
	// Path.
	Directory string
}

// ClientCertificate says what is asked of clients.
type ClientCertificate struct {
	// Mode is whether a client must show a certificate. Default none.
	Mode ClientCertificateMode
	// Authorities is the absolute path of a PEM file with the authorities that client certificates may be of. It is needed unless Mode
	// is none.
	Authorities string
}

// ClientCertificateMode is whether a client must show a certificate.
type ClientCertificateMode string

const (
	// ClientCertificateNone does not ask for one.
	ClientCertificateNone ClientCertificateMode = "none"
	// ClientCertificateOptional asks for one; a client that has none is served, one whose certificate is not of the authorities is not.
	ClientCertificateOptional ClientCertificateMode = "optional"
	// ClientCertificateRequired serves nobody without one.
	ClientCertificateRequired ClientCertificateMode = "required"
)

// UnixPath returns the path of a unix socket, or "" when the binding is for TCP.
func (b Binding) UnixPath() string {
	path, ok := strings.CutPrefix(b.Address, unixPrefix)
	if !ok {
		return ""
	}
	return path
}

const unixPrefix = "unix:"

// String returns the binding as a URL. A host name together with an address, which no URL can say, is added in words.
func (b Binding) String() string {
	if url, ok := b.url(); ok {
		return url
	}
	alone := b
	alone.Host = ""
	url, _ := alone.url()
	return url + " for host " + b.Host
}

// url returns the string form of the file, and whether there is one that says everything but the certificate.
func (b Binding) url() (string, bool) {
	if b.Host != "" && b.Address != "*" {
		return "", false
	}
	scheme := string(b.Protocol) + "://"
	if b.UnixPath() != "" {
		return scheme + b.Address, true
	}
	host := b.Address
	if b.Host != "" {
		host = b.Host
	}
	return scheme + net.JoinHostPort(host, strconv.Itoa(b.Port)), true
}

// onlyThisComputer reports whether clients can only mean this computer, by the address or the name: there the certificate for development
// is used when no other is given. It is made for the names of this computer alone.
func (b Binding) onlyThisComputer() bool {
	name := strings.TrimPrefix(b.Host, "*.")
	if name != "" && !devcert.Loopback(name) {
		return false
	}
	return devcert.Loopback(b.Address) || b.Address == "*" && name != ""
}

// sockets returns the addresses the binding listens on, in a form that can be compared. Port 0 gives none, because the
// system gives each such binding a port of its own.
func (b Binding) sockets() []string {
	if b.UnixPath() != "" {
		return []string{b.Address}
	}
	if b.Port == 0 {
		return nil
	}
	port := strconv.Itoa(b.Port)
	if b.Address != "localhost" {
		return []string{net.JoinHostPort(b.Address, port)}
	}
	return []string{net.JoinHostPort("127.0.0.1", port), net.JoinHostPort("::1", port)}
}
