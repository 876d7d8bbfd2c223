package httpconn

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"sync/atomic"
	"time"

	"github.com/lannerhq/lanner/internal/httpcommon"
)

// ErrHandshakeTimeout is what QUICHandshake.Failed is told of a handshake that took too long.
var ErrHandshakeTimeout = errHandshaking

// QUICHandshake is the handshake of a QUIC connection, from its first packet on. It is logged and measured as one over TCP is, but has no
// line in the access log when it fails: anybody can write anybody's address on a first packet, and what reads that log may act on addresses.
type QUICHandshake struct {
	m        *Manager
	endpoint *Endpoint
	remote   net.Addr
	id       uint64 // the connection's, too
	began    time.Time
	over     atomic.Bool
}

// BeginQUIC begins a handshake. It returns nil when the connection would be refused at the limit, whatever the FullPolicy: there is no place
// where a QUIC connection could wait without memory of the server's. Its client may come by TCP, where the policy holds.
func (m *Manager) BeginQUIC(ep *Endpoint, remote net.Addr) *QUICHandshake {
	h := &QUICHandshake{m: m, endpoint: ep, remote: remote, id: m.lastID.Add(1), began: time.Now()}
	if m.Full() {
		m.rejected.Add(1)
		m.reject(ep, h.id, remote.String(), reasonFull, nil, 0)
		return nil
	}
	m.recorder(ep).TLSHandshakeStarted()
	return h
}

// Done ends a handshake that went well. It and Failed are safe from any goroutine; the first of them counts.
func (h *QUICHandshake) Done(state tls.ConnectionState) {
	if h.over.Swap(true) {
		return
	}
	h.m.recorder(h.endpoint).TLSHandshakeEnded(time.Since(h.began), versionText(state.Version), "")
	if h.m.debug.Load() {
		h.log(eventHTTPSEstablished, slog.String("version", tls.VersionName(state.Version)),
			slog.String("cipher", tls.CipherSuiteName(state.CipherSuite)), slog.String("protocol", state.NegotiatedProtocol), slog.String("host", state.ServerName))
	}
}

// Failed ends one that did not: err is QUIC's, ErrHandshakeTimeout, or httpcommon.ErrServerShutdown for one that a stop has ended, which is
// measured and no event.
func (h *QUICHandshake) Failed(err error) {
	if h.over.Swap(true) {
		return
	}
	took := time.Since(h.began)
	h.m.recorder(h.endpoint).TLSHandshakeEnded(took, "", reasonHandshake)
	switch {
	case errors.Is(err, httpcommon.ErrServerShutdown):
	case errors.Is(err, errHandshaking):
		h.log(eventAuthenticationTimedOut, slog.Duration("after", took))
	default:
		h.log(eventAuthenticationFailed, slog.Any("error", err))
	}
}

func (h *QUICHandshake) log(e event, attrs ...slog.Attr) {
	if !h.m.cfg.Logger.Enabled(context.Background(), slog.LevelDebug) {
		return
	}
	attrs = append(attrs, e.id, slog.String("connection", connectionID(h.id)), slog.String("endpoint", h.endpoint.Name), slog.String("remote", h.remote.String()))
	h.m.cfg.Logger.LogAttrs(context.Background(), slog.LevelDebug, e.msg, attrs...)
}
