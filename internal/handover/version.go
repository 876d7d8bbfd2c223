package handover

import "fmt"

// Version is a version of the protocol. The two sides may be built from
// different releases of Lanner, since the worker is the application's own
// binary.
//
// Sides with the same Major understand each other: the older one skips message
// kinds, payload bytes and JSON fields that a newer Minor added. Another Major
// is refused with a [VersionError]. The zero value means [Current] in a message
// that is sent, and "not told" in one that was received.
type Version struct {
	Major, Minor uint8
}

// Current is the version this package speaks.
var Current = Version{Major: 1, Minor: 2}

// String returns "MAJOR.MINOR".
func (v Version) String() string { return fmt.Sprintf("%d.%d", v.Major, v.Minor) }

// MarshalText writes "MAJOR.MINOR".
func (v Version) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// UnmarshalText reads "MAJOR.MINOR", both from 0 to 255.
func (v *Version) UnmarshalText(text []byte) error {
	var read Version
	if _, err := fmt.Sscanf(string(text), "%d.%d", &read.Major, &read.Minor); err != nil || read.String() != string(text) {
		return fmt.Errorf("%q is not a protocol version such as %s", text, Current)
	}
	*v = read
	return nil
}
