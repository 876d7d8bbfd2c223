package hpack

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/net/http2/hpack"
)

func TestEveryStaticFieldIsTheLibrarys(t *testing.T) {
	d, reference := newDecoder(4096), hpack.NewDecoder(4096, nil)
	for i := 1; i <= staticCount; i++ {
		block := []byte{0x80 | byte(i)}
		want, err := theLibrarys(reference, block)
		if err != nil {
			t.Fatal(err)
		}
		var got collect
		if _, err := d.Decode(block, nil, &got); err != nil || !slices.Equal(got.lines(), want) {
			t.Errorf("index %d is %q, %v, want %q", i, got.lines(), err, want)
		}
		if f := got.fields[0]; int(f.Index) != i || !f.Static {
			t.Errorf("index %d comes with Index %d, Static %t", i, f.Index, f.Static)
		}
	}
}

func TestWrongBlocksAreRefused(t *testing.T) {
	for _, test := range []struct {
		what  string
		block string
		want  error
	}{
		{"index 0", "80", ErrIndex},
		{"an index behind an empty table", "be", ErrIndex},
		{"a name's index behind an empty table", "7f00 0161", ErrIndex},
		{"a large index", "ff8080807f", ErrIndex},
		{"an integer above 2^28", "ffffffffff7f", ErrInteger},
		{"an index without its end", "ff", ErrTruncated},
		{"a literal without a value", "04", ErrTruncated},
		{"a literal with half a value", "0402 61", ErrTruncated},
		{"a literal without a name", "00", ErrTruncated},
		{"a literal with half a name", "0002 61", ErrTruncated},
		{"a literal with a name and no value", "0001 61", ErrTruncated},
		{"a name in wrong Huffman code", "0081 ff 0161", ErrHuffmanPadding},
		{"a value with EOS", "0484 ffffffff", ErrHuffmanEOS},
		{"a size update above the announced size", "3fe21f", ErrTableSize},
		{"a size update without its end", "3f", ErrTruncated},
		{"a size update behind a field", "82 20", ErrTableSizePlace},
		{"three size updates", "20 21 22", ErrTableSizePlace},
		{"a long name", "00 3f 61", ErrStringTooLong},
		{"a long value in Huffman code", "04 94" + strings.Repeat("18c6318c63", 4), ErrStringTooLong},
	} {
		d := newDecoder(4096)
		d.MaxString = 30
		var got collect
		_, err := d.Decode(unhex(t, test.block), nil, &got)
		if err != test.want {
			t.Errorf("%s: error %v, want %v", test.what, err, test.want)
		}
		if _, ok := errors.AsType[CompressionError](err); !ok {
			t.Errorf("%s: the error is a %T, want a CompressionError", test.what, err)
		}
	}
}

func TestAStringAtTheLimitIsDecoded(t *testing.T) {
	d := newDecoder(4096)
	d.MaxString = 32
	var got collect
	if _, err := d.Decode(unhex(t, "04 94"+strings.Repeat("18c6318c63", 4)), nil, &got); err != nil || len(got.fields[0].Value) != 32 {
		t.Errorf("fields %q, error %v", got.lines(), err)
	}
}

// "This dynamic table size update MUST occur at the beginning of the first header block" (RFC 7541 §4.2); two are allowed.
func TestTwoSizeUpdatesEvict(t *testing.T) {
	d := newDecoder(4096)
	var got collect
	decode := func(block string) {
		t.Helper()
		got.fields = nil
		if _, err := d.Decode(unhex(t, block), nil, &got); err != nil {
			t.Fatal(err)
		}
	}
	decode("4001610131 4001620132 4001630133") // three entries of 34 bytes
	decode("3f27 3fe11f be bf")                // 70, then 4096: the two newest stay
	if want := []string{`"c": "3"`, `"b": "2"`}; !slices.Equal(got.lines(), want) {
		t.Errorf("fields %q, want %q", got.lines(), want)
	}
	decode("20")
	if d.table.count != 0 || d.table.size != 0 {
		t.Errorf("a table of size 0 has %d entries of %d bytes", d.table.count, d.table.size)
	}
	decode("4001640134") // "it is not an error to attempt to add an entry that is larger than the maximum size" (§4.4)
	if d.table.count != 0 || got.lines()[0] != `"d": "4"` {
		t.Errorf("a table of size 0 took an entry, or the field is lost: %q", got.lines())
	}
}

