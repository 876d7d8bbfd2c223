package hpack

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/net/http2/hpack"
)

// The encoder's policy is its own, so its blocks are other ones than the RFC's; both decoders must read the same from them.
func TestTheFieldsOfTheExamplesAreEncodedAndReadBack(t *testing.T) {
	for _, sequence := range vectors {
		var e Encoder
		e.Init()
		e.SetMaxTableSize(sequence.tableSize)
		ours, reference := newDecoder(sequence.tableSize), hpack.NewDecoder(sequence.tableSize, nil)
		source := newDecoder(sequence.tableSize)
		for i, v := range sequence.blocks {
			var fields, got collect
			if _, err := source.Decode(unhex(t, v.block), nil, &fields); err != nil {
				t.Fatal(err)
			}
			block := e.Begin(nil)
			for _, f := range fields.fields {
				if f.Sensitive {
					block = e.AppendSensitive(block, f.Name, f.Value)
				} else {
					block = e.Append(block, f.Name, f.Value)
				}
			}
			want := slices.Clone(v.fields)
			for i, line := range want {
				if fields.fields[i].Name == "set-cookie" {
					want[i] = line + " never indexed"
				}
			}
			if _, err := ours.Decode(block, nil, &got); err != nil || !slices.Equal(got.lines(), want) {
				t.Errorf("%s, block %d: %x is read as %q, %v", sequence.section, i+1, block, got.lines(), err)
			}
			if lines, err := theLibrarys(reference, block); err != nil || !slices.Equal(lines, want) {
				t.Errorf("%s, block %d: the reference reads %x as %q, %v", sequence.section, i+1, block, lines, err)
			}
		}
	}
}

// peer reads what an encoder has written, with both decoders.
type peer struct {
	t         *testing.T
	ours      *Decoder
	reference *hpack.Decoder
}

func newPeer(t *testing.T) *peer {
	return &peer{t, newDecoder(4096), hpack.NewDecoder(4096, nil)}
}

func (p *peer) want(block []byte, want ...string) {
	p.t.Helper()
	var got collect
	if _, err := p.ours.Decode(block, nil, &got); err != nil || !slices.Equal(got.lines(), want) {
		p.t.Fatalf("%x is read as %q, %v, want %q", block, got.lines(), err, want)
	}
	if lines, err := theLibrarys(p.reference, block); err != nil || !slices.Equal(lines, want) {
		p.t.Fatalf("the reference reads %x as %q, %v, want %q", block, lines, err, want)
	}
}

func newEncoder() *Encoder {
	var e Encoder
	e.Init()
	return &e
}

func TestEveryKnownNameIsFoundInAnyCase(t *testing.T) {
	n := 0
	for i := 1; i < len(knownNames) && knownNames[i].name != ""; i++ {
		name := knownNames[i].name
		for _, spelling := range []string{name, strings.ToUpper(name), strings.ToUpper(name[:1]) + name[1:], http.CanonicalHeaderKey(name)} {
			if got := lookup(spelling); int(got) != i {
				t.Errorf("%q is name %d, want %d: the hash has a collision, search another multiplier", spelling, got, i)
			}
		}
		for at := range len(name) {
			for c := range 256 {
				other := name[:at] + string([]byte{byte(c)}) + name[at+1:]
				if found := lookup(other) == uint8(i); found != strings.EqualFold(other, name) {
					t.Errorf("%q is taken for %q: %t", other, name, found)
				}
			}
		}
		n++
	}
	if n != len(knownNames)-1 {
		t.Errorf("%d names, and room for %d", n, len(knownNames)-1)
	}
}

