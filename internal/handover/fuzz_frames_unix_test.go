//go:build unix

package handover

import (
	"bytes"
	"errors"
	"io"
	"os"
	"testing"
)

// script plays a peer that sends bytes in reads of the given lengths, and a
// descriptor with each read whose length's highest bit is set.
type script struct {
	bytes []byte
	reads []byte
	null  *os.File
	at    int // how many bytes have been read
	given []delivery
}

// delivery is a descriptor and the bytes of the stream that it came with.
type delivery struct {
	*Descriptor
	from, to int
}

func (s *script) read(p []byte) (int, *Descriptor, error) {
	if len(s.bytes) == 0 {
		return 0, nil, io.EOF
	}
	length, with := len(p), false
	if len(s.reads) > 0 {
		length, with = int(s.reads[0]&0x7f)+1, s.reads[0]&0x80 != 0
		s.reads = s.reads[1:]
	}
	n := copy(p[:min(length, len(p))], s.bytes)
	s.bytes = s.bytes[n:]
	s.at += n
	if !with {
		return n, nil, nil
	}
	fd, err := duplicate(int(s.null.Fd()))
	if err != nil {
		return 0, nil, err
	}
	d := own(fd)
	s.given = append(s.given, delivery{d, s.at - n, s.at})
	return n, d, nil
}

// FuzzFrames feeds the frame reader with any bytes in any pieces. It must not
// fail in any way but by its errors, must give each frame the bytes that are
// its own, and must leave no descriptor open.
func FuzzFrames(f *testing.F) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { null.Close() })
	ping := frameOf(Current, KindPing, 0, `{"seq":1}`)
	conn, err := appendFrame(nil, &Conn{ID: 1, Prefix: []byte("GET /"), Descriptor: own(-1)})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(ping, []byte{})
	f.Add(conn, []byte{0x80})
	f.Add(append(append([]byte{}, ping...), conn...), []byte{0xff})
	f.Add(append(append([]byte{}, conn...), conn...), []byte{0x80, 5, byte(len(conn)) - 8, 0x80})
	f.Add(frameOf(Current, KindFailed, 0, string(bytes.Repeat([]byte("x"), 5000))), []byte{0x83, 3, 0x80})
	f.Fuzz(func(t *testing.T, stream, reads []byte) {
		src := &script{bytes: stream, reads: reads, null: null}
		fr := &frameReader{src: src}
		at := 0
		for {
			fm, err := fr.next()
			if err != nil {
				checkFrameError(t, err)
				break
			}
			wantFrame(t, fm, stream[at:])
			for _, d := range src.given {
				if d.Descriptor == fm.descriptor && (at < d.from || at >= d.to) {
					t.Fatalf("the frame at %d was given a descriptor that came with bytes %d to %d", at, d.from, d.to)
				}
			}
			at += headerSize + len(fm.payload)
			if m, wrong := decode(fm); m != nil && wrong != nil {
				t.Fatal("a message and an error at once")
			}
			fm.descriptor.Close()
		}
		fr.discard()
		for _, d := range src.given {
			if d.release() >= 0 {
				t.Fatal("a descriptor was left open")
			}
		}
	})
}

func checkFrameError(t *testing.T, err error) {
	var rules *ProtocolError
	var version *VersionError
	if !isEnd(err) && !errors.As(err, &rules) && !errors.As(err, &version) {
		t.Fatalf("unexpected kind of error: %v", err)
	}
}

func wantFrame(t *testing.T, f frame, stream []byte) {
	if want := stream[headerSize : headerSize+f.length]; !bytes.Equal(f.payload, want) {
		t.Fatalf("the frame holds %q, want %q", f.payload, want)
	}
	if announced := f.flags&flagDescriptor != 0; announced != (f.descriptor != nil) {
		t.Fatalf("a descriptor was announced: %v; one came: %v", announced, f.descriptor != nil)
	}
}
