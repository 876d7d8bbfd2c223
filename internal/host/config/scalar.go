package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	yaml "go.yaml.in/yaml/v4"
)

// word is the codec of a value that is written as one scalar.
type word[V any] struct {
	what    string   // "a duration such as 20m"
	example string   // "20m"
	tags    []string // YAML types besides text that are taken as they are written
	notText bool     // quoted text is taken only when it comes out of a ${...}, or is off
	off     string   // the word for "no limit"
	private bool     // shown as it is written in the file, since a ${...} in it is likely a secret

	parse  func(text string) (V, *complaint)
	format func(V) string // how the value is written; nil for %v
	shape  schema
}

// complaint says why a text is not a value. problem continues the sentence that begins with the text, and does not repeat
// any of it; the hint may.
type complaint struct{ problem, hint string }

func (w *word[V]) expects() string { return w.what }

func (w *word[V]) read(d *decoder, at string, n *yaml.Node) (v V, ok bool) {
	text, ok := d.scalar(at, n, w.what, w.example)
	if !ok {
		return v, false
	}
	expanded := d.expanded(at)
	isText := n.ShortTag() == "!!str"
	switch {
	case isText && w.notText && !expanded && n.Style != 0 && text != w.off:
		d.fail(at, n, "remove the quotes", "expected %s, found text", w.what)
		return v, false
	case !isText && !slices.Contains(w.tags, n.ShortTag()):
		d.wrongKind(at, n, w.what, w.instead(n))
		return v, false
	}
	v, wrong := w.parse(text)
	if wrong != nil {
		if expanded {
			wrong.hint = "it must be " + w.what
		}
		d.fail(at, n, wrong.hint, "%s %s", d.quote(at, n), wrong.problem)
		return v, false
	}
	return v, true
}

func (w *word[V]) instead(n *yaml.Node) string {
	if !w.notText && len(w.tags) == 0 {
		return fmt.Sprintf("put it in quotes: %q", short(n.Value))
	}
	return "write " + w.what
}

// scalar returns the text of a scalar with its ${...} replaced.
func (d *decoder) scalar(at string, n *yaml.Node, what, example string) (string, bool) {
	if n.Kind != yaml.ScalarNode {
		hint := "write one value"
		if example != "" {
			hint += ", such as " + example
		}
		d.wrongKind(at, n, what, hint)
		return "", false
	}
	if !knownTag(n) {
		d.fail(at, n, "remove the tag", "the YAML tag %s is not supported", n.Tag)
		return "", false
	}
	if n.ShortTag() == "!!null" {
		d.wrongKind(at, n, what, "")
		return "", false
	}
	if n.ShortTag() != "!!str" {
		return n.Value, true
	}
	text, ok := d.expand(at, n, n.Value)
	if d.expanded(at) {
		d.written[at] = n.Value
	}
	return text, ok
}

// knownTag reports whether a scalar has one of YAML's own types.
func knownTag(n *yaml.Node) bool {
	return slices.Contains([]string{"!!str", "!!int", "!!float", "!!bool", "!!null", "!!timestamp"}, n.ShortTag())
}

// expanded reports whether something was put into the value at a path.
func (d *decoder) expanded(at string) bool {
	o := d.origins[at]
	return len(o.Env)+len(o.Files) > 0
}

// quote names a value in a message. What came out of a ${...} may be a secret and is not repeated.
func (d *decoder) quote(at string, n *yaml.Node) string {
	if d.expanded(at) {
		return "the value of " + short(n.Value)
	}
	return strconv.Quote(short(n.Value))
}

// wrongKind reports a value of another YAML type than the expected one.
func (d *decoder) wrongKind(at string, n *yaml.Node, what, hint string) {
	if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" && at != "" {
		d.fail(at, n, "write "+what, "%s has no value", lastKey(at))
		return
	}
	d.fail(at, n, hint, "expected %s, found %s", what, kindOf(n))
}

// kindOf says in words what a node is.
func kindOf(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	}
	switch n.ShortTag() {
	case "!!bool":
		return "the truth value " + short(n.Value)
	case "!!int", "!!float":
		return "the number " + short(n.Value)
	case "!!timestamp":
		return "the date " + short(n.Value)
	}
	return "text"
}

// short cuts what is repeated from the file.
func short(text string) string {
	if runes := []rune(text); len(runes) > 60 {
		return string(runes[:60]) + "…"
	}
	return text
}

// lastKey is the last part of a path, for messages.
func lastKey(at string) string {
	return strconv.Quote(at[strings.LastIndexByte(at, '.')+1:])
}

func (w *word[V]) show(s *shower, at string, v V) *yaml.Node {
	text := fmt.Sprint(v)
	if w.format != nil {
		text = w.format(v)
	}
	return s.scalar(at, text, w.private, w.private || !w.notText && len(w.tags) == 0)
}

func (w *word[V]) schema(definitions) schema { return w.shape }
