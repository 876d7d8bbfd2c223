//go:build !unix

package handover

import "os"

// Socketpair is not available on this system.
func Socketpair() (*Channel, *os.File, error) { return nil, nil, errPlatform }
