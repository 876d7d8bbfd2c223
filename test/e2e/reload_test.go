package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/lannerhq/lanner/internal/host/control"
)

func TestAReloadWithABrokenFileChangesNothing(t *testing.T) {
	for name, yaml := range models {
		t.Run(name, func(t *testing.T) {
			r := startHost(t, yaml)
			before := r.wantGet("it runs", "/", 200, "name=shop")
			l := startLoad(addrOf(r), "x", "/", 8)
			r.write(strings.Replace(yaml, "hosting:", "hostign: outofprocess\n        hosting:", 1))
			_, err := r.control.Reload(t.Context())
			if err == nil || !strings.Contains(err.Error(), "hosting") || !strings.Contains(err.Error(), "lanner.yaml:") {
				t.Errorf("the reload said %v, want the place and the nearest name", err)
			}
			if st := r.host.Status(); st.ConfigErrors == nil || len(st.ConfigErrors.Errors) == 0 {
				t.Error("status says nothing of the mistake")
			}
			l.until(t, 100)
			l.wait()
			l.wantClean(t)
			if after := r.wantGet("it still runs", "/", 200, "name=shop"); pidOf(after) != pidOf(before) {
				t.Error("a refused reload changed the worker")
			}
			r.write(yaml)
			if _, err := r.control.Reload(t.Context()); err != nil {
				t.Fatal(err)
			}
			if r.host.Status().ConfigErrors != nil {
				t.Error("the mistake is still shown after a good reload")
			}
		})
	}
}

func pidOf(body string) string {
	_, rest, _ := strings.Cut(body, "pid=")
	pid, _, _ := strings.Cut(rest, " ")
	return pid
}

func TestAReloadReplacesWhatChangedAndNothingElse(t *testing.T) {
	const site = `
sites:
  a:
    bindings: ["http://127.0.0.1:%d"]
    applications:
      - {path: /, hosting: inprocess, command: [SELF], directory: DIR, environment: {LANNER_E2E_PROGRAM: app, NAME: %s}}
      - {path: /b, hosting: outofprocess, command: [SELF], directory: DIR, environment: {LANNER_E2E_PROGRAM: app, NAME: b}}
`
	port := freePort(t)
	r := startHost(t, fmt.Sprintf(site, port, "one"))
	r.wantGet("it runs", "/", 200, "name=one")
	other := pidOf(r.wantGet("so does the other", "/b", 200, "name=b"))
	l := startLoad(addrOf(r), "x", "/", 8)
	r.write(fmt.Sprintf(site, port, "two"))
	res, err := r.control.Reload(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(res.Changes) != 1 || res.Changes[0].Name != "a/" {
		t.Errorf("changes %+v, want the one application", res.Changes)
	}
	eventually(t, "the new environment is in force", func() bool { _, body := r.get("/"); return strings.Contains(body, "name=two") })
	l.until(t, 200)
	l.wait()
	l.wantClean(t)
	if now := pidOf(r.wantGet("the other runs on", "/b", 200, "name=b")); now != other {
		t.Errorf("the application that did not change was replaced: pid %s became %s", other, now)
	}
}

func TestAReloadAddsAndRemovesSites(t *testing.T) {
	port := freePort(t)
	one := strings.Replace(inProcessSite, "127.0.0.1:0", fmt.Sprintf("127.0.0.1:%d", port), 1)
	two := one + strings.NewReplacer("sites:\n", "", "shop", "extra", fmt.Sprintf("\"http://127.0.0.1:%d\"", port), "", fmt.Sprintf("http://127.0.0.1:%d", port),
		fmt.Sprintf("{address: 127.0.0.1, port: %d, host: extra.example}", port)).Replace(one)
	r := startHost(t, one)
	r.wantGet("alone on its port", "/", 200, "name=shop")
	l := startLoad(addrOf(r), "x", "/", 8)
	l.until(t, 100)
	r.write(two)
	if _, err := r.control.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	if status, body := r.getHost("extra.example", "/"); status != 200 || !strings.Contains(body, "name=extra") {
		t.Errorf("the new site on the same port: %d %q", status, body)
	}
	l.until(t, 200)
	r.write(one)
	if _, err := r.control.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.client.CloseIdleConnections()
	if status, body := r.getHost("extra.example", "/"); status != 200 || !strings.Contains(body, "name=shop") {
		t.Errorf("after its removal the host name belongs to the site without one: %d %q", status, body)
	}
	l.until(t, 200)
	l.wait()
	l.wantClean(t)
}

func TestAnAddressThatIsTakenRefusesTheReload(t *testing.T) {
	r := startHost(t, inProcessSite)
	taken := strings.TrimPrefix(r.urls[0], "http://")
	r.write(inProcessSite + strings.NewReplacer("sites:\n", "", "shop", "other", "127.0.0.1:0", taken).Replace(inProcessSite))
	if _, err := r.control.Reload(t.Context()); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("the reload said %v, want that the address is in use", err)
	}
	r.wantGet("the old configuration is in force", "/", 200, "name=shop")
	if len(r.host.Status().Sites) != 1 {
		t.Error("the refused site shows in the status")
	}
}

