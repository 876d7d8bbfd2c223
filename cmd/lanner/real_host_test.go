//go:build unix

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lannerhq/lanner/internal/host/control"
)

func TestRealHostIsControlledFromStartToStop(t *testing.T) {
	dir := t.TempDir()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path, socket := filepath.Join(dir, "lanner.yaml"), filepath.Join(dir, "run", "admin.sock")
	text := fmt.Sprintf(`control: {socket: run/admin.sock}
logs: logs
sites:
  shop:
    bindings: [http://127.0.0.1:0]
    applications:
      - hosting: outofprocess
        command: [%s]
        environment: {%s: "1"}
`, program, asApplication)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := real(t, "host", "--config", path)
	var log output
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	flag := "--config=" + path
	url := awaitSite(t, flag, &log)

	wantAnswer(t, "the first request starts the application", url, http.StatusOK)
	step := func(why string, wantCode int, wantText string, args ...string) {
		t.Helper()
		out, errs, code := lanner(append(args, flag)...)
		if code != wantCode || !strings.Contains(out+errs, wantText) {
			t.Errorf("%s: exit code %d, want %d with %q:\n%s%s\nhost:\n%s", why, code, wantCode, wantText, out, errs, &log)
		}
	}
	step("a new worker", exitOK, "shop is running", "recycle", "shop")
	step("what the application printed", exitOK, "application started", "logs", "shop")
	step("an unknown site", exitUsage, `did you mean "shop"?`, "recycle", "shpo")
	step("a stop", exitOK, "shop is stopped", "stop", "shop")
	wantAnswer(t, "a stopped site", url, http.StatusServiceUnavailable)
	step("its status", exitNotRunning, "stopped", "status", "shop")
	step("a start", exitOK, "shop is running", "start", "shop")
	wantAnswer(t, "it answers again", url, http.StatusOK)
	step("a file that has not changed", exitOK, "nothing has changed", "reload")
	if err := os.WriteFile(path, []byte(text+"nonsense: 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	step("a file with a mistake", exitConfig, "nonsense", "reload")
	step("it is remembered", exitOK, "has errors since", "status")
	wantAnswer(t, "the old configuration is served", url, http.StatusOK)

	cmd.Process.Signal(syscall.SIGTERM)
	cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != exitOK {
		t.Errorf("a graceful stop: exit code %d\n%s", code, &log)
	}
	step("no host", exitNotRunning, "no lanner host answers", "status")
	if left, err := os.ReadDir(filepath.Dir(socket)); err == nil && len(left) > 0 || err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("neither socket nor lock is left: %v, %v", left, err)
	}
}

// awaitSite waits until the host answers and returns the address of its site.
func awaitSite(t *testing.T, flag string, log *output) string {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		out, _, code := lanner("status", "--json", flag)
		var status control.Status
		if code == exitOK && json.Unmarshal([]byte(out), &status) == nil && len(status.Sites) == 1 && len(status.Sites[0].Bindings) == 1 {
			return status.Sites[0].Bindings[0]
		}
	}
	t.Fatalf("the host does not answer:\n%s", log)
	return ""
}

func wantAnswer(t *testing.T, why, url string, status int) {
	t.Helper()
	client := http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get(url)
	if err != nil {
		t.Errorf("%s: %v", why, err)
		return
	}
	defer resp.Body.Close()
	if resp.StatusCode != status {
		t.Errorf("%s: status %d, want %d", why, resp.StatusCode, status)
	}
}
