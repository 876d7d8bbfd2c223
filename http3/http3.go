package http3

import (
	"time"

	"github.com/lannerhq/lanner/kestrel"
)

// Options configures QUIC. The zero value is a valid configuration.
type Options struct {
	// MaxStreams is how many requests may be open at once on a connection (Kestrel's MaxBidirectionalStreamCount). Zero means 100. QUIC lets
	// clients open no more.
	MaxStreams int
	// MaxUnidirectionalStreams is the same for the client's other streams, of which HTTP/3 needs three. Zero means 10, the least is 3.
	MaxUnidirectionalStreams int
	// StreamWindow is how much of one request's body may be under way and not read, in bytes, and ConnectionWindow that of all of a
	// connection's, to begin with. Zero means 768 KiB and 1 MiB, as HTTP/2's.
	StreamWindow, ConnectionWindow int
	// MaxStreamWindow and MaxConnectionWindow are what these grow to while handlers read as fast as the client can send, in bytes. Zero means
	// 6 MiB and 8 MiB, as HTTP/2's, or what they begin with, if that is more.
	MaxStreamWindow, MaxConnectionWindow int
	// IdleTimeout is how long nothing may be heard of a client before its connection is given up. Zero means 130 s. The client's own is
	// less, as a rule, and holds then. A connection without a request ends by kestrel's KeepAliveTimeout.
	IdleTimeout time.Duration
	// KeepAlive is after how much silence a client is asked whether it is there. Zero means never.
	KeepAlive time.Duration
	// EarlyData says whether requests may come with the first packets of a client that was here before (0-RTT). Zero means no.
	EarlyData EarlyData
	// MaxHandshakes is how many handshakes may be under way on one socket before clients have to prove their addresses first (Retry,
	// RFC 9000 §8.1.2), which costs them a round trip. Zero means 1,000, negative that they always have to.
	MaxHandshakes int
}

// EarlyData says what becomes of early data, which whoever recorded it can send again (RFC 8470).
type EarlyData uint8

const (
	// EarlyDataOff takes none.
	EarlyDataOff EarlyData = iota
	// EarlyDataSafe takes it, answers requests with unsafe methods 425 (Too Early), and gives the others the field Early-Data: 1.
	EarlyDataSafe
	// EarlyDataAll gives all of them to handlers, with the field Early-Data: 1: the handler is to answer 425 where a repetition would do
	// harm. Use it with handlers that do.
	EarlyDataAll
)

// The defaults of Options.
const (
	defaultMaxStreams       = 100
	defaultMaxUni           = 10
	defaultStreamWindow     = 768 << 10
	defaultConnectionWindow = 1 << 20
	defaultMaxStreamWindow  = 6 << 20
	defaultMaxConnWindow    = 8 << 20
	defaultIdleTimeout      = 130 * time.Second
	defaultMaxHandshakes    = 1000
)

// New returns what kestrel.Options.HTTP3 takes. One value may serve several servers.
func New(opts Options) kestrel.HTTP3 { return &quicServer{opts} }

func orDefault[N int | time.Duration](n, byDefault N) N {
	if n <= 0 {
		return byDefault
	}
	return n
}
