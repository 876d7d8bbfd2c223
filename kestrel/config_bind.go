package kestrel

import (
	"encoding"
	"reflect"
	"strconv"
	"strings"

	"github.com/lannerhq/lanner/internal/jsonc"
	"github.com/lannerhq/lanner/server"
)

var (
	endpointsType = reflect.TypeFor[[]Endpoint]()
	rateType      = reflect.TypeFor[server.DataRate]()
)

// binder sets options from a tree, by reflection: a new field needs a row in the table of options and nothing here.
type binder struct{ c *Configuration }

func (b *binder) root(n *node) { b.fields(reflect.ValueOf(&b.c.opts).Elem(), n, "") }

func (b *binder) fail(n place, path, hint, format string, args ...any) {
	b.c.errs = append(b.c.errs, n.error(path, hint, format, args...))
}

// value sets v. path is where it is among the options, with the names that endpoints have.
func (b *binder) value(v reflect.Value, n *node, path string) {
	row := rowOf(path)
	switch {
	case n.kind == jsonc.Null && row.null != "":
		setNone(v)
	case n.kind == jsonc.Null:
		hint := "leave it out for the default"
		if v.Kind() == reflect.String {
			hint += `, or write ""`
		}
		b.fail(n.place, path, hint, "%s must not be null", path)
		return
	case v.Type() == endpointsType:
		b.endpoints(v, n)
	case reflect.PointerTo(v.Type()).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) && v.Type() != rateType:
		if n.kind != jsonc.Text {
			b.fail(n.place, path, "", "%s must be a text, not %s", path, n.kind)
			return
		}
		if err := v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(n.value)); err != nil {
			b.fail(n.place, path, "", "%s is %q, which cannot be: %v", path, n.value, err)
			return
		}
	case v.Kind() == reflect.Pointer:
		to := reflect.New(v.Type().Elem())
		if !v.IsNil() {
			to.Elem().Set(v.Elem())
		}
		b.value(to.Elem(), n, path)
		v.Set(to)
	case v.Kind() == reflect.Struct:
		if v.Type() == rateType && v.FieldByName("BytesPerSecond").Float() < 0 {
			v.SetZero() // a layer below said none
		}
		b.fields(v, n, path)
	case v.Kind() == reflect.Slice:
		b.list(v, n, path)
	case v.Kind() == reflect.Map:
		b.named(v, n, path)
	default:
		if message, hint := setScalar(v, n, row); message != "" {
			b.fail(n.place, path, hint, "%s %s", path, message)
			return
		}
	}
	b.c.origins[path] = n.place
}

// fields sets the fields that n has members for.
func (b *binder) fields(v reflect.Value, n *node, path string) {
	if !b.isObject(n, path) {
		return
	}
	keys := keysOf(v.Type())
	seen := make(map[string]bool)
	for _, m := range n.members {
		key, index, known := findKey(keys, m.key)
		switch {
		case !known:
			b.fail(m.place, path, meant(m.key, names(keys)), "unknown key %q in %s", m.key, pathOr(path))
		case seen[key]:
			b.fail(m.place, join(path, key), "remove one", "%q is there twice", m.key)
		default:
			b.value(v.Field(index), m.value, join(path, key))
		}
		seen[key] = known
	}
}

func (b *binder) isObject(n *node, path string) bool {
	if n.kind == jsonc.Object {
		return true
	}
	b.fail(n.place, path, "", "%s must be an object, not %s", pathOr(path), n.kind)
	return false
}

// endpoints adds and changes endpoints by their names, which are the keys.
func (b *binder) endpoints(v reflect.Value, n *node) {
	if !b.isObject(n, "Endpoints") {
		return
	}
	seen := make(map[string]bool)
	list := v.Addr().Interface().(*[]Endpoint)
	for _, m := range n.members {
		if folded := strings.ToLower(m.key); seen[folded] {
			b.fail(m.place, "Endpoints", "rename one; case does not count", "the endpoint %q is there twice", m.key)
			continue
		} else {
			seen[folded] = true
		}
		if m.key == "" {
			b.fail(m.place, "Endpoints", "", "an endpoint must have a name")
			continue
		}
		i := endpointNamed(*list, m.key)
		if i < 0 {
			i = len(*list)
			*list = append(*list, Endpoint{Name: m.key})
		}
		path := endpointPath((*list)[i])
		b.c.origins[path] = m.place
		b.fields(reflect.ValueOf(&(*list)[i]).Elem(), m.value, path)
	}
}

func endpointNamed(list []Endpoint, name string) int {
	for i := range list {
		if strings.EqualFold(list[i].Name, name) {
			return i
		}
	}
	return -1
}

// list sets a slice: from a list, or from variables whose names end in __0, __1 and so on.
func (b *binder) list(v reflect.Value, n *node, path string) {
	items := n.items
	if n.kind == jsonc.Object {
		for i := range n.members {
			m := n.member(strconv.Itoa(i))
			if m == nil {
				b.fail(n.members[0].place, path, "number them from 0", "%s must be a list", path)
				return
			}
			items = append(items, m.value)
		}
	} else if n.kind != jsonc.Array {
		b.fail(n.place, path, "", "%s must be a list, not %s", path, n.kind)
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(items), len(items)))
	for i, item := range items {
		b.value(v.Index(i), item, path+"."+strconv.Itoa(i))
	}
}

// named sets a map from names to values, whose case does not count. What was there stays, in another map: the first may be somebody else's.
func (b *binder) named(v reflect.Value, n *node, path string) {
	if !b.isObject(n, path) {
		return
	}
	all := reflect.MakeMap(v.Type())
	for _, key := range v.MapKeys() {
		all.SetMapIndex(key, v.MapIndex(key))
	}
	v.Set(all)
	seen := make(map[string]bool)
	for _, m := range n.members {
		if folded := strings.ToLower(m.key); seen[folded] {
			b.fail(m.place, path, "remove one; case does not count", "%q is there twice in %s", m.key, path)
			continue
		} else {
			seen[folded] = true
		}
		key := reflect.ValueOf(m.key)
		for _, has := range all.MapKeys() {
			if strings.EqualFold(has.String(), m.key) {
				key = has
			}
		}
		one := reflect.New(v.Type().Elem()).Elem()
		if before := all.MapIndex(key); before.IsValid() {
			one.Set(before)
		}
		at := path + "." + key.String()
		b.c.origins[at] = m.place
		b.value(one, m.value, at)
		all.SetMapIndex(key, one)
	}
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func pathOr(path string) string {
	if path == "" {
		return section
	}
	return path
}
