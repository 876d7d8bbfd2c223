package kestrel

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"net"
	"slices"
	"time"

	"github.com/lannerhq/lanner/accesslog"
	"github.com/lannerhq/lanner/connection"
	"github.com/lannerhq/lanner/internal/http1"
	"github.com/lannerhq/lanner/internal/httpconn"
	"github.com/lannerhq/lanner/internal/transport"
	"github.com/lannerhq/lanner/metrics"
	"github.com/lannerhq/lanner/server"
)

// Options configures a Server. The zero value is a valid configuration.
type Options struct {
	// Endpoints are where to listen. When there are none, the addresses of the ServerAddressesFeature are; when there
	// are none either, http://localhost:5000. Addresses that are set beside Endpoints are ignored with a warning, unless
	// they are preferred (ServerAddressesFeature.SetPreferHostingURLs).
	Endpoints []Endpoint
	// Certificates has the certificate of endpoints that have none of their own.
	Certificates Certificates
	// TicketKeysFile has the keys of session tickets, by which clients come back without a whole TLS handshake. It is made when it is not
	// there, with the mode 0600. Servers that name the same file, and the same server after a restart, know each other's tickets. A new key
	// is made each day. Empty means keys in memory. It does not change when the server is reloaded.
	TicketKeysFile string
	// CertificatePollInterval is how often the files of certificates are looked at, and read again when they have changed. Zero means 5 s;
	// None that Reload alone reads them (Kestrel's DisableCertificateFileWatching).
	CertificatePollInterval time.Duration
	// DisableOCSPStapling keeps the server from asking the OCSP responders that certificates name.
	DisableOCSPStapling bool
	Limits              Limits
	Compat              Compat
	// ServerHeader is the value of the Server field of responses. Empty sends none, as net/http does; Kestrel's own
	// default is "Kestrel".
	ServerHeader string
	// Logger takes the server's events. Nil means slog.Default.
	Logger *slog.Logger
	// AccessLog takes a line for each exchange: also for a request that was rejected, a connection that broke, and one beyond a
	// limit. The line of an upgrade is written when its handler returns. Nil means none. The server does not close it.
	AccessLog *accesslog.Log
	// Metrics makes the instruments of the server's metrics (docs/reference/metrics.md), such as a *metrics.Registry. Nil means
	// none. Like AccessLog, it does not change when the server is reloaded.
	Metrics metrics.Meter
	// Rejected may change the answer to a request that breaks a rule: its status, header fields and body. It is called for what
	// the server itself refuses, which no application sees, and for a *server.BadRequestError with which a handler ended before
	// its response started. The connection ends after the answer in any case. What cannot be sent is replaced by the standard
	// answer, and logged; so is a panic. It is called on many goroutines at once, and must not block: it may hold up other
	// connections. An HTTP/2 preface where HTTP/2 is not spoken has an answer of its own. Nil means the standard answers, which have no body. It does not
	// change when the server is reloaded.
	Rejected func(*Rejection)
	// Transport says what carries connections: the event loop or a goroutine each. Zero chooses.
	Transport Transport
	// Exec says where handlers run on the event loop. Zero lets the server find out.
	Exec Exec
	// HTTP3 is what endpoints need whose Protocols have HTTP/3: http3.New of package http3. Nil means that there are none. It does not
	// change when the server is reloaded.
	HTTP3 HTTP3
}

