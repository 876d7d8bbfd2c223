package config

import (
	"strings"

	yaml "go.yaml.in/yaml/v4"
)

// maskEnvironments hides the values of environments and passwords in snippets, since problems are logged and the values may be secrets.
// It looks at the names of keys alone, so that it works for a file in which everything else is wrong. A value that is just
// a ${...} stays visible: it is no secret, and the place of many mistakes.
func (d *decoder) maskEnvironments(root *yaml.Node) {
	var open *yaml.Node // a value whose end is not known yet: it reaches up to the next node
	closeAt := func(number int) {
		if open == nil {
			return
		}
		d.src.hide(open.Line, open.Column, 0)
		for next := open.Line + 1; next < number; next++ {
			d.src.hide(next, 1, 0)
		}
		open = nil
	}
	var walk func(n *yaml.Node, secret bool)
	walk = func(n *yaml.Node, secret bool) {
		closeAt(n.Line)
		if secret && n.Kind == yaml.ScalarNode && !isReference(n.Value) {
			width, whole := d.extent(n)
			if whole {
				d.src.hide(n.Line, n.Column, n.Column+width)
			} else {
				open = n
			}
		}
		for i, child := range n.Content {
			isValue := n.Kind == yaml.MappingNode && i%2 == 1
			named := isValue && isSecret(string(plain(n.Content[i-1].Value)))
			walk(child, named || secret && (isValue || n.Kind == yaml.SequenceNode))
		}
	}
	walk(root, false)
	closeAt(len(d.src.lines) + 1)
}

// isSecret reports whether the values of a key, or of one that may be a misspelling of it, are hidden.
func isSecret(key string) bool {
	return strings.HasPrefix(key, "env") || strings.HasPrefix(key, "passw") || key == "mackey"
}

// isReference reports whether a text is one ${...} without a default.
func isReference(text string) bool {
	return strings.HasPrefix(text, "${") && strings.IndexByte(text, '}') == len(text)-1 && !strings.Contains(text, ":-")
}
