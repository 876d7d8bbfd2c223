//go:build linux

package e2e

import (
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// bothModels has an in-process application at /, and an out-of-process one at /out.
const bothModels = `
sites:
  shop:
    bindings: ["http://ADDR"]
    applications:
      - {path: /, hosting: inprocess, command: [SELF], directory: DIR, environment: {LANNER_E2E_PROGRAM: peer, NAME: in}}
      - {path: /out, hosting: outofprocess, command: [SELF], directory: DIR, environment: {LANNER_E2E_PROGRAM: peer, NAME: out}}
`

func TestNoProcessOutlivesAKilledHost(t *testing.T) {
	h := startLanner(t, bothModels)
	pids := []int{pidIn(t, h.get("/")), pidIn(t, h.get("/out/"))}
	for _, path := range []string{"/spawn", "/out/spawn"} { // a process that a worker has started
		pid, err := strconv.Atoi(strings.TrimSpace(h.get(path)))
		if err != nil {
			t.Fatal(err)
		}
		pids = append(pids, pid)
	}
	for _, pid := range pids {
		if !alive(pid) {
			t.Fatalf("process %d does not run", pid)
		}
	}
	pids = append(pids, tree(h.cmd.Process.Pid)...) // with the guard

	killed := time.Now()
	h.cmd.Process.Kill()
	for anyAlive(pids) && time.Since(killed) < 5*time.Second {
		time.Sleep(5 * time.Millisecond)
	}
	h.wantNoProcess("5 s ago the host was killed", pids)
	t.Logf("all %d processes were gone after %v", len(pids), time.Since(killed).Round(time.Millisecond))
	<-h.done

	if _, err := os.Stat(h.socket); err != nil {
		t.Errorf("a killed host cannot have removed its control socket: %v", err)
	}
	h.start() // with the same configuration and the same, now stale, socket
	if body := h.get("/") + h.get("/out/"); !strings.Contains(body, "name=in") || !strings.Contains(body, "name=out") {
		t.Errorf("the next host serves %q", body)
	}
	if s := h.status(); s.PID != h.cmd.Process.Pid {
		t.Errorf("lanner status reaches process %d, want the new host %d", s.PID, h.cmd.Process.Pid)
	}
}

func anyAlive(pids []int) bool {
	for _, pid := range pids {
		if alive(pid) {
			return true
		}
	}
	return false
}

// pidIn finds the process id in an answer of the application.
func pidIn(t *testing.T, body string) int {
	t.Helper()
	_, rest, _ := strings.Cut(body, "pid=")
	pid, err := strconv.Atoi(strings.Split(rest, " ")[0])
	if err != nil {
		t.Fatalf("no process id in %q", body)
	}
	return pid
}

func TestSIGTERMEndsTheHostAndLeavesNothing(t *testing.T) {
	h := startLanner(t, bothModels)
	h.get("/")
	h.get("/out/")
	h.get("/out/spawn")
	pids := tree(h.cmd.Process.Pid)
	var held []*http.Response
	for _, path := range []string{"/hold?ms=1000", "/out/hold?ms=1000"} {
		held = append(held, h.begin(path))
	}

	h.cmd.Process.Signal(syscall.SIGTERM)
	for _, resp := range held {
		if body := readAll(t, resp.Body); body != "held\n" {
			t.Errorf("%s ran when SIGTERM came, and ended with %q", resp.Request.URL, body)
		}
	}
	if !h.ended(30 * time.Second) {
		t.Fatal("the host runs 30 s after SIGTERM")
	}
	if code := h.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("exit code %d, want 0 for a graceful stop", code)
	}
	h.wantNoProcess("the host has ended", pids)
	h.wantOnly("lanner.yaml", "logs", "run")
}

// begin makes a request and returns when its response has begun.
func (h *lannerHost) begin(path string) *http.Response {
	h.t.Helper()
	resp, err := h.client.Get(h.url(path))
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { resp.Body.Close() })
	return resp
}

func TestASecondSignalEndsTheHostAtOnce(t *testing.T) {
	for _, path := range []string{"/", "/out/"} {
		t.Run(path, func(t *testing.T) {
			h := startLanner(t, bothModels)
			h.get(path)
			pids := tree(h.cmd.Process.Pid)
			h.begin(path + "hold?ms=60000") // it will be cut off

			h.cmd.Process.Signal(os.Interrupt)
			eventually(t, "the host has heard the first signal", func() bool { return strings.Contains(h.log.String(), "stopping") })
			if h.ended(200 * time.Millisecond) {
				t.Fatalf("the host did not wait for the request: %v", h.cmd.ProcessState)
			}
			second := time.Now()
			h.cmd.Process.Signal(os.Interrupt)
			if !h.ended(30 * time.Second) {
				t.Fatal("the host runs 30 s after the second SIGINT")
			}
			if took := time.Since(second); took > 3*time.Second {
				t.Errorf("it took %v, want at once", took)
			}
			if code := h.cmd.ProcessState.ExitCode(); code != 130 {
				t.Errorf("exit code %d, want 130 as shells report SIGINT", code)
			}
			for anyAlive(pids) && time.Since(second) < 5*time.Second {
				time.Sleep(5 * time.Millisecond)
			}
			h.wantNoProcess("the host has ended", pids)
		})
	}
}

