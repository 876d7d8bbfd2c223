package lanner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/lannerhq/lanner/kestrel"
	"github.com/lannerhq/lanner/server"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// environment is a getenv of fixed values.
func environment(pairs ...string) Option {
	return func(o *options) {
		o.environ = func() (list []string) {
			for i := 0; i < len(pairs); i += 2 {
				list = append(list, pairs[i]+"="+pairs[i+1])
			}
			return list
		}
		o.getenv = func(name string) string {
			for i := 0; i < len(pairs); i += 2 {
				if pairs[i] == name {
					return pairs[i+1]
				}
			}
			return ""
		}
	}
}

var hello = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	fmt.Fprintf(w, "hello from %s", r.URL.Path)
})

var quiet = WithLogger(slog.New(slog.DiscardHandler))

func TestTheServerIsChosenByTheEnvironment(t *testing.T) {
	for _, tt := range []struct {
		why  string
		opts []Option
		name string
		urls []string
	}{
		{"by hand it is kestrel, which has its own default", nil, "kestrel", nil},
		{"WithURLs replaces that", []Option{WithURLs("http://127.0.0.1:1")}, "kestrel", []string{"http://127.0.0.1:1"}},
		{"PORT wins over code", []Option{WithURLs("http://127.0.0.1:1"), environment("PORT", "2")}, "kestrel", []string{"http://*:2"}},
		{"LANNER_URLS wins over PORT", []Option{environment("PORT", "2", "LANNER_URLS", "http://127.0.0.1:3; http://127.0.0.1:4")}, "kestrel", []string{"http://127.0.0.1:3", "http://127.0.0.1:4"}},
		{"--urls wins over LANNER_URLS", []Option{environment("LANNER_URLS", "http://127.0.0.1:3"), WithArgs([]string{"-v", "--urls", "http://127.0.0.1:5"})}, "kestrel", []string{"http://127.0.0.1:5"}},
		{"also as one word", []Option{WithArgs([]string{"--urls=http://127.0.0.1:5"})}, "kestrel", []string{"http://127.0.0.1:5"}},
		{"not behind --", []Option{WithArgs([]string{"--", "--urls=http://127.0.0.1:5"})}, "kestrel", nil},
		{"the module's variables win over all of these", []Option{environment("ASPNETCORE_PORT", "6", "ASPNETCORE_APPL_PATH", "/", "ASPNETCORE_TOKEN", "secret", "LANNER_URLS", "http://127.0.0.1:3")}, "kestrel, out-of-process", []string{"http://127.0.0.1:6"}},
		{"HttpPlatformHandler's too", []Option{environment("HTTP_PLATFORM_PORT", "7", "PORT", "2")}, "kestrel, out-of-process", []string{"http://127.0.0.1:7"}},
		{"a server set in code wins over everything", []Option{environment("PORT", "2"), WithServer(kestrel.New(kestrel.Options{}))}, "custom", nil},
	} {
		a := New(server.HTTP(hello), append([]Option{quiet, environment(), WithArgs(nil)}, tt.opts...)...)
		c, err := a.choose()
		if err != nil {
			t.Errorf("%s: %v", tt.why, err)
			continue
		}
		addresses, _ := server.Get[server.ServerAddressesFeature](c.server.Features())
		if got := addresses.Addresses(); c.name != tt.name || strings.Join(got, " ") != strings.Join(tt.urls, " ") {
			t.Errorf("%s: %s at %v, want %s at %v", tt.why, c.name, got, tt.name, tt.urls)
		}
	}
}

func TestMistakesInTheEnvironmentAreNamed(t *testing.T) {
	for _, tt := range []struct{ name, value, want string }{
		{"LANNER_URLS", "localhost:5000", "LANNER_URLS"},
		{"PORT", "http", "PORT"},
		{"PORT", "0", "PORT"},
	} {
		a := New(server.HTTP(hello), quiet, WithArgs(nil), environment(tt.name, tt.value))
		if err := a.Run(t.Context()); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s=%q: Run returned %v, want an error that names %s", tt.name, tt.value, err, tt.want)
		}
	}
}

