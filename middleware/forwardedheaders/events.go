package forwardedheaders

import (
	"context"
	"log/slog"
)

// The events of this package. All but the first are logged at most once a minute per peer.

// started, info: a middleware was made. Keys: headers, limit, known_proxies, known_networks, unix_peers, secret_header.
// A middleware that trusts everybody is a warning.
func (r *reporter) started(o Options) {
	if o.Headers == 0 {
		return
	}
	if o.DangerouslyTrustEveryPeer {
		r.log.Warn("forwarded headers are applied from every peer: anybody who reaches this server directly can choose its address, scheme and host",
			"headers", o.Headers, "limit", o.ForwardLimit)
		return
	}
	r.log.Info("forwarded headers are applied from known proxies and ignored from all others",
		"headers", o.Headers, "limit", o.ForwardLimit, "known_proxies", o.KnownProxies, "known_networks", o.KnownNetworks,
		"unix_peers", o.TrustUnixPeers, "secret_header", o.SecretHeader)
}

// ignored, info: a peer that is no known proxy sent headers. Keys: peer, hint.
func (r *reporter) ignored(p peer) {
	const event = "forwarded headers of an unknown proxy ignored"
	if !r.log.Enabled(context.Background(), slog.LevelInfo) || !r.due(event, p) {
		return
	}
	hint := "if this is your proxy, add its address to KnownProxies or its network to KnownNetworks"
	switch {
	case p.unix:
		hint = "the peer is on a unix socket and has no address; set TrustUnixPeers if only your proxy can open that socket"
	case !p.endpoint.IsValid():
		hint = "the peer has no IP address"
	}
	r.log.Info(event, "peer", p, "hint", hint)
}

// uneven, warn: RequireHeaderSymmetry did not find the same number of usable items in all headers. Keys: peer.
func (r *reporter) uneven(p peer) {
	const event = "forwarded headers ignored: they do not have the same number of usable items"
	if r.log.Enabled(context.Background(), slog.LevelWarn) && r.due(event, p) {
		r.log.Warn(event, "peer", p)
	}
}

// rejected, info: RejectIfMissing answered 400. Keys: peer, missing.
func (r *reporter) rejected(p peer, missing Headers) {
	const event = "request rejected: forwarded headers are missing, unusable, or from an unknown proxy"
	if r.log.Enabled(context.Background(), slog.LevelInfo) && r.due(event, p) {
		r.log.Info(event, "peer", p, "missing", missing)
	}
}

// LogValue shows the names of the headers in logs.
func (h Headers) LogValue() slog.Value { return slog.StringValue(h.String()) }

// LogValue shows a peer in logs without the text that it may have chosen itself.
func (p peer) LogValue() slog.Value {
	switch {
	case p.unix:
		return slog.StringValue("unix")
	case !p.endpoint.IsValid():
		return slog.StringValue("none")
	}
	return slog.StringValue(p.endpoint.Addr().String())
}
