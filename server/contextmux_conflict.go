package server

import (
	"fmt"
	"net/http"
	"strings"
)

// relation says how the requests that one pattern matches lie to those that another matches.
type relation uint8

const (
	equal    relation = iota // the same ones
	fewer                    // some of them
	more                     // all of them, and others
	overlaps                 // some of them, and others
	disjoint                 // none of them
)

// and is the relation of two conditions taken together: that of method and path, or of two segments.
func (r relation) and(other relation) relation {
	switch {
	case r == disjoint || other == disjoint:
		return disjoint
	case r == equal || r == other:
		return other
	case other == equal:
		return r
	}
	return overlaps
}

// conflict explains why p and q cannot be registered together; "" when they can.
func (p *contextPattern) conflict(q *contextPattern) string {
	if p.host != q.host {
		return "" // disjoint, or the one with a host wins
	}
	methods := p.compareMethods(q)
	if methods == disjoint {
		return ""
	}
	paths := p.comparePaths(q)
	switch methods.and(paths) {
	case equal:
		return "they match the same requests"
	case overlaps:
		return fmt.Sprintf("both match %s, and neither is more specific: %s", p.example(q), explain(methods, paths))
	}
	return ""
}

func explain(methods, paths relation) string {
	switch {
	case paths == overlaps:
		return "each matches paths that the other does not"
	case methods == fewer:
		return "the first matches fewer methods, but more paths"
	}
	return "the first matches more methods, but fewer paths"
}

func (p *contextPattern) compareMethods(q *contextPattern) relation {
	switch {
	case p.method == q.method:
		return equal
	case p.method == "", p.method == http.MethodGet && q.method == http.MethodHead:
		return more
	case q.method == "", q.method == http.MethodGet && p.method == http.MethodHead:
		return fewer
	}
	return disjoint
}

func (p *contextPattern) comparePaths(q *contextPattern) relation {
	all := equal
	for i := range min(len(p.segments), len(q.segments)) {
		a, b := p.segments[i], q.segments[i]
		all = all.and(a.compare(b))
		if all == disjoint || a.kind == restSegment || b.kind == restSegment {
			return all
		}
	}
	if len(p.segments) != len(q.segments) {
		return disjoint
	}
	return all
}

// compare compares what two segments match. The rest of a path matches whatever the other pattern has there and behind.
func (s segment) compare(other segment) relation {
	switch {
	case s.kind == other.kind && (s.kind != literalSegment || s.text == other.text):
		return equal
	case s.kind == restSegment:
		return more
	case other.kind == restSegment:
		return fewer
	case s.kind == singleSegment && other.kind == literalSegment && other.text != "":
		return more
	case s.kind == literalSegment && other.kind == singleSegment && s.text != "":
		return fewer
	}
	return disjoint
}

// example is a path that both match, when their paths are not disjoint.
func (p *contextPattern) example(q *contextPattern) string {
	var out strings.Builder
	for i := range max(len(p.segments), len(q.segments)) {
		// The segment that matches less, or the only one there is: the other pattern's rest covers it.
		s := segment{kind: restSegment}
		for _, from := range []*contextPattern{p, q} {
			if i < len(from.segments) && from.segments[i].kind < s.kind {
				s = from.segments[i]
			}
		}
		out.WriteByte('/')
		switch s.kind {
		case literalSegment:
			out.WriteString(encodePath(s.text, true))
		case singleSegment:
			out.WriteString(s.text)
		}
	}
	return out.String()
}
