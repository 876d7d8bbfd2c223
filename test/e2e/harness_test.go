package e2e

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lannerhq/lanner/internal/host"
	"github.com/lannerhq/lanner/internal/host/config"
	"github.com/lannerhq/lanner/internal/host/control"
)

// running is a host under test.
type running struct {
	t       *testing.T
	host    *host.Host
	urls    []string
	dir     string
	file    string
	socket  string
	client  *http.Client
	control *control.Client
	log     *lockedBuffer
	stop    func()
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// startHost runs a host with this configuration. In it, SELF is the test binary, DIR the test's folder, PORT a free port.
func startHost(t *testing.T, yaml string) *running {
	t.Helper()
	return startHostIn(t, yaml, func(string) {})
}

// startHostIn lets files be put into the test's folder first.
func startHostIn(t *testing.T, yaml string, prepare func(dir string)) *running {
	t.Helper()
	r := &running{t: t, dir: t.TempDir(), log: new(lockedBuffer)}
	r.file = filepath.Join(r.dir, "lanner.yaml")
	r.socket = filepath.Join(r.dir, "admin.sock")
	prepare(r.dir)
	r.write(yaml)
	r.client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}, Timeout: 30 * time.Second}
	r.start()
	t.Cleanup(func() {
		r.stop()
		if t.Failed() {
			t.Logf("log of the host:\n%s", r.log)
		}
	})
	return r
}

// restart stops the host and runs another one by the same file.
func (r *running) restart() {
	r.t.Helper()
	r.stop()
	r.start()
}

func (r *running) start() {
	t := r.t
	t.Helper()
	cfg, err := config.Load(r.file)
	if err != nil {
		t.Fatal(err)
	}
	logger := slog.New(slog.NewTextHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	r.host, err = host.New(cfg, host.Options{Logger: logger, Development: true})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ready := make(chan struct{})
	ended := make(chan error, 1)
	go func() {
		ended <- r.host.Run(ctx, func(urls []string) { r.urls = urls; close(ready) })
	}()
	select {
	case <-ready:
	case err := <-ended:
		cancel()
		t.Fatalf("the host did not start: %v\n%s", err, r.log)
	}
	r.control = control.NewClient(r.socket)
	var once sync.Once
	r.stop = func() {
		once.Do(func() {
			r.client.CloseIdleConnections()
			r.control.Close()
			cancel()
			select {
			case err := <-ended:
				if err != nil {
					t.Errorf("the host stopped with %v", err)
				}
			case <-time.After(60 * time.Second):
				t.Errorf("the host did not stop")
			}
			if _, err := os.Stat(r.socket); err == nil {
				t.Errorf("the control socket was left behind")
			}
		})
	}
}

func (r *running) write(yaml string) {
	r.t.Helper()
	self, err := os.Executable()
	if err != nil {
		r.t.Fatal(err)
	}
	text := strings.NewReplacer("SELF", self, "DIR", r.dir).Replace(yaml)
	text += fmt.Sprintf("\ncontrol: {socket: %s}\nlogs: %s/logs\nstate: %s/state\n", r.socket, r.dir, r.dir)
	if err := os.WriteFile(r.file, []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

// get requests path from the first address and returns status and body.
func (r *running) get(path string) (int, string) {
	r.t.Helper()
	return r.getHost("", path)
}

func (r *running) getHost(host, path string) (int, string) {
	r.t.Helper()
	req, err := http.NewRequest("GET", r.urls[0]+path, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	if host != "" {
		req.Host = host
	}
	resp, err := r.client.Do(req)
	if err != nil {
		r.t.Fatalf("GET %s: %v", path, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatalf("GET %s: body: %v", path, err)
	}
	return resp.StatusCode, string(body)
}

// wantGet demands a status and a part of the body.
func (r *running) wantGet(why, path string, status int, part string) string {
	r.t.Helper()
	got, body := r.get(path)
	if got != status || !strings.Contains(body, part) {
		r.t.Errorf("%s: GET %s = %d %q, want %d with %q", why, path, got, body, status, part)
	}
	return body
}

// app finds an application in the host's status.
func (r *running) app(site, path string) control.Application {
	r.t.Helper()
	for _, s := range r.host.Status().Sites {
		if s.Name != site {
			continue
		}
		for _, a := range s.Applications {
			if a.Path == path {
				return a
			}
		}
	}
	r.t.Fatalf("no application %s%s in the status", site, path)
	return control.Application{}
}

// eventually waits for something that a real process does in its own time.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("not within 20 s: %s", what)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func freePort(t *testing.T) int {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}
