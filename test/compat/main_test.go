package compat

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lannerhq/lanner/kestrel"
	"github.com/lannerhq/lanner/server"
	"github.com/lannerhq/lanner/test/selfsigned"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds waits for what must happen at once. It is long because a slow machine must not fail a test.
const patience = time.Minute

// setting is one way to serve on which everything must work: what carries connections, and what is spoken on them.
type setting struct {
	name   string
	opts   kestrel.Options
	proto  int // the major version of HTTP that the client speaks
	secure bool
}

// transports are the settings of the server that say what carries connections.
var transports = []setting{
	{name: "auto"},
	{name: "inline", opts: kestrel.Options{Exec: kestrel.ExecInline}},
	{name: "goroutine", opts: kestrel.Options{Exec: kestrel.ExecGoroutine}},
	{name: "portable", opts: kestrel.Options{Transport: kestrel.TransportPortable}},
}

// settings returns the transports with HTTP/1.1, with HTTP/2, or both. HTTP/2 without TLS (h2c) is spoken on each; by TLS (h2) once: such
// connections have a goroutine each, whatever the transport is.
func settings(versions ...int) (all []setting) {
	for _, version := range versions {
		for _, s := range transports {
			if s.proto = version; version == 2 {
				s.name = "h2c " + s.name
			}
			all = append(all, s)
		}
		if version == 2 {
			all = append(all, setting{name: "h2", proto: 2, secure: true})
		}
	}
	return all
}

// everywhere runs a test with each version of HTTP on each transport. serve starts a server for a handler; it is stopped when the test
// ends.
func everywhere(t *testing.T, test func(t *testing.T, serve func(http.Handler) *site)) {
	t.Helper()
	with(t, settings(1, 2), test)
}

// onHTTP1 is everywhere for what only HTTP/1.1 has, onHTTP2 for what HTTP/2 has.
func onHTTP1(t *testing.T, test func(t *testing.T, serve func(http.Handler) *site)) {
	t.Helper()
	with(t, settings(1), test)
}

func onHTTP2(t *testing.T, test func(t *testing.T, serve func(http.Handler) *site)) {
	t.Helper()
	with(t, settings(2), test)
}

func with(t *testing.T, all []setting, test func(t *testing.T, serve func(http.Handler) *site)) {
	t.Helper()
	for _, s := range all {
		t.Run(s.name, func(t *testing.T) {
			test(t, func(h http.Handler) *site { return start(t, s, server.HTTP(h)) })
		})
	}
}

// site is a running server and a client for it.
type site struct {
	URL, Addr string
	Proto     int // the major version of HTTP that Client speaks
	Client    *http.Client
	TLS       *tls.Config  // of a client; nil without TLS
	errors    atomic.Int64 // events of level Error that the server logged
}

func start(t *testing.T, how setting, app server.Application) *site {
	t.Helper()
	s := &site{Proto: how.proto}
	endpoint := kestrel.Endpoint{URL: "http://127.0.0.1:0"}
	if how.secure {
		cert, err := selfsigned.New("127.0.0.1")
		if err != nil {
			t.Fatal(err)
		}
		endpoint = kestrel.Endpoint{URL: "https://127.0.0.1:0", TLS: &tls.Config{Certificates: []tls.Certificate{cert}}}
		s.TLS = &tls.Config{RootCAs: selfsigned.Pool(cert)}
	}
	opts := how.opts
	opts.Endpoints = []kestrel.Endpoint{endpoint}
	opts.Logger = slog.New(errorCounter{t, &s.errors})
	k := kestrel.New(opts)
	if err := k.Start(t.Context(), app); err != nil {
		t.Fatalf("cannot start the server: %v", err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := k.Stop(ctx); err != nil {
			t.Errorf("the server does not stop by itself: %v", err)
		}
		if n := s.errors.Load(); n > 0 {
			t.Errorf("the server logged %d errors, want none", n)
		}
	})
	s.URL = k.Addresses()[0]
	_, s.Addr, _ = strings.Cut(s.URL, "://")
	s.Client = &http.Client{Transport: s.transport(t), Timeout: patience, CheckRedirect: stay}
	return s
}