func TestAPoolThatIsAlwaysRunningStartsWithTheHostAndAfterACrash(t *testing.T) {
	for name, yaml := range models {
		t.Run(name, func(t *testing.T) {
			r := startHost(t, strings.Replace(yaml, "hosting:", "pool: {startMode: alwaysRunning, maxProcesses: 2}\n        hosting:", 1))
			ready := func() bool {
				n := 0
				for _, w := range r.app("shop", "/").Workers {
					if w.State == control.Ready {
						n++
					}
				}
				return n == 2
			}
			eventually(t, "two workers run without a request", ready)
			if resp, err := r.client.Get(r.urls[0] + "/exit"); err == nil { // whether it is answered 502 or cut is not the point
				resp.Body.Close()
			}
			eventually(t, "a worker that exited is replaced", func() bool { return r.app("shop", "/").Restarts == 1 && ready() })
		})
	}
}

func TestRequestsBeyondTheQueueAreAnswered503(t *testing.T) {
	for name, yaml := range models {
		t.Run(name, func(t *testing.T) {
			yaml = strings.Replace(yaml, "LANNER_E2E_PROGRAM: app", "LANNER_E2E_PROGRAM: silent", 1)
			r := startHost(t, strings.Replace(yaml, "hosting:", "pool: {queueLength: 3, startupTimeLimit: 3s}\n        hosting:", 1))
			var mu sync.Mutex
			full := 0
			var wg sync.WaitGroup
			for range 8 {
				wg.Go(func() {
					resp, err := http.Get(r.urls[0])
					if err != nil {
						t.Error(err)
						return
					}
					resp.Body.Close()
					mu.Lock()
					defer mu.Unlock()
					if resp.StatusCode == 503 && resp.Header.Get("Retry-After") != "" {
						full++
					}
				})
			}
			wg.Wait()
			if full != 5 {
				t.Errorf("%d requests were answered 503 with Retry-After, want the 5 beyond the queue of 3", full)
			}
		})
	}
}

func TestAWorkerThatFailsItsHealthCheckIsReplaced(t *testing.T) {
	for name, yaml := range models {
		t.Run(name, func(t *testing.T) {
			r := startHost(t, strings.Replace(yaml, "hosting:", "healthCheck: {path: /health, interval: 1s, timeout: 1s}\n        hosting:", 1))
			pid := pidOf(r.wantGet("it runs", "/", 200, "name=shop"))
			if err := os.WriteFile(filepath.Join(r.dir, "sick"), []byte(pid), 0o600); err != nil {
				t.Fatal(err)
			}
			eventually(t, "the sick worker is replaced", func() bool { _, body := r.get("/"); return pidOf(body) != pid })
		})
	}
}

func TestAReloadDuringARecycleIsNotLost(t *testing.T) {
	for model, yaml := range models {
		t.Run(model, func(t *testing.T) {
			r := startHost(t, yaml)
			r.wantGet("it runs", "/", 200, "name=shop")
			for _, name := range []string{"second", "third", "fourth"} { // each while workers of the one before are being started
				r.write(strings.Replace(yaml, "NAME: shop", "NAME: "+name, 1))
				if _, err := r.control.Reload(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			eventually(t, "a worker by the last configuration", func() bool { _, body := r.get("/"); return strings.Contains(body, "name=fourth") })
		})
	}
}
