package kestrel

import "github.com/lannerhq/lanner/internal/httpconn"

// ConnectionLimitPolicy says what becomes of a connection beyond Limits.MaxConcurrentConnections. One of QUIC is refused before its handshake,
// whatever the policy.
type ConnectionLimitPolicy uint8

const (
	// LimitClose closes it without a byte, as Kestrel does.
	LimitClose ConnectionLimitPolicy = iota
	// Limit503 answers 503 with Retry-After: 1, whatever it asks for. At most 128 are being answered at once, beyond that they
	// are closed.
	Limit503
	// LimitWait accepts no further connection until one has ended: a listener holds one, the others wait in its backlog, where
	// the system refuses those for which there is no room. Connections are then accepted on a goroutine, which costs more
	// than on the event loop. A change to LimitWait by Reload holds for endpoints that are opened from then on; for others it
	// is LimitClose.
	LimitWait
)

var limitPolicyNames = []string{"close", "503", "wait"}

// String returns the name that UnmarshalText takes.
func (p ConnectionLimitPolicy) String() string { return name(limitPolicyNames, p) }

// MarshalText and UnmarshalText make a ConnectionLimitPolicy readable in configuration files.
func (p ConnectionLimitPolicy) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText takes "close", "503" or "wait".
func (p *ConnectionLimitPolicy) UnmarshalText(text []byte) error {
	return unmarshal(limitPolicyNames, p, text)
}

func (p ConnectionLimitPolicy) httpconn() httpconn.FullPolicy {
	switch p {
	case Limit503:
		return httpconn.FullReply
	case LimitWait:
		return httpconn.FullWait
	}
	return httpconn.FullClose
}
