package kestrel

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/lannerhq/lanner/server"
)

var discard = slog.New(slog.DiscardHandler)

// start starts a server and stops it when the test ends.
func start(t *testing.T, opts Options, app server.Application) *Server {
	t.Helper()
	if opts.Logger == nil {
		opts.Logger = discard
	}
	s := New(opts)
	if err := s.Start(t.Context(), app); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(t.Context()); err != nil && t.Context().Err() == nil {
			t.Errorf("stop: %v", err)
		}
	})
	return s
}

var hello = server.HTTP(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "hello from "+r.Host) }))

// newClient is an HTTP client without connections of other tests.
func newClient(t *testing.T, dial func() (net.Conn, error)) *http.Client {
	transport := &http.Transport{}
	if dial != nil {
		transport.DialContext = func(context.Context, string, string) (net.Conn, error) { return dial() }
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 30 * time.Second}
}

func wantHello(t *testing.T, why string, c *http.Client, url string) {
	t.Helper()
	res, err := c.Get(url)
	if err != nil {
		t.Errorf("want %s: %v", why, err)
		return
	}
	defer res.Body.Close()
	if body, err := io.ReadAll(res.Body); err != nil || !strings.HasPrefix(string(body), "hello") {
		t.Errorf("want %s: %q, %v", why, body, err)
	}
}

func TestPortZeroIsResolvedBeforeStartReturns(t *testing.T) {
	s := start(t, Options{Endpoints: []Endpoint{{URL: "http://127.0.0.1:0"}, {URL: "http://[::1]:0"}}}, hello)
	for _, url := range s.Addresses() {
		if strings.HasSuffix(url, ":0") {
			t.Errorf("%s: want the port that is bound", url)
		}
		wantHello(t, "an answer at the published address", newClient(t, nil), url)
	}
	if len(s.Addresses()) != 2 {
		t.Errorf("addresses %q, want one for each endpoint", s.Addresses())
	}
}

func TestLocalhostIsBothLoopbackAddressesOnOnePort(t *testing.T) {
	s := start(t, Options{Endpoints: []Endpoint{{URL: "http://localhost:0"}}}, hello)
	if len(s.Addresses()) != 1 {
		t.Fatalf("addresses %q, want one: the name stands for both", s.Addresses())
	}
	u, err := url.Parse(s.Addresses()[0])
	if err != nil || u.Hostname() != "localhost" || u.Port() == "0" {
		t.Fatalf("address %s, %v", s.Addresses()[0], err)
	}
	for _, host := range []string{"127.0.0.1", "[::1]"} {
		if host == "[::1]" && len(s.open[0].bound) == 1 {
			t.Log("this system has no IPv6 loopback")
			continue
		}
		wantHello(t, "an answer on "+host, newClient(t, nil), "http://"+host+":"+u.Port())
	}
}

func TestAnyHostNameMeansEveryAddress(t *testing.T) {
	for _, host := range []string{"*", "+", "www.example.org"} {
		s := start(t, Options{Endpoints: []Endpoint{{URL: "http://" + host + ":0"}}}, hello)
		u, err := url.Parse(s.Addresses()[0])
		if err != nil || u.Hostname() != "::" && u.Hostname() != "0.0.0.0" {
			t.Errorf("%s: address %s, %v, want what is bound", host, s.Addresses()[0], err)
		}
		wantHello(t, "an answer for "+host, newClient(t, nil), "http://127.0.0.1:"+u.Port())
	}
}

func TestAddressesComeFromEndpointsOrTheFeature(t *testing.T) {
	const feature, option = "http://127.0.0.1:0", "http://[::1]:0"
	for _, tt := range []struct {
		name      string
		endpoints []Endpoint
		addresses []string
		prefer    bool
		want      string
	}{
		{"endpoints", []Endpoint{{URL: option}}, nil, false, "[::1]"},
		{"addresses", nil, []string{feature}, false, "127.0.0.1"},
		{"both: endpoints win", []Endpoint{{URL: option}}, []string{feature}, false, "[::1]"},
		{"both, and addresses are preferred", []Endpoint{{URL: option}}, []string{feature}, true, "127.0.0.1"},
		{"preferred, but there are none", []Endpoint{{URL: option}}, nil, true, "[::1]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := New(Options{Endpoints: tt.endpoints, Logger: discard})
			f, _ := server.Get[server.ServerAddressesFeature](s.Features())
			f.SetAddresses(tt.addresses)
			f.SetPreferHostingURLs(tt.prefer)
			if err := s.Start(t.Context(), hello); err != nil {
				t.Fatal(err)
			}
			defer s.Stop(t.Context())
			if got := s.Addresses(); len(got) != 1 || !strings.Contains(got[0], tt.want) {
				t.Errorf("bound %q, want %s", got, tt.want)
			}
		})
	}
	if got := New(Options{}).endpoints(nil); len(got) != 1 || got[0].URL != "http://localhost:5000" {
		t.Errorf("without any, endpoints are %v, want http://localhost:5000", got)
	}
}

