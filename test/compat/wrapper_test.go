package compat

import (
	"bufio"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// wrapper is what much middleware is made of: a ResponseWriter that hides all but three methods, and Unwrap.
type wrapper struct{ w http.ResponseWriter }

func (w wrapper) Header() http.Header         { return w.w.Header() }
func (w wrapper) WriteHeader(code int)        { w.w.WriteHeader(code) }
func (w wrapper) Write(p []byte) (int, error) { return w.w.Write(p) }
func (w wrapper) Unwrap() http.ResponseWriter { return w.w }

// gzipWriter compresses what goes through it.
type gzipWriter struct {
	wrapper
	z *gzip.Writer
}

func (w gzipWriter) Write(p []byte) (int, error) { return w.z.Write(p) }
func (w gzipWriter) FlushError() error {
	if err := w.z.Flush(); err != nil {
		return err
	}
	return http.NewResponseController(w.w).Flush()
}

func TestGzipMiddlewareStreams(t *testing.T) {
	everywhere(t, func(t *testing.T, serve func(http.Handler) *site) {
		got := make(chan struct{})
		s := serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			z := gzipWriter{wrapper{w}, gzip.NewWriter(w)}
			defer z.z.Close()
			io.WriteString(z, "first\n")
			if err := http.NewResponseController(z).Flush(); err != nil {
				t.Errorf("Flush: %v", err)
			}
			<-got
			io.WriteString(z, strings.Repeat("second ", 100_000))
		}))
		res, err := s.Client.Get(s.URL)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		z, err := gzip.NewReader(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		r := bufio.NewReader(z)
		if line, err := r.ReadString('\n'); line != "first\n" {
			t.Fatalf("the first line: %q, %v", line, err)
		}
		close(got)
		if rest, err := io.ReadAll(r); string(rest) != strings.Repeat("second ", 100_000) || err != nil {
			t.Errorf("the rest: %d bytes, %v", len(rest), err)
		}
	})
}

// readTooLate reads beyond a deadline, from a client that sends no more.
func readTooLate(t *testing.T, control *http.ResponseController, w http.ResponseWriter, r *http.Request) {
	if err := control.SetReadDeadline(time.Now().Add(20 * time.Millisecond)); err != nil {
		t.Errorf("SetReadDeadline: %v", err)
	}
	if _, err := io.ReadAll(r.Body); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a read after the deadline: %v, want os.ErrDeadlineExceeded", err)
	}
	io.WriteString(w, "gave up")
}

// writeTooLate writes beyond a deadline, to a client that does not read.
func writeTooLate(t *testing.T, control *http.ResponseController, w http.ResponseWriter) {
	if err := control.SetWriteDeadline(time.Now().Add(20 * time.Millisecond)); err != nil {
		t.Errorf("SetWriteDeadline: %v", err)
	}
	var err error
	for p := make([]byte, 1<<20); err == nil; { // the client does not read
		_, err = w.Write(p)
	}
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a write after the deadline: %v, want os.ErrDeadlineExceeded", err)
	}
}

func TestResponseControllerReachesThroughWrappers(t *testing.T) {
	onHTTP1(t, func(t *testing.T, serve func(http.Handler) *site) {
		gaveUp := make(chan struct{})
		s := serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			control := http.NewResponseController(wrapper{wrapper{w}})
			switch r.URL.Path {
			case "/read":
				readTooLate(t, control, w, r)
			case "/write":
				writeTooLate(t, control, w)
				close(gaveUp)
			case "/hijack":
				conn, buffered, err := control.Hijack()
				if err != nil {
					t.Errorf("Hijack: %v", err)
					return
				}
				defer conn.Close()
				line, _ := buffered.ReadString('\n')
				buffered.WriteString("raw " + line)
				buffered.Flush()
			default:
				if err := errors.Join(control.EnableFullDuplex(), control.SetReadDeadline(time.Time{}), control.SetWriteDeadline(time.Time{}), control.Flush()); err != nil {
					t.Errorf("ResponseController: %v", err)
				}
				io.WriteString(w, "all there")
			}
		}))
		s.get(t, "/").want(t, "every method works", 200, "all there")
		c := s.dial(t)
		c.printf(t, "POST /read HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhe")
		res := c.head(t, "POST")
		if body, err := io.ReadAll(res.Body); string(body) != "gave up" || err != nil {
			t.Errorf("after the read deadline: %q, %v", body, err)
		}
		c = s.dial(t)
		c.printf(t, "GET /write HTTP/1.1\r\nHost: h\r\n\r\n")
		wait(t, gaveUp, "writes to a client that does not read fail")
		c = s.dial(t)
		c.printf(t, "GET /hijack HTTP/1.1\r\nHost: h\r\n\r\nearly\n")
		if all, err := io.ReadAll(c); string(all) != "raw early\n" || err != nil {
			t.Errorf("hijacked: %q, %v", all, err)
		}
	})
}
