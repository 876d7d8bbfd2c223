package servertest

import (
	"io"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/lannerhq/lanner/server"
)

const (
	largeSize = 8 << 20
	blockSize = 64 << 10
	// memoryLimit is what may be allocated while a large body passes: less than holding the body once would take.
	memoryLimit = 6 << 20
)

// echo streams the body back.
func echo(f *server.Features) error {
	req, _ := server.Get[server.RequestFeature](f)
	res, _ := server.Get[server.ResponseFeature](f)
	if n := req.ContentLength(); n > 0 {
		res.Header().Set("Content-Length", strconv.FormatInt(n, 10))
	}
	_, err := io.CopyBuffer(struct{ io.Writer }{res}, struct{ io.Reader }{req.Body()}, make([]byte, blockSize))
	return err
}

// pattern yields size bytes that tell their place.
type pattern struct{ at, size int64 }

func (p *pattern) Read(b []byte) (int, error) {
	if p.at == p.size {
		return 0, io.EOF
	}
	n := int(min(int64(len(b)), p.size-p.at))
	for i := range n {
		b[i] = patternByte(p.at + int64(i))
	}
	p.at += int64(n)
	return n, nil
}

func patternByte(at int64) byte { return byte(at ^ at>>8 ^ at>>16) }

// checkPattern reads size bytes of the pattern, then the end.
func checkPattern(t *testing.T, why string, r io.Reader, size int64) {
	t.Helper()
	buf, at := make([]byte, blockSize), int64(0)
	for {
		n, err := r.Read(buf)
		for i := range n {
			if buf[i] != patternByte(at+int64(i)) {
				t.Fatalf("%s: byte %d is wrong", why, at+int64(i))
			}
		}
		at += int64(n)
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("%s: broken after %d bytes: %v", why, at, err)
		}
	}
	if at != size {
		t.Errorf("%s: %d bytes, want %d", why, at, size)
	}
}

// sendPattern sends a large body, chunked or not, while the caller reads.
func (c *client) sendPattern(chunked bool) <-chan error {
	done := make(chan error, 1)
	go func() {
		w := io.Writer(c.conn)
		if chunked {
			w = chunkWriter{w}
		}
		_, err := io.CopyBuffer(struct{ io.Writer }{w}, &pattern{size: largeSize}, make([]byte, blockSize))
		if err == nil && chunked {
			_, err = io.WriteString(c.conn, "0\r\n\r\n")
		}
		done <- err
	}()
	return done
}

type chunkWriter struct{ w io.Writer }

func (c chunkWriter) Write(p []byte) (int, error) {
	if _, err := io.WriteString(c.w, strconv.FormatInt(int64(len(p)), 16)+"\r\n"); err != nil {
		return 0, err
	}
	if _, err := c.w.Write(p); err != nil {
		return 0, err
	}
	_, err := io.WriteString(c.w, "\r\n")
	return len(p), err
}

// allocated is how much memory was ever allocated in this process.
func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