// Endpoint is one place to listen.
type Endpoint struct {
	// Name is for features, logs and metrics. Empty means the address.
	Name string
	// URL is the address, such as http://127.0.0.1:8080, http://*:80, https://*:443, http://localhost:5000, http://unix:/run/app.sock
	// or http://fd:3. See ParseAddress.
	URL string
	// Listener is used instead of URL when it is not nil. The server owns and closes it.
	Listener net.Listener
	// UnixMode is the mode of a unix socket's file. Zero means 0660: whoever may connect is the owner's and the
	// group's to say, not the umask's.
	UnixMode fs.FileMode
	// Protocols are the versions of HTTP. Zero means HTTP1AndHTTP2.
	Protocols Protocols
	// TLS encrypts the endpoint; its URL must be https. Nil means no encryption, unless there is a Certificate or SNI, whose files then are
	// what TLS would have as Certificates. It is cloned: later changes have no effect, but GetCertificate and GetConfigForClient are
	// asked in each handshake. No version below 1.2 is spoken, and of that only suites with ephemeral keys and authenticated
	// encryption, unless CipherSuites names others. NextProtos is made of Protocols when it is empty; else what Protocols
	// does not have is left out. The handshake is made behind Middleware.
	TLS *tls.Config
	// Certificate names the files of a certificate. An https endpoint without one, and without certificates in TLS, has that of
	// Options.Certificates.Default.
	Certificate Certificate
	// DisableDeferAccept has the kernel hand over TCP connections as soon as they are made. Else, on Linux and on the event loop, it keeps
	// them until their client has sent something, or for about a second (tcp(7), TCP_DEFER_ACCEPT): a connection for one request costs a
	// quarter less, and one that is made ahead of its first request is counted, limited and timed that much later.
	DisableDeferAccept bool
	// DisableAltSvc leaves out the Alt-Svc field, by which responses of HTTP/1.1 and 2 tell of HTTP/3 on an endpoint that speaks it.
	DisableAltSvc bool
	// AlternateCertificate is a certificate with another algorithm, for clients that cannot use that of Certificate: RSA beside ECDSA.
	AlternateCertificate Certificate
	// SNI says what is different for the name that a client asks for (server name indication): "a.example.org", "*.example.org" for every
	// name below, at any depth, "*" for all others and for clients that ask for none. A whole name wins over the longest wildcard, that
	// over "*". When SNI has a name, the handshake of a client that asks for another fails, unless there is "*".
	SNI map[string]SNIOptions
	// ClientCertificateMode says whether clients must show a certificate. Zero means NoCertificate, or what TLS.ClientAuth says.
	ClientCertificateMode ClientCertificateMode
	// ClientCertificateAuthorities is a PEM file with the authorities that certificates of clients may be of. Empty means TLS.ClientCAs.
	ClientCertificateAuthorities string
	// TLSVersions are the versions of TLS (Kestrel's SslProtocols). None means TLS12 and TLS13.
	TLSVersions []TLSVersion
	// HandshakeTimeout bounds the TLS handshake. Zero means 10 s, None no limit. Beyond: closed.
	HandshakeTimeout time.Duration
	// KeepClientHello keeps the client's first message of the TLS handshake, as for a fingerprint of the client: handlers find it by
	// server.TLSClientHelloFeature. It costs its size on each connection, 0.2 to 2 KiB as a rule, and 64 KiB at most. HTTP/3 has none: of
	// QUIC's handshake the server sees the fields of a tls.ClientHelloInfo alone, in TLS.GetConfigForClient.
	KeepClientHello bool
	// OnClientHello is called when that message has come whole, before it is answered (Kestrel's TlsClientHelloBytesCallback, which
	// is given the first record). What it sets in connection, the connection's features, is there in its requests; message is as
	// server.TLSClientHelloFeature has it, and must not be changed. An error ends the connection without an answer. It is called on
	// many goroutines at once, counts for HandshakeTimeout, and holds up nobody else. Not for HTTP/3. Nil means none.
	OnClientHello func(connection *server.Features, message []byte) error
	// Middleware runs on each connection, after it was counted at the limits and before HTTP; the first is the outermost.
	// Such connections have a goroutine each, whatever Options.Transport says, and Options.Exec has no effect.
	Middleware []connection.Middleware
}

// None as a limit means that there is none; Nothing that not even one is allowed.
const (
	None    = -1
	Nothing = -2
)

