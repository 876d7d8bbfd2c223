package config

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	yaml "go.yaml.in/yaml/v4"
)

// maxValues bounds what aliases can unfold to. A configuration of a thousand sites has about twenty thousand values.
const maxValues = 100_000

// decoder turns the nodes of one document into a Config. It lives for one call of parse.
type decoder struct {
	src    *source
	dir    string // what relative paths start from
	system system
	errs   Errors

	origins map[string]Origin
	written map[string]string     // values with a ${...} as they stand in the file, by path
	places  map[string]*yaml.Node // the value at a path
	names   map[string]*yaml.Node // the key at a path
	failed  map[string]bool       // paths whose value could not be read, so that later checks keep quiet about them
	pools   map[string]*Pool      // pools written in the place of a pool's name, by path
	owners  map[string][]string

	values    int
	exhausted bool
}

// place is a position in the file.
type place struct {
	line, column, width int
	path                string
}

func (d *decoder) failAt(p place, message, hint string) {
	if d.exhausted {
		return
	}
	if len(d.errs.Problems) == maxProblems {
		d.errs.More++ // without a snippet, since thousands of them take long
		return
	}
	line, column := d.src.inside(p.line, p.column)
	d.errs.add(Problem{
		File: d.src.name, Line: line, Column: column, Path: p.path, Message: message, Hint: hint,
		Snippet: d.src.snippet(line, column, p.width),
	})
}

// fail reports a problem at a node.
func (d *decoder) fail(at string, n *yaml.Node, hint, format string, args ...any) {
	d.failAt(d.placeOf(at, n), fmt.Sprintf(format, args...), hint)
}

// failToken reports a problem at a part of a node's text, or at the node where the text is not found in the file as it is.
func (d *decoder) failToken(at string, n *yaml.Node, token, hint, format string, args ...any) {
	p := d.placeOf(at, n)
	if before, _, ok := strings.Cut(d.src.from(n.Line, n.Column), token); ok && token != "" {
		p.column += utf8.RuneCountInString(before)
		p.width = utf8.RuneCountInString(token)
	}
	d.failAt(p, fmt.Sprintf(format, args...), hint)
}

func (d *decoder) placeOf(at string, n *yaml.Node) place {
	width, _ := d.extent(n)
	return place{line: n.Line, column: n.Column, width: width, path: at}
}

// extent returns the number of characters a scalar takes on its first line, and whether that is all of it.
func (d *decoder) extent(n *yaml.Node) (width int, whole bool) {
	rest := d.src.from(n.Line, n.Column)
	if n.Kind != yaml.ScalarNode || rest == "" {
		return 1, false
	}
	if n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) == 0 {
		if n.Value == "" || !strings.HasPrefix(rest, n.Value) {
			return 1, n.Value == ""
		}
		return utf8.RuneCountInString(n.Value), true
	}
	for i := 1; i < len(rest); i++ {
		switch {
		case rest[i] == '\\' && rest[0] == '"':
			i++
		case rest[i] == rest[0]:
			return utf8.RuneCountInString(rest[:i+1]), true
		}
	}
	return utf8.RuneCountInString(rest), false
}

// follow returns what an alias stands for.
func follow(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

// pair is one entry of a mapping.
type pair struct{ key, value *yaml.Node }

// spend counts values and stops the decoding when aliases have unfolded to too many.
func (d *decoder) spend(n *yaml.Node, count int) bool {
	d.values += count
	if d.values > maxValues {
		d.fail("", n, "write the repeated parts with fewer aliases",
			"the file has more than %d values once its aliases are followed", maxValues)
		d.exhausted = true
	}
	return !d.exhausted
}

// pairs returns the entries of a mapping in the order of the file, then those of its merge keys (<<), which it overrides.
// It reports keys that are written twice or are no plain text. active holds the mappings being merged, against cycles.
func (d *decoder) pairs(at string, n *yaml.Node, active ...*yaml.Node) []pair {
	if !d.spend(n, len(n.Content)/2+1) {
		return nil
	}
	var own, merged []pair
	seen := map[string]*yaml.Node{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := follow(n.Content[i]), follow(n.Content[i+1])
		if key.ShortTag() == "!!merge" {
			merged = append(merged, d.merge(at, n, value, active)...)
			continue
		}
		if key.Kind != yaml.ScalarNode || key.ShortTag() == "!!null" {
			d.fail(at, key, "write a name, such as web", "a key must be plain text")
			continue
		}
		if first, ok := seen[key.Value]; ok {
			d.fail(member(at, key.Value), n.Content[i], "remove one of the two",
				"key %q is written twice, first in line %d", key.Value, first.Line)
			continue
		}
		seen[key.Value] = key
		own = append(own, pair{n.Content[i], value})
	}
	for _, p := range merged {
		name := follow(p.key).Value
		if _, ok := seen[name]; !ok {
			seen[name] = p.key
			own = append(own, p)
		}
	}
	return own
}

func (d *decoder) merge(at string, n, value *yaml.Node, active []*yaml.Node) []pair {
	active = append(slices.Clone(active), n)
	sources := []*yaml.Node{value}
	if value.Kind == yaml.SequenceNode {
		sources = value.Content
	}
	var merged []pair
	for _, from := range sources {
		from = follow(from)
		if from.Kind != yaml.MappingNode {
			d.fail(at, from, "write <<: *name, where &name marks a mapping", "only a mapping can be merged")
			continue
		}
		if slices.Contains(active, from) {
			d.fail(at, from, "remove the merge key (<<)", "a mapping is merged into itself")
			continue
		}
		merged = append(merged, d.pairs(at, from, active...)...)
	}
	return merged
}

// member returns the path of a key.
func member(at, key string) string {
	if !plainKey(key) {
		return fmt.Sprintf("%s[%q]", at, key)
	}
	if at == "" {
		return key
	}
	return at + "." + key
}

func element(at string, i int) string { return fmt.Sprintf("%s[%d]", at, i) }

func plainKey(key string) bool {
	for i, r := range key {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '_' || r == '$'
		if !letter && (i == 0 || (r < '0' || r > '9') && r != '-') {
			return false
		}
	}
	return key != ""
}