var streamChecks = []check{
	{"ALargeBodyPassesThroughInBoundedMemory", func(t *testing.T, s suite) {
		for _, framing := range []string{"Content-Length: " + strconv.Itoa(largeSize), "Transfer-Encoding: chunked"} {
			r := s.start(t, echo)
			c := r.dial()
			before := allocated()
			c.send("POST / HTTP/1.1", "Host: a", framing, "")
			sent := c.sendPattern(strings.HasSuffix(framing, "chunked"))
			res := c.head("the body back", http.MethodPost, 200)
			checkPattern(t, "the echo of a body with "+framing, res.Body, largeSize)
			if err := receive(t, sent, "the client has sent its body"); err != nil {
				t.Errorf("sending the body: %v", err)
			}
			if used := allocated() - before; used > memoryLimit {
				t.Errorf("%s: %d KiB were allocated to echo %d KiB: the server holds bodies in memory instead of streaming them",
					framing, used>>10, largeSize>>10)
			}
		}
	}},
	{"TheApplicationReadsWhatHasArrived", func(t *testing.T, s suite) {
		read := make(chan string, 1)
		r := s.start(t, func(f *server.Features) error {
			req := need[server.RequestFeature](t, f)
			part := make([]byte, blockSize)
			_, err := io.ReadFull(req.Body(), part)
			read <- string(part)
			if err != nil {
				return err
			}
			rest, err := io.ReadAll(req.Body())
			if err != nil {
				return err
			}
			return respond(f, 200, string(rest))
		})
		c := r.dial()
		c.send("POST / HTTP/1.1", "Host: a", "Content-Length: "+strconv.Itoa(blockSize+4), "")
		c.write(strings.Repeat("a", blockSize))
		if part := receive(t, read, "the application reads the first part before the rest was sent"); part != strings.Repeat("a", blockSize) {
			t.Error("the first part is not what was sent")
		}
		c.write("rest")
		c.wantBody("the rest", 200, "rest")
	}},
	{"TheBodyCanBeReadAfterTheResponseBegan", func(t *testing.T, s suite) {
		r := s.start(t, func(f *server.Features) error {
			res, req := need[server.ResponseFeature](t, f), need[server.RequestFeature](t, f)
			line := make([]byte, 4)
			if _, err := io.WriteString(res, "go\r\n"); err != nil {
				return err
			}
			for {
				if err := res.Flush(); err != nil {
					return err
				}
				if _, err := io.ReadFull(req.Body(), line); err == io.EOF {
					return nil
				} else if err != nil {
					return err
				}
				if _, err := res.Write(line); err != nil {
					return err
				}
			}
		})
		c := r.dial()
		c.send("POST / HTTP/1.1", "Host: a", "Transfer-Encoding: chunked", "")
		res := c.head("a response that begins before the body", http.MethodPost, 200)
		c.wantNext("the first words", res.Body, "go\r\n")
		for _, line := range []string{"abcd", "efgh"} {
			c.write("4\r\n" + line + "\r\n")
			c.wantNext("what was just sent", res.Body, line)
		}
		c.write("0\r\n\r\n")
		c.wantNext("nothing more", res.Body, "")
	}},
	{"AFlushArrivesBeforeTheApplicationReturns", func(t *testing.T, s suite) {
		for _, length := range []string{"", "10"} {
			headSeen, firstSeen := make(chan struct{}, 1), make(chan struct{}, 1)
			r := s.start(t, func(f *server.Features) error {
				res := need[server.ResponseFeature](t, f)
				if length != "" {
					res.Header().Set("Content-Length", length)
				}
				if err := res.Flush(); err != nil {
					return err
				}
				receiveQuietly(headSeen)
				if _, err := io.WriteString(res, "first"); err != nil {
					return err
				}
				if err := res.Flush(); err != nil {
					return err
				}
				receiveQuietly(firstSeen)
				_, err := io.WriteString(res, "after")
				return err
			})
			c := r.dial()
			c.send("GET / HTTP/1.1", "Host: a", "")
			res := c.head("the header section, flushed without a body", http.MethodGet, 200)
			headSeen <- struct{}{}
			c.wantNext("the first part, flushed while the application goes on", res.Body, "first")
			firstSeen <- struct{}{}
			c.wantNext("the second part", res.Body, "after")
			c.wantNext("the end", res.Body, "")
		}
	}},
	{"ManyWritesArriveInOrder", func(t *testing.T, s suite) {
		r := s.start(t, func(f *server.Features) error {
			_, err := io.CopyBuffer(struct{ io.Writer }{need[server.ResponseFeature](t, f)},
				&pattern{size: 1 << 20}, make([]byte, 999))
			return err
		})
		c := r.dial()
		for range 2 {
			c.send("GET / HTTP/1.1", "Host: a", "")
			checkPattern(t, "a thousand writes", c.head("a response", http.MethodGet, 200).Body, 1<<20)
		}
	}},
}

// wantNext reads exactly that text from a body; "" is its end.
func (c *client) wantNext(why string, body io.Reader, text string) {
	c.t.Helper()
	buf := make([]byte, max(len(text), 1))
	n, err := io.ReadFull(body, buf)
	switch {
	case text == "" && err == io.EOF:
	case err != nil:
		c.t.Fatalf("want %s: %q, but reading it failed: %v", why, text, err)
	case string(buf[:n]) != text:
		c.t.Fatalf("want %s: %q, got %q", why, text, buf[:n])
	}
}