func TestAStatusTakesOneOctetOrFive(t *testing.T) {
	e, p := newEncoder(), newPeer(t)
	for status := 100; status < 1000; status++ {
		block := e.AppendStatus(e.Begin(nil), status)
		p.want(block, fmt.Sprintf(`":status": "%d"`, status))
		if len(block) != 1 && len(block) != 5 {
			t.Errorf("status %d takes %d octets", status, len(block))
		}
		if viaAppend := e.Append(nil, ":status", strconv.Itoa(status)); !bytes.Equal(viaAppend, block) {
			t.Errorf("status %d is %x, and %x by Append", status, block, viaAppend)
		}
	}
}

func TestEveryStaticFieldIsOneOctet(t *testing.T) {
	e := newEncoder()
	for i := uint8(1); i <= staticCount; i++ {
		f := staticTable[i]
		want := []byte{0x80 | i}
		if knownNames[lookup(f.Name)].secret {
			want = appendLiteral(nil, neverIndexed, &knownNames[lookup(f.Name)], f.Name, "")
		}
		if got := e.Append(nil, f.Name, f.Value); !bytes.Equal(got, want) {
			t.Errorf("%q: %q is %x, want %x", f.Name, f.Value, got, want)
		}
	}
}

const aDate = "Mon, 21 Oct 2013 20:13:21 GMT"

func aResponse(e *Encoder, dst []byte, date string) []byte {
	dst = e.AppendStatus(e.Begin(dst), 200)
	dst = e.Append(dst, "Content-Type", "text/plain; charset=utf-8")
	dst = e.AppendContentLength(dst, 13)
	dst = e.Append(dst, "Date", date)
	return e.Append(dst, "Server", "Lanner")
}

func TestATypicalResponseIsNineOctetsAndNoAllocation(t *testing.T) {
	e, p := newEncoder(), newPeer(t)
	want := []string{`":status": "200"`, `"content-type": "text/plain; charset=utf-8"`, `"content-length": "13"`,
		`"date": "Mon, 21 Oct 2013 20:13:21 GMT"`, `"server": "Lanner"`}
	first := aResponse(e, nil, aDate)
	p.want(first, want...)
	if len(first) != 57 {
		t.Errorf("the first response has %d octets, want 57", len(first))
	}
	block := aResponse(e, nil, aDate)
	p.want(block, want...)
	if len(block) != 9 {
		t.Errorf("a response has %d octets, want 9: %x", len(block), block)
	}
	if n := testing.AllocsPerRun(100, func() { block = aResponse(e, block[:0], aDate) }); n != 0 {
		t.Errorf("a response allocates %g times", n)
	}
}

// Each second has another date. Once the table is full it pushes the others out, and they are inserted again.
func TestHoursOfDatesCostFewOctetsAndNoAllocation(t *testing.T) {
	e, p := newEncoder(), newPeer(t)
	block, octets, most := make([]byte, 0, 200), 0, 0
	dates := make([]string, 3600)
	for i := range dates {
		dates[i] = time.Unix(int64(i), 0).UTC().Format(http.TimeFormat)
	}
	const perSecond = 3
	for i := range len(dates) * perSecond {
		date := dates[i/perSecond]
		block = aResponse(e, block[:0], date)
		p.want(block, `":status": "200"`, `"content-type": "text/plain; charset=utf-8"`, `"content-length": "13"`,
			fmt.Sprintf(`"date": "%s"`, date), `"server": "Lanner"`)
		octets += len(block)
		most = max(most, len(block))
	}
	if mean := float64(octets) / float64(len(dates)*perSecond); mean > 18 || most > 57 {
		t.Errorf("a response takes %.1f octets on average and %d at the most, want 18 and 57", mean, most)
	}
	i := 0
	if n := testing.AllocsPerRun(300, func() { block = aResponse(e, block[:0], dates[i]); i++ }); n != 0 {
		t.Errorf("a new date allocates %g times", n)
	}
}

