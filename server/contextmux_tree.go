package server

import (
	"net/http"
	"slices"
	"strings"
)

// routeTree is all patterns of a mux, by host and then by segment. It is not changed once it is made.
type routeTree struct {
	hosts   routeTable // by host in lower case
	any     *routeNode // patterns without a host
	slashes bool       // a literal has a slashMark
}

// routeNode is a place in a path: behind a segment, or before the first one.
type routeNode struct {
	here     methodTable // the path ends here
	end      methodTable // it ends after one more slash
	rest     methodTable // whatever follows the slash
	literals routeTable
	single   *routeNode
}

// routeTable finds a node by name. Few names are compared one after the other; a map is faster for many.
type routeTable struct {
	entries []routeEntry
	byName  map[string]*routeNode // when there are more than fewNames
}

type routeEntry struct {
	name string
	node *routeNode
}

const fewNames = 8

// methodTable is the patterns that differ only in their method.
type methodTable struct {
	entries []*contextPattern
	any     *contextPattern // of the pattern without a method
}

func newRouteTree(patterns []*contextPattern) *routeTree {
	t := &routeTree{any: new(routeNode)}
	for _, p := range patterns {
		n := t.any
		if p.host != "" {
			n = t.hosts.child(p.host)
		}
		n.add(p)
		for _, s := range p.segments {
			t.slashes = t.slashes || s.kind == literalSegment && strings.IndexByte(s.text, slashMark) >= 0
		}
	}
	return t
}

func (n *routeNode) add(p *contextPattern) {
	for _, s := range p.segments {
		switch s.kind {
		case literalSegment:
			n = n.literals.child(s.text)
		case singleSegment:
			if n.single == nil {
				n.single = new(routeNode)
			}
			n = n.single
		case endSegment:
			n.end.add(p)
			return
		case restSegment:
			n.rest.add(p)
			return
		}
	}
	n.here.add(p)
}

// child returns the node with that name and makes it when there is none.
func (t *routeTable) child(name string) *routeNode {
	if n := t.find(name); n != nil {
		return n
	}
	n := new(routeNode)
	t.entries = append(t.entries, routeEntry{name, n})
	switch {
	case t.byName != nil:
		t.byName[name] = n
	case len(t.entries) > fewNames:
		t.byName = make(map[string]*routeNode)
		for _, e := range t.entries {
			t.byName[e.name] = e.node
		}
	}
	return n
}

func (t *routeTable) find(name string) *routeNode {
	if t.byName != nil {
		return t.byName[name]
	}
	for i := range t.entries {
		if t.entries[i].name == name {
			return t.entries[i].node
		}
	}
	return nil
}

func (t *methodTable) add(p *contextPattern) {
	if p.method == "" {
		t.any = p
		return
	}
	t.entries = append(t.entries, p)
}

// find returns the pattern for method: its own, that of GET for HEAD, that for all methods.
func (t *methodTable) find(method string) *contextPattern {
	var get *contextPattern
	for _, p := range t.entries {
		if p.method == method {
			return p
		}
		if p.method == http.MethodGet {
			get = p
		}
	}
	if get != nil && method == http.MethodHead {
		return get
	}
	return t.any
}

// host returns the patterns of a request's host, or nil. The port does not count.
func (t *routeTree) host(host string) *routeNode {
	if len(t.hosts.entries) == 0 {
		return nil
	}
	return t.hosts.find(strings.ToLower(withoutPort(host)))
}

// withoutPort cuts the port from a Host value as http.ServeMux does: it also takes the brackets from an IPv6 address, and
// leaves a value alone that has no port.
func withoutPort(host string) string {
	colon := strings.LastIndexByte(host, ':')
	switch {
	case colon < 0:
		return host
	case host[0] == '[':
		if host[colon-1] == ']' {
			return host[1 : colon-1]
		}
		return host
	case strings.IndexByte(host, ':') != colon:
		return host
	}
	return host[:colon]
}

// find returns the most specific pattern that matches, and whether it matches to the end, with nothing left for the rest
// of a path. slash says that path is to be taken with a slash at its end.
func (t *routeTree) find(host *routeNode, method, path string, slash bool) (p *contextPattern, exact bool) {
	if host != nil {
		if p, exact = host.find(method, path[1:], slash); p != nil {
			return p, exact
		}
	}
	return t.any.find(method, path[1:], slash)
}

// find looks below n for what follows n's slash. Of the patterns that match, one is more specific than all others, or
// Handle would have refused one of them: it is found first, as a literal goes before a wildcard and that before the rest.
// Each node is visited at most once.
func (n *routeNode) find(method, rest string, slash bool) (p *contextPattern, exact bool) {
	if rest == "" {
		if p = n.end.find(method); p == nil {
			p = n.rest.find(method)
		}
		return p, p != nil
	}
	text, tail, goesOn := rest, "", false
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		text, tail, goesOn = rest[:i], rest[i+1:], true
	}
	if child := n.literals.find(text); child != nil {
		if p, exact = child.findBehind(method, tail, goesOn, slash); p != nil {
			return p, exact
		}
	}
	if n.single != nil && text != "" {
		if p, exact = n.single.findBehind(method, tail, goesOn, slash); p != nil {
			return p, exact
		}
	}
	return n.rest.find(method), false
}

// findBehind looks at n after its own segment matched: tail is what follows when the path goes on.
func (n *routeNode) findBehind(method, tail string, goesOn, slash bool) (*contextPattern, bool) {
	if goesOn || slash {
		return n.find(method, tail, slash)
	}
	p := n.here.find(method)
	return p, p != nil
}

// allowed returns the methods that path can be asked with, also with a slash at its end, in order.
func (t *routeTree) allowed(host *routeNode, path string) []string {
	var methods []string
	for _, n := range []*routeNode{host, t.any} {
		if n != nil {
			methods = n.allowed(methods, path[1:])
		}
	}
	if slices.Contains(methods, http.MethodGet) {
		methods = append(methods, http.MethodHead)
	}
	slices.Sort(methods)
	return slices.Compact(methods)
}

// allowed appends the methods of all patterns below n that match, in the way of find.
func (n *routeNode) allowed(methods []string, rest string) []string {
	methods = n.rest.appendTo(methods)
	if rest == "" {
		return n.end.appendTo(methods)
	}
	text, tail, goesOn := strings.Cut(rest, "/")
	children := []*routeNode{n.literals.find(text), n.single}
	if text == "" {
		children[1] = nil
	}
	for _, child := range children {
		switch {
		case child == nil:
		case goesOn:
			methods = child.allowed(methods, tail)
		default:
			methods = child.allowed(child.here.appendTo(methods), "")
		}
	}
	return methods
}

func (t *methodTable) appendTo(methods []string) []string {
	for _, p := range t.entries {
		methods = append(methods, p.method)
	}
	return methods
}