// transport returns a new one that speaks what the site's clients do.
func (s *site) transport(t *testing.T) *http.Transport {
	transport := &http.Transport{DisableCompression: true, TLSClientConfig: s.TLS, Protocols: new(http.Protocols), ExpectContinueTimeout: patience}
	transport.Protocols.SetHTTP1(s.Proto == 1)
	transport.Protocols.SetHTTP2(s.Proto == 2 && s.TLS != nil)
	transport.Protocols.SetUnencryptedHTTP2(s.Proto == 2 && s.TLS == nil)
	t.Cleanup(transport.CloseIdleConnections)
	return transport
}

func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// errorCounter is a slog.Handler that counts errors and shows them in the test's log.
type errorCounter struct {
	t      *testing.T
	errors *atomic.Int64
}

func (c errorCounter) Enabled(_ context.Context, level slog.Level) bool {
	return level >= slog.LevelError
}
func (c errorCounter) WithAttrs([]slog.Attr) slog.Handler { return c }
func (c errorCounter) WithGroup(string) slog.Handler      { return c }
func (c errorCounter) Handle(_ context.Context, r slog.Record) error {
	c.errors.Add(1)
	line := r.Message
	r.Attrs(func(a slog.Attr) bool { line += " " + a.String(); return true })
	c.t.Log("server:", line)
	return nil
}

// answer is a response that was read to its end.
type answer struct {
	*http.Response
	body string
}

// do sends a request. fields are names and values in turn.
func (s *site) do(t *testing.T, method, path string, body io.Reader, fields ...string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, body)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(fields); i += 2 {
		req.Header.Set(fields[i], fields[i+1])
	}
	return s.send(t, req)
}

func (s *site) send(t *testing.T, req *http.Request) answer {
	t.Helper()
	res, err := s.Client.Do(req)
	if err != nil {
		t.Fatalf("%s %s: %v", req.Method, req.URL.Path, err)
	}
	defer res.Body.Close()
	if res.ProtoMajor != s.Proto {
		t.Errorf("%s %s: the answer is %s, want HTTP/%d", req.Method, req.URL.Path, res.Proto, s.Proto)
	}
	all, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatalf("%s %s: reading the body: %v", req.Method, req.URL.Path, err)
	}
	return answer{res, string(all)}
}

func (s *site) get(t *testing.T, path string, fields ...string) answer {
	t.Helper()
	return s.do(t, http.MethodGet, path, nil, fields...)
}

// want compares status and body.
func (a answer) want(t *testing.T, why string, status int, body string) {
	t.Helper()
	if a.StatusCode != status || a.body != body {
		t.Errorf("%s %s: %d %.200q, want %d %.200q: %s", a.Request.Method, a.Request.URL, a.StatusCode, a.body, status, body, why)
	}
}

// wantField compares one field of the response.
func (a answer) wantField(t *testing.T, why, name, value string) {
	t.Helper()
	if got := a.Header.Get(name); got != value {
		t.Errorf("%s %s: %s is %q, want %q: %s", a.Request.Method, a.Request.URL, name, got, value, why)
	}
}

// raw is a connection on which a test speaks HTTP by hand.
type raw struct {
	net.Conn
	r *bufio.Reader
}

func (s *site) dial(t *testing.T) *raw {
	t.Helper()
	conn, err := net.Dial("tcp", s.Addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(patience))
	return &raw{conn, bufio.NewReader(conn)}
}

func (c *raw) printf(t *testing.T, format string, args ...any) {
	t.Helper()
	if _, err := fmt.Fprintf(c, format, args...); err != nil {
		t.Fatalf("writing to the server: %v", err)
	}
}

// head reads a response up to its body.
func (c *raw) head(t *testing.T, method string) *http.Response {
	t.Helper()
	res, err := http.ReadResponse(c.r, &http.Request{Method: method})
	if err != nil {
		t.Fatalf("reading the response: %v", err)
	}
	return res
}

// wait waits for an event that must come.
func wait[T any](t *testing.T, event <-chan T, what string) T {
	t.Helper()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case v := <-event:
		return v
	case <-timer.C:
		t.Fatalf("%s: it has not happened after %v", what, patience)
	}
	panic("unreachable")
}

// pattern is n bytes in which a lost, doubled or moved piece shows.
func pattern(n int) []byte {
	p := make([]byte, n)
	state := uint32(n)
	for i := range p {
		state = state*1664525 + 1013904223
		p[i] = byte(state >> 24)
	}
	return p
}

// send passes v to a handler that must be there to take it.
func send[T any](t *testing.T, to chan<- T, v T) {
	t.Helper()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case to <- v:
	case <-timer.C:
		t.Fatalf("the handler does not take %v: it has gone, or waits for something else", v)
	}
}
