package http1

import "time"

// Limits bounds what a client may send and how slowly. The defaults are Kestrel's (KestrelServerLimits). In each field
// zero means the default, -1 no limit, and -2 in a size that not even one byte is allowed.
type Limits struct {
	// MaxRequestLineSize is in bytes and counts the line end: 8,192. Beyond: 414.
	MaxRequestLineSize int
	// MaxRequestHeadersTotalSize is in bytes, names, values, separators and line ends; trailers share it: 32,768.
	// Beyond: 431.
	MaxRequestHeadersTotalSize int
	// MaxRequestHeaderCount counts field lines, trailers too: 100. Beyond: 431.
	MaxRequestHeaderCount int
	// MaxRequestBodySize is in bytes as received, framing of chunks included: 30,000,000. Beyond: 413 when the
	// application reads.
	MaxRequestBodySize int64
	// MaxResponseBufferSize is how many bytes of a response are held back before they are sent: 65,536. A response that
	// fits whole gets a Content-Length.
	MaxResponseBufferSize int
	// KeepAliveTimeout bounds the wait for the first byte of a request: 130 s. Beyond: the connection is closed silently.
	KeepAliveTimeout time.Duration
	// RequestHeadersTimeout bounds the time from the first byte of a request to the end of its head: 30 s. Beyond: 408.
	RequestHeadersTimeout time.Duration
	// DrainTimeout bounds reading the rest of a body that the application left unread: 5 s. Beyond: the connection is
	// closed.
	DrainTimeout time.Duration
	// MaxDrainSize bounds the same in bytes: no limit in Kestrel, 1 MiB here, since a client can send faster than five
	// seconds are long.
	MaxDrainSize int64
}

// The defaults of Limits.
const (
	DefaultMaxRequestLineSize         = 8192
	DefaultMaxRequestHeadersTotalSize = 32768
	DefaultMaxRequestHeaderCount      = 100
	DefaultMaxRequestBodySize         = 30_000_000
	DefaultMaxResponseBufferSize      = 65536
	DefaultKeepAliveTimeout           = 130 * time.Second
	DefaultRequestHeadersTimeout      = 30 * time.Second
	DefaultDrainTimeout               = 5 * time.Second
	DefaultMaxDrainSize               = 1 << 20
)

// maxInt stands for no limit.
const maxInt = int(^uint(0) >> 1)

// maxHead is the largest size of a head: its parts are 32-bit offsets.
const maxHead = 1<<31 - 1

// Effective returns l with defaults filled in and "no limit" as the largest number.
func (l Limits) Effective() Limits {
	l.MaxRequestLineSize = min(limit(l.MaxRequestLineSize, DefaultMaxRequestLineSize), maxHead/2)
	l.MaxRequestHeadersTotalSize = min(limit(l.MaxRequestHeadersTotalSize, DefaultMaxRequestHeadersTotalSize), maxHead/2)
	l.MaxRequestHeaderCount = limit(l.MaxRequestHeaderCount, DefaultMaxRequestHeaderCount)
	l.MaxRequestBodySize = limit(l.MaxRequestBodySize, DefaultMaxRequestBodySize)
	l.MaxResponseBufferSize = limit(l.MaxResponseBufferSize, DefaultMaxResponseBufferSize)
	l.KeepAliveTimeout = duration(l.KeepAliveTimeout, DefaultKeepAliveTimeout)
	l.RequestHeadersTimeout = duration(l.RequestHeadersTimeout, DefaultRequestHeadersTimeout)
	l.DrainTimeout = duration(l.DrainTimeout, DefaultDrainTimeout)
	l.MaxDrainSize = limit(l.MaxDrainSize, DefaultMaxDrainSize)
	return l
}

func limit[N int | int64](n, byDefault N) N {
	switch {
	case n == 0:
		return byDefault
	case n == nothing:
		return 0
	case n < 0:
		return N(maxInt)
	}
	return n
}

// nothing as a limit means zero, since zero means the default.
const nothing = -2

// duration returns 0 for no limit: a Stream takes 0 as "disarm".
func duration(d, byDefault time.Duration) time.Duration {
	switch {
	case d == 0:
		return byDefault
	case d < 0:
		return 0
	}
	return d
}

// Compat names each deliberate laxness; the zero value is strict.
type Compat struct {
	// LooseLineEndings accepts a bare LF as a line end in the request line and in header fields, as Kestrel does by
	// default. Never in chunk framing.
	LooseLineEndings bool
	// LooseRequestLineSpaces accepts several spaces before the version, as Kestrel does.
	LooseRequestLineSpaces bool
	// KeepAliveAfterCLTE keeps a connection open after a request with both Content-Length and Transfer-Encoding.
	KeepAliveAfterCLTE bool
	// HostHeaderOverride lets the authority of an absolute-form target win over a Host field that differs from it,
	// instead of refusing the request (Kestrel's AllowHostHeaderOverride).
	HostHeaderOverride bool
	// AlternateSchemes lets an HTTP/2 request name another :scheme than its connection has, as behind a proxy that ends TLS
	// (Kestrel's AllowAlternateSchemes).
	AlternateSchemes bool
}
