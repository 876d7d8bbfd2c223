package hpack

import (
	"bytes"
	"testing"

	"golang.org/x/net/http2/hpack"
)

func BenchmarkEncodeResponse(b *testing.B) {
	b.Run("Ours", func(b *testing.B) {
		b.ReportAllocs()
		e, block := newEncoder(), make([]byte, 0, 200)
		for b.Loop() {
			block = aResponse(e, block[:0], aDate)
		}
		b.ReportMetric(float64(len(block)), "octets")
	})
	b.Run("Reference", func(b *testing.B) {
		b.ReportAllocs()
		var buf bytes.Buffer
		e := hpack.NewEncoder(&buf)
		for b.Loop() {
			buf.Reset()
			for _, f := range []hpack.HeaderField{{Name: ":status", Value: "200"}, {Name: "content-type", Value: "text/plain; charset=utf-8"},
				{Name: "content-length", Value: "13"}, {Name: "date", Value: aDate}, {Name: "server", Value: "Lanner"}} {
				if err := e.WriteField(f); err != nil {
					b.Fatal(err)
				}
			}
		}
		b.ReportMetric(float64(buf.Len()), "octets")
	})
}

// Why literals that are sent each time are raw.
func BenchmarkStringOfALiteral(b *testing.B) {
	for name, s := range map[string]string{"ETag": `"5f3c8a1b-2d4e"`, "Location": "https://www.example.com/orders/2026/10/1234567?from=basket"} {
		block := make([]byte, 0, 200)
		b.Run(name+"/Raw", func(b *testing.B) {
			for b.Loop() {
				block = append(appendInteger(block[:0], 0, 7, len(s)), s...)
			}
			b.ReportMetric(float64(len(block)), "octets")
		})
		b.Run(name+"/Huffman", func(b *testing.B) {
			for b.Loop() {
				block = appendShortest(block[:0], s)
			}
			b.ReportMetric(float64(len(block)), "octets")
		})
	}
}

func BenchmarkDecode(b *testing.B) {
	d := newDecoder(4096)
	literals := aRequest(b, d)
	for _, bench := range []struct {
		name  string
		block []byte
	}{
		{"Indexed", []byte{0x82, 0x87, 0x84, 0xbe, 0xbf, 0xc0, 0x90, 0xbe}},
		{"Request", literals},
	} {
		b.Run(bench.name+"/Ours", func(b *testing.B) {
			b.ReportAllocs()
			memory, sink := make([]byte, 0, 512), &discard{}
			for b.Loop() {
				if _, err := d.Decode(bench.block, memory, sink); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(bench.name+"/Reference", func(b *testing.B) {
			b.ReportAllocs()
			reference := hpack.NewDecoder(4096, func(hpack.HeaderField) {})
			for _, e := range []string{"a", "b", "c", "d", "e", "f"} {
				if _, err := reference.Write([]byte{0x40, 1, 'n', 1, e[0]}); err != nil {
					b.Fatal(err)
				}
			}
			for b.Loop() {
				if _, err := reference.Write(bench.block); err != nil || reference.Close() != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkHuffmanDecode(b *testing.B) {
	for _, s := range []string{"1234", "www.example.com", "Mozilla/5.0 (X11; Linux x86_64; rv:109.0) Gecko/20100101 Firefox/115.0"} {
		code := appendHuffman(nil, s)
		out := make([]byte, 512)
		b.Run(s[:4], func(b *testing.B) {
			for b.Loop() {
				if _, err := decodeHuffman(out, code, 0); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
