package kestrel

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/lannerhq/lanner/server"
)

const free = "http://127.0.0.1:0"

// whereAmI answers with the name of the endpoint; /wait does when the gate opens.
func whereAmI(gate <-chan struct{}, entered chan<- struct{}) server.Application {
	return server.HTTP(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/wait" {
			entered <- struct{}{}
			select {
			case <-gate:
			case <-r.Context().Done():
				return
			}
		}
		conn, _ := server.From[server.ConnectionFeature](r.Context())
		io.WriteString(w, conn.EndpointName())
	}))
}

// kept is a connection on which requests are made by hand.
type kept struct {
	t *testing.T
	net.Conn
	r *bufio.Reader
}

func dial(t *testing.T, url string) *kept {
	t.Helper()
	nc, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	nc.SetDeadline(time.Now().Add(30 * time.Second))
	return &kept{t, nc, bufio.NewReader(nc)}
}

func (k *kept) ask(path string, header ...string) {
	fmt.Fprintf(k, "GET %s HTTP/1.1\r\nHost: a\r\n%s\r\n", path, strings.Join(append(header, ""), "\r\n"))
}

func (k *kept) want(why string, status int, body string) {
	k.t.Helper()
	res, err := http.ReadResponse(k.r, nil)
	if err != nil {
		k.t.Fatalf("want %s: %v", why, err)
	}
	defer res.Body.Close()
	if got, err := io.ReadAll(res.Body); err != nil || res.StatusCode != status || string(got) != body {
		k.t.Errorf("want %s: %d %q, %v, want %d %q", why, res.StatusCode, got, err, status, body)
	}
}

func (k *kept) wantEnd(why string) {
	k.t.Helper()
	if b, err := k.r.ReadByte(); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		k.t.Errorf("want %s, got %q and %v", why, b, err)
	}
}

func refused(url string) bool {
	nc, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err == nil {
		nc.Close()
	}
	return errors.Is(err, syscall.ECONNREFUSED)
}

func TestAnEndpointComesAndGoesWhileItServes(t *testing.T) {
	gate, entered := make(chan struct{}), make(chan struct{}, 1)
	s := start(t, Options{Endpoints: []Endpoint{{Name: "first", URL: free}}}, whereAmI(gate, entered))
	first := dial(t, s.Addresses()[0])
	first.ask("/")
	first.want("an answer", 200, "first")
	if err := s.AddEndpoint(t.Context(), Endpoint{Name: "second", URL: free}); err != nil {
		t.Fatal(err)
	}
	urls := s.Addresses()
	if len(urls) != 2 || strings.HasSuffix(urls[1], ":0") {
		t.Fatalf("addresses %q, want the new one there", urls)
	}
	idle, busy := dial(t, urls[1]), dial(t, urls[1])
	idle.ask("/")
	idle.want("an answer at the new endpoint", 200, "second")
	busy.ask("/wait")
	<-entered
	removed := make(chan error)
	go func() { removed <- s.RemoveEndpoint(t.Context(), "second") }()
	idle.wantEnd("a waiting connection of the endpoint closed")
	if !refused(urls[1]) {
		t.Error("an endpoint that is removed accepts connections")
	}
	first.ask("/")
	first.want("the other endpoint's connection kept alive", 200, "first")
	close(gate)
	busy.want("the running request's answer", 200, "second")
	busy.wantEnd("its connection closed")
	if err := <-removed; err != nil {
		t.Errorf("remove: %v", err)
	}
	if got := s.Addresses(); !slices.Equal(got, urls[:1]) {
		t.Errorf("addresses %q, want %q", got, urls[:1])
	}
}

func TestAnEndpointThatIsRemovedAbortsWhatIsLeft(t *testing.T) {
	entered := make(chan struct{}, 1)
	s := start(t, Options{Endpoints: []Endpoint{{Name: "a", URL: free}, {URL: free}}}, whereAmI(nil, entered))
	urls := s.Addresses()
	busy, other := dial(t, urls[0]), dial(t, urls[1])
	busy.ask("/wait")
	<-entered
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.RemoveEndpoint(ctx, "a"); !errors.Is(err, ErrAborted) || !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "endpoint a") {
		t.Errorf("remove: %v, want it to say what was aborted", err)
	}
	busy.wantEnd("the request cut")
	other.ask("/")
	other.want("the other endpoint undisturbed", 200, urls[1])
}

