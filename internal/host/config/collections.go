package config

import (
	"maps"
	"slices"
	"strings"

	yaml "go.yaml.in/yaml/v4"
)

// list is the codec of a sequence.
type list[V any] struct {
	what string // "a list of bindings"
	item codec[V]
	some bool // at least one is needed
}

func (l *list[V]) expects() string { return l.what }

func (l *list[V]) read(d *decoder, at string, n *yaml.Node) ([]V, bool) {
	if n.Kind != yaml.SequenceNode {
		d.wrongKind(at, n, l.what, "write a list: one value a line after a dash, or [a, b]")
		return nil, false
	}
	if l.some && len(n.Content) == 0 {
		d.fail(at, n, "write "+l.what, "%s is empty", lastKey(at))
		return nil, false
	}
	if !d.spend(n, len(n.Content)+1) {
		return nil, false
	}
	var values []V
	for i, item := range n.Content {
		v, _ := readValue(d, l.item, element(at, i), item)
		values = append(values, v)
	}
	return values, true
}

func (l *list[V]) show(s *shower, at string, values []V) *yaml.Node {
	node := &yaml.Node{Kind: yaml.SequenceNode}
	if len(values) == 0 {
		return s.comment(at, node)
	}
	for i, v := range values {
		node.Content = append(node.Content, l.item.show(s, element(at, i), v))
	}
	return node
}

func (l *list[V]) schema(g definitions) schema {
	s := schema{"type": "array", "items": l.item.schema(g)}
	if l.some {
		s["minItems"] = 1
	}
	return s
}

// dict is the codec of a mapping with free keys.
type dict[V any] struct {
	what  string // "a mapping of names to pools"
	item  codec[V]
	check func(name string) *complaint
	form  string // pattern of the names, for editors
	some  bool   // at least one is needed
}

func (m *dict[V]) expects() string { return m.what }

func (m *dict[V]) read(d *decoder, at string, n *yaml.Node) (map[string]V, bool) {
	if n.Kind != yaml.MappingNode {
		d.wrongKind(at, n, m.what, "write name: value, one a line and indented")
		return nil, false
	}
	if m.some && len(n.Content) == 0 {
		d.fail(at, n, "write "+m.what, "%s is empty", lastKey(at))
		return nil, false
	}
	values := map[string]V{}
	for _, p := range d.pairs(at, n) {
		name := follow(p.key).Value
		path := member(at, name)
		if wrong := m.check(name); wrong != nil {
			d.fail(path, p.key, wrong.hint, "%q %s", short(name), wrong.problem)
			continue
		}
		d.names[path] = p.key
		values[name], _ = readValue(d, m.item, path, p.value)
	}
	if len(values) == 0 {
		return nil, true
	}
	return values, true
}

func (m *dict[V]) show(s *shower, at string, values map[string]V) *yaml.Node {
	node := &yaml.Node{Kind: yaml.MappingNode}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		value := m.item.show(s, member(at, name), values[name])
		if value != nil {
			node.Content = append(node.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: name, Tag: "!!str"}, value)
		}
	}
	if len(node.Content) == 0 {
		return s.comment(at, node)
	}
	return node
}

func (m *dict[V]) schema(g definitions) schema {
	s := schema{"type": "object", "additionalProperties": m.item.schema(g)}
	if m.form != "" {
		s["propertyNames"] = schema{"pattern": m.form}
	}
	if m.some {
		s["minProperties"] = 1
	}
	return s
}

// pointer is the codec of a value that may be left out, as nil.
type pointer[V any] struct{ to codec[V] }

func (p pointer[V]) expects() string { return p.to.expects() }

func (p pointer[V]) read(d *decoder, at string, n *yaml.Node) (*V, bool) {
	v, ok := p.to.read(d, at, n)
	return &v, ok
}

func (p pointer[V]) show(s *shower, at string, v *V) *yaml.Node {
	if v == nil {
		return nil
	}
	return p.to.show(s, at, *v)
}

func (p pointer[V]) schema(g definitions) schema { return p.to.schema(g) }

// commandCodec reads a command: a list of words, or one text that is split into words as a shell does.
type commandCodec struct{ words list[string] }

func newCommand() *commandCodec {
	return &commandCodec{list[string]{what: "a list of words, the program first", item: looseText("a word of the command"), some: true}}
}

func (c *commandCodec) expects() string {
	return "a command such as node server.js, as text or as a list of words"
}

func (c *commandCodec) read(d *decoder, at string, n *yaml.Node) ([]string, bool) {
	if n.Kind == yaml.SequenceNode {
		words, ok := c.words.read(d, at, n)
		if ok && words[0] == "" && !d.failed[element(at, 0)] {
			d.fail(element(at, 0), n, "write the program first", "the command has an empty program")
			return nil, false
		}
		return words, ok
	}
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!str" {
		d.wrongKind(at, n, c.expects(), "write command: node server.js, or command: [node, server.js]")
		return nil, false
	}
	raw, wrong, token := splitWords(n.Value)
	if wrong == nil && (len(raw) == 0 || raw[0] == "") {
		wrong = &complaint{"the command is empty", "write the program and its arguments, such as node server.js"}
	}
	if wrong != nil {
		d.failToken(at, n, token, wrong.hint, "%s", wrong.problem)
		return nil, false
	}
	words := make([]string, len(raw))
	for i, word := range raw {
		path := element(at, i)
		d.origins[path] = d.origins[at]
		expanded, ok := d.expand(path, n, word)
		if !ok {
			return nil, false
		}
		if strings.ContainsRune(expanded, 0) {
			d.fail(at, n, "remove it", "word %d of the command contains a NUL character", i+1)
			return nil, false
		}
		d.written[path] = word
		words[i] = expanded
	}
	return words, true
}

func (c *commandCodec) show(s *shower, at string, words []string) *yaml.Node {
	return c.words.show(s, at, words)
}

func (c *commandCodec) schema(g definitions) schema {
	return schema{"anyOf": []schema{{"type": "string", "minLength": 1}, c.words.schema(g)}}
}
