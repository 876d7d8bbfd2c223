package connlog

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lannerhq/lanner/connection"
	"github.com/lannerhq/lanner/internal/memnet"
	"github.com/lannerhq/lanner/kestrel"
	"github.com/lannerhq/lanner/server"
)

// run gives a connection to the middleware, whose next is serve, and returns the log without times and levels.
func run(t *testing.T, o Options, level slog.Level, client string, serve connection.Handler) string {
	t.Helper()
	var log bytes.Buffer
	o.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: level, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
	near, far := memnet.Pipe(1 << 16)
	io.WriteString(near, client)
	near.CloseWrite()
	defer near.Close()
	defer far.Close()
	if err := New(o)(serve)(t.Context(), connection.New(far, nil)); err != nil {
		t.Errorf("the middleware returned %v", err)
	}
	return log.String()
}

func answer(_ context.Context, c *connection.Conn) error {
	if _, err := io.ReadAll(c); err != nil {
		return err
	}
	_, err := c.Write([]byte("ok\r\n\x00\xff\""))
	return err
}

func wantLog(t *testing.T, got string, want ...string) {
	t.Helper()
	if text := strings.Join(want, "\n") + "\n"; got != text {
		t.Errorf("the log is\n%s\nwant\n%s", got, text)
	}
}

func TestBytesBothWaysAreLogged(t *testing.T) {
	wantLog(t, run(t, Options{}, slog.LevelDebug, "GET /\r\n", answer),
		`level=DEBUG msg="connection opened" connection="" local=server remote=client`,
		`level=DEBUG msg=received connection="" offset=0 bytes=7 hex="47 45 54 20 2f 0d 0a" text="GET /.."`,
		`level=DEBUG msg="connection failed" connection="" while=received error=EOF`,
		`level=DEBUG msg=sent connection="" offset=0 bytes=7 hex="6f 6b 0d 0a 00 ff 22" text="ok....\""`,
		`level=DEBUG msg="connection closed" connection="" received=7 sent=7`)
}

func TestALineIsBounded(t *testing.T) {
	log := run(t, Options{MaxLineBytes: 4}, slog.LevelDebug, "0123456789", func(_ context.Context, c *connection.Conn) error {
		_, err := io.ReadFull(c, make([]byte, 10))
		return err
	})
	wantLog(t, log,
		`level=DEBUG msg="connection opened" connection="" local=server remote=client`,
		`level=DEBUG msg=received connection="" offset=0 bytes=4 hex="30 31 32 33" text=0123`,
		`level=DEBUG msg=received connection="" offset=4 bytes=4 hex="34 35 36 37" text=4567`,
		`level=DEBUG msg=received connection="" offset=8 bytes=2 hex="38 39" text=89`,
		`level=DEBUG msg="connection closed" connection="" received=10 sent=0`)
	long := run(t, Options{}, slog.LevelDebug, strings.Repeat("x", 5000), answer)
	for _, line := range strings.Split(long, "\n") {
		if len(line) > 1200 {
			t.Errorf("a line has %d bytes", len(line))
		}
	}
	if n := strings.Count(long, "msg=received"); n < 5000/defaultLineBytes+1 {
		t.Errorf("5000 bytes are on %d lines: some are missing", n)
	}
}

func TestNothingIsAroundTheConnectionWhileDebugIsOff(t *testing.T) {
	var passed, given *connection.Conn
	near, far := memnet.Pipe(1)
	defer near.Close()
	given = connection.New(far, nil)
	h := New(Options{Logger: slog.New(slog.DiscardHandler)})(func(_ context.Context, c *connection.Conn) error {
		passed = c
		return nil
	})
	if err := h(t.Context(), given); err != nil || passed != given {
		t.Errorf("passed on %v, %v, want the connection itself", passed, err)
	}
}

func TestWhatWasPeekedIsLoggedOnce(t *testing.T) {
	log := run(t, Options{}, slog.LevelDebug, "abc", func(_ context.Context, c *connection.Conn) error {
		if b, err := c.Peek(2); string(b) != "ab" || err != nil {
			t.Errorf("peeked %q, %v", b, err)
		}
		_, err := io.ReadFull(c, make([]byte, 3))
		return err
	})
	if strings.Count(log, "61 62 63") != 1 || !strings.Contains(log, "received=3") {
		t.Errorf("the log is\n%s\nwant the three bytes once", log)
	}
}

func TestFailuresAreLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := memnet.Pipe(4)
		defer near.Close()
		defer far.Close()
		var log bytes.Buffer
		mw := New(Options{Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
		err := mw(func(_ context.Context, c *connection.Conn) error {
			c.SetDeadline(time.Now().Add(time.Second))
			if n, err := c.Write([]byte("more than fits")); n != 4 || !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("wrote %d, %v, want the 4 bytes that fit and a timeout", n, err)
			}
			return nil
		})(t.Context(), connection.New(far, nil))
		if err != nil || !strings.Contains(log.String(), "bytes=4 hex=\"6d 6f 72 65\"") || !strings.Contains(log.String(), "while=sent error=\"i/o timeout\"") {
			t.Errorf("%v, the log is\n%s\nwant what was sent, and that the rest was not", err, &log)
		}
	})
}

func TestRequestsAndResponsesAreInTheLogOfAServer(t *testing.T) {
	var log bytes.Buffer
	logger := slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	s := kestrel.New(kestrel.Options{
		Logger:    slog.New(slog.DiscardHandler),
		Endpoints: []kestrel.Endpoint{{URL: "http://127.0.0.1:0", Middleware: []connection.Middleware{New(Options{Logger: logger})}}},
	})
	var id string
	err := s.Start(t.Context(), server.HTTP(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, _ := server.From[server.ConnectionFeature](r.Context())
		id = c.ConnectionID()
		http.ServeContent(w, r, "a.txt", time.Time{}, strings.NewReader("the content"))
	})))
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{}}
	res, err := client.Get(s.Addresses()[0])
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(res.Body)
	res.Body.Close()
	client.CloseIdleConnections()
	if string(body) != "the content" || err != nil {
		t.Errorf("the answer is %q, %v", body, err)
	}
	if err := s.Stop(t.Context()); err != nil { // the log is whole then
		t.Error(err)
	}
	for _, want := range []string{`"connection":"` + id + `"`, `"text":"GET / HTTP/1.1..Host: `, `HTTP/1.1 200 OK..`, `the content`, `"msg":"connection closed"`} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log has no %s:\n%s", want, &log)
		}
	}
}
