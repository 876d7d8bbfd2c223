package transport

import (
	"bytes"
	"encoding/binary"
	"testing"
)

// recordsOf puts a message into records of n bytes.
func recordsOf(message []byte, n int) (out []byte) {
	for len(message) > 0 {
		k := min(n, len(message))
		out = append(out, contentHandshake, 3, 1, byte(k>>8), byte(k))
		out, message = append(out, message[:k]...), message[k:]
	}
	return out
}

// inClear is what lies in the handshake records at the beginning, and what comes from the first other record on.
func inClear(b []byte) (message, rest []byte) {
	for len(b) >= recordHeader && b[0] == contentHandshake && (b[3] > 0 || b[4] > 0) {
		size := min(recordHeader+int(binary.BigEndian.Uint16(b[3:])), len(b))
		message, b = append(message, b[recordHeader:size]...), b[size:]
	}
	return message, b
}

// cutAll cuts what comes in pieces of n bytes, as readCut does. It returns the records, and what was left as it is.
func cutAll(t *testing.T, b []byte, n int) (records, rest []byte) {
	var s shaking
	p := make([]byte, recordHeader+maxPiece)
	for from := 0; from < len(b); {
		have := b[from:min(len(b), from+n)]
		for len(have) > 0 {
			k, used := s.cut(p, have)
			if used == 0 {
				return records, b[from:]
			}
			if k > 0 && (k <= recordHeader || int(binary.BigEndian.Uint16(p[3:])) != k-recordHeader) {
				t.Fatalf("a record of %d bytes says %x", k, p[:recordHeader])
			}
			records = append(records, p[:k]...)
			from, have = from+used, have[used:]
		}
	}
	return records, nil
}

func TestALargeClientHelloIsCutIntoRecordsThatFillABuffer(t *testing.T) {
	for size, want := range map[int]int{100: 100, 512: 512, 513: 257, 1517: 380, 2000: 500, 60_000: 469} {
		message := make([]byte, size)
		binary.BigEndian.PutUint32(message, 1<<24|uint32(size-4))
		records, _ := cutAll(t, recordsOf(message, 16<<10), 20<<10)
		if got, _ := inClear(records); !bytes.Equal(got, message) {
			t.Errorf("a message of %d bytes is another after it was cut", size)
		}
		if got := int(binary.BigEndian.Uint16(records[3:])); got != want {
			t.Errorf("a message of %d bytes begins with a record of %d, want %d", size, got, want)
		}
		var grown bytes.Buffer // as crypto/tls keeps it
		for b := records; len(b) > 0; {
			n := recordHeader + int(binary.BigEndian.Uint16(b[3:]))
			grown.Write(b[recordHeader:n])
			b = b[n:]
		}
		if grown.Cap() > size+size/4+64 {
			t.Errorf("a message of %d bytes takes a buffer of %d", size, grown.Cap())
		}
	}
}

func FuzzCutRecordsSayTheSame(f *testing.F) {
	hello := append([]byte{1, 0, 4, 0}, bytes.Repeat([]byte("hello"), 300)[:1024]...)
	f.Add(recordsOf(hello, 2000), 3000)
	f.Add(recordsOf(hello, 100), 7)
	f.Add(append(recordsOf(hello, 700), "\x14\x03\x03\x00\x01\x01\x16\x03\x03\x00\x02xy"...), 300)
	f.Add([]byte("GET / HTTP/1.1\r\n\r\n"), 100)
	f.Add([]byte("\x16\x03\x01\x00\x00"), 5)
	f.Fuzz(func(t *testing.T, b []byte, n int) {
		if n < 1 || len(b) > 1<<17 {
			return
		}
		records, rest := cutAll(t, b, n)
		said, left := inClear(records)
		if len(left) > 0 {
			t.Fatalf("%x is no record", left)
		}
		more, end := inClear(rest) // where a header came in parts they are left as they are
		want, tail := inClear(b)
		if !bytes.Equal(append(said, more...), want) || rest != nil && !bytes.Equal(end, tail) {
			t.Errorf("%x in pieces of %d: %x and %x, then %x", b, n, said, more, end)
		}
	})
}
