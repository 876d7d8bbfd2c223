package iisintegration

import (
	"bufio"
	"io"
	"net"
	"net/http"

	"github.com/lannerhq/lanner/server"
)

// withoutUpgrade takes the means to upgrade away: the feature, or on net/http the response's Hijacker.
func withoutUpgrade(w http.ResponseWriter, features *server.Features) http.ResponseWriter {
	if features != nil {
		server.Remove[server.UpgradeFeature](features)
		return w
	}
	return noHijack{w}
}

// noHijack is a ResponseWriter that cannot be hijacked. Everything else http.ResponseController finds below it.
type noHijack struct{ http.ResponseWriter }

func (w noHijack) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Hijack refuses. It must be there, or http.ResponseController would look below.
func (w noHijack) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return nil, nil, http.ErrNotSupported
}

// Flush is for code that asks for an http.Flusher.
func (w noHijack) Flush() { _ = http.NewResponseController(w.ResponseWriter).Flush() }

// ReadFrom keeps sendfile(2) within reach.
func (w noHijack) ReadFrom(r io.Reader) (int64, error) { return io.Copy(w.ResponseWriter, r) }
