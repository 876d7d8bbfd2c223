package server

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"time"
)

// ErrNotSupported is returned by a feature's method that this protocol or connection cannot carry out.
var ErrNotSupported = errors.New("server: not supported on this connection")

// ErrTooLate is returned when a setting can no longer take effect.
var ErrTooLate = errors.New("server: too late, the request has gone past the point where this has an effect")

// ConnectionFeature describes the connection that carries the request.
type ConnectionFeature interface {
	// ConnectionID is unique in this process.
	ConnectionID() string
	// LocalAddr and RemoteAddr are the two ends: *net.TCPAddr, *net.UnixAddr, or nil when there is none.
	LocalAddr() net.Addr
	RemoteAddr() net.Addr
	// RemoteAddrText is RemoteAddr().String(), kept for the life of the connection; "" when there is none.
	RemoteAddrText() string
	// EndpointName is the name of the endpoint that accepted the connection; "" when it has none.
	EndpointName() string
}

// TLSConnectionFeature is there when the connection is encrypted.
type TLSConnectionFeature interface {
	// ClientCertificate is the certificate that the client proved to own, or nil.
	ClientCertificate() *x509.Certificate
}

// TLSHandshakeFeature is there when this server ended TLS itself.
type TLSHandshakeFeature interface {
	// TLSState is the state after the handshake. It must not be changed.
	TLSState() *tls.ConnectionState
}

// TLSClientHelloFeature is there when this server ended TLS itself and keeps what the handshake began with, as for a fingerprint of the
// client: on an endpoint of kestrel with KeepClientHello, not on HTTP/3.
type TLSClientHelloFeature interface {
	// ClientHello is the client's first message of the handshake, the first of two where a HelloRetryRequest asked for another, as it was
	// sent: with its header of four bytes, without those of the records that it lay in (RFC 8446 §4, §4.1.2). It must not be changed.
	ClientHello() []byte
}

// UpgradeFeature takes the connection over (RFC 9110 §7.8).
type UpgradeFeature interface {
	// Upgradable reports whether the client asks for an upgrade and has sent no body.
	Upgradable() bool
	// Upgrade answers 101 with the response's header fields and Connection: Upgrade and returns the connection. Bytes
	// that the client sent after the request are read first. The caller owns the connection and must close it; timeouts
	// and data rates end. ErrTooLate when the response started.
	Upgrade() (net.Conn, error)
	// Hijack returns the connection with nothing written on it; buffered is what was read beyond the request.
	// Otherwise as Upgrade. When the response has started, what was written of it is sent first, and the caller owes the
	// client the rest; a server that cannot do that returns ErrTooLate.
	Hijack() (conn net.Conn, buffered []byte, err error)
}

// ExtendedConnectFeature is there on a stream opened by extended CONNECT (RFC 8441, RFC 9220).
type ExtendedConnectFeature interface {
	// ConnectProtocol is the value of :protocol.
	ConnectProtocol() string
	// AcceptConnect answers 200 and returns the stream.
	AcceptConnect() (net.Conn, error)
}

// RequestLifetimeFeature tells when a request is given up, and gives it up.
type RequestLifetimeFeature interface {
	// OnAborted calls fn, once and on any goroutine, when the request is aborted: with the cause, at once if it already
	// is. fn must not block. It is not called after Process has returned. The server watches the connection only
	// from the first OnAborted on, so a request that does not ask does not pay.
	OnAborted(fn func(cause error))
	// Abort ends the connection (HTTP/1.1) or resets the stream, with that cause in the log and for OnAborted.
	Abort(cause error)
}

// MaxRequestBodySizeFeature is the limit of this request's body, in bytes as received.
type MaxRequestBodySizeFeature interface {
	// MaxRequestBodySize is the limit; negative means none.
	MaxRequestBodySize() int64
	// SetMaxRequestBodySize changes it for this request: ErrTooLate once reading has begun.
	SetMaxRequestBodySize(n int64) error
}

// DataRate is a least speed: bytes per second, after a grace period. The zero value means no limit.
type DataRate struct {
	// BytesPerSecond is the least average speed; 0 for no limit.
	BytesPerSecond float64
	// Grace is how long a slower transfer is tolerated; more than one second.
	Grace time.Duration
}

// MinDataRateFeature sets the least speeds for this request (Kestrel's IHttpMinRequestBodyDataRateFeature and
// IHttpMinResponseDataRateFeature).
type MinDataRateFeature interface {
	MinRequestBodyDataRate() DataRate
	SetMinRequestBodyDataRate(DataRate) error
	MinResponseDataRate() DataRate
	SetMinResponseDataRate(DataRate) error
}

// BodyControlFeature is what http.ResponseController needs.
type BodyControlFeature interface {
	// SetReadDeadline and SetWriteDeadline bound reading the body and writing the response. A zero time means no
	// deadline. They last until the end of the request.
	SetReadDeadline(t time.Time) error
	SetWriteDeadline(t time.Time) error
}

// ResetFeature is there on HTTP/2 and HTTP/3.
type ResetFeature interface {
	// Reset ends the stream with that error code (RFC 9113 §7).
	Reset(code uint32) error
}

// RequestTimingFeature says when things happened.
type RequestTimingFeature interface {
	// RequestReceived is when the first byte of the request was seen.
	RequestReceived() time.Time
}

// ServerAddressesFeature holds the addresses of a server, in the server's features.
type ServerAddressesFeature interface {
	// Addresses returns URLs. Before Start those that were set, after it those that are bound.
	Addresses() []string
	// SetAddresses replaces the URLs to bind; it has no effect after Start.
	SetAddresses(urls []string)
	// PreferHostingURLs says that these addresses win over endpoints configured in code.
	PreferHostingURLs() bool
	SetPreferHostingURLs(bool)
}