func TestAValueThatIsAlwaysNewLeavesTheOthersInTheTable(t *testing.T) {
	e, p := newEncoder(), newPeer(t)
	const server = `"server": "Lanner"`
	inserted := 0
	for i := range 160 {
		policy := fmt.Sprintf("script-src 'nonce-%032d'", i)
		before := e.table.inserted
		p.want(e.Append(e.Append(e.Begin(nil), "Server", "Lanner"), "Content-Security-Policy", policy),
			server, fmt.Sprintf(`"content-security-policy": "%s"`, policy))
		inserted += int(e.table.inserted - before)
	}
	if inserted > 20 {
		t.Errorf("160 values made %d insertions, want few", inserted)
	}
	e.Append(nil, "content-security-policy", "default-src 'self'")
	for i := 0; e.Append(nil, "content-security-policy", "default-src 'self'")[0] < 0x80; i++ {
		if i > retryEvery {
			t.Fatal("a value that is now always the same is never inserted")
		}
	}
}

func TestAFewContentTypesStayInTheTable(t *testing.T) {
	e := newEncoder()
	types := []string{"text/html; charset=utf-8", "text/css", "text/javascript", "image/png"}
	for round := range 3 {
		for _, value := range types {
			block := e.Append(nil, "Content-Type", value)
			if round > 0 && len(block) != 1 {
				t.Errorf("round %d: %s takes %d octets", round, value, len(block))
			}
		}
	}
}

func TestSecretsAreNeverIndexed(t *testing.T) {
	e, p := newEncoder(), newPeer(t)
	for range 3 {
		block := e.Append(e.Begin(nil), "Set-Cookie", "id=1")
		block = e.AppendSensitive(block, "X-Token", "secret")
		block = e.AppendSensitive(block, "Server", "secret")
		p.want(block, `"set-cookie": "id=1" never indexed`, `"x-token": "secret" never indexed`, `"server": "secret" never indexed`)
	}
	if e.table.inserted != 0 {
		t.Errorf("%d entries were inserted", e.table.inserted)
	}
}

func TestTableSizesAreSignalled(t *testing.T) {
	for _, test := range []struct {
		sizes []uint32
		want  string
	}{
		{nil, ""},
		{[]uint32{4096}, ""},
		{[]uint32{65536}, ""},
		{[]uint32{100}, "3f45"},
		{[]uint32{0}, "20"},
		{[]uint32{100, 4096}, "203fe11f"},
		{[]uint32{100, 200}, "203fa901"},
		{[]uint32{200, 100}, "3f45"},
	} {
		e, p := newEncoder(), newPeer(t)
		p.want(e.Append(e.Begin(nil), "server", "Lanner"), `"server": "Lanner"`)
		for _, n := range test.sizes {
			e.SetMaxTableSize(n)
		}
		block := e.Begin(nil)
		if !bytes.Equal(block, unhex(t, test.want)) {
			t.Errorf("after the sizes %d a block begins with %x, want %s", test.sizes, block, test.want)
		}
		p.want(e.Append(block, "server", "Lanner"), `"server": "Lanner"`)
		if again := e.Begin(nil); len(again) != 0 {
			t.Errorf("after the sizes %d another block begins with %x", test.sizes, again)
		}
	}
}

// A string that an application passes may lie in memory that is used again with another content.
func TestAValueIsComparedByItsBytes(t *testing.T) {
	e, p := newEncoder(), newPeer(t)
	memory := []byte("one")
	p.want(e.Append(nil, "server", unsafe.String(&memory[0], 3)), `"server": "one"`)
	copy(memory, "two")
	p.want(e.Append(nil, "server", unsafe.String(&memory[0], 3)), `"server": "two"`)
}

func TestAnIdleEncoderHasNoTable(t *testing.T) {
	e := newEncoder()
	e.AppendContentLength(e.AppendStatus(e.Begin(nil), 200), 1)
	if e.table.sizes != nil || e.table.values != nil {
		t.Error("there is a table before anything was inserted")
	}
	if size := unsafe.Sizeof(*e); size > 192 {
		t.Errorf("an encoder takes %d bytes", size)
	}
}
