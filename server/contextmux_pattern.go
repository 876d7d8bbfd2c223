package server

import (
	"errors"
	"fmt"
	"net/http"
	pathpkg "path"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/lannerhq/lanner/internal/httpcommon"
)

// contextPattern is a pattern of ContextMux: what it matches, and what is called then. It is the RouteFeature of the
// requests that it matches.
type contextPattern struct {
	text     string // as registered
	location string // of the call of Handle
	method   string // "" for all
	host     string // in lower case, "" for all
	segments []segment
	handler  ContextHandler
}

// Pattern is the pattern as it was registered.
func (p *contextPattern) Pattern() string { return p.text }

// Route and SetRoute implement RouteFeature where the server does not. It cannot be set there: it is all requests'.
func (p *contextPattern) Route() string   { return p.text }
func (p *contextPattern) SetRoute(string) {}

// segment is what a pattern says about one segment of a path.
type segment struct {
	kind segmentKind
	text string // of a literal, as a marked path has it (see markSlashes); the name of a wildcard, "" when it has none
}

// segmentKind orders segments: a kind matches more than those before it.
type segmentKind uint8

const (
	literalSegment segmentKind = iota // exactly this text
	endSegment                        // {$}: nothing, after a slash
	singleSegment                     // {name}: one segment that is not empty
	restSegment                       // {name...}, or a slash at the end: all that follows, if only nothing
)

// parseContextPattern parses [METHOD ][HOST]/[PATH].
func parseContextPattern(text string) (*contextPattern, error) {
	if !utf8.ValidString(text) {
		return nil, errors.New("it is not UTF-8")
	}
	p := &contextPattern{text: text}
	rest := text
	if i := strings.IndexAny(text, " \t"); i >= 0 {
		p.method, rest = text[:i], strings.TrimLeft(text[i+1:], " \t")
		if p.method != "" && !httpcommon.IsToken(p.method) {
			return nil, fmt.Errorf("%q is no method", p.method)
		}
	}
	slash := strings.IndexByte(rest, '/')
	if slash < 0 {
		return nil, errors.New("it has no path: write METHOD HOST/PATH, of which / is the least")
	}
	p.host = strings.ToLower(rest[:slash])
	if strings.Contains(p.host, "{") {
		return nil, fmt.Errorf("the host %q has a brace: a host has no wildcards, and a path begins with a slash", rest[:slash])
	}
	path := rest[slash:]
	if p.method != "" && p.method != http.MethodConnect && path != cleanPattern(path) {
		return nil, fmt.Errorf("it never matches, since requests for %s are redirected to %s", path, cleanPattern(path))
	}
	return p, p.parsePath(path[1:])
}

// cleanPattern is path without empty segments and dot segments.
func cleanPattern(path string) string {
	clean := pathpkg.Clean(path)
	if clean != "/" && strings.HasSuffix(path, "/") {
		clean += "/"
	}
	return clean
}

// parsePath parses what follows the first slash.
func (p *contextPattern) parsePath(rest string) error {
	for more := true; more; {
		var text string
		text, rest, more = strings.Cut(rest, "/")
		s, err := parseSegment(text, !more)
		if err != nil {
			return err
		}
		if more && (s.kind == endSegment || s.kind == restSegment) {
			return fmt.Errorf("%s must be at the end", text)
		}
		if _, _, used := p.wildcard(s.text); used && s.kind != literalSegment && s.text != "" {
			return fmt.Errorf("the name of the wildcard %s is used twice", text)
		}
		p.segments = append(p.segments, s)
	}
	return nil
}

func parseSegment(text string, last bool) (segment, error) {
	switch {
	case text == "" && last:
		return segment{restSegment, ""}, nil
	case text == "{$}":
		return segment{endSegment, ""}, nil
	case !strings.Contains(text, "{"):
		return segment{literalSegment, literalText(text)}, nil
	}
	inner, opened := strings.CutPrefix(text, "{")
	name, closed := strings.CutSuffix(inner, "}")
	if !opened || !closed {
		return segment{}, fmt.Errorf("in %q a wildcard is only a part of the segment: it must be all of it", text)
	}
	name, rest := strings.CutSuffix(name, "...")
	if !isWildcardName(name) {
		return segment{}, fmt.Errorf("%q is no name of a wildcard: it must be a Go identifier", name)
	}
	if rest {
		return segment{restSegment, name}, nil
	}
	return segment{singleSegment, name}, nil
}

// isWildcardName reports whether name is a Go identifier or keyword.
func isWildcardName(name string) bool {
	for i, r := range name {
		if r != '_' && !unicode.IsLetter(r) && (i == 0 || !unicode.IsDigit(r)) {
			return false
		}
	}
	return name != ""
}

// literalText is a literal as a path has it that the server has decoded and that went through markSlashes.
func literalText(text string) string {
	marked := replaceSlashes(text)
	if clean := httpcommon.CleanPath("/" + marked); strings.Count(clean, "/") == 1 && clean != "/" {
		return clean[1:]
	}
	return marked // a dot segment, which no path has
}

// wildcard returns the place of a wildcard among the segments, and whether it is one that takes the rest.
func (p *contextPattern) wildcard(name string) (index int, rest, found bool) {
	for i := range p.segments {
		if s := &p.segments[i]; s.kind >= singleSegment && s.text == name {
			return i, s.kind == restSegment, true
		}
	}
	return 0, false, false
}
