package handover

import "crypto/subtle"

// Secret is a text that must not reach a log. Every way of printing it, JSON
// included, gives "[redacted]"; only the protocol itself writes it out, and a
// conversion to string.
type Secret string

const redacted = "[redacted]"

// String returns "[redacted]".
func (Secret) String() string { return redacted }

// GoString returns "[redacted]".
func (Secret) GoString() string { return redacted }

// MarshalJSON returns "[redacted]" as a JSON string.
func (Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// Equal compares in constant time. Two empty secrets are not equal: a missing
// token must not open a door.
func (s Secret) Equal(other Secret) bool {
	return s != "" && subtle.ConstantTimeCompare([]byte(s), []byte(other)) == 1
}