func TestChangesThatCannotBeMadeChangeNothing(t *testing.T) {
	s := start(t, Options{Endpoints: []Endpoint{{Name: "a", URL: free}, {URL: free}}}, whereAmI(nil, nil))
	before := s.Addresses()
	k := dial(t, before[0])
	busy := before[1] // somebody else's would be the same
	for why, err := range map[string]error{
		"a name in use":                      s.AddEndpoint(t.Context(), Endpoint{Name: "a", URL: free}),
		"an address in use":                  s.AddEndpoint(t.Context(), Endpoint{URL: busy}),
		"no address":                         s.AddEndpoint(t.Context(), Endpoint{Name: "x"}),
		"an endpoint that is not there":      s.RemoveEndpoint(t.Context(), "b"),
		"no name":                            s.RemoveEndpoint(t.Context(), ""),
		"a limit that cannot be":             s.Reload(t.Context(), Options{Limits: Limits{MaxRequestLineSize: -7}, ServerHeader: "new"}),
		"one endpoint that cannot be opened": s.Reload(t.Context(), Options{ServerHeader: "new", Endpoints: []Endpoint{{URL: free}, {URL: busy}}}),
		"another way to serve":               s.Reload(t.Context(), Options{ServerHeader: "new", Exec: ExecGoroutine}),
		"a socket whose folder is not there": s.Reload(t.Context(), Options{ServerHeader: "new", Endpoints: []Endpoint{{URL: "http://unix:/nowhere/x"}}}),
	} {
		if err == nil {
			t.Errorf("%s: no error", why)
		}
	}
	if got := s.Addresses(); !slices.Equal(got, before) {
		t.Errorf("addresses %q, want %q", got, before)
	}
	k.ask("/")
	k.want("an answer on the connection from before", 200, "a")
	again := dial(t, before[0])
	again.ask("/")
	if res, err := http.ReadResponse(again.r, nil); err != nil || res.Header.Get("Server") != "" {
		t.Errorf("%v, %v, want no Server field: the reload failed", res, err)
	}
}

func TestAReloadThatNeedsAPortOfALeavingEndpointSaysSo(t *testing.T) {
	s := start(t, Options{Endpoints: []Endpoint{{URL: free}}}, hello)
	port := s.Addresses()[0][strings.LastIndexByte(s.Addresses()[0], ':'):]
	err := s.Reload(t.Context(), Options{Endpoints: []Endpoint{{URL: "http://*" + port}}})
	if !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(err.Error(), "before old ones end: if one of http://127.0.0.1"+port) {
		t.Errorf("reload: %v, want the way out", err)
	}
}

func TestReloadKeepsWhatStaysTheSame(t *testing.T) {
	s := start(t, Options{Endpoints: []Endpoint{{Name: "stays", URL: free}, {Name: "goes", URL: free}, {Name: "old", URL: "http://localhost:0"}}}, whereAmI(nil, nil))
	before := s.Addresses()
	stays, goes := dial(t, before[0]), dial(t, before[1])
	renamed := dial(t, strings.Replace(before[2], "localhost", "127.0.0.1", 1))
	for k, name := range map[*kept]string{stays: "stays", goes: "goes", renamed: "old"} {
		k.ask("/")
		k.want("an answer before", 200, name)
	}
	err := s.Reload(t.Context(), Options{
		Endpoints: []Endpoint{{Name: "new", URL: "http://LOCALHOST:0"}, {Name: "stays", URL: free}, {Name: "comes", URL: "http://[::1]:0"}},
		Limits:    Limits{MaxRequestHeaderCount: 1}, ServerHeader: "new",
	})
	if err != nil {
		t.Fatal(err)
	}
	goes.wantEnd("the connection of an endpoint that went closed")
	if !refused(before[1]) {
		t.Error("an endpoint that went accepts connections")
	}
	after := s.Addresses()
	if len(after) != 3 || after[0] != before[2] || after[1] != before[0] {
		t.Fatalf("addresses %q after %q, want the sockets that stay, in the new order", after, before)
	}
	stays.ask("/", "X: y")
	stays.want("the connection kept, with its limits", 200, "stays")
	renamed.ask("/")
	renamed.want("a connection keeps what it was accepted by", 200, "old")
	fresh := dial(t, after[1])
	fresh.ask("/", "X: y")
	fresh.want("the new limit for new connections", 431, "")
	named := dial(t, strings.Replace(after[0], "localhost", "127.0.0.1", 1))
	named.ask("/")
	named.want("the new name for new connections", 200, "new")
	comes := dial(t, after[2])
	comes.ask("/")
	comes.want("an answer at a new endpoint", 200, "comes")
	if err := s.RemoveEndpoint(t.Context(), "new"); err != nil {
		t.Error(err)
	}
	renamed.wantEnd("connections from before the endpoint had another name end with it")
	named.wantEnd("and those from after")
}

