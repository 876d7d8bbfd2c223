//go:build linux

package e2e

import (
	"fmt"
	"strings"
	"testing"
)

func TestARealBrowserSpeaksHTTP2AndItsWebSocketSharesTheConnection(t *testing.T) {
	browser := needPeer(t, "chromium")
	s := startHTTP2(t)
	var page string
	eventually(t, "the page says that its WebSocket works", func() bool {
		page = browse(t, browser, s.secure+"/page", "--ignore-certificate-errors")
		return strings.Contains(page, "echoed: hello by WebSocket")
	})
	// The page itself and its scripts.
	if want := fmt.Sprintf(`loaded %d, protocols {"h2":%d}`, pageResources, pageResources+1); !strings.Contains(page, want) {
		t.Errorf("the page does not say %q:\n%.2000s", want, page)
	}
	c := s.counts(t)
	if len(c.Protocols) != 1 || len(c.Connects) == 0 {
		t.Errorf("the server has seen %v, and extended CONNECTs on %v; want HTTP/2 alone, and one", c.Protocols, c.Connects)
	}
	for connection := range c.Connects {
		if c.Requests[connection] < pageResources {
			t.Errorf("the WebSocket was opened on a connection with %d requests, want the page's: %v", c.Requests[connection], c.Requests)
		}
	}
}