func TestUnixSocketsHaveTheirModeAndGoWithTheServer(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.sock")
	for _, tt := range []struct{ mode, want os.FileMode }{{0, 0o660}, {0o600, 0o600}, {0o666, 0o666}} {
		s := New(Options{Endpoints: []Endpoint{{URL: "http://unix:" + path, UnixMode: tt.mode}}, Logger: discard})
		if err := s.Start(t.Context(), hello); err != nil {
			t.Fatal(err)
		}
		if got := s.Addresses(); len(got) != 1 || got[0] != "http://unix:"+path {
			t.Errorf("addresses %q", got)
		}
		info, err := os.Lstat(path)
		if err != nil || info.Mode().Perm() != tt.want {
			t.Errorf("mode %v, %v, want %v", info.Mode(), err, tt.want)
		}
		wantHello(t, "an answer", newClient(t, func() (net.Conn, error) { return net.Dial("unix", path) }), "http://socket/")
		if err := s.Stop(t.Context()); err != nil {
			t.Error(err)
		}
		if _, err := os.Lstat(path); !os.IsNotExist(err) {
			t.Errorf("after stop: %v, want the file gone", err)
		}
	}
}

func TestAStaleUnixSocketIsReplacedAndOneInUseIsNot(t *testing.T) {
	dir := t.TempDir()
	stale := filepath.Join(dir, "stale.sock")
	l, err := net.Listen("unix", stale)
	if err != nil {
		t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	l.Close() // as after a crash
	start(t, Options{Endpoints: []Endpoint{{URL: "http://unix:" + stale}}}, hello)
	wantHello(t, "an answer", newClient(t, func() (net.Conn, error) { return net.Dial("unix", stale) }), "http://socket/")

	second := New(Options{Endpoints: []Endpoint{{URL: "http://unix:" + stale}}, Logger: discard})
	if err := second.Start(t.Context(), hello); err == nil || !strings.Contains(err.Error(), "already in use") {
		t.Errorf("start on a socket in use: %v, want it refused", err)
	}
	wantHello(t, "the first server undisturbed", newClient(t, func() (net.Conn, error) { return net.Dial("unix", stale) }), "http://socket/")

	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	third := New(Options{Endpoints: []Endpoint{{URL: "http://unix:" + file}}, Logger: discard})
	if err := third.Start(t.Context(), hello); err == nil || !strings.Contains(err.Error(), "not a socket") {
		t.Errorf("start on a file: %v, want it refused", err)
	}
	if b, err := os.ReadFile(file); string(b) != "precious" {
		t.Errorf("the file holds %q, %v: a file that is no socket must not be touched", b, err)
	}
	relative := New(Options{Endpoints: []Endpoint{{URL: "http://unix:app.sock"}}, Logger: discard})
	if err := relative.Start(t.Context(), hello); err == nil || !strings.Contains(err.Error(), "absolute") {
		t.Errorf("start on a relative path: %v, want it refused", err)
	}
}

// answerOnce is the program that systemd starts: it serves on the sockets that were passed until it has answered.
func answerOnce() int {
	os.Setenv("LISTEN_PID", fmt.Sprint(os.Getpid())) // systemd does it after the fork
	endpoints, err := SystemdEndpoints()
	if err != nil || len(endpoints) != 2 || endpoints[0].Name != "web" || endpoints[1].Name != "admin" || os.Getenv("LISTEN_FDS") != "" {
		fmt.Fprintln(os.Stderr, endpoints, err, os.Getenv("LISTEN_FDS"))
		return 2
	}
	answered := make(chan bool, 2)
	s := New(Options{Endpoints: endpoints, Logger: discard})
	if err := s.Start(context.Background(), server.HTTP(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, _ := server.From[server.ConnectionFeature](r.Context())
		io.WriteString(w, "hello on "+conn.EndpointName())
		answered <- true
	}))); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 3
	}
	<-answered
	<-answered
	if err := s.Stop(context.Background()); err != nil {
		return 4
	}
	return 0
}

func TestSystemdPassesItsSockets(t *testing.T) {
	cmd := reexec()
	var errs bytes.Buffer
	cmd.Stderr = &errs
	cmd.Env = append(os.Environ(), "LISTEN_FDS=2", "LISTEN_FDNAMES=web:admin", "LISTEN_PID=1")
	var urls []string
	for range 2 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		f, err := l.(*net.TCPListener).File()
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		urls = append(urls, "http://"+l.Addr().String())
		l.Close()
		cmd.ExtraFiles = append(cmd.ExtraFiles, f)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for _, url := range urls {
		wantHello(t, "an answer on a passed socket", newClient(t, nil), url)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("the program: %v\n%s", err, &errs)
	}
}

