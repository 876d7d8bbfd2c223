package http3

import (
	"strconv"

	"github.com/lannerhq/lanner/internal/hpack"
	"github.com/lannerhq/lanner/internal/httpcommon"
)

// The first octets of what an encoded field section consists of (RFC 9204 §4.5), with the bit for the static table set.
const (
	fieldIndexed   = 0xc0
	fieldNamed     = 0x50
	fieldNeverName = 0x70 // the same, never to be indexed
	fieldLiteral   = 0x20
	fieldNever     = 0x30
)

// appendSectionPrefix begins a section that refers to no dynamic table.
func appendSectionPrefix(b []byte) []byte { return append(b, 0, 0) }

// known is a name of the static table, with its entries.
type known struct {
	name    string
	entries []int
}

// knownNames are the names of the static table by their lengths.
var knownNames = func() (byLength [40][]known) {
	for i, f := range staticTable {
		list := &byLength[len(f.Name)]
		found := false
		for j := range *list {
			if (*list)[j].name == f.Name {
				(*list)[j].entries = append((*list)[j].entries, i)
				found = true
			}
		}
		if !found {
			*list = append(*list, known{f.Name, []int{i}})
		}
	}
	return byLength
}()

func lookup(name string) *known {
	if len(name) >= len(knownNames) {
		return nil
	}
	list := knownNames[len(name)]
	for i := range list {
		if httpcommon.EqualFold(list[i].name, name) {
			return &list[i]
		}
	}
	return nil
}

// Entries of the static table that every response has.
const (
	entryContentLength = 4
	entryDate          = 6
	entryServer        = 92
	entryStatus200     = 25
	entryStatus        = 24
	entryAltSvc        = 83
)

// appendStatus appends ":status" with a number of three digits.
func appendStatus(b []byte, status int) []byte {
	if status == 200 {
		return append(b, fieldIndexed|entryStatus200)
	}
	var digits [3]byte
	text := strconv.AppendInt(digits[:0], int64(status), 10)
	for i := entryStatus; i <= 71; i++ {
		if i == 29 {
			i = 63
		}
		if staticTable[i].Value == string(text) {
			return hpack.AppendInteger(b, fieldIndexed, 6, i)
		}
	}
	return append(append(hpack.AppendInteger(b, fieldNamed, 4, entryStatus), byte(len(text))), text...)
}

// appendNumber appends a field of the static table with a decimal number.
func appendNumber(b []byte, entry int, n int64) []byte {
	b = hpack.AppendInteger(b, fieldNamed, 4, entry)
	at := len(b)
	b = strconv.AppendInt(append(b, 0), n, 10)
	b[at] = byte(len(b) - at - 1)
	return b
}

// appendEntry appends a field of the static table with a value of its own.
func appendEntry(b []byte, flags byte, entry int, value string) []byte {
	b = hpack.AppendInteger(b, flags, 4, entry)
	return append(hpack.AppendInteger(b, 0, 7, len(value)), value...)
}

// appendField appends a field. The name may be in any case; it is written in lower case (RFC 9114 §4.2). Strings are raw: coding each
// time costs more than it saves. "set-cookie" and "authorization" are never to be indexed by those on the way (RFC 9204 §7.1.3).
func appendField(b []byte, name, value string) []byte {
	k := lookup(name)
	if k == nil {
		return appendLiteral(b, name, value)
	}
	for _, i := range k.entries {
		if staticTable[i].Value == value && value != "" {
			return hpack.AppendInteger(b, fieldIndexed, 6, i)
		}
	}
	flags := byte(fieldNamed)
	if k.name == "set-cookie" || k.name == "authorization" {
		flags = fieldNeverName
	}
	return appendEntry(b, flags, k.entries[0], value)
}

func appendLiteral(b []byte, name, value string) []byte {
	b = hpack.AppendInteger(b, fieldLiteral, 3, len(name))
	for i := range len(name) {
		c := name[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		b = append(b, c)
	}
	return append(hpack.AppendInteger(b, 0, 7, len(value)), value...)
}
