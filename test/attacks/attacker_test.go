package attacks

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// patience is how long a test waits for what must come. It is long because a slow machine must not fail a test.
const patience = 40 * time.Second

// attacker is one connection of a client that attacks.
type attacker struct {
	nc      net.Conn
	block   bytes.Buffer
	encoder *hpack.Encoder
	next    uint32 // stream
	out     bytes.Buffer
	over    chan struct{} // closed when the connection has ended, if it reads
	goAway  http2.ErrCode
	told    bool // there was a GOAWAY
}

func dial(t *testing.T, addr string, reads bool, settings ...http2.Setting) *attacker {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	a := &attacker{nc: nc, next: 1, over: make(chan struct{})}
	a.encoder = hpack.NewEncoder(&a.block)
	a.out.WriteString(http2.ClientPreface)
	f := http2.NewFramer(&a.out, nil)
	f.WriteSettings(settings...)
	f.WriteSettingsAck()
	if reads {
		go a.read()
	} else {
		close(a.over)
	}
	return a
}

// read reads until the connection ends, and notes the code of a GOAWAY.
func (a *attacker) read() {
	defer close(a.over)
	f := http2.NewFramer(io.Discard, a.nc)
	f.AllowIllegalReads = true
	for {
		frame, err := f.ReadFrame()
		if err != nil {
			return
		}
		if end, ok := frame.(*http2.GoAwayFrame); ok {
			a.goAway, a.told = end.ErrCode, true
		}
	}
}

// frame adds a frame to what is sent next.
func (a *attacker) frame(kind http2.FrameType, flags http2.Flags, stream uint32, payload []byte) {
	n := len(payload)
	a.out.Write([]byte{byte(n >> 16), byte(n >> 8), byte(n), byte(kind), byte(flags), byte(stream >> 24), byte(stream >> 16), byte(stream >> 8), byte(stream)})
	a.out.Write(payload)
}

func u32(n uint32) []byte { return binary.BigEndian.AppendUint32(nil, n) }

const (
	endStream  = http2.FlagDataEndStream
	endHeaders = http2.FlagHeadersEndHeaders
)

// request adds a request on a new stream, and returns that.
func (a *attacker) request(flags http2.Flags, method, path string, fields ...string) uint32 {
	a.block.Reset()
	all := append([]string{":method", method, ":scheme", "http", ":path", path, ":authority", "a"}, fields...)
	for i := 0; i < len(all); i += 2 {
		a.encoder.WriteField(hpack.HeaderField{Name: all[i], Value: all[i+1]})
	}
	id := a.next
	a.next += 2
	a.frame(http2.FrameHeaders, endHeaders|flags, id, a.block.Bytes())
	return id
}

// attack sends what burst makes until the server ends the connection. It returns how long that took.
func (a *attacker) attack(t *testing.T, burst func(*attacker, int)) time.Duration {
	t.Helper()
	defer func() {
		a.nc.Close()
		<-a.over
	}()
	began := time.Now()
	a.nc.SetWriteDeadline(began.Add(patience))
	for i := 0; time.Since(began) < patience; i++ {
		burst(a, i)
		_, err := a.nc.Write(a.out.Bytes())
		a.out.Reset()
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			t.Fatalf("the server neither takes what it is sent nor ends the connection in %v", patience)
		case err != nil:
			return time.Since(began)
		}
		select {
		case <-a.over:
			if a.told {
				return time.Since(began)
			}
		default:
		}
	}
	t.Fatalf("the server does not end the connection in %v", patience)
	return 0
}
