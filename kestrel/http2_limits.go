package kestrel

import (
	"fmt"
	"math"
	"time"

	"github.com/lannerhq/lanner/internal/httpconn"
)

// HTTP2Limits bounds what clients may do on an HTTP/2 connection (Kestrel's Http2Limits). In every field zero means the default named
// there. None and Nothing are for the fields that say so.
type HTTP2Limits struct {
	// MaxStreamsPerConnection is how many requests may be open at once on a connection. Zero means 100. Beyond: that stream is
	// refused (REFUSED_STREAM).
	MaxStreamsPerConnection int
	// HeaderTableSize is the size in bytes of the table by which header fields are compressed (HPACK). Zero means 4,096, Nothing no
	// table.
	HeaderTableSize int
	// MaxFrameSize is the largest payload of a frame in bytes, 2^14 to 2^24-1. Zero means 16,384. Beyond: the connection ends
	// (FRAME_SIZE_ERROR).
	MaxFrameSize int
	// MaxRequestHeaderFieldSize is the largest size in bytes of a field of a request, name and value. Zero means 32,768. Beyond: the
	// connection ends.
	MaxRequestHeaderFieldSize int
	// InitialConnectionWindowSize is how much of the bodies of a connection's requests may be under way and not read, in bytes,
	// 65,535 to 2^31-1. Zero means 1 MiB. Beyond: the connection ends (FLOW_CONTROL_ERROR).
	InitialConnectionWindowSize int
	// InitialStreamWindowSize is the same for one request, in bytes, 65,535 to 2^31-1. Zero means 768 KiB.
	InitialStreamWindowSize int
	// MaxConnectionWindowSize is what the connection's window grows to while bodies are read so fast that it is what their client waits
	// for, in bytes, 65,535 to 2^31-1. It bounds what one connection's unread bodies take of memory. Zero means 8 MiB. Not above
	// InitialConnectionWindowSize: it does not grow. Kestrel's do not.
	MaxConnectionWindowSize int
	// MaxStreamWindowSize is the same for one request, in bytes, 65,535 to 2^31-1; besides, its window does not grow beyond three quarters of
	// the connection's. Each request begins with InitialStreamWindowSize. Zero means 6 MiB.
	MaxStreamWindowSize int
	// KeepAlivePingDelay is how long a connection may be silent before the client is asked whether it is there (PING), at least 1 s.
	// Zero and None mean that it is not.
	KeepAlivePingDelay time.Duration
	// KeepAlivePingTimeout is how long the answer may take, at least 1 s. Zero means 20 s, None no limit. Beyond: the connection ends.
	KeepAlivePingTimeout time.Duration
}

const minPing = time.Second

func (l *HTTP2Limits) validate() (errs []*optionError) {
	bad := func(name string, value any, valid string) {
		path := "Limits.Http2." + name
		errs = append(errs, &optionError{path, fmt.Errorf("%s is %v: it must be %s, or 0 for the default", path, value, valid)})
	}
	number := func(name string, n, low, high int) {
		if n != 0 && (n < low || n > high) {
			bad(name, n, fmt.Sprintf("%d to %d", low, high))
		}
	}
	number("MaxStreamsPerConnection", l.MaxStreamsPerConnection, 1, math.MaxInt32)
	if n := l.HeaderTableSize; n < 0 && n != Nothing || n > math.MaxInt32 {
		bad("HeaderTableSize", n, "1 to 2147483647, or -2 for no table")
	}
	number("MaxFrameSize", l.MaxFrameSize, 1<<14, 1<<24-1)
	number("MaxRequestHeaderFieldSize", l.MaxRequestHeaderFieldSize, 1, math.MaxInt32)
	number("InitialConnectionWindowSize", l.InitialConnectionWindowSize, 65535, math.MaxInt32)
	number("InitialStreamWindowSize", l.InitialStreamWindowSize, 65535, math.MaxInt32)
	number("MaxConnectionWindowSize", l.MaxConnectionWindowSize, 65535, math.MaxInt32)
	number("MaxStreamWindowSize", l.MaxStreamWindowSize, 65535, math.MaxInt32)
	ping := func(name string, d time.Duration, none string) {
		if d != 0 && d != None && d < minPing {
			bad(name, d, "at least 1s, or -1 for "+none)
		}
	}
	ping("KeepAlivePingDelay", l.KeepAlivePingDelay, "no pings")
	ping("KeepAlivePingTimeout", l.KeepAlivePingTimeout, "no limit")
	return errs
}

func (l HTTP2Limits) httpconn() httpconn.HTTP2Limits { return httpconn.HTTP2Limits(l) }