func TestASmallerTableThatWasAcknowledgedHasToBeSignalled(t *testing.T) {
	for _, test := range []struct {
		block string
		want  error
	}{{"82", ErrTableSizeMissing}, {"20 82", nil}, {"3f45 82", nil}, {"3f46 82", ErrTableSize}} {
		d := newDecoder(4096)
		d.SetMaxTableSize(100)
		if _, err := d.Decode(unhex(t, test.block), nil, &discard{}); err != test.want {
			t.Errorf("%s: error %v, want %v", test.block, err, test.want)
		}
	}
	d := newDecoder(4096)
	d.SetMaxTableSize(8192)
	if _, err := d.Decode(unhex(t, "82"), nil, &discard{}); err != nil {
		t.Errorf("a larger table needs no update, but: %v", err)
	}
}

func TestARefusedBlockKeepsTheTableInStep(t *testing.T) {
	d := newDecoder(4096)
	refusal := errors.New("too many fields")
	got := collect{refuse: func(Field) error { return refusal }}
	memory := make([]byte, 0, 100)
	memory, err := d.Decode(unhex(t, "82 4001610131 0001620132 4001630133"), memory, &got)
	if err != refusal || len(got.fields) != 1 {
		t.Errorf("error %v after %d fields, want the sink's after 1", err, len(got.fields))
	}
	if want := []string{"c: 3", "a: 1"}; !slices.Equal(d.table.contents(), want) {
		t.Errorf("table %q, want %q", d.table.contents(), want)
	}
	if len(memory) != 0 {
		t.Errorf("%d bytes of memory are used for fields that nobody got", len(memory))
	}
	if _, err := d.Decode(unhex(t, "82 80"), nil, &got); err != ErrIndex {
		t.Errorf("error %v of a block that is both refused and wrong, want %v", err, ErrIndex)
	}
}

// kept is a sink that keeps strings as they are.
type kept []Field

func (k *kept) Field(f Field) error { *k = append(*k, f); return nil }

func within(s string, memory []byte) bool {
	start := uintptr(unsafe.Pointer(unsafe.SliceData(memory)))
	at := uintptr(unsafe.Pointer(unsafe.StringData(s)))
	return s != "" && at >= start && at < start+uintptr(cap(memory))
}

func TestOnlyStringsOutsideMemorySurviveIt(t *testing.T) {
	d := newDecoder(4096)
	var got kept
	memory := make([]byte, 0, 64)
	memory, err := d.Decode(unhex(t, "82 4001610131 00026262023232 047f0d"+strings.Repeat("2f", 140)+"048318c6ff be 0f0d023133"), memory, &got)
	if err != nil {
		t.Fatal(err)
	}
	var text []string
	for i, f := range got {
		if (f.Name == "a" || f.Static) && (within(f.Name, memory) || within(f.Value, memory)) {
			t.Errorf("field %d (%s) lies in memory", i, f.Name)
		}
		if f.Name == "bb" && within(f.Value, memory) {
			t.Error("a string of the array that became too small lies in the new one")
		}
		if i > 2 && f.Name != "a" && !within(f.Value, memory) {
			t.Errorf("field %d (%s: %s) does not lie in memory", i, f.Name, f.Value)
		}
		if !within(f.Value, memory) {
			text = append(text, f.Name+"="+f.Value)
		}
	}
	clear(memory[:cap(memory)])
	if want := []string{":method=GET", "a=1", "bb=22", "a=1"}; !slices.Equal(text, want) {
		t.Errorf("fields outside memory are %q, want %q", text, want)
	}
}

// An entry does not hold the memory of another that has been evicted: its size would be a fiction.
func TestAnEntryWithTheNameOfAnotherHasACopyOfIt(t *testing.T) {
	d := newDecoder(4096)
	if _, err := d.Decode(unhex(t, "4001610131 7e0132"), nil, &discard{}); err != nil {
		t.Fatal(err)
	}
	first, second := d.table.at(2).name(), d.table.at(1).name()
	if first != "a" || second != "a" || unsafe.StringData(first) == unsafe.StringData(second) {
		t.Errorf("names %q and %q, in memory of the first", first, second)
	}
}

