package server_test

import (
	"bytes"
	"errors"
	"io"
	"math"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/lannerhq/lanner/server"
)

// withContext calls fn with a Context for a request with that body, announced or not (length -1).
func withContext(t *testing.T, body io.Reader, length int64, fn server.ContextHandler) *fakeResponse {
	t.Helper()
	f, q, s := newExchange("/", nil)
	q.body, q.length = body, length
	if err := fn.Process(f); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestReadBodyReadsAllOrSaysWhyNot(t *testing.T) {
	broken := errors.New("broken")
	long := strings.Repeat("0123456789", 2000)
	for _, tt := range []struct {
		name   string
		body   io.Reader
		length int64
		buf    int
		limit  int64
		want   string
		err    error
	}{
		{"none", strings.NewReader(""), 0, 0, 0, "", nil},
		{"in the caller's buffer", strings.NewReader("hello"), 5, 5, 5, "hello", nil},
		{"in the Context's memory", strings.NewReader("hello"), 5, 0, 100, "hello", nil},
		{"byte by byte", iotest.OneByteReader(strings.NewReader("hello")), 5, 3, 100, "hello", nil},
		{"with the end at once", iotest.DataErrReader(strings.NewReader("hello")), 5, 0, 100, "hello", nil},
		{"of unknown length", strings.NewReader("hello"), -1, 6, 100, "hello", nil},
		{"of unknown length, as long as the limit", strings.NewReader("hello"), -1, 0, 5, "hello", nil},
		{"of unknown length, none", strings.NewReader(""), -1, 0, 0, "", nil},
		{"long", strings.NewReader(long), int64(len(long)), 0, math.MaxInt64, long, nil},
		{"long, of unknown length", iotest.HalfReader(strings.NewReader(long)), -1, 100, math.MaxInt64, long, nil},
		{"no more than announced is read", strings.NewReader("hello, and the next request"), 5, 100, 100, "hello", nil},
		{"announced too large", iotest.ErrReader(broken), 6, 100, 5, "", errTooLarge},
		{"not even nothing", strings.NewReader(""), 0, 0, -1, "", errTooLarge},
		{"too large", strings.NewReader("hello!"), -1, 100, 5, "hello", errTooLarge},
		{"larger than nothing", strings.NewReader("h"), -1, 0, 0, "", errTooLarge},
		{"cut", strings.NewReader("hell"), 5, 0, 100, "hell", io.ErrUnexpectedEOF},
		{"broken", io.MultiReader(strings.NewReader("he"), iotest.ErrReader(broken)), 5, 0, 100, "he", broken},
		{"broken, of unknown length", io.MultiReader(strings.NewReader("he"), iotest.ErrReader(broken)), -1, 0, 100, "he", broken},
	} {
		withContext(t, tt.body, tt.length, func(c *server.Context) error {
			buf := make([]byte, tt.buf)
			got, err := c.ReadBody(buf, tt.limit)
			if string(got) != tt.want || !errors.Is(err, tt.err) && !(tt.err == errTooLarge && server.ErrorStatus(err) == 413) {
				t.Errorf("%s: ReadBody = %.40q, %v, want %.40q, %v", tt.name, got, err, tt.want, tt.err)
			}
			if len(tt.want) > 0 && len(tt.want) < tt.buf && &got[0] != &buf[0] {
				t.Errorf("%s: the body is not in the buffer that was given", tt.name)
			}
			return nil
		})
	}
}

var errTooLarge = errors.New("a *BadRequestError with status 413")

func TestReadBodyTakesNoMemoryForWhatIsOnlyAnnounced(t *testing.T) {
	withContext(t, strings.NewReader("little"), 1<<30, func(c *server.Context) error {
		got, err := c.ReadBody(nil, 1<<40)
		if string(got) != "little" || err != io.ErrUnexpectedEOF || cap(got) > 64<<10 {
			t.Errorf("ReadBody of a body that was announced with 1 GiB: %.40q of capacity %d, %v", got, cap(got), err)
		}
		return nil
	})
}

func TestBuffersOfAContextDoNotOverlap(t *testing.T) {
	for range 3 { // a Context that is used again gives the same memory, but not twice
		withContext(t, strings.NewReader("body"), 4, func(c *server.Context) error {
			var all [][]byte
			for i, n := range []int{0, 1, 100, 4000, 5000, 100_000, 10} {
				b := c.Buffer(n)
				if len(b) != 0 || cap(b) != n {
					t.Errorf("Buffer(%d) has length %d and capacity %d", n, len(b), cap(b))
				}
				all = append(all, append(b, bytes.Repeat([]byte{byte(i)}, n)...))
			}
			body, err := c.ReadBody(nil, 4)
			if err != nil {
				return err
			}
			for i, b := range append(all, body)[:len(all)] {
				if bytes.Count(b, []byte{byte(i)}) != len(b) {
					t.Errorf("buffer %d was overwritten by another", i)
				}
			}
			return nil
		})
	}
}

func TestAnAnnouncedLengthIsTheNumber(t *testing.T) {
	lengths := []int64{-1, math.MinInt64, math.MaxInt64, 1 << 40, 1<<40 + 256}
	for n := range int64(12_000) {
		lengths = append(lengths, n)
	}
	for range 2 { // the second time some of them are remembered
		for _, n := range lengths {
			s := withContext(t, nil, 0, func(c *server.Context) error { c.SetContentLength(n); return nil })
			if got := s.Header().Get("Content-Length"); got != strconv.FormatInt(n, 10) {
				t.Fatalf("SetContentLength(%d) sets %q", n, got)
			}
		}
	}
}

func TestAnAnnouncedLengthAllocatesNothing(t *testing.T) {
	if server.RaceEnabled {
		t.Skip("a build with the race detector recycles nothing")
	}
	f, _, s := newExchange("/", nil)
	for _, n := range []int64{0, 99, 100, 9_999, 10_000, 123_456_789} {
		app := server.ContextHandler(func(c *server.Context) error { c.SetContentLength(n); return nil })
		if allocs := testing.AllocsPerRun(100, func() {
			s.Header().Reset()
			if err := app.Process(f); err != nil {
				t.Fatal(err)
			}
		}); allocs > 0 {
			t.Errorf("SetContentLength(%d) allocates %v times", n, allocs)
		}
	}
}

func TestWriteBodyIsTheWholeBody(t *testing.T) {
	s := withContext(t, nil, 0, func(c *server.Context) error { return c.WriteBody([]byte("hello")) })
	if s.body.String() != "hello" || s.fields() != "Content-Length: 5\n" {
		t.Errorf("body %q, fields %q, want hello and its length", s.body.String(), s.fields())
	}
	s = withContext(t, nil, 0, func(c *server.Context) error {
		if err := c.Flush(); err != nil {
			return err
		}
		if err := c.WriteBody([]byte("hello")); !errors.Is(err, server.ErrTooLate) {
			t.Errorf("WriteBody after the response started: %v, want ErrTooLate", err)
		}
		return nil
	})
	if s.body.Len() != 0 || s.fields() != "" {
		t.Errorf("WriteBody that came too late wrote %q and set %q", s.body.String(), s.fields())
	}
}
