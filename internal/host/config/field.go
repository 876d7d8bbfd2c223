package config

import (
	"reflect"

	yaml "go.yaml.in/yaml/v4"
)

// field is one key of an object, with the type of its value hidden in closures.
type field[T any] struct {
	key      string
	doc      string
	fallback string // the default as it would be written, or words about it
	literal  bool   // fallback is as it would be written
	required bool
	said     bool // the object's check reports its absence in better words
	expects  string

	read   func(d *decoder, at string, n *yaml.Node, v *T) bool
	fill   func(d *decoder, at string, v *T)
	show   func(s *shower, at string, v *T) *yaml.Node
	same   func(a, b *T) bool
	schema func(g definitions) schema
}

// key describes a key: its name, the place of its value in T, how it is read, and what it means. A key without
// further words is optional and its zero value is the default.
func key[T, V any](name string, in func(*T) *V, c codec[V], doc string) field[T] {
	return field[T]{
		key:     name,
		doc:     doc,
		expects: c.expects(),
		read: func(d *decoder, at string, n *yaml.Node, v *T) bool {
			value, ok := readValue(d, c, at, n)
			if ok {
				*in(v) = value
			}
			return ok
		},
		fill: func(d *decoder, at string, v *T) {
			if whole, ok := c.(interface{ empty(*decoder, string) V }); ok {
				*in(v) = whole.empty(d, at)
			}
		},
		show:   func(s *shower, at string, v *T) *yaml.Node { return c.show(s, at, *in(v)) },
		same:   func(a, b *T) bool { return reflect.DeepEqual(*in(a), *in(b)) },
		schema: c.schema,
	}
}

// need makes a key required.
func (f field[T]) need() field[T] {
	f.required = true
	return f
}

// needSaid makes a key required and leaves it to the object's check to report its absence.
func (f field[T]) needSaid() field[T] {
	f.required, f.said = true, true
	return f
}

// or gives a key its default, written as in the file.
func (f field[T]) or(fallback string) field[T] {
	f.fallback, f.literal = fallback, true
	f.fill = func(d *decoder, at string, v *T) {
		f.read(d, at, &yaml.Node{Kind: yaml.ScalarNode, Value: fallback}, v)
	}
	return f
}

// orElse gives a key a default that depends on something else, and the words to say so.
func (f field[T]) orElse(words string, fill func(d *decoder, v *T)) field[T] {
	f.fallback = words
	f.fill = func(d *decoder, _ string, v *T) { fill(d, v) }
	return f
}

// readValue reads one value and notes where it stands.
func readValue[V any](d *decoder, c codec[V], at string, n *yaml.Node) (V, bool) {
	n = follow(n)
	if d.exhausted {
		var none V
		return none, false
	}
	if n.Line > 0 {
		d.origins[at] = Origin{File: d.src.name, Line: n.Line}
		d.places[at] = n
	}
	v, ok := c.read(d, at, n)
	if !ok {
		d.failed[at] = true
	}
	return v, ok
}
