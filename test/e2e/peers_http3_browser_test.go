//go:build linux

package e2e

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"os"
	"strings"
	"testing"
)

// startHTTP3 starts it with HTTP/3 on the address with TLS.
func startHTTP3(t *testing.T, env ...string) *http2Server {
	t.Helper()
	return startHTTP2(t, append(env, "LANNER_E2E_PROGRAM=http3", "Kestrel__Endpoints__Secure__Protocols=Http1AndHttp2AndHttp3")...)
}

// browseQUIC loads a page in a browser that takes the server's key for a good one and speaks QUIC with the origin.
//
// Chromium speaks QUIC only where the certificate comes from an authority that everybody knows, but for hosts that it is forced to speak QUIC
// with. It takes the host alone for that, so that an origin with another port makes no difference but this one.
func (s *http2Server) browseQUIC(t *testing.T, browser, path, origin string) string {
	t.Helper()
	key := sha256.Sum256(s.leaf.RawSubjectPublicKeyInfo)
	return runBrowser(t, os.Environ(), browser, s.secure+path, "--enable-quic", "--origin-to-force-quic-on="+origin,
		"--ignore-certificate-errors-spki-list="+base64.StdEncoding.EncodeToString(key[:]), "--virtual-time-budget=30000")
}

func TestARealBrowserLoadsAPageByHTTP3(t *testing.T) {
	const resources = 100
	browser := needPeer(t, "chromium")
	s := startHTTP3(t)
	page := s.browseQUIC(t, browser, fmt.Sprintf("/page?n=%d", resources), strings.TrimPrefix(s.secure, "https://"))
	// The page itself and its scripts, by what the browser says it asked for them (nextHopProtocol).
	if want := fmt.Sprintf(`loaded %d, protocols {"h3":%d}`, resources, resources+1); !strings.Contains(page, want) {
		t.Errorf("the page does not say %q:\n%.2000s", want, page)
	}
	c := s.counts(t)
	if n := c.Protocols["HTTP/3.0"]; n != resources+1 {
		t.Errorf("the server has seen %v, want %d requests by HTTP/3", c.Protocols, resources+1)
	}
	for connection, n := range c.Requests {
		if n > 1 && n != resources+1 { // the WebSocket comes by TCP
			t.Errorf("a connection, %s, had %d requests, want all of the page's on one: %v", connection, n, c.Requests)
		}
	}
}

// TestARealBrowserGoesFromHTTP2ToHTTP3ByAltSvc begins as browsers do that have never been here.
func TestARealBrowserGoesFromHTTP2ToHTTP3ByAltSvc(t *testing.T) {
	browser := needPeer(t, "chromium")
	s := startHTTP3(t)
	eventually(t, "the page says that it came by h2 and went on by h3", func() bool { // or again: a browser gives QUIC up for minutes when it fails once
		return strings.Contains(s.browseQUIC(t, browser, "/switch", "127.0.0.1:1"), "from h2 to h3")
	})
	if c := s.counts(t); c.Protocols["HTTP/2.0"] == 0 || c.Protocols["HTTP/3.0"] == 0 {
		t.Errorf("the server has seen %v, want HTTP/2 and HTTP/3", c.Protocols)
	}
}
