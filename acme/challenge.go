package acme

import (
	"bytes"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// challengePath is where HTTP-01 is asked for (RFC 8555 §8.3).
const challengePath = "/.well-known/acme-challenge/"

// ChallengeResponse returns the content of the answer to a GET request of HTTP-01 (RFC 8555 §8.3). ok is false for every other request: host
// is to be one of the Manager's names, and path to have the token of a challenge that a process on the same storage has open for it. It is for
// servers that decide about a request before there is an http.Handler; see HTTPChallenge.
func (m *Manager) ChallengeResponse(host, path string) (content []byte, ok bool) {
	token, found := strings.CutPrefix(path, challengePath)
	eng := m.engine.Load()
	if !found || token == "" || eng == nil {
		return nil, false
	}
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	name, err := normalName(host)
	if err != nil || !m.manages(name) { // the storage is not looked at for strangers
		return nil, false
	}
	r := &http.Request{Method: http.MethodGet, Host: name, URL: &url.URL{Path: path}, RequestURI: path, Header: http.Header{}}
	for _, is := range eng.issuers {
		var w contentWriter
		if is.acme.HandleHTTPChallenge(&w, r) {
			return w.content.Bytes(), true
		}
	}
	return nil, false
}

func (m *Manager) manages(name string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.entryLocked(name) != nil
}

// contentWriter keeps what is written.
type contentWriter struct{ content bytes.Buffer }

func (w *contentWriter) Header() http.Header         { return http.Header{} }
func (w *contentWriter) WriteHeader(int)             {}
func (w *contentWriter) Write(p []byte) (int, error) { return w.content.Write(p) }