// get asks a running App for a path, with extra header fields.
func get(t *testing.T, url string, header ...string) (int, string) {
	t.Helper()
	req, err := http.NewRequest("GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 10 * time.Second}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(body)
}

// run starts an App and returns its first address and a function that stops it.
func run(t *testing.T, a *App) (url string, stop func() error) {
	t.Helper()
	started := make(chan struct{})
	OnStarted(func() { close(started) })(&a.options)
	ended := make(chan error, 1)
	ctx, cancel := context.WithCancel(context.Background())
	go func() { ended <- a.Run(ctx) }()
	select {
	case <-started:
	case err := <-ended:
		cancel()
		t.Fatalf("Run returned %v", err)
	}
	addresses, _ := server.Get[server.ServerAddressesFeature](a.Server().Features())
	return addresses.Addresses()[0], func() error {
		cancel()
		return <-ended
	}
}

func TestRunServesUntilItIsStopped(t *testing.T) {
	a := New(server.HTTP(hello), quiet, WithArgs(nil), environment("LANNER_URLS", "http://127.0.0.1:0"))
	url, stop := run(t, a)
	if status, body := get(t, url+"/x"); status != 200 || body != "hello from /x" {
		t.Errorf("got %d %q", status, body)
	}
	if err := stop(); err != nil {
		t.Errorf("Run returned %v after a graceful stop, want nil", err)
	}
}

func TestBehindTheModuleRequestsNeedItsTokenAndShutdownEndsRun(t *testing.T) {
	for name, app := range map[string]server.Application{
		"http handler": server.HTTP(hello),
		"native": server.ContextHandler(func(c *server.Context) error {
			_, err := c.WriteString("hello from " + c.Path())
			return err
		}),
	} {
		port := freePort(t)
		a := New(app, quiet, WithArgs(nil), environment("ASPNETCORE_PORT", port, "ASPNETCORE_APPL_PATH", "/base", "ASPNETCORE_TOKEN", "secret"))
		url, stop := run(t, a)
		if status, _ := get(t, url+"/base/x"); status != 400 {
			t.Errorf("%s: a request without the token got %d, want 400", name, status)
		}
		if status, body := get(t, url+"/base/x", "MS-ASPNETCORE-TOKEN", "secret"); status != 200 || body != "hello from /x" {
			t.Errorf("%s: got %d %q, want the path below the base", name, status, body)
		}
		req, _ := http.NewRequest("POST", url+"/base/iisintegration", nil)
		req.Header.Set("MS-ASPNETCORE-TOKEN", "secret")
		req.Header.Set("MS-ASPNETCORE-EVENT", "shutdown")
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		resp, err := client.Do(req)
		if err != nil || resp.StatusCode != 202 {
			t.Errorf("%s: the shutdown message got %v %v, want 202", name, resp, err)
		}
		if err := stop(); err != nil {
			t.Errorf("%s: Run returned %v", name, err)
		}
	}
}

func freePort(t *testing.T) string {
	s := kestrel.New(kestrel.Options{Endpoints: []kestrel.Endpoint{{URL: "http://127.0.0.1:0"}}, Logger: slog.New(slog.DiscardHandler)})
	if err := s.Start(t.Context(), server.HTTP(hello)); err != nil {
		t.Fatal(err)
	}
	defer s.Stop(t.Context())
	return s.Addresses()[0][strings.LastIndexByte(s.Addresses()[0], ':')+1:]
}

func TestASignalStopsRun(t *testing.T) {
	a := New(server.HTTP(hello), quiet, WithArgs(nil), environment("LANNER_URLS", "http://127.0.0.1:0"))
	started := make(chan struct{})
	OnStarted(func() { close(started) })(&a.options)
	ended := make(chan error, 1)
	go func() { ended <- a.Run(context.Background()) }()
	<-started
	self, _ := os.FindProcess(os.Getpid())
	if err := self.Signal(os.Interrupt); err != nil {
		t.Skipf("this system cannot signal itself: %v", err)
	}
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("Run returned %v, want nil", err)
		}
	case <-time.After(10 * time.Second):
		t.Error("Run did not end after the signal")
	}
	if !errors.Is(context.Cause(a.stopping), errSignal) {
		t.Errorf("the cause is %v", context.Cause(a.stopping))
	}
}
