package clienthello

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// recorder is a connection that keeps what is written and has nothing to read.
type recorder struct{ sent bytes.Buffer }

func (r *recorder) Read([]byte) (int, error)         { return 0, io.EOF }
func (r *recorder) Write(p []byte) (int, error)      { return r.sent.Write(p) }
func (r *recorder) Close() error                     { return nil }
func (r *recorder) LocalAddr() net.Addr              { return nil }
func (r *recorder) RemoteAddr() net.Addr             { return nil }
func (r *recorder) SetDeadline(time.Time) error      { return nil }
func (r *recorder) SetReadDeadline(time.Time) error  { return nil }
func (r *recorder) SetWriteDeadline(time.Time) error { return nil }

// sent is the ClientHello of package tls.
func sent(cfg *tls.Config) []byte {
	var r recorder
	tls.Client(&r, cfg).Handshake()
	return r.sent.Bytes()
}

func TestWhatClientsSayIsRead(t *testing.T) {
	for _, cfg := range []*tls.Config{
		{ServerName: "shop.example", NextProtos: []string{"h2", "http/1.1"}},
		{ServerName: "Shop.Example", MaxVersion: tls.VersionTLS12},
		{InsecureSkipVerify: true, NextProtos: []string{"acme-tls/1"}},
		{InsecureSkipVerify: true, ServerName: "127.0.0.1"}, // an address is not sent as a name
		{ServerName: strings.Repeat("a.", 120) + "example", NextProtos: []string{strings.Repeat("x", 255)}},
	} {
		b := sent(cfg)
		h, err := Parse(b)
		if err != nil {
			t.Fatalf("%s: %v", cfg.ServerName, err)
		}
		want := strings.ToLower(cfg.ServerName)
		if want == "127.0.0.1" {
			want = ""
		}
		if h.ServerName != want || !slices.Equal(h.Protocols, cfg.NextProtos) {
			t.Errorf("%q and %q, want %q and %q", h.ServerName, h.Protocols, want, cfg.NextProtos)
		}
		if !bytes.Equal(h.Message, b[recordHeader:]) {
			t.Error("the message is not what is in the record")
		}
		for n := range b {
			if _, err := Parse(b[:n]); err != ErrShort {
				t.Fatalf("of %d bytes %d are %v, want ErrShort", len(b), n, err)
			}
		}
	}
}

// reframed puts the message of one record into records of n bytes.
func reframed(b []byte, n int) (out []byte) {
	for part := range slices.Chunk(b[recordHeader:], n) {
		out = append(out, b[0], b[1], b[2], byte(len(part)>>8), byte(len(part)))
		out = append(out, part...)
	}
	return out
}

func TestAMessageMayLieInSeveralRecords(t *testing.T) {
	b := sent(&tls.Config{ServerName: "shop.example"})
	for _, n := range []int{1, 2, 3, 4, 5, 100, len(b)} {
		h, err := Parse(append(reframed(b, n), "what follows"...))
		if err != nil || h.ServerName != "shop.example" || !bytes.Equal(h.Message, b[recordHeader:]) {
			t.Errorf("records of %d bytes: %q, %v", n, h.ServerName, err)
		}
	}
}

func TestWhatIsNoHandshakeIsRefusedAtOnce(t *testing.T) {
	for _, b := range []string{"GET / HTTP/1.1\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "\x15", "\x16\x10", "\x16\x03\x01\x00\x00", "\x16\x03\x01\xff\xff", "\x16\x03\x01\x00\x04\x02"} {
		if _, err := Parse([]byte(b)); err != ErrNotTLS {
			t.Errorf("%q: %v, want ErrNotTLS", b, err)
		}
	}
	if _, err := Parse([]byte("\x16\x03\x01\x00\x04\x01\x02\x00\x00")); err == nil || errors.Is(err, ErrShort) {
		t.Errorf("a message of 128 KiB: %v, want an error", err)
	}
}

var errSeen = errors.New("seen")

