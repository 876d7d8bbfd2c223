package accesslog

import (
	"io"
	"testing"
)

func BenchmarkAppend(b *testing.B) {
	for _, f := range allFormats {
		b.Run(f.String(), func(b *testing.B) {
			e := typical()
			line := f.Append(nil, e)
			b.SetBytes(int64(len(line)))
			b.ReportAllocs()
			for b.Loop() {
				line = f.Append(line[:0], e)
			}
		})
	}
}

func BenchmarkWrite(b *testing.B) {
	for _, f := range allFormats {
		b.Run(f.String(), func(b *testing.B) {
			l := New(io.Discard, Options{Format: f, Logger: quiet()})
			defer l.Close()
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				e := typical()
				for pb.Next() {
					l.Write(e)
				}
			})
		})
	}
}
