//go:build !unix

package handover

import (
	"errors"
	"fmt"
	"runtime"
)

// errPlatform is returned by everything that needs descriptor passing where the
// system has none.
var errPlatform = fmt.Errorf("in-process hosting is not available on %s, use outofprocess hosting: %w",
	runtime.GOOS, errors.ErrUnsupported)
