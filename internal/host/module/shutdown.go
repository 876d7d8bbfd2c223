package module

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// Shutdown sends the module's shutdown message: a POST to /iisintegration below
// the application's path. It returns nil when the child has accepted (202); any
// other answer means that a signal has to do it: 404 comes from programs that do
// not know the message, 400 from a wrong token and also from the application's
// own host filtering, which comes first. So host should be a name that the site
// is bound to; empty means the address.
func Shutdown(ctx context.Context, port int, applPath, host string, token Token, proto Protocol) error {
	path := url.URL{Path: strings.TrimSuffix(applPath, "/") + "/iisintegration"}
	m := message{method: http.MethodPost, target: path.EscapedPath(), host: host, event: "shutdown", token: token, proto: proto}
	status, err := m.send(ctx, port)
	if err != nil {
		return fmt.Errorf("the shutdown message was not delivered: %w", err)
	}
	if status != http.StatusAccepted {
		return &RefusedError{Status: status}
	}
	return nil
}

// RefusedError is a status other than 202 as the answer to the shutdown message.
type RefusedError struct{ Status int }

func (e *RefusedError) Error() string {
	return fmt.Sprintf("the shutdown message was answered by %d %s instead of 202", e.Status, http.StatusText(e.Status))
}