func TestSystemdSocketsOfAnotherProcessAreLeftAlone(t *testing.T) {
	t.Setenv("LISTEN_PID", "1")
	t.Setenv("LISTEN_FDS", "1")
	if got, err := SystemdEndpoints(); len(got) != 0 || err != nil {
		t.Errorf("%v, %v, want none: they are for process 1", got, err)
	}
	t.Setenv("LISTEN_PID", fmt.Sprint(os.Getpid()))
	for _, bad := range []string{"x", "-1", "2000"} {
		t.Setenv("LISTEN_FDS", bad)
		if _, err := SystemdEndpoints(); err == nil {
			t.Errorf("LISTEN_FDS=%s is accepted", bad)
		}
	}
}

// counted counts and hashes what passes.
type counted struct {
	n int64
	hash.Hash
}

func (c *counted) Write(p []byte) (int, error) { c.n += int64(len(p)); return c.Hash.Write(p) }

func TestLargeBodiesPassInFlatMemory(t *testing.T) {
	const size = 64 << 20
	s := start(t, Options{Endpoints: []Endpoint{{URL: "http://127.0.0.1:0"}}, Limits: Limits{MaxRequestBodySize: None}},
		server.HTTP(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			buf := make([]byte, 32<<10)
			io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{r.Body}, buf)
		})))
	for _, chunked := range []bool{false, true} {
		sent, got := &counted{Hash: sha256.New()}, &counted{Hash: sha256.New()}
		body := io.TeeReader(&pattern{left: size}, sent)
		request, err := http.NewRequest("POST", s.Addresses()[0], struct{ io.Reader }{body})
		if err != nil {
			t.Fatal(err)
		}
		if !chunked {
			request.ContentLength = size
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		res, err := newClient(t, nil).Do(request)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.CopyBuffer(struct{ io.Writer }{got}, struct{ io.Reader }{res.Body}, make([]byte, 32<<10)); err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		runtime.ReadMemStats(&after)
		if got.n != size || !bytes.Equal(got.Sum(nil), sent.Sum(nil)) {
			t.Errorf("chunked %v: %d bytes came back, want the %d that were sent, unchanged", chunked, got.n, int64(size))
		}
		if used := after.TotalAlloc - before.TotalAlloc; used > 8<<20 {
			t.Errorf("chunked %v: %d KiB were allocated to pass %d KiB both ways, want a few buffers", chunked, used>>10, size>>10)
		}
	}
}

// pattern yields bytes.
type pattern struct{ left, at int }

func (p *pattern) Read(b []byte) (int, error) {
	if p.left == 0 {
		return 0, io.EOF
	}
	n := min(len(b), p.left)
	for i := range n {
		b[i] = byte(p.at + i)
	}
	p.left -= n
	p.at += n
	return n, nil
}

func TestFilesAreServedWholeAndInRanges(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file.bin")
	data := make([]byte, 5<<20)
	for i := range data {
		data[i] = byte(i ^ i>>10)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	s := start(t, Options{Endpoints: []Endpoint{{URL: "http://127.0.0.1:0"}}},
		server.HTTP(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, path) })))
	c := newClient(t, nil)
	for _, tt := range []struct {
		ranges string
		want   []byte
	}{{"", data}, {"bytes=1000000-3999999", data[1000000:4000000]}, {"bytes=-10", data[len(data)-10:]}} {
		request, _ := http.NewRequest("GET", s.Addresses()[0], nil)
		if tt.ranges != "" {
			request.Header.Set("Range", tt.ranges)
		}
		res, err := c.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || !bytes.Equal(got, tt.want) {
			t.Errorf("range %q: %d bytes and %v, want %d of the file", tt.ranges, len(got), err, len(tt.want))
		}
	}
}

// nowhere is a listener without an address, such as one that yields connections made elsewhere.
type nowhere struct{ closed chan struct{} }

func (l nowhere) Accept() (net.Conn, error) {
	<-l.closed
	return nil, net.ErrClosed
}
func (l nowhere) Close() error   { close(l.closed); return nil }
func (l nowhere) Addr() net.Addr { return nil }

func TestAListenerWithoutAnAddressIsNamedByItsType(t *testing.T) {
	s := start(t, Options{Endpoints: []Endpoint{{Listener: nowhere{make(chan struct{})}}}}, server.HTTP(http.NotFoundHandler()))
	if got := s.Addresses(); len(got) != 1 || got[0] != "http://kestrel.nowhere" {
		t.Errorf("addresses %q, want the listener's type in place of an address", got)
	}
}

func TestStopRefusesNewConnections(t *testing.T) {
	s := start(t, Options{Endpoints: []Endpoint{{URL: "http://127.0.0.1:0"}}}, hello)
	if err := s.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	addr := strings.TrimPrefix(s.Addresses()[0], "http://")
	if nc, err := net.Dial("tcp", addr); err == nil {
		nc.Close()
		t.Error("a stopped server accepts connections")
	}
	if err := s.Start(t.Context(), hello); err != server.ErrStopped {
		t.Errorf("start after stop: %v, want ErrStopped", err)
	}
}
