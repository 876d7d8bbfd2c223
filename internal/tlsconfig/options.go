package tlsconfig

import (
	"crypto/tls"
	"net/http"
	"time"
)

// Options says what a Store shows.
type Options struct {
	// Names are what is shown for the name that a client asks for: exactly, a.example.org; all below one, at any depth, *.example.org; and for
	// all others, also for clients that ask for none, *. The longest wins. Case does not count. Without *, the handshake of the others fails.
	Names map[string]Name
	// Base is what all configurations are clones of. Nil means the defaults of crypto/tls. Its certificates and session ticket keys are not
	// used. Its GetConfigForClient is asked first, where it has one.
	Base *tls.Config
	// Tickets are the keys of session tickets. Nil means keys of the Store's own, in memory.
	Tickets *TicketKeys
	// Interval is how often the files are looked at. Zero means 5 s, negative never.
	Interval time.Duration
	// HTTP asks OCSP responders. Nil means that nothing is stapled.
	HTTP *http.Client
	// Events are told what happens.
	Events Events
}

// Name is what is shown and asked for under one name.
type Name struct {
	// Sources are the certificates. Of several the client's algorithms decide: ECDSA, then Ed25519, then RSA. Those of a Directory are shown
	// under the names they are made for; those of a Path under all.
	Sources []Source
	// Get answers instead of Sources, in each handshake. What it shows is not watched, warned of or given OCSP responses here.
	Get func(*tls.ClientHelloInfo) (*tls.Certificate, error)
	// NextProtos are offered by ALPN, in this order. MustChoose refuses clients that do not choose one of them.
	NextProtos []string
	MustChoose bool
	// ClientAuth says whether a client must show a certificate, and ClientCAs is a file of PEM with the authorities that it may be of; empty
	// means those of Options.Base.
	ClientAuth tls.ClientAuthType
	ClientCAs  string
	// Owner tells tickets from those of others with the same name, who may be somebody else at another address. Empty means nobody's.
	Owner string
	// MinVersion and MaxVersion bound the version of TLS. Zero means those of Options.Base, and no less than TLS 1.2.
	MinVersion, MaxVersion uint16
}

// Events are told what happens while certificates are in use, by the Store's goroutines and in handshakes. Each may be nil. They must not
// call the Store.
type Events struct {
	// Reloaded says that other certificates are shown from now on; the argument has all of them.
	Reloaded func([]*Certificate)
	// ReloadFailed says why changed files cannot be used. What was shown before still is.
	ReloadFailed func(error)
	// Expiring says that a certificate has not been renewed: 30, 7 and 1 days before it expires, and when it has, which left 0 says. It is
	// shown all the same. A warning that would come before a third of the certificate's life is left is not given.
	Expiring func(c *Certificate, left time.Duration)
	// StapleFailed says why there is no new OCSP response. An old one is used until it expires.
	StapleFailed func(c *Certificate, err error)
	// UnknownName says that a client was refused since there is nothing for the name it asks for. Empty means that it asked for none.
	UnknownName func(name string)
}

// defaultInterval is how often files are looked at.
const defaultInterval = 5 * time.Second

func (o *Options) interval() time.Duration {
	if o.Interval == 0 {
		return defaultInterval
	}
	return o.Interval
}
