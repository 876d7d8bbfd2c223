package proxyprotocol

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"time"

	"github.com/lannerhq/lanner/connection"
	"github.com/lannerhq/lanner/server"
)

// Feature is there on requests of a connection that came with a header: server.From[*proxyprotocol.Feature](r.Context()).
type Feature struct {
	// Header is what the proxy sent. It must not be changed.
	Header *Header
	// LocalAddr and RemoteAddr are the ends of the connection from the proxy to this server.
	LocalAddr, RemoteAddr net.Addr
}

// New returns the middleware. It panics when the options are not valid, with the error of Validate.
func New(o Options) connection.Middleware {
	if err := o.Validate(); err != nil {
		panic(err)
	}
	o.Trusted = slices.Clone(o.Trusted)
	p := &reader{opts: o.withDefaults()}
	p.started()
	return func(next connection.Handler) connection.Handler {
		return func(ctx context.Context, c *connection.Conn) error { return p.serve(ctx, c, next) }
	}
}

// reader is the middleware.
type reader struct {
	opts   Options
	report report
}

func (p *reader) serve(ctx context.Context, c *connection.Conn, next connection.Handler) error {
	peer := c.RemoteAddr()
	if !p.trusts(peer) {
		if p.opts.RejectUntrusted {
			p.untrusted(c)
			return fmt.Errorf("proxy protocol: %v is not a trusted source and RejectUntrusted is set", peer)
		}
		return next(ctx, c)
	}
	h, err := p.read(c)
	switch {
	case errors.Is(err, ErrNoHeader) && p.opts.Mode == Optional:
	case err != nil:
		p.failed(c, err)
		return fmt.Errorf("proxy protocol: connection from %v: %w", peer, err)
	default:
		set(c, h)
	}
	return next(ctx, c)
}

// read reads the header and takes it from the connection. The deadline is for all of it.
func (p *reader) read(c *connection.Conn) (*Header, error) {
	if p.opts.HeaderTimeout > 0 {
		c.SetReadDeadline(time.Now().Add(p.opts.HeaderTimeout))
		defer c.SetReadDeadline(time.Time{})
	}
	for need := 1; ; {
		b, err := c.Peek(max(need, c.Buffered()))
		if err != nil {
			return nil, readError(len(b), err)
		}
		h, size, err := Parse(b)
		switch {
		case err == nil && size <= p.opts.MaxHeaderSize:
			c.Discard(size)
			return h, nil
		case err != nil && !errors.Is(err, ErrIncomplete):
			return nil, err
		case size > p.opts.MaxHeaderSize:
			return nil, fmt.Errorf("%w: %d bytes, more than MaxHeaderSize, which is %d", ErrInvalid, size, p.opts.MaxHeaderSize)
		}
		need = size
	}
}

// errSilent is the end of a connection on which nothing came, as of a load balancer that looks whether the port is open.
var errSilent = errors.New("it ended before it sent anything")

// readError says why there is no more, after n bytes.
func readError(n int, err error) error {
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("%w: %d bytes came within HeaderTimeout: %w", ErrIncomplete, n, err)
	case n == 0:
		return fmt.Errorf("%w: %w", errSilent, err)
	case errors.Is(err, io.EOF):
		return fmt.Errorf("%w: it ended after %d bytes", ErrIncomplete, n)
	}
	return err
}

// trusts reports whether a header from this address is believed.
func (p *reader) trusts(peer net.Addr) bool {
	switch peer := peer.(type) {
	case *net.UnixAddr:
		return p.opts.TrustUnixPeers
	case *net.TCPAddr:
		addr := peer.AddrPort().Addr().WithZone("")
		return p.listed(addr) || p.listed(addr.Unmap())
	}
	return false
}

func (p *reader) listed(addr netip.Addr) bool {
	return slices.ContainsFunc(p.opts.Trusted, func(network netip.Prefix) bool { return network.Contains(addr) })
}

// set tells the connection's requests what the header said.
func set(c *connection.Conn, h *Header) {
	server.Set(c.Features(), &Feature{Header: h, LocalAddr: c.LocalAddr(), RemoteAddr: c.RemoteAddr()})
	if h.Source == nil {
		return // "use the real connection's parameters as if there were no PROXY protocol header on the wire"
	}
	own, _ := server.Get[server.ConnectionFeature](c.Features())
	server.Set[server.ConnectionFeature](c.Features(), &client{own, h, h.Source.String()})
}

// client is the connection as the client has it: between it and the proxy.
type client struct {
	server.ConnectionFeature
	header *Header
	remote string
}

func (c *client) LocalAddr() net.Addr    { return c.header.Destination }
func (c *client) RemoteAddr() net.Addr   { return c.header.Source }
func (c *client) RemoteAddrText() string { return c.remote }
