package main

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/lannerhq/lanner/internal/host/control"
)

// fakeHost answers over a real socket with what its fields say.
type fakeHost struct {
	status control.Status
	steps  []control.Step
	reload control.ReloadResult

	certificates []control.Certificate
	details      []control.CertificateDetail
	renewals     []control.Renewal
	named        string // the certificate that was asked for

	lines   []control.LogLine
	asked   control.LogQuery
	err     error
	entered chan struct{} // closed by a following Logs, which then waits
}

func (h *fakeHost) Status() control.Status { return h.status }
func (h *fakeHost) Recycle(context.Context, string) ([]control.Step, error) {
	return h.steps, h.err
}
func (h *fakeHost) StopSite(context.Context, string) error  { return h.set(control.Stopped) }
func (h *fakeHost) StartSite(context.Context, string) error { return h.set(control.Running) }
func (h *fakeHost) set(s control.State) error {
	h.status.Sites[0].State = s
	return h.err
}
func (h *fakeHost) Reload(context.Context) (control.ReloadResult, error) { return h.reload, h.err }
func (h *fakeHost) Certificates() []control.Certificate                  { return h.certificates }
func (h *fakeHost) Config() any                                          { return map[string]any{"sites": []string{"shop"}} }

func (h *fakeHost) Certificate(name string) ([]control.CertificateDetail, error) {
	h.named = name
	return h.details, h.err
}

func (h *fakeHost) RenewCertificate(_ context.Context, name string) ([]control.Renewal, error) {
	h.named = name
	return h.renewals, h.err
}

func (h *fakeHost) Logs(ctx context.Context, q control.LogQuery, emit func(control.LogLine) error) error {
	h.asked = q
	for _, line := range h.lines {
		if err := emit(line); err != nil {
			return err
		}
	}
	if q.Follow {
		close(h.entered)
		<-ctx.Done()
	}
	return h.err
}

// noon is in local time, as everything for people is.
var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.Local)

func newFakeHost() *fakeHost {
	return &fakeHost{
		entered: make(chan struct{}),
		status: control.Status{
			Version: "v1.2.3", PID: 4711, State: control.Running, Uptime: 90061, ConfigFile: "/etc/lanner/lanner.yaml",
			Sites: []control.Site{
				{Name: "shop", State: control.Running, Bindings: []string{"http://127.0.0.1:8080"}, Applications: []control.Application{
					{Path: "/", Hosting: "inprocess", Pool: "shop/", State: control.Running, QueueLength: 1000, Restarts: 1,
						LastRestartReason: "killed by signal 9 (killed)",
						Workers: []control.Worker{{ID: 2, PID: 4712, Generation: 3, State: control.Ready, Since: noon, Requests: 1234,
							Active: 5, CPUSeconds: 1.5, RSSBytes: 71 << 20, Restarts: 1,
							LastExit: &control.Exit{Reason: "killed by signal 9 (killed)", Code: -1, Signal: "killed", At: noon}}}},
					{Path: "/käse", Hosting: "outofprocess", Pool: "shop/api", State: control.Running, QueueLength: 10, Queued: 3,
						Workers: []control.Worker{{ID: 1, PID: 4720, Generation: 1, State: control.Starting, Since: noon, Port: 40123}}},
				}},
				{Name: "blog", State: control.Stopped},
			},
		},
	}
}

// serve puts host behind a socket and returns the flag that names it.
func serve(t *testing.T, host control.Host) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "admin.sock")
	s, err := control.NewServer(host, control.Options{Socket: path})
	if err == nil {
		err = s.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := s.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	return "--socket=" + path
}
