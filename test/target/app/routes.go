package app

import (
	"net/http"
	"strings"

	"github.com/lannerhq/lanner/server"
)

// route is one path, in both programming interfaces.
type route struct {
	method string
	path   string
	http   http.HandlerFunc
	native server.ContextHandler
}

var routes = []route{
	{http.MethodGet, "/", textHTTP, textNative},
	{http.MethodGet, "/plaintext", textHTTP, textNative},
	{http.MethodGet, "/json", jsonHTTP, jsonNative},
	{http.MethodPost, "/echo", echoHTTP, echoNative},
	{http.MethodPost, "/discard", discardHTTP, discardNative},
	{http.MethodGet, "/bytes", bytesHTTP, bytesNative},
	{http.MethodGet, "/slow", slowHTTP, slowNative},
	{http.MethodGet, "/stream", streamHTTP, streamNative},
	{http.MethodGet, "/trailers", trailersHTTP, trailersNative},
	{http.MethodGet, "/headers", headersHTTP, headersNative},
	{http.MethodGet, "/panic", panicHTTP, panicNative},
	{http.MethodGet, "/file", fileHTTP, fileNative},
	{http.MethodPost, "/test.Echo/Unary", grpcHTTP, grpcNative},
	{http.MethodGet, "/ws", webSocket, webSocketNative},
}

// HTTP returns the application as an http.ServeMux.
func HTTP() http.Handler {
	mux := http.NewServeMux()
	for _, r := range routes {
		pattern := r.method + " " + r.path
		if r.path == "/" {
			pattern += "{$}"
		}
		mux.HandleFunc(pattern, r.http)
	}
	return mux
}

// Native returns the application on server.Context.
func Native() server.Application {
	byPath := make(map[string]route)
	for _, r := range routes {
		byPath[r.path] = r
	}
	return server.ContextHandler(func(c *server.Context) error {
		path := c.Path()
		if path == "" {
			path = "/"
		}
		r, found := byPath[path]
		if !found {
			return failNative(c, http.StatusNotFound, "404 page not found")
		}
		if m := c.Method(); m != r.method && (m != http.MethodHead || r.method != http.MethodGet) {
			allow := []string{r.method}
			if r.method == http.MethodGet {
				allow = append(allow, http.MethodHead)
			}
			c.SetHeader("Allow", strings.Join(allow, ", "))
			return failNative(c, http.StatusMethodNotAllowed, http.StatusText(http.StatusMethodNotAllowed))
		}
		return r.native(c)
	})
}

// failNative answers as http.Error does.
func failNative(c *server.Context, status int, text string) error {
	c.SetHeader("Content-Type", "text/plain; charset=utf-8")
	c.SetHeader("X-Content-Type-Options", "nosniff")
	c.SetStatus(status)
	return writeNative(c, text+"\n")
}

// writeNative writes s. That the client has gone is no error of the application.
func writeNative(c *server.Context, s string) error {
	_, _ = c.WriteString(s)
	return nil
}
