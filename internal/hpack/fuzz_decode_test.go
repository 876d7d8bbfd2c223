package hpack

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/http2/hpack"
)

// blocksOf cuts fuzz data into header blocks, each behind an octet with its length.
func blocksOf(data []byte) (blocks [][]byte) {
	for len(data) > 0 && len(blocks) < 20 {
		n := min(int(data[0]), len(data)-1)
		blocks = append(blocks, data[1:1+n])
		data = data[1+n:]
	}
	return blocks
}

// The two decoders agree on fields, on those before an error, and on whether there is one, but for size updates:
// the reference takes them behind fields while its table is empty, and any number of them, and refuses a second
// one while it is not, which RFC 7541 §4.2 allows.
func FuzzDecodeIsTheSameAsTheLibrarys(f *testing.F) {
	for _, sequence := range vectors {
		var data []byte
		for _, v := range sequence.blocks {
			block := make([]byte, 0, len(v.block))
			for _, digit := range strings.Fields(v.block) {
				for ; len(digit) >= 2; digit = digit[2:] {
					block = append(block, byte(strings.Index(hexDigits, digit[:1])<<4|strings.Index(hexDigits, digit[1:2])))
				}
			}
			data = append(append(data, byte(len(block))), block...)
		}
		f.Add(uint16(sequence.tableSize), false, data)
	}
	f.Add(uint16(100), true, []byte("\x05\x40\x01a\x011\x07\x7e\x012\x3f\x0a\xbe\xbf\x02\x20\x82"))
	f.Add(uint16(4096), true, []byte("\x03\x3f\x27\xbe\x04\x20\x3f\xe1\x1f\x0b\x00\x84\xff\xff\xff\xff\x00\x82\x18\xc6\x80"))
	f.Fuzz(func(t *testing.T, tableSize uint16, limited bool, data []byte) {
		ours, reference := newDecoder(uint32(tableSize)), hpack.NewDecoder(uint32(tableSize), nil)
		if limited {
			ours.MaxString = 64
			reference.SetMaxStringLength(64)
		}
		memory := make([]byte, 0, 100)
		for i, block := range blocksOf(data) {
			var got collect
			var err error
			memory, err = ours.Decode(block, memory[:0], &got)
			want, wantErr := theLibrarys(reference, block)
			if err == ErrTableSizePlace || wantErr != nil && startsWithTwoUpdates(block) {
				return
			}
			if (err != nil) != (wantErr != nil) {
				t.Fatalf("block %d, %x: error %v, the reference's is %v", i, block, err, wantErr)
			}
			if !slices.Equal(got.lines(), want) {
				t.Fatalf("block %d, %x: fields %q, the reference's are %q", i, block, got.lines(), want)
			}
			if err != nil {
				return
			}
			checkTable(t, &ours.table)
			for _, f := range got.fields {
				if f.Index != 0 && staticTable[f.Index].Name != f.Name || f.Static && staticTable[f.Index].Value != f.Value {
					t.Fatalf("block %d, %x: field %+v does not fit its index", i, block, f)
				}
			}
		}
	})
}

const hexDigits = "0123456789abcdef"

func startsWithTwoUpdates(block []byte) bool {
	if len(block) == 0 || block[0]&0xe0 != 0x20 {
		return false
	}
	_, rest, err := readInteger(block, 5)
	return err == nil && len(rest) > 0 && rest[0]&0xe0 == 0x20
}

// checkTable counts again what the table has counted.
func checkTable(t *testing.T, table *table) {
	t.Helper()
	size := 0
	for i := 1; i <= table.count; i++ {
		size += table.at(i).size()
	}
	if size != table.size || size > table.max || table.count > len(table.ring) {
		t.Fatalf("the table has %d entries of %d bytes, counted as %d, and may have %d", table.count, size, table.size, table.max)
	}
	live := 0
	for _, e := range table.ring {
		if e != (entry{}) {
			live++
		}
	}
	if live > table.count {
		t.Fatalf("the table keeps %d strings for %d entries", live, table.count)
	}
}
