package config

import (
	"fmt"
	"slices"

	yaml "go.yaml.in/yaml/v4"
)

// codec reads, shows and describes the values of one kind. Each key of the file has one; see the keys_*.go files.
type codec[V any] interface {
	// expects completes the sentence "expected ...", as in "a duration such as 20m".
	expects() string
	// read returns false after it has reported why there is no value.
	read(d *decoder, at string, n *yaml.Node) (V, bool)
	// show returns the node that would be read as v.
	show(s *shower, at string, v V) *yaml.Node
	// schema describes the node to editors.
	schema(g definitions) schema
}

// object is the codec of a mapping with known keys.
type object[T any] struct {
	name   string // "pool"
	a      string // "a pool", as in "unknown key in a pool"
	doc    string
	fields []field[T]

	// check reports what is wrong between the keys, once each alone is right.
	check func(d *decoder, at string, k keys, v *T)
}

// keys tells an object's check which keys were given.
type keys struct {
	node  *yaml.Node // where the object stands: its name if it has one
	value map[string]*yaml.Node
	bad   map[string]bool
	meant map[string]bool // keys that are missing because they are misspelt
}

// ok reports whether the keys were given and could be read.
func (k keys) ok(names ...string) bool {
	return !slices.ContainsFunc(names, func(name string) bool { return k.value[name] == nil || k.bad[name] })
}

// usable reports whether the keys have a value, given or by default.
func (k keys) usable(names ...string) bool {
	return !slices.ContainsFunc(names, func(name string) bool { return k.bad[name] })
}

func (o *object[T]) expects() string { return o.a }

func (o *object[T]) names() []string {
	names := make([]string, len(o.fields))
	for i, f := range o.fields {
		names[i] = f.key
	}
	return names
}

// empty returns the object as if it were written without a key.
func (o *object[T]) empty(d *decoder, at string) T {
	var v T
	for _, f := range o.fields {
		f.fill(d, member(at, f.key), &v)
	}
	if o.check != nil {
		o.check(d, at, keys{}, &v)
	}
	return v
}

// read returns true for every mapping, so that one bad key does not hide mistakes in others, but marks the path as failed.
func (o *object[T]) read(d *decoder, at string, n *yaml.Node) (T, bool) {
	var v T
	if n.Kind != yaml.MappingNode {
		hint := "write its keys below, indented, or {} for all defaults"
		if at == "" {
			hint = "begin with a site: " + smallest
		}
		d.wrongKind(at, n, o.a+", a mapping", hint)
		return v, false
	}
	before := d.errs.count()
	k := keys{node: d.named(at, n), value: map[string]*yaml.Node{}, bad: map[string]bool{}, meant: map[string]bool{}}
	for _, p := range d.pairs(at, n) {
		name := follow(p.key).Value
		if slices.ContainsFunc(o.fields, func(f field[T]) bool { return f.key == name }) {
			k.value[name] = p.value
			d.names[member(at, name)] = p.key
			continue
		}
		meant, hint := d.meant(name, o.name, o.names(), o.a)
		k.meant[meant] = true
		d.fail(member(at, name), p.key, hint, "unknown key %q in %s", short(name), o.a)
	}
	for _, f := range o.fields {
		path := member(at, f.key)
		value, given := k.value[f.key]
		switch {
		case given:
			k.bad[f.key] = !f.read(d, path, value, &v)
		case f.required && !f.said && !k.meant[f.key]:
			k.bad[f.key] = true
			d.fail(path, k.node, fmt.Sprintf("add %q: %s", f.key, f.expects), "missing key %q in %s", f.key, o.a)
		}
		if !given || k.bad[f.key] {
			f.fill(d, path, &v)
		}
	}
	if o.check != nil {
		o.check(d, at, k, &v)
	}
	d.failed[at] = d.errs.count() > before
	return v, true
}

// meant looks for what an unknown key was meant to be: the word of another system, a misspelt key of this object, a key of
// another object. It returns the key of this object, or "", and the hint.
func (d *decoder) meant(name, object string, names []string, a string) (key, hint string) {
	if other, ok := otherNames[string(plain(name))]; ok {
		return other.key, other.hint
	}
	if near := nearest(name, names); near != "" {
		return near, fmt.Sprintf("did you mean %q?", near)
	}
	if owners := d.owners[name]; len(owners) > 0 && !slices.Contains(owners, object) {
		return "", fmt.Sprintf("%q is a key of %s: move it there", name, owners[0])
	}
	return "", didYouMean(name, names, "the keys of "+a+" are ")
}

// named returns the key of a value, or the value itself where it has none, as in a list.
func (d *decoder) named(at string, n *yaml.Node) *yaml.Node {
	if name := d.names[at]; name != nil {
		return name
	}
	return n
}

func (o *object[T]) show(s *shower, at string, v T) *yaml.Node {
	node := &yaml.Node{Kind: yaml.MappingNode}
	for _, f := range o.fields {
		value := f.show(s, member(at, f.key), &v)
		if value == nil {
			continue
		}
		node.Content = append(node.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: f.key, Tag: "!!str"}, value)
	}
	return node
}

// changed returns the keys in which a and b differ.
func (o *object[T]) changed(a, b *T) []string {
	var names []string
	for _, f := range o.fields {
		if !f.same(a, b) {
			names = append(names, f.key)
		}
	}
	return names
}
