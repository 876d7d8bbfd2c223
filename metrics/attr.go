package metrics

import (
	"slices"
	"strconv"
	"strings"
)

// An Attr is an attribute: a key, such as "http.request.method", and a value that is a string, an integer or a boolean.
// It is comparable, and made by [String], [Int] or [Bool]. The zero value is no attribute, and ignored.
type Attr struct {
	key  string
	kind attrKind
	text string
	num  int64
}

type attrKind uint8

const (
	noAttr attrKind = iota
	stringAttr
	intAttr
	boolAttr
)

// String returns an attribute with a string for a value.
func String(key, value string) Attr { return Attr{key: key, kind: stringAttr, text: value} }

// Int returns an attribute with an integer for a value.
func Int(key string, value int64) Attr { return Attr{key: key, kind: intAttr, num: value} }

// Bool returns an attribute with a boolean for a value.
func Bool(key string, value bool) Attr {
	a := Attr{key: key, kind: boolAttr}
	if value {
		a.num = 1
	}
	return a
}

// optional returns an attribute, or none for an empty value.
func optional(key, value string) Attr {
	if value == "" {
		return Attr{}
	}
	return String(key, value)
}

// Key returns the attribute's key.
func (a Attr) Key() string { return a.key }

// Value returns the attribute's value: a string, an int64 or a bool; nil for the zero Attr.
func (a Attr) Value() any {
	switch a.kind {
	case stringAttr:
		return a.text
	case intAttr:
		return a.num
	case boolAttr:
		return a.num != 0
	}
	return nil
}

// Text returns the attribute's value as text.
func (a Attr) Text() string {
	switch a.kind {
	case stringAttr:
		return a.text
	case intAttr:
		return strconv.FormatInt(a.num, 10)
	case boolAttr:
		return strconv.FormatBool(a.num != 0)
	}
	return ""
}

// attrSet returns the attributes sorted by key, each key once. "If a duplicate key is encountered, the last value wins"
// is what OpenTelemetry's SDKs do.
func attrSet(attrs []Attr) []Attr {
	set := make([]Attr, 0, len(attrs))
	for i, a := range attrs {
		later := slices.ContainsFunc(attrs[i+1:], func(b Attr) bool { return b.kind != noAttr && b.key == a.key })
		if a.kind != noAttr && !later {
			set = append(set, a)
		}
	}
	slices.SortFunc(set, func(a, b Attr) int { return strings.Compare(a.key, b.key) })
	return set
}
