package hpack

import (
	"encoding/hex"
	"strings"
	"testing"

	"golang.org/x/net/http2/hpack"
)

// collect is a sink that keeps copies: the strings of fields may lie in memory that is used again.
type collect struct {
	fields []Field
	refuse func(Field) error
}

func (c *collect) Field(f Field) error {
	f.Name, f.Value = strings.Clone(f.Name), strings.Clone(f.Value)
	c.fields = append(c.fields, f)
	if c.refuse != nil {
		return c.refuse(f)
	}
	return nil
}

func (c *collect) lines() (lines []string) {
	for _, f := range c.fields {
		lines = append(lines, line(f.Name, f.Value, f.Sensitive))
	}
	return lines
}

func line(name, value string, sensitive bool) string {
	s := `"` + name + `": "` + value + `"`
	if sensitive {
		s += " never indexed"
	}
	return s
}

// discard is a sink that keeps nothing.
type discard struct{ n int }

func (d *discard) Field(Field) error { d.n++; return nil }

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.NewReplacer(" ", "", "\n", "", "\t", "").Replace(s))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func newDecoder(maxTableSize uint32) *Decoder {
	var d Decoder
	d.Init(maxTableSize)
	return &d
}

// theLibrarys decodes a block with the reference, and returns also the fields before an error.
func theLibrarys(d *hpack.Decoder, block []byte) (lines []string, err error) {
	d.SetEmitFunc(func(f hpack.HeaderField) { lines = append(lines, line(f.Name, f.Value, f.Sensitive)) })
	if _, err := d.Write(block); err != nil {
		return lines, err
	}
	return lines, d.Close()
}

// contents lists a dynamic table, newest first, as RFC 7541 Appendix C does.
func (t *table) contents() (lines []string) {
	for i := 1; i <= t.count; i++ {
		e := t.at(i)
		lines = append(lines, e.name()+": "+e.text[e.nameLen:])
	}
	return lines
}