func TestReloadTakesAddressesAsStartDid(t *testing.T) {
	s := New(Options{Logger: discard})
	f, _ := server.Get[server.ServerAddressesFeature](s.Features())
	f.SetAddresses([]string{free})
	if err := s.Start(t.Context(), hello); err != nil {
		t.Fatal(err)
	}
	defer s.Stop(t.Context())
	hosting := s.Addresses()
	if err := s.Reload(t.Context(), Options{Limits: Limits{MaxRequestLineSize: 100}}); err != nil || !slices.Equal(s.Addresses(), hosting) {
		t.Errorf("%v, addresses %q, want the same as before, since there are no endpoints: %q", err, s.Addresses(), hosting)
	}
	if err := s.Reload(t.Context(), Options{Endpoints: []Endpoint{{URL: "http://[::1]:0"}}}); err != nil || !strings.HasPrefix(s.Addresses()[0], "http://[::1]") {
		t.Errorf("%v, addresses %q, want the endpoint", err, s.Addresses())
	}
	if err := s.Reload(t.Context(), Options{}); err != nil || len(s.Addresses()) != 1 || !strings.HasPrefix(s.Addresses()[0], "http://127.0.0.1") {
		t.Errorf("%v, addresses %q, want the hosting address again", err, s.Addresses())
	}
}

func TestReloadChangesTheModeOfASocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.sock")
	s := start(t, Options{Endpoints: []Endpoint{{URL: "http://unix:" + path, UnixMode: 0o600}}}, hello)
	mode := func() os.FileMode {
		info, err := os.Lstat(path)
		if err != nil {
			t.Fatal(err)
		}
		return info.Mode().Perm()
	}
	if err := s.Reload(t.Context(), Options{Endpoints: []Endpoint{{URL: "http://unix:" + path}}}); err != nil || mode() != 0o660 {
		t.Errorf("%v, mode %v, want the default", err, mode())
	}
	wantHello(t, "an answer", newClient(t, func() (net.Conn, error) { return net.Dial("unix", path) }), "http://socket/")
	if err := s.Reload(t.Context(), Options{Endpoints: []Endpoint{{URL: free}}}); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(path); !os.IsNotExist(err) {
		t.Errorf("%v, want the file gone with its endpoint", err)
	}
}

func TestOnlyAServerThatServesChanges(t *testing.T) {
	s := New(Options{Endpoints: []Endpoint{{URL: free}}, Logger: discard})
	change := func() []error {
		return []error{s.AddEndpoint(t.Context(), Endpoint{URL: free}), s.RemoveEndpoint(t.Context(), free), s.Reload(t.Context(), Options{})}
	}
	for _, err := range change() {
		if err != ErrNotStarted {
			t.Errorf("before the start: %v, want ErrNotStarted", err)
		}
	}
	if err := s.Start(t.Context(), hello); err != nil {
		t.Fatal(err)
	}
	s.Stop(t.Context())
	for _, err := range change() {
		if err != server.ErrStopped {
			t.Errorf("after the stop: %v, want ErrStopped", err)
		}
	}
}