// Limits bounds what clients may do (KestrelServerLimits). In every field zero means the default named there, and None
// no limit.
type Limits struct {
	// MaxRequestLineSize in bytes, line end included. Zero means 8,192. Beyond: 414.
	MaxRequestLineSize int
	// MaxRequestHeadersTotalSize in bytes, trailers included. Zero means 32,768. Beyond: 431.
	MaxRequestHeadersTotalSize int
	// MaxRequestHeaderCount counts field lines, trailers included. Zero means 100. Beyond: 431.
	MaxRequestHeaderCount int
	// MaxRequestBodySize in bytes as received. Zero means 30,000,000. Beyond: 413 when the application reads. A request
	// can change it by server.MaxRequestBodySizeFeature.
	MaxRequestBodySize int64
	// MaxRequestBufferSize bounds how much of a request is read ahead of the application, in bytes. Zero means 1 MiB. It
	// must not be below the two sizes above. Lanner reads at most 64 KiB ahead, or one head.
	MaxRequestBufferSize int64
	// MaxResponseBufferSize is how much of a response is held back, in bytes. Zero means 64 KiB, Nothing sends every
	// write at once.
	MaxResponseBufferSize int
	// MaxConcurrentConnections that are not upgraded. Zero means no limit. Beyond: closed without a byte, with a warning.
	MaxConcurrentConnections int64
	// MaxConcurrentUpgradedConnections. Zero means no limit. Tunnels on streams of HTTP/2, such as WebSockets, count, too. Beyond: the
	// upgrade fails in the application.
	MaxConcurrentUpgradedConnections int64
	// ConnectionLimitPolicy says what becomes of a connection beyond MaxConcurrentConnections. Zero closes it, as Kestrel does.
	ConnectionLimitPolicy ConnectionLimitPolicy
	// MaxRequestsPerConnection is how many requests a connection may have. Zero means no limit. The last response says
	// Connection: close.
	MaxRequestsPerConnection int64
	// MaxConnectionAge, spread by a tenth so that not all end together, is the age at which a connection's next response is
	// its last; one that waits for a request is closed. Zero means no limit. A load balancer in front spreads connections anew.
	MaxConnectionAge time.Duration
	// MaxConnectionAgeGrace is how long a request may go on after that before it is aborted. Zero means no limit.
	MaxConnectionAgeGrace time.Duration
	// KeepAliveTimeout bounds the wait for a request. Zero means 130 s. Beyond: closed silently.
	KeepAliveTimeout time.Duration
	// RequestHeadersTimeout bounds the time from a request's first byte to the end of its head. Zero means 30 s. Beyond:
	// 408.
	RequestHeadersTimeout time.Duration
	// MinRequestBodyDataRate while the application waits for a body. The zero value means 240 B/s after 5 s; negative
	// BytesPerSecond means none. Below: 408.
	MinRequestBodyDataRate server.DataRate
	// MinResponseDataRate while a response is written. The zero value means 240 B/s after 5 s; negative BytesPerSecond
	// means none. Below: the connection is reset.
	MinResponseDataRate server.DataRate
	// HTTP2 are the limits of HTTP/2 connections, beside the others.
	HTTP2 HTTP2Limits
	// HTTP3 are the limits of HTTP/3 connections, beside the others; those of QUIC are http3.Options.
	HTTP3 HTTP3Limits
}

// Rejection is a request that is refused, as Options.Rejected sees it.
type Rejection = httpconn.Rejection

// Compat names each deliberate laxness of the HTTP/1.1 engine; the zero value is strict.
type Compat = http1.Compat

const (
	defaultRequestBufferSize = 1 << 20
	defaultRate              = 240
	defaultGrace             = 5 * time.Second
)

