package kestrel

import (
	"fmt"
	"math"
)

// HTTP3Limits bounds what clients may do on an HTTP/3 connection (Kestrel's Http3Limits). In every field zero means the default named
// there. Kestrel's HeaderTableSize is 0 by default, and so it is here: there is no dynamic table. How many requests may be open at once is
// http3.Options.MaxStreams.
type HTTP3Limits struct {
	// MaxRequestHeaderFieldSize is the largest size in bytes of a name or a value of a field of a request. Zero means 32,768. Beyond: 431.
	MaxRequestHeaderFieldSize int
}

func (l *HTTP3Limits) validate() (errs []*optionError) {
	if n := l.MaxRequestHeaderFieldSize; n < 0 || n > math.MaxInt32 {
		const path = "Limits.Http3.MaxRequestHeaderFieldSize"
		errs = append(errs, &optionError{path, fmt.Errorf("%s is %d: it must be 1 to 2147483647, or 0 for the default", path, n)})
	}
	return errs
}
