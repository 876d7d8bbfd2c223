package tlsconfig

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/netip"
	"strings"
)

// anyName is the name for all that have none.
const anyName = "*"

// CheckName returns what is wrong with a key of Options.Names.
func CheckName(name string) error {
	host := normal(name)
	host = strings.TrimPrefix(host, "*.")
	switch {
	case name == anyName:
		return nil
	case host == "" || len(host) > 253 || strings.Contains(host, "*"):
		return fmt.Errorf("%q is not a name: write a.example.org, *.example.org for all below it, or *", name)
	case strings.ContainsAny(host, ":/ ") || isAddress(host):
		return fmt.Errorf("%q is not a host name: clients ask for a name without a port, and for none when they connect to an address, which * is for", name)
	}
	for i := range len(host) {
		if host[i] >= 0x80 {
			return fmt.Errorf("%q is not in the form that clients send: write it in punycode, xn--...", name)
		}
	}
	for label := range strings.SplitSeq(host, ".") {
		if label == "" || len(label) > 63 {
			return fmt.Errorf("%q is not a name: each part has 1 to 63 characters", name)
		}
	}
	return nil
}

func isAddress(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}

// normal is a name as it is looked up.
func normal(name string) string { return strings.TrimSuffix(strings.ToLower(name), ".") }

// choice is what is shown under one name of Options.Names.
type choice struct {
	// made are configurations for the names that the certificates of directories are made for; nil when there are none.
	made map[string]*prepared
	// other is for what made does not have.
	other *prepared
}

// prepared is a configuration that handshakes use as it is.
type prepared struct {
	config *tls.Config
	certs  group
	owner  string
	// must is what a client has to choose one of, by ALPN; nil for nothing.
	must []string
}

// choices are the names. It does not change once it is made.
type choices struct {
	exact, below map[string]*choice // below is without the asterisk: .example.org
	any          *choice            // nil: the handshake fails
}

// find returns what a name asks for: exactly, then by the longest wildcard, then by none. Nil means nothing.
func (c *choices) find(name string) *prepared {
	name = normal(name)
	at := c.exact[name]
	for dot := 0; at == nil && len(c.below) > 0; dot++ {
		next := strings.IndexByte(name[dot:], '.')
		if next < 0 {
			break
		}
		dot += next
		at = c.below[name[dot:]]
	}
	if at == nil {
		at = c.any
	}
	if at == nil {
		return nil
	}
	return at.find(name)
}

// find returns the configuration for a name. In a certificate an asterisk stands for one label (RFC 6125 §6.4.3).
func (c *choice) find(name string) *prepared {
	if p := c.made[name]; p != nil {
		return p
	}
	if dot := strings.IndexByte(name, '.'); c.made != nil && dot >= 0 {
		if p := c.made[name[dot:]]; p != nil {
			return p
		}
	}
	return c.other
}

// madeFor returns the names of a certificate as choice.made has them.
func madeFor(leaf *x509.Certificate) (out []string) {
	for _, name := range leaf.DNSNames {
		out = append(out, strings.TrimPrefix(normal(name), "*"))
	}
	return out
}
