package proxyprotocol

import (
	"errors"
	"sync/atomic"
	"time"

	"github.com/lannerhq/lanner/connection"
)

// The events of this package. The server itself logs each connection that is given up, at Debug.

// started, info: a middleware was made. Keys: trusted, unix_peers, reject_untrusted, optional.
func (p *reader) started() {
	p.opts.Logger.Info("PROXY protocol headers are read from trusted sources",
		"trusted", p.opts.Trusted, "unix_peers", p.opts.TrustUnixPeers, "reject_untrusted", p.opts.RejectUntrusted, "optional", p.opts.Mode == Optional)
}

// failed, warn, at most once a minute of each sort: a trusted source sent no header, or one that is not valid. Clients cannot
// do that, but a load balancer that is configured otherwise than this server does. Keys: connection, peer, error, hint.
func (p *reader) failed(c *connection.Conn, err error) {
	var limit *limit
	var hint string
	switch {
	case errors.Is(err, ErrInvalid):
		limit, hint = &p.report.invalid, "the source and this server do not agree on the PROXY protocol"
	case errors.Is(err, ErrNoHeader), errors.Is(err, ErrIncomplete):
		limit, hint = &p.report.missing, "make the load balancer send the header (haproxy: send-proxy-v2; nginx: proxy_protocol on), or set Mode to Optional"
	default:
		return // the connection ended, as when a load balancer looks whether the port is open
	}
	if limit.due() {
		p.opts.Logger.Warn("a trusted source sent no valid PROXY protocol header, the connection was closed",
			"connection", c.ID(), "peer", addrText(c), "error", err, "hint", hint)
	}
}

// untrusted, info, at most once a minute: RejectUntrusted closed a connection. Keys: connection, peer, hint.
func (p *reader) untrusted(c *connection.Conn) {
	if p.report.untrusted.due() {
		p.opts.Logger.Info("a connection from an untrusted source was closed",
			"connection", c.ID(), "peer", addrText(c), "hint", "if this is your load balancer, add its network to Trusted; on a unix socket set TrustUnixPeers")
	}
}

// report limits the events to what an operator can read.
type report struct{ missing, invalid, untrusted limit }

// limit is the time of the last event of a sort.
type limit struct{ last atomic.Int64 }

const quietTime = time.Minute

// due reports whether the event may be logged now, and notes that it is.
func (l *limit) due() bool {
	now := time.Now().UnixNano()
	last := l.last.Load()
	return (last == 0 || now-last >= int64(quietTime)) && l.last.CompareAndSwap(last, now)
}

func addrText(c *connection.Conn) string {
	if addr := c.RemoteAddr(); addr != nil {
		return addr.String()
	}
	return ""
}
