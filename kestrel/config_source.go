package kestrel

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/lannerhq/lanner/internal/editdistance"
	"github.com/lannerhq/lanner/internal/jsonc"
)

// section is the name below which the options stand, in a file and in the names of variables.
const section = "Kestrel"

// node is a value from a file or from the environment, before it is known what it is for.
type node struct {
	place
	kind    jsonc.Kind
	value   string
	members []member
	items   []*node
}

type member struct {
	place // of the key
	key   string
	value *node
}

// readFile finds the section in a document. Other sections are let pass, but not those that look like a slip of the pen.
func readFile(name string, data []byte) (*node, error) {
	doc, err := jsonc.Parse(data)
	var syntax *jsonc.SyntaxError
	if errors.As(err, &syntax) {
		return nil, place{name, syntax.Line, syntax.Column}.error("", "", "this is not JSON: %s", syntax.Message)
	}
	root := fromFile(name, doc)
	if root.kind != jsonc.Object {
		return nil, root.error("", fmt.Sprintf(`begin with {%q: {`, section), "the file must be an object, not %s", root.kind)
	}
	var found *node
	for _, m := range root.members {
		switch {
		case !strings.EqualFold(m.key, section):
			if editdistance.Nearest(m.key, []string{section}) != "" {
				return nil, m.error("", fmt.Sprintf("did you mean %q?", section), "unknown section %q", m.key)
			}
		case found != nil:
			return nil, m.error("", "make one of both", "the section %q is there twice", section)
		default:
			found = m.value
		}
	}
	if found == nil {
		return nil, root.error("", fmt.Sprintf(`write {%q: {"Limits": ...}}`, section), "there is no section %q", section)
	}
	return found, nil
}

func fromFile(name string, n *jsonc.Node) *node {
	out := &node{place: place{name, n.Line, n.Column}, kind: n.Kind, value: n.Value}
	for _, m := range n.Members {
		out.members = append(out.members, member{place{name, m.Line, m.Column}, m.Key, fromFile(name, m.Value)})
	}
	for _, item := range n.Items {
		out.items = append(out.items, fromFile(name, item))
	}
	return out
}

// ownPrefix marks variables that are for Lanner alone. They win over those without it.
const ownPrefix = "LANNER_"

// readEnvironment makes a tree of the variables whose name begins with KESTREL__ or LANNER_KESTREL__, in any case. An
// empty variable is as if it were not set, and null is null.
func readEnvironment(environ []string) (*node, []error) {
	root := &node{kind: jsonc.Object, place: place{source: "environment"}}
	var errs []error
	variables := slices.Clone(environ)
	slices.Sort(variables) // so that messages have one order
	for _, own := range []bool{true, false} {
		set := &node{kind: jsonc.Object}
		for _, variable := range variables {
			name, value, _ := strings.Cut(variable, "=")
			rest, isOwn := cutPrefixFold(name, ownPrefix)
			path, ours := cutPrefixFold(rest, section+"__")
			if !ours || isOwn != own || value == "" {
				continue
			}
			if err := set.put(strings.Split(path, "__"), name, value); err != nil {
				errs = append(errs, err)
			}
		}
		root.merge(set)
	}
	return root, errs
}

func cutPrefixFold(s, prefix string) (string, bool) {
	if len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix) {
		return s[len(prefix):], true
	}
	return s, false
}

// put adds a variable's value at its path.
func (n *node) put(path []string, name, value string) error {
	at := place{source: "environment variable " + name}
	leaf := &node{place: at, kind: jsonc.Text, value: value}
	if strings.EqualFold(value, "null") {
		leaf.kind = jsonc.Null
	}
	for i, key := range path {
		if key == "" {
			return at.error("", "two underscores stand between the parts of the name", "a part of the name is empty")
		}
		last := i == len(path)-1
		m := n.member(key)
		switch {
		case m == nil && last:
			n.members = append(n.members, member{at, key, leaf})
		case m == nil:
			next := &node{place: at, kind: jsonc.Object}
			n.members = append(n.members, member{at, key, next})
			n = next
		case last || m.value.kind != jsonc.Object:
			return at.error("", "remove one of both", "%s sets the same", m.value.source)
		default:
			n = m.value
		}
	}
	return nil
}

func (n *node) member(key string) *member {
	for i := range n.members {
		if strings.EqualFold(n.members[i].key, key) {
			return &n.members[i]
		}
	}
	return nil
}

// merge adds what is only in other.
func (n *node) merge(other *node) {
	for _, m := range other.members {
		mine := n.member(m.key)
		switch {
		case mine == nil:
			n.members = append(n.members, m)
		case mine.value.kind == jsonc.Object && m.value.kind == jsonc.Object:
			mine.value.merge(m.value)
		}
	}
}