// byPackageTLS is what package tls makes of the bytes; false when it does not take them.
func byPackageTLS(b []byte) (name string, protocols []string, ok bool) {
	c := struct {
		io.Reader
		*recorder
	}{bytes.NewReader(b), new(recorder)}
	conn := tls.Server(readerConn{c.recorder, c.Reader}, &tls.Config{MinVersion: tls.VersionTLS10, GetConfigForClient: func(h *tls.ClientHelloInfo) (*tls.Config, error) {
		name, protocols, ok = h.ServerName, h.SupportedProtos, true
		return nil, errSeen
	}})
	conn.Handshake()
	return name, protocols, ok
}

// handshakeOnly reports whether all records are of the handshake.
func handshakeOnly(b []byte) bool {
	for len(b) >= recordHeader {
		if b[0] != recordHandshake {
			return false
		}
		b = b[min(len(b), recordHeader+int(b[3])<<8+int(b[4])):]
	}
	return true
}

type readerConn struct {
	*recorder
	r io.Reader
}

func (c readerConn) Read(p []byte) (int, error) { return c.r.Read(p) }

// What package tls takes is taken here, too, and means the same: else a connection would go to another than the one that its name chooses.
func FuzzSameAsPackageTLS(f *testing.F) {
	one := sent(&tls.Config{ServerName: "shop.example", NextProtos: []string{"h2", "http/1.1"}})
	f.Add(one)
	f.Add(reframed(one, 50))
	f.Add(sent(&tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12}))
	f.Add([]byte("\x16\x03\x01\x00\x2f\x01\x00\x00\x2b\x03\x03" + strings.Repeat("r", 32) + "\x00\x00\x02\x13\x01\x01\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := Parse(b)
		sameInPieces(t, b, h, err)
		name, protocols, ok := byPackageTLS(b)
		if !ok || errors.Is(err, ErrNotTLS) && !handshakeOnly(b) { // package tls passes over alerts that are warnings
			return
		}
		if err != nil {
			t.Fatalf("package tls reads %q and %q here: %v", name, protocols, err)
		}
		if h.ServerName != strings.ToLower(name) || !slices.Equal(h.Protocols, protocols) {
			t.Errorf("%q and %q, package tls reads %q and %q", h.ServerName, h.Protocols, name, protocols)
		}
	})
}

// sameInPieces wants the message, or the mistake, of what comes a byte at a time to be that of what comes at once.
func sameInPieces(t *testing.T, b []byte, h Hello, failed error) {
	t.Helper()
	var whole, r Recorder
	want, wrong := whole.Record(b)
	if failed == nil && (wrong != nil || !bytes.Equal(want, h.Message)) {
		t.Fatalf("the message is %x, %v, and read as %x", want, wrong, h.Message)
	}
	got, err := r.Record(nil)
	for i := 0; i < len(b) && err == ErrShort; i++ {
		got, err = r.Record(b[i : i+1])
	}
	if !bytes.Equal(got, want) || (err == nil) != (wrong == nil) || err != nil && err.Error() != wrong.Error() {
		t.Errorf("in pieces %x, %v, at once %x, %v", got, err, want, wrong)
	}
}

func TestAMessageIsRecordedOnce(t *testing.T) {
	b := sent(&tls.Config{ServerName: "shop.example"})
	for at := range b {
		var r Recorder
		if got, err := r.Record(b[:at]); got != nil || err != ErrShort {
			t.Fatalf("of %d bytes %d are %x, %v, want ErrShort", len(b), at, got, err)
		}
		for _, more := range [][]byte{append(b[at:len(b):len(b)], "what follows"...), []byte("and more"), nil} {
			if got, err := r.Record(more); err != nil || !bytes.Equal(got, b[recordHeader:]) {
				t.Fatalf("cut at %d: %x, %v, want what was sent", at, got, err)
			}
		}
	}
}

func TestARecorderHoldsNoMoreThanHasCome(t *testing.T) {
	var r Recorder
	_, err := r.Record([]byte("\x16\x03\x01\x40\x00\x01\x00\xff\xff"))
	if err != ErrShort || cap(r.message) > 64 {
		t.Errorf("four bytes of a message of 64 KiB: %v, and %d bytes of memory", err, cap(r.message))
	}
}
