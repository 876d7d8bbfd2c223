package control

import (
	"context"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// fakeHost has two sites, whose state the commands change. The func fields replace what a command does.
type fakeHost struct {
	mu     sync.Mutex
	status Status

	recycle func(ctx context.Context, site string) ([]Step, error)
	reload  func(ctx context.Context) (ReloadResult, error)
	logs    func(ctx context.Context, q LogQuery, emit func(LogLine) error) error
}

var since = time.Date(2026, 11, 24, 6, 0, 0, 0, time.UTC)

func newFakeHost() *fakeHost {
	return &fakeHost{status: Status{
		Version: "v1.2.3", PID: 4711, State: Running, Uptime: 61.5, ConfigFile: "/etc/lanner/lanner.yaml",
		ConfigErrors: &ConfigErrors{Since: since, Errors: []string{"lanner.yaml:3:1: unknown key"}},
		Sites: []Site{
			{Name: "blog", State: Stopped},
			{Name: "shop", State: Running, Bindings: []string{"http://127.0.0.1:8080"}, Applications: []Application{{
				Path: "/", Hosting: "inprocess", Pool: "shop/", State: Running, QueueLength: 1000, Queued: 2, Restarts: 1,
				LastRestartReason: "killed by signal 9", ColdStart: 0.18,
				Workers: []Worker{{
					ID: 2, PID: 4712, Generation: 3, State: Ready, Since: since, Requests: 1234, Active: 5, CPUSeconds: 1.5,
					RSSBytes: 71 << 20, Restarts: 1, LastExit: &Exit{Reason: "killed", Code: -1, Signal: "killed", At: since},
				}},
			}}},
		},
	}}
}

func (h *fakeHost) Status() Status {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.status.complete()
}

func (h *fakeHost) Certificates() []Certificate {
	return []Certificate{
		{Address: "https://*:443", Names: []string{"a.example.org"}, Subject: "a.example.org", Issuer: "An authority", NotAfter: since, DaysLeft: 30, Path: "/etc/a.pem"},
		{Address: "https://*:443", Subject: "b", NotAfter: since, DaysLeft: -1, Path: "/etc/b.pem", Error: "it has expired"},
	}
}

func (h *fakeHost) Certificate(name string) ([]CertificateDetail, error) {
	for _, c := range h.Certificates() {
		if c.Path == name || len(c.Names) > 0 && c.Names[0] == name {
			return []CertificateDetail{{Certificate: c, KeyPath: "/etc/a.key", Key: "ECDSA P-256", OCSP: OCSP{Status: "good"}}}, nil
		}
	}
	return nil, &Error{Status: 404, Message: "no certificate is shown for " + name}
}

func (h *fakeHost) RenewCertificate(_ context.Context, name string) ([]Renewal, error) {
	found, err := h.Certificate(name)
	if err != nil {
		return nil, err
	}
	return []Renewal{{Certificate: found[0].Certificate, Changed: true}}, nil
}

func (h *fakeHost) set(site string, state State) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := range h.status.Sites {
		if h.status.Sites[i].Name == site {
			h.status.Sites[i].State = state
		}
	}
	return nil
}

func (h *fakeHost) Recycle(ctx context.Context, site string) ([]Step, error) {
	if h.recycle != nil {
		return h.recycle(ctx, site)
	}
	return []Step{{Application: "/", Name: "start worker", Detail: "pid 4713 is ready", Duration: 0.2}}, nil
}

func (h *fakeHost) StopSite(_ context.Context, site string) error  { return h.set(site, Stopped) }
func (h *fakeHost) StartSite(_ context.Context, site string) error { return h.set(site, Running) }

func (h *fakeHost) Reload(ctx context.Context) (ReloadResult, error) {
	if h.reload != nil {
		return h.reload(ctx)
	}
	return ReloadResult{ConfigFile: "/etc/lanner/lanner.yaml"}, nil
}

func (h *fakeHost) Logs(ctx context.Context, q LogQuery, emit func(LogLine) error) error {
	if h.logs != nil {
		return h.logs(ctx, q, emit)
	}
	return nil
}

func (h *fakeHost) Config() any {
	return map[string]any{"sites": map[string]any{"shop": map[string]any{}}}
}

// start serves host on a socket of its own until the test ends.
func start(t *testing.T, host Host) (*Server, *Client) {
	t.Helper()
	s, err := listen(filepath.Join(t.TempDir(), "run", "admin.sock"), host)
	if err != nil {
		t.Fatalf("a free path can be listened on: %v", err)
	}
	c := NewClient(s.path)
	t.Cleanup(func() {
		c.Close()
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := s.Stop(ctx); err != nil {
			t.Errorf("a stop removes the socket: %v", err)
		}
	})
	return s, c
}

// listen returns a server that has started.
func listen(path string, host Host) (*Server, error) {
	s, err := NewServer(host, Options{Socket: path, Logger: slog.New(slog.DiscardHandler)})
	if err == nil {
		err = s.Start()
	}
	return s, err
}
