//go:build !unix

package handover

// FromEnvironment is not available on this system.
func FromEnvironment() (*Channel, error) { return nil, errPlatform }
