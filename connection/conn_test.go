package connection

import (
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/lannerhq/lanner/internal/memnet"
	"github.com/lannerhq/lanner/server"
)

// pair is a Conn, and its other end, which has sent text.
func pair(t *testing.T, text string) (*Conn, *memnet.Conn) {
	t.Helper()
	near, far := memnet.Pipe(1 << 20)
	t.Cleanup(func() { near.Close(); far.Close() })
	if _, err := io.WriteString(near, text); err != nil {
		t.Fatal(err)
	}
	return New(far, nil), near
}

// slow is a connection that yields a byte at a time.
type slow struct {
	net.Conn
	from io.Reader
}

func (s slow) Read(p []byte) (int, error) { return s.from.Read(p) }

func wantPeek(t *testing.T, c *Conn, n int, want string) {
	t.Helper()
	if b, err := c.Peek(n); string(b) != want || err != nil {
		t.Errorf("Peek(%d) returned %q, %v, want %q", n, b, err, want)
	}
}

func TestPeekTakesNothing(t *testing.T) {
	c, near := pair(t, "hello, world")
	wantPeek(t, c, 5, "hello")
	wantPeek(t, c, 5, "hello")
	if n := c.Buffered(); n != 12 {
		t.Errorf("%d bytes can be peeked at once, want all 12 that came", n)
	}
	c.Discard(7)
	wantPeek(t, c, 2, "wo")
	wantPeek(t, c, 0, "")
	near.Close()
	if rest, err := io.ReadAll(c); string(rest) != "world" || err != nil {
		t.Errorf("the rest is %q, %v, want what was not discarded", rest, err)
	}
}

func TestPeekReadsUntilThereIsEnough(t *testing.T) {
	c := New(slow{from: iotest.OneByteReader(strings.NewReader("abcdef"))}, nil)
	wantPeek(t, c, 4, "abcd")
	b := make([]byte, 3)
	if n, err := io.ReadFull(c, b[:2]); n != 2 || err != nil {
		t.Errorf("read %d, %v", n, err)
	}
	wantPeek(t, c, 4, "cdef")
}

func TestPeekPastTheEndReturnsWhatThereIs(t *testing.T) {
	c, near := pair(t, "abc")
	near.Close()
	if b, err := c.Peek(4); string(b) != "abc" || !errors.Is(err, io.EOF) {
		t.Errorf("Peek returned %q, %v, want the three bytes and io.EOF", b, err)
	}
	wantPeek(t, c, 3, "abc")
}

func TestPeekIsBounded(t *testing.T) {
	c, _ := pair(t, strings.Repeat("x", MaxPeek+1))
	for _, n := range []int{-1, MaxPeek + 1} {
		if _, err := c.Peek(n); !errors.Is(err, ErrPeekTooLong) {
			t.Errorf("Peek(%d): %v, want ErrPeekTooLong", n, err)
		}
	}
	if b, err := c.Peek(MaxPeek); len(b) != MaxPeek || err != nil {
		t.Errorf("Peek of the bound returned %d bytes, %v", len(b), err)
	}
}

func TestPeekKeepsWhatCameBeforeADeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, near := pair(t, "abc")
		c.SetReadDeadline(time.Now().Add(time.Second))
		if b, err := c.Peek(4); string(b) != "abc" || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("Peek returned %q, %v, want the three bytes and a timeout", b, err)
		}
		c.SetReadDeadline(time.Time{})
		io.WriteString(near, "d")
		wantPeek(t, c, 4, "abcd")
	})
}

func TestPeekGivesUpOnAConnectionThatReadsNothing(t *testing.T) {
	if _, err := New(slow{from: nothing{}}, nil).Peek(1); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("Peek: %v, want io.ErrNoProgress", err)
	}
}

type nothing struct{}

func (nothing) Read([]byte) (int, error) { return 0, nil }

func TestDetachCollectsWhatWasPeekedInItsOrder(t *testing.T) {
	c, _ := pair(t, "abcdef")
	below := c.Conn
	c.Peek(6)
	c.Discard(1)
	outer := c.With(c)
	first := make([]byte, 1)
	c.Read(first) // b: gone
	outer.ahead = append(outer.ahead, "X"...)
	nc, ahead := outer.Detach()
	if nc != below || string(ahead) != "Xcdef" {
		t.Errorf("detached %v with %q, want the connection below with Xcdef", nc, ahead)
	}
}

func TestDetachStopsAtWhatIsWrappedAround(t *testing.T) {
	c, _ := pair(t, "abcdef")
	c.Peek(6)
	wrapped := &struct{ net.Conn }{c}
	outer := c.With(wrapped)
	wantPeek(t, outer, 2, "ab") // through c
	nc, ahead := outer.Detach()
	if nc != net.Conn(wrapped) || string(ahead) != "abcdef" {
		t.Errorf("detached %T with %q, want what was wrapped around, and all that it has yielded", nc, ahead)
	}
}

func TestWithKeepsTheFeatures(t *testing.T) {
	c, _ := pair(t, "")
	server.Set(c.Features(), "said by a middleware")
	if s, ok := server.Get[string](c.With(c).Features()); !ok || s != "said by a middleware" {
		t.Errorf("the feature is %q, %v behind With", s, ok)
	}
	if id := c.ID(); id != "" {
		t.Errorf("a connection without a connection feature has the id %q", id)
	}
}

func TestNothingGetsPastAWrapper(t *testing.T) {
	var c any = &struct{ *Conn }{}
	if _, ok := c.(syscall.Conn); ok {
		t.Error("a wrapper around a Conn gives its descriptor away")
	}
	if _, ok := c.(io.ReaderFrom); ok {
		t.Error("a wrapper around a Conn has a ReadFrom that is not its own")
	}
	if _, ok := c.(io.WriterTo); ok {
		t.Error("a wrapper around a Conn has a WriteTo that is not its own")
	}
}

func TestCloseWriteEndsOneSide(t *testing.T) {
	c, near := pair(t, "")
	if err := c.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if _, err := near.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("the other end reads %v, want io.EOF", err)
	}
	if err := New(&struct{ net.Conn }{c}, nil).CloseWrite(); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("without sides: %v, want ErrUnsupported", err)
	}
}
