package http3_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/quic-go/qpack"
	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/quicvarint"

	"github.com/lannerhq/lanner/internal/http3"
)

// raw is a QUIC connection on which a test writes what it likes.
type raw struct {
	t       *testing.T
	conn    *quic.Conn
	control *quic.SendStream
}

func (r *rig) raw() *raw {
	r.t.Helper()
	x := r.rawSilent()
	x.control = x.uni(0)
	x.control.Write(frame(0x4, nil))
	return x
}

// rawSilent has no control stream.
func (r *rig) rawSilent() *raw {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	defer cancel()
	secure := r.tls.Clone()
	secure.NextProtos = []string{"h3"}
	conn, err := quic.DialAddr(ctx, r.host, secure, &quic.Config{MaxIdleTimeout: patience})
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { conn.CloseWithError(0x100, "") })
	return &raw{t: r.t, conn: conn}
}

// uni opens a unidirectional stream of a type.
func (x *raw) uni(kind uint64, content ...byte) *quic.SendStream {
	x.t.Helper()
	s, err := x.conn.OpenUniStream()
	if err != nil {
		x.t.Fatal(err)
	}
	s.Write(append(quicvarint.Append(nil, kind), content...))
	return s
}

func frame(kind uint64, payload []byte) []byte {
	return append(quicvarint.Append(quicvarint.Append(nil, kind), uint64(len(payload))), payload...)
}

func varint(n uint64) []byte { return quicvarint.Append(nil, n) }

// headers is a HEADERS frame with these names and values.
func headers(fields ...string) []byte {
	var b bytes.Buffer
	e := qpack.NewEncoder(&b)
	for i := 0; i < len(fields); i += 2 {
		e.WriteField(qpack.HeaderField{Name: fields[i], Value: fields[i+1]})
	}
	return frame(0x1, b.Bytes())
}

// request is the HEADERS frame of a request with some more fields.
func request(method, path string, fields ...string) []byte {
	return headers(append([]string{":method", method, ":scheme", "https", ":authority", "a.test", ":path", path}, fields...)...)
}

// stream opens a request's stream and writes on it.
func (x *raw) stream(end bool, frames ...[]byte) *quic.Stream {
	x.t.Helper()
	ctx, cancel := context.WithTimeout(x.t.Context(), patience)
	defer cancel()
	s, err := x.conn.OpenStreamSync(ctx)
	if err != nil {
		x.t.Fatal(err)
	}
	s.SetDeadline(time.Now().Add(patience))
	s.Write(bytes.Join(frames, nil))
	if end {
		s.Close()
	}
	return s
}

// answer reads a response: its frames' fields and content.
type answer struct {
	heads   [][]qpack.HeaderField
	content []byte
	err     error
}

func (a *answer) status() string {
	if len(a.heads) == 0 || len(a.heads[0]) == 0 {
		return ""
	}
	return a.heads[0][0].Value
}

func (x *raw) answer(s *quic.Stream) (a answer) {
	all, err := io.ReadAll(s)
	a.err = err
	for r := bytes.NewReader(all); r.Len() > 0; {
		kind, _ := quicvarint.Read(r)
		length, _ := quicvarint.Read(r)
		p := make([]byte, min(length, uint64(r.Len())))
		io.ReadFull(r, p)
		switch kind {
		case 0:
			a.content = append(a.content, p...)
		case 1:
			var fields []qpack.HeaderField
			for next := qpack.NewDecoder().Decode(p); ; {
				f, err := next()
				if err != nil {
					break
				}
				fields = append(fields, f)
			}
			a.heads = append(a.heads, fields)
		}
	}
	return a
}

// wantReset expects that a stream is reset with a code.
func wantReset(t *testing.T, err error, code http3.ErrCode) {
	t.Helper()
	var reset *quic.StreamError
	if !errors.As(err, &reset) || !reset.Remote || http3.ErrCode(reset.ErrorCode) != code {
		t.Errorf("the stream ended with %v, want it reset with %v", err, code)
	}
}

// wantClosed expects that the server closes the connection with a code.
func (x *raw) wantClosed(code http3.ErrCode) {
	x.t.Helper()
	select {
	case <-x.conn.Context().Done():
	case <-time.After(patience):
		x.t.Fatalf("the connection stays, want it closed with %v", code)
	}
	var app *quic.ApplicationError
	if err := context.Cause(x.conn.Context()); !errors.As(err, &app) || http3.ErrCode(app.ErrorCode) != code {
		x.t.Errorf("the connection ended with %v, want %v", err, code)
	}
}

// wantServed expects that the connection goes on.
func (x *raw) wantServed() {
	x.t.Helper()
	if a := x.answer(x.stream(true, request("GET", "/"))); a.status() != "200" {
		x.t.Errorf("the next request is answered %v, %v", a.heads, a.err)
	}
}
