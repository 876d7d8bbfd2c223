//go:build linux

package e2e

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestAProgramServesTheSocketThatSystemdOpened(t *testing.T) {
	program := needPeer(t, "systemd-socket-activate")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	tcp, unix := fmt.Sprintf("127.0.0.1:%d", quietPort(t)), filepath.Join(t.TempDir(), "web.sock")
	cmd := exec.Command(program, "--listen="+tcp, "--listen="+unix, "--fdname=public:local",
		"--setenv=LANNER_E2E_PROGRAM", "--setenv=NAME", "--setenv=PORT", "--setenv=GORACE", self)
	// A platform's PORT would mean another port: the sockets win.
	cmd.Env = append(os.Environ(), "LANNER_E2E_PROGRAM=peer", "NAME=activated", fmt.Sprintf("PORT=%d", quietPort(t)))
	c := startChild(t, cmd)
	eventually(t, "systemd listens", func() bool { return strings.Contains(c.log.String(), "Listening on "+unix) })

	// The first connection starts the program; it has been waiting since.
	for what, client := range map[string]*http.Client{"TCP": clientFrom(t, clientAddress, &http.Transport{}), "unix": unixClient(t, unix)} {
		got := askSeen(t, client, "http://"+tcp+"/seen", nil)
		if got.Name != "activated" {
			t.Errorf("the %s socket is answered by %q", what, got.Name)
		}
		if what == "TCP" && !strings.HasPrefix(got.Remote, clientAddress+":") {
			t.Errorf("the client is %q, want %s", got.Remote, clientAddress)
		}
	}
}

func TestTheUnitsOfTheHowToAreValid(t *testing.T) {
	program := needPeer(t, "systemd-analyze")
	data, err := os.ReadFile("../../docs/howto/systemd.md")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	var files []string
	for i, block := range strings.Split(string(data), "```ini\n") {
		if i == 0 {
			continue
		}
		text, _, _ := strings.Cut(block, "```")
		name, _, _ := strings.Cut(text, "\n")
		file := filepath.Join(dir, filepath.Base(strings.TrimPrefix(name, "# ")))
		// The programs of the units are not installed here; systemd checks that they can be executed.
		text = strings.NewReplacer("/usr/local/bin/lanner", "/bin/true", "/usr/local/bin/shop", "/bin/true").Replace(text)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	if len(files) != 3 {
		t.Fatalf("the how-to has %d units, want 3", len(files))
	}
	out, err := exec.Command(program, append([]string{"verify", "--man=no", "--recursive-errors=no"}, files...)...).CombinedOutput()
	if err != nil || strings.Contains(string(out), dir) {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
}
