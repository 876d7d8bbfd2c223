package http3

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/quic-go/qpack"

	"github.com/lannerhq/lanner/internal/httpcommon"
)

var anyLimits = httpcommon.FieldLimits{MaxTotalSize: 1 << 20, MaxCount: 1000}

// decodeAll decodes by quic-go's qpack.
func decodeAll(t *testing.T, block []byte) (out []httpcommon.Field, err error) {
	t.Helper()
	next := qpack.NewDecoder().Decode(block)
	for {
		f, err := next()
		if err != nil {
			if err.Error() == "EOF" {
				return out, nil
			}
			return nil, err
		}
		out = append(out, httpcommon.Field{Name: f.Name, Value: f.Value})
	}
}

func TestTheStaticTableIsThatOfTheRFC(t *testing.T) {
	if len(staticTable) != 99 {
		t.Fatalf("it has %d entries, want 99", len(staticTable))
	}
	for i, want := range staticTable {
		got, err := decodeAll(t, appendIndexed([]byte{0, 0}, i))
		if err != nil || len(got) != 1 || got[0] != want {
			t.Errorf("entry %d is %v, want %v: %v", i, want, got, err)
		}
	}
}

func appendIndexed(b []byte, i int) []byte {
	if i < 63 {
		return append(b, fieldIndexed|byte(i))
	}
	return append(b, 0xff, byte(i-63))
}

func TestResponsesAreEncodedAsOthersReadThem(t *testing.T) {
	for _, f := range []httpcommon.Field{
		{Name: "Content-Type", Value: "text/plain"}, {Name: "content-type", Value: "text/x-own"}, {Name: "X-Own", Value: "v"}, {Name: "X-Empty"},
		{Name: "Set-Cookie", Value: "a=b"}, {Name: "Vary", Value: "accept-encoding"}, {Name: "access-control-allow-credentials", Value: "TRUE"},
		{Name: "Location", Value: strings.Repeat("l", 5000)}, {Name: strings.Repeat("n", 300), Value: strings.Repeat("v", 200)}, {Name: "Cookie"},
	} {
		got, err := decodeAll(t, appendField(appendSectionPrefix(nil), f.Name, f.Value))
		want := httpcommon.Field{Name: strings.ToLower(f.Name), Value: f.Value}
		if err != nil || len(got) != 1 || got[0] != want {
			t.Errorf("%.60v is read as %.60v: %v", f, got, err)
		}
	}
	for status := 100; status < 1000; status++ {
		got, err := decodeAll(t, appendStatus(appendSectionPrefix(nil), status))
		if err != nil || len(got) != 1 || got[0].Name != ":status" || got[0].Value != string([]byte{byte('0' + status/100), byte('0' + status/10%10), byte('0' + status%10)}) {
			t.Errorf("the status %d is read as %v: %v", status, got, err)
		}
	}
	got, err := decodeAll(t, appendEntry(appendNumber(appendSectionPrefix(nil), entryContentLength, 12345), fieldNamed, entryServer, "s"))
	if want := []httpcommon.Field{{Name: "content-length", Value: "12345"}, {Name: "server", Value: "s"}}; err != nil || !slices.Equal(got, want) {
		t.Errorf("they are %v: %v", got, err)
	}
	if got, err = decodeAll(t, appendEntry(appendSectionPrefix(nil), fieldNamed, entryDate, "d")); err != nil || got[0].Name != "date" {
		t.Errorf("the date is %v: %v", got, err)
	}
	if staticTable[entryAltSvc].Name != "alt-svc" {
		t.Errorf("entry %d is %v", entryAltSvc, staticTable[entryAltSvc])
	}
}

// FuzzFieldSections holds the decoder equal to that of quic-go's qpack, but for what the rules of requests refuse.
func FuzzFieldSections(f *testing.F) {
	var b bytes.Buffer
	e := qpack.NewEncoder(&b)
	for _, x := range [][2]string{{":method", "GET"}, {":scheme", "https"}, {":authority", "example.com"}, {":path", "/a?b"}, {"user-agent", "fuzz"}, {"x-own", "value"}} {
		e.WriteField(qpack.HeaderField{Name: x[0], Value: x[1]})
	}
	f.Add(b.Bytes())
	f.Add([]byte{0, 0, 0xd1, 0x50, 0x81, 0xff})
	f.Add([]byte{0, 0, 0x27, 0x01, 'x'})
	f.Add([]byte{0, 0x80, 0xd1})
	f.Add([]byte{2, 0, 0x80})
	f.Add(appendField(appendSectionPrefix(nil), "x-custom", "yes"))
	f.Fuzz(func(t *testing.T, block []byte) {
		if len(block) > 1 && block[1] != 0 {
			return // "Setting Delta Base to zero is one of the most efficient encodings" (RFC 9204 §4.5.1.2): not the only one, which qpack thinks
		}
		var head httpcommon.Head
		var fields httpcommon.Fields
		fields.Begin(&head, false, anyLimits)
		_, bad, err := decodeSection(block, nil, 1<<16, &fields)
		want, wantErr := decodeAll(t, block)
		if err == nil && bad == nil && wantErr != nil {
			t.Fatalf("it is decoded, and by qpack %v", wantErr)
		}
		if err != nil && wantErr == nil && len(want) > 0 && bad == nil && !tolerated(block) {
			t.Fatalf("it is %v, and by qpack %v", err, want)
		}
		if err != nil || bad != nil {
			return
		}
		var got, regular []httpcommon.Field
		for name, value := range head.Header().All() {
			got = append(got, httpcommon.Field{Name: name, Value: value})
		}
		for _, x := range want {
			if x.Name[0] != ':' {
				regular = append(regular, x)
			}
		}
		if !slices.Equal(got, regular) {
			t.Fatalf("the fields are %v, want %v", got, regular)
		}
	})
}

// tolerated reports whether a block may be read otherwise: numbers with many octets.
func tolerated(block []byte) bool {
	return bytes.Count(block, []byte{0x80}) > 2 || bytes.Contains(block, []byte{0xff, 0xff})
}
