package h2

import (
	"slices"

	"golang.org/x/net/http2/hpack"
)

// fields are a header section in order.
type fields []hpack.HeaderField

// pairs makes fields of names and values.
func pairs(namesAndValues ...string) fields {
	var f fields
	for pair := range slices.Chunk(namesAndValues, 2) {
		f = append(f, hpack.HeaderField{Name: pair[0], Value: pair[1]})
	}
	return f
}

// request is a header section with the four pseudo-header fields and what is added.
func request(method, path string, namesAndValues ...string) fields {
	return append(pairs(":method", method, ":scheme", "http", ":path", path, ":authority", "test.example"), pairs(namesAndValues...)...)
}

func get(path string, namesAndValues ...string) fields {
	return request("GET", path, namesAndValues...)
}

func post(path string, namesAndValues ...string) fields {
	return request("POST", path, namesAndValues...)
}

// value returns the first value of a field, "" when there is none.
func (f fields) value(name string) string {
	for _, field := range f {
		if field.Name == name {
			return field.Value
		}
	}
	return ""
}

func (f fields) values(name string) (values []string) {
	for _, field := range f {
		if field.Name == name {
			values = append(values, field.Value)
		}
	}
	return values
}

// without returns f with no field of that name.
func (f fields) without(name string) fields {
	return slices.DeleteFunc(slices.Clone(f), func(h hpack.HeaderField) bool { return h.Name == name })
}

// with returns f with the value of that field replaced, in its place.
func (f fields) with(name, value string) fields {
	f = slices.Clone(f)
	for i := range f {
		if f[i].Name == name {
			f[i].Value = value
		}
	}
	return f
}
