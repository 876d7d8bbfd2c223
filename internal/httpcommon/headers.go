package httpcommon

import "iter"

// Field is one header field line: a name as it was sent and its value without surrounding white space.
type Field struct {
	Name  string
	Value string
}

// Headers is an ordered list of header fields. Names are compared without case; the order and the spelling in which
// fields were added are kept. The zero value is an empty list ready for use. It is not safe for concurrent use.
//
// A list is searched from front to back: a message has few fields (Lanner allows 100 by default), and a list that is
// reused allocates nothing, which a map does.
type Headers struct {
	fields []Field
}

// Len is the number of field lines.
func (h *Headers) Len() int { return len(h.fields) }

// At returns the field line at index i, 0 <= i < Len.
func (h *Headers) At(i int) (name, value string) { return h.fields[i].Name, h.fields[i].Value }

// All iterates over the field lines in order.
func (h *Headers) All() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for i := range h.fields {
			if !yield(h.fields[i].Name, h.fields[i].Value) {
				return
			}
		}
	}
}

// Get returns the value of the first field with that name, or "".
func (h *Headers) Get(name string) string {
	v, _ := h.Lookup(name)
	return v
}

// Lookup returns the value of the first field with that name and whether there is one.
func (h *Headers) Lookup(name string) (string, bool) {
	for i := range h.fields {
		if len(h.fields[i].Name) == len(name) && EqualFold(h.fields[i].Name, name) {
			return h.fields[i].Value, true
		}
	}
	return "", false
}

// Values returns the values of all fields with that name, in order; nil when there is none.
func (h *Headers) Values(name string) []string {
	var out []string
	for i := range h.fields {
		if EqualFold(h.fields[i].Name, name) {
			out = append(out, h.fields[i].Value)
		}
	}
	return out
}

// HasToken reports whether any field with that name lists the token (RFC 9110 §5.6.1).
func (h *Headers) HasToken(name, token string) bool {
	for i := range h.fields {
		if EqualFold(h.fields[i].Name, name) && HasToken(h.fields[i].Value, token) {
			return true
		}
	}
	return false
}

// Add appends a field line.
func (h *Headers) Add(name, value string) {
	h.fields = append(h.fields, Field{name, value})
}

// Set replaces the first field with that name, removes any further ones, and appends the field when there was none.
func (h *Headers) Set(name, value string) {
	for i := range h.fields {
		if EqualFold(h.fields[i].Name, name) {
			h.fields[i] = Field{name, value}
			h.removeFrom(i+1, name)
			return
		}
	}
	h.Add(name, value)
}

// Del removes all fields with that name.
func (h *Headers) Del(name string) { h.removeFrom(0, name) }

func (h *Headers) removeFrom(start int, name string) {
	kept := h.fields[:start]
	for i := start; i < len(h.fields); i++ {
		if !EqualFold(h.fields[i].Name, name) {
			kept = append(kept, h.fields[i])
		}
	}
	clear(h.fields[len(kept):])
	h.fields = kept
}

// Reset empties the list and keeps its memory.
func (h *Headers) Reset() {
	if len(h.fields) == 0 {
		return
	}
	clear(h.fields)
	h.fields = h.fields[:0]
}

// SetAt replaces the field line at index i.
func (h *Headers) SetAt(i int, name, value string) { h.fields[i] = Field{name, value} }

// CopyFrom makes h hold the fields of other, in memory of its own.
func (h *Headers) CopyFrom(other *Headers) { h.fields = append(h.fields[:0], other.fields...) }
