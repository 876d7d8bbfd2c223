package server

import (
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
)

// ContextMux routes requests to ContextHandlers by method, host and path, without allocating. Its patterns are those of
// http.ServeMux since Go 1.22, with the same precedence, and so are its answers when no pattern matches: 404, 405 with
// Allow, and 307 to the path with the slash that is missing or without the slashes and dot segments that are too many.
//
// Where net/http would decode the path, ContextMux works on RequestFeature.Path, which is decoded already:
// docs/reference/low-level-api.md lists what differs. Hosts are compared without regard to case.
//
// The zero value is an empty mux. All methods are safe for concurrent use: Handle may be called while the mux serves,
// and requests that come after it see the new pattern.
type ContextMux struct {
	mu       sync.Mutex
	patterns []*contextPattern         // in the order of Handle
	tree     atomic.Pointer[routeTree] // of patterns; nil after Handle, until a request needs it
}

// Handle registers h for the pattern [METHOD ][HOST]/[PATH], as http.ServeMux.Handle does. It panics when h is nil, when
// the pattern is malformed, and when it conflicts with a registered one: when both match some requests, and neither is
// more specific than the other.
func (m *ContextMux) Handle(pattern string, h ContextHandler) {
	location := "an unknown place"
	if _, file, line, ok := runtime.Caller(1); ok {
		location = fmt.Sprintf("%s:%d", file, line)
	}
	if h == nil {
		panic(fmt.Sprintf("server: the handler for pattern %q is nil", pattern))
	}
	p, err := parseContextPattern(pattern)
	if err != nil {
		panic(fmt.Sprintf("server: cannot register pattern %q: %v", pattern, err))
	}
	p.handler, p.location = h, location
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, old := range m.patterns {
		if why := p.conflict(old); why != "" {
			panic(fmt.Sprintf("server: pattern %q (registered at %s) conflicts with pattern %q (registered at %s): %s",
				p.text, p.location, old.text, old.location, why))
		}
	}
	m.patterns = append(m.patterns, p)
	m.tree.Store(nil)
}

// compiled returns the tree of all patterns, which nobody changes.
func (m *ContextMux) compiled() *routeTree {
	if t := m.tree.Load(); t != nil {
		return t
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	t := m.tree.Load()
	if t == nil { // no other request was faster
		t = newRouteTree(m.patterns)
		m.tree.Store(t)
	}
	return t
}

// Process makes ContextMux an Application.
func (m *ContextMux) Process(f *Features) error {
	c := newContext(f)
	defer c.release()
	return m.Serve(c)
}

// Serve calls the handler whose pattern matches c's request, or answers itself. It is a ContextHandler, so that a mux
// can be wrapped, and registered in another one: then Pattern and PathValue are those of the inner mux.
func (m *ContextMux) Serve(c *Context) error {
	c.check()
	path, method := c.req.Path(), c.req.Method()
	if path == "" {
		if c.req.PathBase() == "" {
			return c.answerNoPath()
		}
		path = "/"
	}
	t, marked := m.compiled(), false
	if strings.IndexByte(path, '%') >= 0 {
		path, marked = markSlashes(c.req, path)
	}
	if t.slashes && !marked && strings.IndexByte(path, slashMark) >= 0 {
		return c.answerError(http.StatusNotFound, "404 page not found\n") // no UTF-8, and not what the mark stands for
	}
	unclean := false
	if method != http.MethodConnect {
		if strings.Contains(path, "//") {
			path, unclean = withoutEmptySegments(path), true
		} else {
			unclean = hadDotSegments(c.req)
		}
	}
	host := t.host(c.req.Host())
	p, exact := t.find(host, method, path, false)
	if !exact && path[len(path)-1] != '/' {
		if slashed, found := t.find(host, method, path, true); found {
			return c.answerRedirect(path, marked, true, slashed)
		}
	}
	switch {
	case unclean:
		return c.answerRedirect(path, marked, false, p)
	case p == nil:
		return c.answerNoMatch(t.allowed(host, path))
	}
	c.route, c.marked = p, ""
	if marked {
		c.marked = path
	}
	c.features.setRoute(p)
	return p.handler(c)
}