// TestNoRequestFailsWhileEndpointsAndLimitsChange keeps connections busy while everything around them changes.
func TestNoRequestFailsWhileEndpointsAndLimitsChange(t *testing.T) {
	for _, exec := range []Exec{ExecAuto, ExecGoroutine} {
		t.Run(exec.String(), func(t *testing.T) {
			s := start(t, Options{Endpoints: []Endpoint{{Name: "stays", URL: free}}, Exec: exec}, whereAmI(nil, nil))
			stays := s.Addresses()[0]
			ctx, cancel := context.WithCancel(t.Context())
			var wg sync.WaitGroup
			served := make(chan int, 4)
			for range 4 {
				wg.Go(func() { served <- keepAsking(ctx, t, stays) })
			}
			for i := range 30 {
				opts := Options{Exec: exec, Endpoints: []Endpoint{{Name: "stays", URL: free}}, Limits: Limits{MaxRequestHeaderCount: 10 + i, KeepAliveTimeout: time.Duration(i+1) * time.Minute}}
				for j := range i % 3 {
					opts.Endpoints = append(opts.Endpoints, Endpoint{Name: fmt.Sprint("other", j), URL: free})
				}
				if err := s.Reload(t.Context(), opts); err != nil {
					t.Fatal(err)
				}
				if err := s.AddEndpoint(t.Context(), Endpoint{Name: "added", URL: free}); err != nil {
					t.Fatal(err)
				}
				urls := s.Addresses()
				added := dial(t, urls[len(urls)-1])
				added.ask("/")
				added.want("an answer at an endpoint that was just added", 200, "added")
				if len(urls) != i%3+2 || urls[0] != stays {
					t.Fatalf("addresses %q after change %d", urls, i)
				}
				if err := s.RemoveEndpoint(t.Context(), "added"); err != nil {
					t.Fatal(err)
				}
				added.wantEnd("its end")
			}
			cancel()
			wg.Wait()
			for range 4 {
				if n := <-served; n == 0 {
					t.Error("a client made no request: the test tests nothing")
				}
			}
		})
	}
}

// keepAsking makes requests on one connection, without a pause, and on a new one now and then; none may fail.
func keepAsking(ctx context.Context, t *testing.T, url string) (served int) {
	for ctx.Err() == nil {
		nc, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
		if err != nil {
			t.Error(err)
			return
		}
		nc.SetDeadline(time.Now().Add(30 * time.Second))
		r := bufio.NewReader(nc)
		for range 20 {
			io.WriteString(nc, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
			res, err := http.ReadResponse(r, nil)
			if err == nil {
				_, err = io.Copy(io.Discard, res.Body)
			}
			if err != nil || res.StatusCode != 200 || res.Close {
				t.Errorf("request %d failed while the server changed: %v, %v", served, res, err)
				break
			}
			served++
		}
		nc.Close()
	}
	return served
}

func TestEqualPlacesAreFound(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, tt := range []struct {
		a, b Endpoint
		want bool
	}{
		{Endpoint{URL: "http://localhost"}, Endpoint{URL: "HTTP://LOCALHOST:80/"}, true},
		{Endpoint{URL: "http://*:1"}, Endpoint{URL: "http://www.example.org:1"}, true},
		{Endpoint{URL: "http://*:1"}, Endpoint{URL: "http://127.0.0.1:1"}, false},
		{Endpoint{URL: "http://unix:/a"}, Endpoint{URL: "http://unix:/A"}, false},
		{Endpoint{URL: "http://fd:3"}, Endpoint{URL: "http://fd:3"}, true},
		{Endpoint{Listener: l}, Endpoint{Listener: l, Name: "x"}, true},
		{Endpoint{Listener: l}, Endpoint{URL: "http://" + l.Addr().String()}, false},
		{Endpoint{Listener: incomparable{l, nil}}, Endpoint{Listener: incomparable{l, nil}}, false},
	} {
		if got := (&opened{endpoint: tt.a}).at(tt.b); got != tt.want {
			t.Errorf("%+v at the place of %+v: %v, want %v", tt.a, tt.b, got, tt.want)
		}
	}
	if reflect.TypeFor[incomparable]().Comparable() {
		t.Error("the test's listener can be compared")
	}
}

type incomparable struct {
	net.Listener
	_ []int
}

func TestChangesMayMeetAStop(t *testing.T) {
	for range 10 {
		s := New(Options{Endpoints: []Endpoint{{Name: "a", URL: free}}, Logger: discard})
		if err := s.Start(t.Context(), whereAmI(nil, nil)); err != nil {
			t.Fatal(err)
		}
		k := dial(t, s.Addresses()[0])
		k.ask("/")
		k.want("an answer", 200, "a")
		var wg sync.WaitGroup
		for _, change := range []func() error{
			func() error { return s.AddEndpoint(t.Context(), Endpoint{Name: "b", URL: free}) },
			func() error { return s.Reload(t.Context(), Options{Endpoints: []Endpoint{{Name: "c", URL: free}}}) },
			func() error { return s.RemoveEndpoint(t.Context(), "a") },
			func() error { return s.Stop(t.Context()) },
		} {
			wg.Go(func() {
				if err := change(); err != nil && err != server.ErrStopped && !strings.Contains(err.Error(), `no endpoint "a"`) {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		k.wantEnd("every connection closed")
		for _, url := range s.Addresses() {
			if !refused(url) {
				t.Errorf("%s still listens", url)
			}
		}
	}
}