func TestTheRingGrowsAndTurns(t *testing.T) {
	d, reference := newDecoder(4096), hpack.NewDecoder(4096, nil)
	for i := range 1000 {
		block := []byte{0x40, 2, 'x', 'y'}
		block = append(block, byte(len(fmt.Sprint(i))))
		block = fmt.Append(block, i)
		for j := range min(i+1, 100) {
			block = appendInteger(block, 0x80, 7, staticCount+1+j)
		}
		var got collect
		_, err := d.Decode(block, nil, &got)
		want, wantErr := theLibrarys(reference, block)
		if err != nil || wantErr != nil || !slices.Equal(got.lines(), want) {
			t.Fatalf("block %d: %v, %v", i, err, wantErr)
		}
	}
	if len(d.table.ring) != 128 {
		t.Errorf("the ring has room for %d entries, want 128", len(d.table.ring))
	}
}

func TestAnIdleDecoderHasNoTable(t *testing.T) {
	d := newDecoder(1 << 20)
	if _, err := d.Decode(unhex(t, "828684 0401 61"), make([]byte, 0, 64), &discard{}); err != nil || d.table.ring != nil {
		t.Errorf("error %v, %d entries of memory", err, len(d.table.ring))
	}
	if size := unsafe.Sizeof(*d); size > 96 {
		t.Errorf("a decoder takes %d bytes", size)
	}
}

// aRequest is what a client that has sent a request before sends, with the path and a cookie spelt out.
func aRequest(t testing.TB, d *Decoder) []byte {
	var b bytes.Buffer
	e := hpack.NewEncoder(&b)
	var sink discard
	for range 2 {
		b.Reset()
		for _, f := range [][2]string{
			{":method", "GET"}, {":scheme", "https"}, {":authority", "www.example.com"}, {":path", "/index.html?a=b"},
			{"user-agent", "Mozilla/5.0 (X11; Linux x86_64)"}, {"accept", "text/html,*/*"}, {"accept-encoding", "gzip, deflate, br"},
			{"cookie", "session=0123456789abcdef"},
		} {
			if err := e.WriteField(hpack.HeaderField{Name: f[0], Value: f[1], Sensitive: f[0] == ":path" || f[0] == "cookie"}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := d.Decode(b.Bytes(), nil, &sink); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

func TestDecodingAllocatesNothingInTheSteadyState(t *testing.T) {
	d := newDecoder(4096)
	block := aRequest(t, d)
	memory := make([]byte, 0, 256)
	sink := &discard{}
	if n := testing.AllocsPerRun(100, func() {
		var err error
		if memory, err = d.Decode(block, memory[:0], sink); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("a request of %d bytes allocates %g times", len(block), n)
	}
	if sink.n != 101*8 {
		t.Errorf("%d fields, want %d", sink.n, 101*8)
	}
}

func TestWhatTheLibraryEncodesIsDecoded(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var b bytes.Buffer
	e, d := hpack.NewEncoder(&b), newDecoder(1<<14)
	e.SetMaxDynamicTableSizeLimit(1 << 14)
	e.SetMaxDynamicTableSize(1 << 14)
	d.MaxString = 4000
	memory := []byte(nil)
	for i := range 3000 {
		b.Reset()
		for range max(0, random.IntN(8)-5) {
			e.SetMaxDynamicTableSize(uint32(random.IntN(1<<14 + 1)))
		}
		var want []string
		for range 1 + random.IntN(12) {
			name := staticTable[1+random.IntN(staticCount)].Name
			if random.IntN(3) == 0 {
				name = fmt.Sprint("x-", random.IntN(50))
			}
			value := strings.Repeat(string(rune(random.IntN(600))), random.IntN(10)*random.IntN(10)*random.IntN(10))
			if err := e.WriteField(hpack.HeaderField{Name: name, Value: value, Sensitive: random.IntN(10) == 0}); err != nil {
				t.Fatal(err)
			}
			want = append(want, line(name, value, false))
		}
		var got collect
		var err error
		if memory, err = d.Decode(b.Bytes(), memory[:0], &got); err != nil {
			t.Fatalf("block %d: %v", i, err)
		}
		for i := range got.fields {
			got.fields[i].Sensitive = false // the reference refers to an equal entry also for a field that is
		}
		if !slices.Equal(got.lines(), want) {
			t.Fatalf("block %d: fields %q, want %q", i, got.lines(), want)
		}
		checkTable(t, &d.table)
	}
}
