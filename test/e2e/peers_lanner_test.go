//go:build linux

package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lannerhq/lanner/internal/host/control"
)

// lannerHost is the real command "lanner host", as its own process.
type lannerHost struct {
	*child
	t                                *testing.T
	program, dir, file, socket, addr string
	temp                             string // where it and its workers may put temporary files
	mark                             string // a variable in the environment of it and all its workers
	client                           *http.Client
}

// startLanner runs a configuration in which SELF is the test binary, DIR the test's folder, and ADDR the address
// that lannerHost.addr tells, ADDRPORT its port.
func startLanner(t *testing.T, yaml string) *lannerHost {
	t.Helper()
	dir := t.TempDir()
	h := &lannerHost{
		t: t, program: lannerCommand(t), dir: dir, file: filepath.Join(dir, "lanner.yaml"), socket: filepath.Join(dir, "run", "admin.sock"),
		addr: fmt.Sprintf("127.0.0.1:%d", quietPort(t)), temp: filepath.Join(dir, "tmp"), mark: "E2E_MARK=" + dir,
		client: &http.Client{Transport: &http.Transport{}, Timeout: peerTimeout},
	}
	t.Cleanup(h.client.CloseIdleConnections)
	if err := os.Mkdir(h.temp, 0o700); err != nil {
		t.Fatal(err)
	}
	h.write(yaml)
	h.start()
	return h
}

func (h *lannerHost) write(yaml string) {
	h.t.Helper()
	self, err := os.Executable()
	if err != nil {
		h.t.Fatal(err)
	}
	_, port, _ := strings.Cut(h.addr, ":")
	text := strings.NewReplacer("SELF", self, "DIR", h.dir, "ADDRPORT", port, "ADDR", h.addr).Replace(yaml) +
		"\ncontrol: {socket: run/admin.sock}\nlogs: logs\nlog: {level: debug}\n"
	if err := os.WriteFile(h.file, []byte(text), 0o600); err != nil {
		h.t.Fatal(err)
	}
}

// start starts the command, and waits until it serves.
func (h *lannerHost) start() {
	h.t.Helper()
	cmd := exec.Command(h.program, "host", "--config", h.file)
	cmd.Dir = h.dir
	cmd.Env = append(os.Environ(), "TMPDIR="+h.temp, h.mark)
	h.child = startChild(h.t, cmd)
	h.awaitPort(h.addr)
}

// url is an address at the host.
func (h *lannerHost) url(path string) string { return "http://" + h.addr + path }

// get requests a path and demands 200.
func (h *lannerHost) get(path string) string {
	h.t.Helper()
	req, err := http.NewRequest("GET", h.url(path), nil)
	if err != nil {
		h.t.Fatal(err)
	}
	resp, body := receive(h.t, h.client, req)
	if resp.StatusCode != 200 {
		h.t.Fatalf("GET %s: %s %q", path, resp.Status, firstWords(body))
	}
	return body
}

// lanner runs a sub-command against the host and returns what it printed.
func (h *lannerHost) lanner(args ...string) (string, error) {
	cmd := exec.Command(h.program, append(args, "--config", h.file)...)
	cmd.Dir = h.dir
	out, err := cmd.Output()
	return string(out), err
}

// status is what "lanner status --json" says.
func (h *lannerHost) status() control.Status {
	h.t.Helper()
	out, err := h.lanner("status", "--json")
	var s control.Status
	if jsonErr := json.Unmarshal([]byte(out), &s); jsonErr != nil {
		h.t.Fatalf("lanner status --json: %v, %v: %q", err, jsonErr, out)
	}
	return s
}

// wantNoProcess demands that every process of the host has ended: those listed, and any with its mark.
func (h *lannerHost) wantNoProcess(why string, pids []int) {
	h.t.Helper()
	left := marked(h.mark)
	for _, pid := range pids {
		if alive(pid) {
			left = append(left, pid)
		}
	}
	if len(left) > 0 {
		h.t.Errorf("%s, but these run:\n%s", why, describe(left))
	}
}

// wantOnly demands that the test's folder holds these files and folders and nothing else, and that no temporary file is
// left.
func (h *lannerHost) wantOnly(names ...string) {
	h.t.Helper()
	want := map[string]bool{"tmp": true}
	for _, name := range names {
		want[name] = true
	}
	entries, err := os.ReadDir(h.dir)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, e := range entries {
		if !want[e.Name()] {
			h.t.Errorf("%s is left behind in the folder of the configuration", e.Name())
		}
	}
	for _, dir := range []string{h.temp, filepath.Dir(h.socket)} {
		entries, err := os.ReadDir(dir)
		if err != nil && !os.IsNotExist(err) {
			h.t.Fatal(err)
		}
		for _, e := range entries {
			h.t.Errorf("%s is left behind in %s", e.Name(), dir)
		}
	}
}