// Validate returns all mistakes in o, joined; nil when there is none. Start calls it.
func (o *Options) Validate() error {
	var errs []error
	for _, err := range o.mistakes() {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func (o *Options) mistakes() (errs []*optionError) {
	o.Certificates.Default.check(func(option, format string, args ...any) {
		errs = append(errs, &optionError{"Certificates.Default" + option, fmt.Errorf("Certificates.Default"+format, args...)})
	})
	if o.CertificatePollInterval < None {
		errs = append(errs, &optionError{"CertificatePollInterval", fmt.Errorf("CertificatePollInterval is %v: it must be more than 0, -1 for never, or 0 for the default", o.CertificatePollInterval)})
	}
	for _, e := range o.withDefaults(o.Endpoints) {
		bad := func(option, format string, args ...any) {
			errs = append(errs, &optionError{endpointPath(e) + "." + option, fmt.Errorf(format, args...)})
		}
		if e.Listener == nil {
			a, err := ParseAddress(e.URL)
			if err == nil {
				err = e.checkScheme(a)
			}
			if err != nil {
				bad("Url", "endpoint %q: %w", e.Name, err)
			}
		}
		e.checkTLS(bad)
		e.checkHTTP3(o.HTTP3, bad)
		if i := slices.IndexFunc(e.Middleware, func(m connection.Middleware) bool { return m == nil }); i >= 0 {
			bad("Middleware", "endpoint %q: Middleware[%d] is nil: leave it out", e.Name, i)
		}
		if e.UnixMode&^0o777 != 0 {
			bad("UnixMode", "endpoint %q: UnixMode %o has more than permission bits", e.Name, e.UnixMode)
		}
	}
	if err := o.Transport.validate(); err != nil {
		errs = append(errs, &optionError{"Transport", err})
	}
	if o.Exec > ExecGoroutine {
		errs = append(errs, &optionError{"Exec", fmt.Errorf("Exec is %v: it must be one of %q", o.Exec, execNames)})
	}
	if o.HTTP3 != nil {
		if err := o.HTTP3.Validate(); err != nil {
			errs = append(errs, &optionError{"HTTP3", err})
		}
	}
	return append(errs, o.Limits.validate()...)
}

func (l *Limits) validate() (errs []*optionError) {
	bad := func(name string, value any, valid string) {
		errs = append(errs, &optionError{"Limits." + name, fmt.Errorf("Limits.%s is %v: it must be %s, or 0 for the default", name, value, valid)})
	}
	positive := func(name string, n int64) {
		if n < None {
			bad(name, n, "at least 1, or -1 for no limit")
		}
	}
	head := func(name string, n int) {
		if n < None || n > math.MaxInt32 {
			bad(name, n, "1 to 2147483647, or -1 for no limit")
		}
	}
	head("MaxRequestLineSize", l.MaxRequestLineSize)
	head("MaxRequestHeadersTotalSize", l.MaxRequestHeadersTotalSize)
	head("MaxRequestHeaderCount", l.MaxRequestHeaderCount)
	positive("MaxRequestBufferSize", l.MaxRequestBufferSize)
	positive("MaxConcurrentConnections", l.MaxConcurrentConnections)
	if l.MaxRequestBodySize < Nothing {
		bad("MaxRequestBodySize", l.MaxRequestBodySize, "at least 1, -1 for no limit, or -2 for no body at all")
	}
	if l.MaxResponseBufferSize < Nothing {
		bad("MaxResponseBufferSize", l.MaxResponseBufferSize, "at least 1, -1 for no limit, or -2 to send at once")
	}
	if l.MaxConcurrentUpgradedConnections < Nothing {
		bad("MaxConcurrentUpgradedConnections", l.MaxConcurrentUpgradedConnections, "at least 1, -1 for no limit, or -2 for none at all")
	}
	timeout := func(name string, d time.Duration) {
		if d < None {
			bad(name, d, "more than 0, or -1 for no limit")
		}
	}
	timeout("KeepAliveTimeout", l.KeepAliveTimeout)
	timeout("RequestHeadersTimeout", l.RequestHeadersTimeout)
	timeout("MaxConnectionAge", l.MaxConnectionAge)
	timeout("MaxConnectionAgeGrace", l.MaxConnectionAgeGrace)
	positive("MaxRequestsPerConnection", l.MaxRequestsPerConnection)
	if l.ConnectionLimitPolicy > LimitWait {
		bad("ConnectionLimitPolicy", l.ConnectionLimitPolicy, fmt.Sprintf("one of %q", limitPolicyNames))
	}
	rate := func(name string, r server.DataRate) {
		if r.BytesPerSecond > 0 && r.Grace <= transport.Interval {
			bad(name+".Grace", r.Grace, "more than 1s, the interval at which rates are measured")
		}
	}
	rate("MinRequestBodyDataRate", l.MinRequestBodyDataRate)
	rate("MinResponseDataRate", l.MinResponseDataRate)
	if buffer := l.MaxRequestBufferSize; buffer > 0 {
		eff := l.http1().Effective()
		if buffer < int64(eff.MaxRequestLineSize) || buffer < int64(eff.MaxRequestHeadersTotalSize) {
			errs = append(errs, &optionError{"Limits.MaxRequestBufferSize",
				fmt.Errorf("Limits.MaxRequestBufferSize (%d) must not be below MaxRequestLineSize (%d) or MaxRequestHeadersTotalSize (%d)",
					buffer, eff.MaxRequestLineSize, eff.MaxRequestHeadersTotalSize)})
		}
	}
	return append(append(errs, l.HTTP2.validate()...), l.HTTP3.validate()...)
}

func (l *Limits) http1() http1.Limits {
	return http1.Limits{
		MaxRequestLineSize:         l.MaxRequestLineSize,
		MaxRequestHeadersTotalSize: l.MaxRequestHeadersTotalSize,
		MaxRequestHeaderCount:      l.MaxRequestHeaderCount,
		MaxRequestBodySize:         l.MaxRequestBodySize,
		MaxResponseBufferSize:      l.MaxResponseBufferSize,
		KeepAliveTimeout:           l.KeepAliveTimeout,
		RequestHeadersTimeout:      l.RequestHeadersTimeout,
	}
}

// rate applies the default.
func rate(r server.DataRate) *transport.Rate {
	switch {
	case r == server.DataRate{}:
		return &transport.Rate{BytesPerSecond: defaultRate, Grace: defaultGrace}
	case r.BytesPerSecond <= 0:
		return nil
	}
	return &transport.Rate{BytesPerSecond: r.BytesPerSecond, Grace: r.Grace}
}

// Connections returns the configuration of a connection manager by these options. It is for the servers of this module
// that take their connections from elsewhere than endpoints.
func (o *Options) Connections(app server.Application, features *server.Features) httpconn.Config {
	return httpconn.Config{
		App: app, Features: features, Limits: o.Limits.http1(), HTTP2: o.Limits.HTTP2.httpconn(), HTTP3: httpconn.HTTP3Limits(o.Limits.HTTP3), Compat: o.Compat, ServerHeader: o.ServerHeader,
		MinRequestBodyRate: rate(o.Limits.MinRequestBodyDataRate), MinResponseRate: rate(o.Limits.MinResponseDataRate),
		MaxConnections: countLimit(o.Limits.MaxConcurrentConnections),
		MaxUpgraded:    countLimit(o.Limits.MaxConcurrentUpgradedConnections),
		Full:           o.Limits.ConnectionLimitPolicy.httpconn(), MaxRequests: max(0, o.Limits.MaxRequestsPerConnection),
		MaxAge: max(0, o.Limits.MaxConnectionAge), AgeGrace: max(0, o.Limits.MaxConnectionAgeGrace),
		Logger: o.Logger, AccessLog: o.AccessLog, Meter: o.Metrics, Rejected: o.Rejected, EventLoop: o.Transport.eventLoop(), Exec: o.Exec.httpconn(),
	}
}

// countLimit translates a limit of connections: a manager takes 0 for no limit, and a negative number for none at all.
func countLimit(n int64) int64 {
	switch n {
	case None:
		return 0
	case Nothing:
		return -1
	}
	return n
}
