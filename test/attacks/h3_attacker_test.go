package attacks

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"testing"
	"time"

	"github.com/quic-go/qpack"
	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/quicvarint"
)

// quicAttacker is one connection of a client that attacks over HTTP/3. It is quic-go's, so that QUIC itself is spoken as it should be.
type quicAttacker struct {
	conn    *quic.Conn
	control *quic.SendStream
	held    []*quic.Stream // that the attack goes on with
}

func dialQUIC(t *testing.T, addr string, cfg *quic.Config) *quicAttacker {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if cfg == nil {
		cfg = &quic.Config{}
	}
	cfg = cfg.Clone()
	cfg.MaxIdleTimeout = patience
	conn, err := quic.DialAddr(ctx, addr, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h3"}}, cfg)
	if err != nil {
		t.Fatal(err)
	}
	a := &quicAttacker{conn: conn}
	a.control = a.uni(0, 0x4, 0)
	return a
}

func (a *quicAttacker) over() bool { return a.conn.Context().Err() != nil }

// uni opens a unidirectional stream of a type, or returns nil when the connection is over.
func (a *quicAttacker) uni(kind uint64, content ...byte) *quic.SendStream {
	s, err := a.conn.OpenUniStreamSync(a.conn.Context())
	if err != nil {
		return nil
	}
	s.Write(append(quicvarint.Append(nil, kind), content...))
	return s
}

// open opens a request's stream and writes on it; nil when the connection is over.
func (a *quicAttacker) open(frames ...[]byte) *quic.Stream {
	s, err := a.conn.OpenStreamSync(a.conn.Context())
	if err != nil {
		return nil
	}
	s.Write(bytes.Join(frames, nil))
	return s
}

// ask opens a request's stream, which ends there.
func (a *quicAttacker) ask(frames ...[]byte) *quic.Stream {
	s := a.open(frames...)
	if s != nil {
		s.Close()
	}
	return s
}

// drop makes an end of a stream as a client that wants no answer.
func drop(s *quic.Stream) {
	if s != nil {
		s.CancelWrite(0x10c)
		s.CancelRead(0x10c)
	}
}

func h3Frame(kind uint64, payload []byte) []byte {
	return append(quicvarint.Append(quicvarint.Append(nil, kind), uint64(len(payload))), payload...)
}

func h3Request(method, path string, fields ...string) []byte {
	var b bytes.Buffer
	e := qpack.NewEncoder(&b)
	all := append([]string{":method", method, ":scheme", "https", ":authority", "a", ":path", path}, fields...)
	for i := 0; i < len(all); i += 2 {
		e.WriteField(qpack.HeaderField{Name: all[i], Value: all[i+1]})
	}
	return h3Frame(0x1, b.Bytes())
}

// attack does what burst does until the server ends the connection. It returns how long that took, and the code.
func (a *quicAttacker) attack(t *testing.T, burst func(*quicAttacker, int)) (time.Duration, uint64) {
	t.Helper()
	defer a.conn.CloseWithError(0x100, "")
	began := time.Now()
	for i := 0; !a.over(); i++ {
		if time.Since(began) > patience {
			t.Fatalf("the server does not end the connection in %v", patience)
		}
		burst(a, i)
	}
	var end *quic.ApplicationError
	if err := context.Cause(a.conn.Context()); !errors.As(err, &end) || !end.Remote {
		t.Errorf("the connection ends with %v, want an error of HTTP/3", err)
		return time.Since(began), 0
	}
	return time.Since(began), uint64(end.ErrorCode)
}
