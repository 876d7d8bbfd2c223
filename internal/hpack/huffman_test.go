package hpack

import (
	"bytes"
	"strings"
	"testing"

	"golang.org/x/net/http2/hpack"
)

func decodeString(code []byte, limit int) (string, error) {
	l := literal{code, true}
	memory, s, err := l.decode(make([]byte, 0, l.room(limit)), limit)
	_ = memory
	return s, err
}

func TestEverySymbolHasTheCodeOfTheRFC(t *testing.T) {
	for c := range 256 {
		for n := 1; n <= 9; n++ {
			s := strings.Repeat(string([]byte{byte(c)}), n)
			want := hpack.AppendHuffmanString(nil, s)
			if got := appendHuffman(nil, s); !bytes.Equal(got, want) {
				t.Fatalf("%d times symbol %d is coded as %x, want %x", n, c, got, want)
			}
			if huffmanLength(s) != len(want) {
				t.Errorf("huffmanLength(%q) = %d, want %d", s, huffmanLength(s), len(want))
			}
			if got, err := decodeString(want, 0); err != nil || got != s {
				t.Errorf("%x is decoded as %q, %v, want %q", want, got, err, s)
			}
		}
	}
}

func TestEveryPairOfSymbolsIsDecoded(t *testing.T) {
	for a := range 256 {
		for b := range 256 {
			for _, s := range []string{string([]byte{byte(a), byte(b)}), string([]byte{'a', byte(a), 'e', byte(b), 'x', 'x', 'x', 'x', 'x', 'x'})} {
				if got, err := decodeString(appendHuffman(nil, s), 0); err != nil || got != s {
					t.Fatalf("%q is decoded as %q, %v", s, got, err)
				}
			}
		}
	}
}

// "A padding strictly longer than 7 bits MUST be treated as a decoding error. A padding not corresponding to the most
// significant bits of the code for the EOS symbol MUST be treated as a decoding error. A Huffman-encoded string literal
// containing the EOS symbol MUST be treated as a decoding error." (RFC 7541 §5.2)
func TestWrongHuffmanCodeIsRefused(t *testing.T) {
	a8 := appendHuffman(nil, "aaaaaaaa") // five bytes without padding
	for _, test := range []struct {
		what string
		code []byte
		want error
	}{
		{"nothing", nil, nil},
		{"eight bits of padding", append(bytes.Clone(a8), 0xff), ErrHuffmanPadding},
		{"padding alone", []byte{0xff}, ErrHuffmanPadding},
		{"padding of zeros", []byte{0x18}, ErrHuffmanPadding},
		{"padding of a one and zeros", []byte{0x1c}, ErrHuffmanPadding},
		{"a code that is cut short", []byte{0xff, 0xc0}, ErrHuffmanPadding},
		{"EOS alone", []byte{0xff, 0xff, 0xff, 0xff}, ErrHuffmanEOS},
		{"EOS after eight symbols", append(bytes.Clone(a8), 0xff, 0xff, 0xff, 0xff), ErrHuffmanEOS},
		{"EOS before symbols", append([]byte{0xff, 0xff, 0xff, 0xfc}, bytes.Repeat(a8, 3)...), ErrHuffmanEOS},
	} {
		if _, err := decodeString(test.code, 0); err != test.want {
			t.Errorf("%s: error %v, want %v", test.what, err, test.want)
		}
		if _, err := hpack.HuffmanDecodeToString(test.code); (err != nil) != (test.want != nil) {
			t.Errorf("%s: the reference says %v", test.what, err)
		}
	}
}

func TestDecodingStopsAtTheLimit(t *testing.T) {
	for n := range 200 {
		s := strings.Repeat("a", n)
		for _, limit := range []int{1, 7, 8, 9, 64, 199, 200} {
			var want error
			if n > limit {
				want = ErrStringTooLong
			}
			if _, err := decodeString(appendHuffman(nil, s), limit); err != want {
				t.Errorf("%d bytes with a limit of %d: error %v, want %v", n, limit, err, want)
			}
		}
	}
}

func FuzzHuffmanIsTheSameAsTheLibrarys(f *testing.F) {
	f.Add([]byte("www.example.com"), false)
	f.Add([]byte{0xff, 0xff, 0xff, 0xff}, true)
	f.Fuzz(func(t *testing.T, b []byte, coded bool) {
		if !coded {
			b = hpack.AppendHuffmanString(nil, string(b))
			if s, _ := hpack.HuffmanDecodeToString(b); !bytes.Equal(appendHuffman(nil, s), b) {
				t.Fatalf("%q is coded as %x, want %x", s, appendHuffman(nil, s), b)
			}
		}
		want, wantErr := hpack.HuffmanDecodeToString(b)
		got, err := decodeString(b, 0)
		if got != want || (err == nil) != (wantErr == nil) {
			t.Fatalf("%x is decoded as %q, %v, want %q, %v", b, got, err, want, wantErr)
		}
	})
}
