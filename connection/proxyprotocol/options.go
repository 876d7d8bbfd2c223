package proxyprotocol

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"time"

	"github.com/lannerhq/lanner/connection"
)

// Mode says what becomes of a connection that comes from a trusted source without a header.
type Mode uint8

const (
	// Required closes it.
	Required Mode = iota
	// Optional serves it as it is. Then the trusted source must be one that sends a header of its own in front of every
	// connection that it passes on, or passes none on: what its clients send first would else be taken for its header.
	Optional
)

// Options configures the middleware. The zero value is not valid: sources must be named.
type Options struct {
	// Trusted are the networks whose headers are believed: those of the load balancers. There is no default. An IPv4 address
	// that arrives as IPv6 (::ffff:10.0.0.1) is also looked up as IPv4.
	//
	// A connection from elsewhere is served as it is, with its own address. A header that it sends is not one, but the
	// beginning of a bad request, which is answered by 400 (as HAProxy's expect-proxy with an ACL).
	Trusted []netip.Prefix
	// TrustUnixPeers believes whoever connects over a unix socket. Such a peer has no address to check; the permissions of
	// the socket file are the check then.
	TrustUnixPeers bool
	// RejectUntrusted closes connections from elsewhere, on endpoints that nobody but the load balancer may reach.
	RejectUntrusted bool
	// Mode is Required unless it is set.
	Mode Mode
	// HeaderTimeout bounds the wait for the whole header; in Optional mode for the first bytes of whatever comes. Zero means
	// 5 s (nginx has 30 s). Negative means no limit. Beyond: closed.
	HeaderTimeout time.Duration
	// MaxHeaderSize bounds a header of version 2, in bytes with its additions. Zero means 4,096, as in nginx; the protocol
	// allows 65,551, and a version 1 header has 107 at most. Beyond: closed.
	MaxHeaderSize int
	// Logger receives the events. Nil means slog.Default().
	Logger *slog.Logger
}

const (
	defaultHeaderTimeout = 5 * time.Second
	defaultHeaderSize    = 4096
	largestHeader        = v2Fixed + 1<<16 - 1
	_                    = uint(connection.MaxPeek - largestHeader) // it can be peeked
)

// Validate reports what is wrong with the options, all of it. New panics with the same error.
func (o Options) Validate() error {
	var errs []error
	fail := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("proxy protocol: "+format, args...))
	}
	if len(o.Trusted) == 0 && !o.TrustUnixPeers {
		fail("Trusted is empty: name the networks of your load balancers, such as netip.MustParsePrefix(\"10.0.0.0/24\"), or set TrustUnixPeers for one on a unix socket. Whoever is trusted chooses the address that a request seems to come from, so there is no default")
	}
	for i, network := range o.Trusted {
		if !network.IsValid() {
			fail("Trusted[%d] is not valid (the zero netip.Prefix, or more bits than the address has)", i)
		}
	}
	if o.Mode > Optional {
		fail("Mode %d is neither Required nor Optional", o.Mode)
	}
	if o.MaxHeaderSize != 0 && (o.MaxHeaderSize < v1Size || o.MaxHeaderSize > largestHeader) {
		fail("MaxHeaderSize is %d: it must be %d to %d, or 0 for %d", o.MaxHeaderSize, v1Size, largestHeader, defaultHeaderSize)
	}
	return errors.Join(errs...)
}

// withDefaults fills in what zero means.
func (o Options) withDefaults() Options {
	if o.HeaderTimeout == 0 {
		o.HeaderTimeout = defaultHeaderTimeout
	}
	if o.MaxHeaderSize == 0 {
		o.MaxHeaderSize = defaultHeaderSize
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return o
}
