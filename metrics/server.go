package metrics

import (
	"slices"
	"time"
)

// ServerOptions are the options of a [Server]. The zero value works.
type ServerOptions struct {
	// KnownMethods are the methods that http.request.method may be; all others are _OTHER. Nil means those of RFC 9110,
	// PATCH (RFC 5789) and QUERY, as the semantic conventions have it.
	KnownMethods []string
}

func (o ServerOptions) knownMethods() []string {
	if o.KnownMethods == nil {
		return []string{"GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "CONNECT", "TRACE", "QUERY"}
	}
	return slices.Clone(o.KnownMethods)
}

// A Server has the instruments of one server: Kestrel's
// (https://opentelemetry.io/docs/specs/semconv/dotnet/dotnet-kestrel-metrics) and those of HTTP servers
// (https://opentelemetry.io/docs/specs/semconv/http/http-metrics). Connections are recorded through an [Endpoint].
//
// It is made by NewServer and safe for concurrent use. A nil *Server does nothing.
type Server struct {
	activeConnections   UpDownCounter
	connectionDuration  Histogram
	rejectedConnections Counter
	queuedConnections   UpDownCounter
	queuedRequests      UpDownCounter
	upgradedConnections UpDownCounter
	handshakeDuration   Histogram
	activeHandshakes    UpDownCounter

	requests *requests
}

// shortSeconds are the buckets of the conventions for requests and TLS handshakes, longSeconds those for connections.
var (
	shortSeconds = []float64{0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10}
	longSeconds  = []float64{0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300}
	// bodyBytes are ours: the conventions name no buckets for sizes, and the SDK's end at 10,000 bytes.
	bodyBytes = []float64{0, 256, 1 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20, 4 << 20, 16 << 20, 64 << 20, 256 << 20, 1 << 30}
)

// NewServer makes a server's instruments. When m is nil, so is the result.
func NewServer(m Meter, opts ServerOptions) *Server {
	if m == nil {
		return nil
	}
	return &Server{
		activeConnections: m.UpDownCounter("kestrel.active_connections", "{connection}",
			"Number of connections that are currently active on the server."),
		connectionDuration: m.Histogram("kestrel.connection.duration", "s",
			"The duration of connections on the server.", longSeconds),
		rejectedConnections: m.Counter("kestrel.rejected_connections", "{connection}",
			"Number of connections rejected by the server."),
		queuedConnections: m.UpDownCounter("kestrel.queued_connections", "{connection}",
			"Number of connections that are currently queued and are waiting to start."),
		queuedRequests: m.UpDownCounter("kestrel.queued_requests", "{request}",
			"Number of HTTP requests on multiplexed connections (HTTP/2 and HTTP/3) that are currently queued and are waiting to start."),
		upgradedConnections: m.UpDownCounter("kestrel.upgraded_connections", "{connection}",
			"Number of connections that are currently upgraded (WebSockets)."),
		handshakeDuration: m.Histogram("kestrel.tls_handshake.duration", "s",
			"The duration of TLS handshakes on the server.", shortSeconds),
		activeHandshakes: m.UpDownCounter("kestrel.active_tls_handshakes", "{handshake}",
			"Number of TLS handshakes that are currently in progress on the server."),
		requests: newRequests(m, opts.knownMethods()),
	}
}

// seconds returns d in seconds; a clock that was set back makes no negative duration.
func seconds(d time.Duration) float64 { return max(d, 0).Seconds() }