func TestSIGHUPReloadsTheConfiguration(t *testing.T) {
	h := startLanner(t, bothModels)
	before := pidIn(t, h.get("/"))
	h.get("/out/")
	h.write(strings.Replace(bothModels, "NAME: out", "NAME: changed", 1))
	h.cmd.Process.Signal(syscall.SIGHUP)
	eventually(t, "the application whose environment has changed is replaced", func() bool { return strings.Contains(h.get("/out/"), "name=changed") })
	if after := pidIn(t, h.get("/")); after != before {
		t.Errorf("the other one went from process %d to %d, but nothing of it has changed", before, after)
	}
	if e := h.status().ConfigErrors; e != nil {
		t.Errorf("a good file, but the status has errors: %v", e)
	}

	eventually(t, "the old worker has gone", func() bool { return len(h.status().Sites[0].Applications[1].Workers) == 1 })
	out := pidIn(t, h.get("/out/"))
	h.write(strings.Replace(bothModels, "NAME: out", "NAME: broken", 1) + "\nsitez: {}\n")
	h.cmd.Process.Signal(syscall.SIGHUP)
	eventually(t, "the mistake is in the status", func() bool {
		e := h.status().ConfigErrors
		return e != nil && strings.Contains(strings.Join(e.Errors, "\n"), "sitez")
	})
	if pidIn(t, h.get("/")) != before || pidIn(t, h.get("/out/")) != out || !strings.Contains(h.get("/out/"), "name=changed") {
		t.Error("a file with a mistake has changed what runs")
	}

	h.write(strings.Replace(bothModels, "NAME: out", "NAME: mended", 1))
	h.cmd.Process.Signal(syscall.SIGHUP)
	eventually(t, "the mended file is in force", func() bool { return strings.Contains(h.get("/out/"), "name=mended") })
	if e := h.status().ConfigErrors; e != nil {
		t.Errorf("the status still has errors: %v", e)
	}
}

func TestNoRequestFailsWhenAReloadAddsASiteToTheSamePort(t *testing.T) {
	for _, hosting := range []string{"inprocess", "outofprocess"} {
		t.Run(hosting, func(t *testing.T) {
			h := startLanner(t, oneSite(hosting, 0))
			h.get("/")
			l := startLoad(h.addr, "shop.example", "/", 16)
			for n := 1; n <= 3; n++ { // one more site each time, then back to one: the socket is shared, and not, and again
				l.until(t, 200)
				h.write(oneSite(hosting, n))
				h.cmd.Process.Signal(syscall.SIGHUP)
				name := fmt.Sprintf("site%d.example", n)
				eventually(t, name+" is served", func() bool { return strings.Contains(askHost(t, h, name), "name="+name) })
			}
			l.until(t, 200)
			h.write(oneSite(hosting, 0))
			h.cmd.Process.Signal(syscall.SIGHUP)
			eventually(t, "the added sites are gone", func() bool { return len(h.status().Sites) == 1 })
			l.until(t, 200)
			l.wait()
			l.wantClean(t)
			t.Logf("%d requests during four reloads", l.done.Load())
		})
	}
}

// oneSite is a site for every host name, with more on the same port.
func oneSite(hosting string, more int) string {
	var text strings.Builder
	text.WriteString("sites:\n")
	for n := range more + 1 {
		binding, name := `"http://ADDR"`, "shop"
		if n > 0 {
			name = fmt.Sprintf("site%d.example", n)
			binding = fmt.Sprintf("{address: 127.0.0.1, port: ADDRPORT, host: %s}", name)
		}
		fmt.Fprintf(&text, `  s%d:
    bindings: [%s]
    applications:
      - {hosting: %s, command: [SELF], directory: DIR, environment: {LANNER_E2E_PROGRAM: app, NAME: %s}}
`, n, binding, hosting, name)
	}
	return text.String()
}

// askHost requests / of a host name.
func askHost(t *testing.T, h *lannerHost, name string) string {
	t.Helper()
	req, err := http.NewRequest("GET", h.url("/"), nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = name
	_, body := receive(t, h.client, req)
	return body
}
