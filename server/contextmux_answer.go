package server

import (
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"
)

// The answers of a mux that has no handler for a request. Their bodies are those of http.Error.

func (c *Context) answerError(status int, text string) error {
	c.res.SetStatus(status)
	c.res.Header().Set("Content-Type", "text/plain; charset=utf-8")
	c.res.Header().Set("X-Content-Type-Options", "nosniff")
	_, err := c.WriteString(text)
	return err
}

// answerNoPath answers OPTIONS *, which is for the server as a whole, and CONNECT host:port, which is for a proxy.
func (c *Context) answerNoPath() error {
	if c.req.RawTarget() == "*" {
		return c.answerError(http.StatusBadRequest, "Bad Request\n")
	}
	return c.answerError(http.StatusNotFound, "404 page not found\n")
}

func (c *Context) answerNoMatch(allowed []string) error {
	if len(allowed) == 0 {
		return c.answerError(http.StatusNotFound, "404 page not found\n")
	}
	c.res.Header().Set("Allow", strings.Join(allowed, ", "))
	return c.answerError(http.StatusMethodNotAllowed, "Method Not Allowed\n")
}

// answerRedirect sends the client to path, with a slash more if so, keeping method and query (RFC 9110 §15.4.8). The
// path begins with one slash and everything odd in it is encoded, so that the Location never names another host.
func (c *Context) answerRedirect(path string, marked, slash bool, p *contextPattern) error {
	if p != nil {
		c.features.setRoute(p)
	}
	location := encodePath(replaceSlashes(c.req.PathBase()), true) + encodePath(path, marked)
	if slash {
		location += "/"
	}
	if query := c.req.RawQuery(); query != "" {
		location += "?" + escapeNonASCII(query)
	}
	c.res.Header().Set("Location", location)
	return c.answerError(http.StatusTemporaryRedirect, "Temporary Redirect\n")
}

// escapeNonASCII encodes the bytes that a Location must not hold (RFC 3986 §2.1), as http.Redirect does.
func escapeNonASCII(s string) string {
	var b []byte
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			b = append(append(b, '%'), strconv.FormatInt(int64(s[i]), 16)...)
		} else {
			b = append(b, s[i])
		}
	}
	return string(b)
}
