package httpconn

import "time"

// HTTP2Limits bounds what a client may do on an HTTP/2 connection. The defaults are Kestrel's (Http2Limits). In each field zero
// means the default, which Effective fills in.
type HTTP2Limits struct {
	// MaxStreamsPerConnection is how many requests may be open at once, SETTINGS_MAX_CONCURRENT_STREAMS: 100.
	MaxStreamsPerConnection int
	// HeaderTableSize is the size in bytes of the dynamic table that requests are decoded with, SETTINGS_HEADER_TABLE_SIZE, and
	// the most that responses are encoded with: 4,096. Negative means that there is none.
	HeaderTableSize int
	// MaxFrameSize is the largest payload of a frame in bytes, SETTINGS_MAX_FRAME_SIZE, 2^14 to 2^24-1: 16,384.
	MaxFrameSize int
	// MaxRequestHeaderFieldSize is the largest size in bytes of a field of a request, name and value decoded: 32,768.
	MaxRequestHeaderFieldSize int
	// InitialConnectionWindowSize is how much of all request bodies of a connection may be under way and not yet read, in bytes,
	// 65,535 to 2^31-1: 1 MiB.
	InitialConnectionWindowSize int
	// InitialStreamWindowSize is the same for one body, SETTINGS_INITIAL_WINDOW_SIZE: 768 KiB.
	InitialStreamWindowSize int
	// MaxConnectionWindowSize is what the connection's window grows to when it limits clients whose bodies are read, in bytes, 65,535 to
	// 2^31-1: 8 MiB. Not above InitialConnectionWindowSize: it does not grow.
	MaxConnectionWindowSize int
	// MaxStreamWindowSize is the same for one body: 6 MiB. It never grows beyond three quarters of the connection's window.
	MaxStreamWindowSize int
	// KeepAlivePingDelay is how long a connection may be silent before it is sent a PING. Zero and negative mean never.
	KeepAlivePingDelay time.Duration
	// KeepAlivePingTimeout is how long the answer may take before the connection is closed: 20 s. Negative means no limit.
	KeepAlivePingTimeout time.Duration
}

// The defaults of HTTP2Limits.
const (
	DefaultMaxStreamsPerConnection     = 100
	DefaultHeaderTableSize             = 4096
	DefaultMaxFrameSize                = 16384
	DefaultMaxRequestHeaderFieldSize   = 32768
	DefaultInitialConnectionWindowSize = 1 << 20
	DefaultInitialStreamWindowSize     = 768 << 10
	DefaultMaxConnectionWindowSize     = 8 << 20
	DefaultMaxStreamWindowSize         = 6 << 20
	DefaultKeepAlivePingTimeout        = 20 * time.Second
)

// Effective returns l with the defaults filled in. What is negative, for there being none, is 0 then: a HeaderTableSize of 0 is no
// table, a duration of 0 no limit or no ping. So it is to be asked once.
func (l HTTP2Limits) Effective() HTTP2Limits {
	return HTTP2Limits{
		MaxStreamsPerConnection:     orDefault(l.MaxStreamsPerConnection, DefaultMaxStreamsPerConnection),
		HeaderTableSize:             orDefault(l.HeaderTableSize, DefaultHeaderTableSize),
		MaxFrameSize:                orDefault(l.MaxFrameSize, DefaultMaxFrameSize),
		MaxRequestHeaderFieldSize:   orDefault(l.MaxRequestHeaderFieldSize, DefaultMaxRequestHeaderFieldSize),
		InitialConnectionWindowSize: orDefault(l.InitialConnectionWindowSize, DefaultInitialConnectionWindowSize),
		InitialStreamWindowSize:     orDefault(l.InitialStreamWindowSize, DefaultInitialStreamWindowSize),
		MaxConnectionWindowSize:     orDefault(l.MaxConnectionWindowSize, DefaultMaxConnectionWindowSize),
		MaxStreamWindowSize:         orDefault(l.MaxStreamWindowSize, DefaultMaxStreamWindowSize),
		KeepAlivePingDelay:          orDefault(l.KeepAlivePingDelay, 0),
		KeepAlivePingTimeout:        orDefault(l.KeepAlivePingTimeout, DefaultKeepAlivePingTimeout),
	}
}

// orDefault returns 0 for what is negative.
func orDefault[N int | time.Duration](n, byDefault N) N {
	if n == 0 {
		return byDefault
	}
	return max(0, n)
}
