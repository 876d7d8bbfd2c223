package e2e

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lannerhq/lanner/internal/host/control"
)

func itoa(n int) string { return strconv.Itoa(n) }

func addrOf(r *running) string { return strings.TrimPrefix(r.urls[0], "http://") }

var models = map[string]string{"in-process": inProcessSite, "out-of-process": outOfProcessSite}

func TestTwentyRecyclesUnderLoadLoseNoRequest(t *testing.T) {
	for name, yaml := range models {
		t.Run(name, func(t *testing.T) {
			r := startHost(t, yaml)
			r.wantGet("it runs", "/", 200, "name=shop")
			l := startLoad(addrOf(r), "x", "/", 32)
			for range 20 {
				l.until(t, 200)
				if _, err := r.control.Recycle(t.Context(), "shop"); err != nil {
					t.Fatal(err)
				}
			}
			l.until(t, 200)
			l.wait()
			l.wantClean(t)
			if g := r.app("shop", "/").Workers[0].Generation; g != 21 {
				t.Errorf("generation %d after 20 recycles, want 21", g)
			}
			t.Logf("%d requests", l.done.Load())
		})
	}
}

func TestAKilledWorkerCostsItsOwnRequestsAtMost(t *testing.T) {
	for name, yaml := range models {
		t.Run(name, func(t *testing.T) {
			r := startHost(t, yaml)
			r.wantGet("it runs", "/", 200, "name=shop")
			l := startLoad(addrOf(r), "x", "/", 16)
			for range 3 {
				l.until(t, 500)
				before := r.app("shop", "/")
				victim, err := os.FindProcess(before.Workers[0].PID)
				if err != nil {
					t.Fatal(err)
				}
				if err := victim.Kill(); err != nil {
					t.Fatal(err)
				}
				eventually(t, "another worker is ready", func() bool {
					a := r.app("shop", "/")
					return a.Restarts > before.Restarts && len(a.Workers) == 1 && a.Workers[0].State == control.Ready
				})
			}
			l.until(t, 500)
			l.wait()
			ok, bad := l.statuses[200].Load(), l.statuses[502].Load()
			if ok+bad != l.done.Load() {
				t.Errorf("%d requests were answered neither 200 nor 502: %s", l.done.Load()-ok-bad, strings.Join(l.first, "; "))
			}
			if failed := bad + l.broken.Load(); failed > 3*16 {
				t.Errorf("%d requests failed, want at most those that ran: 16 for each of 3 kills", failed)
			}
			a := r.app("shop", "/")
			if a.Restarts != 3 || !strings.Contains(a.LastRestartReason, "kill") {
				t.Errorf("status says %d restarts, last for %q, want 3 and the signal", a.Restarts, a.LastRestartReason)
			}
			t.Logf("200: %d, 502: %d, broken: %d", ok, bad, l.broken.Load())
		})
	}
}

func TestRunningRequestsFinishWhenAWorkerIsRecycled(t *testing.T) {
	for name, yaml := range models {
		t.Run(name, func(t *testing.T) {
			r := startHost(t, yaml)
			r.wantGet("it runs", "/", 200, "name=shop")
			answered := make(chan string, 1)
			go func() {
				_, body := r.get("/slow?ms=700")
				answered <- body
			}()
			eventually(t, "the slow request runs", func() bool {
				r.host.Status()
				return r.app("shop", "/").Workers[0].Requests >= 1
			})
			time.Sleep(100 * time.Millisecond) // in-process, the host does not see the request begin
			if _, err := r.control.Recycle(t.Context(), "shop"); err != nil {
				t.Fatal(err)
			}
			r.wantGet("the new worker serves meanwhile", "/", 200, "name=shop")
			if body := <-answered; body != "slow\n" {
				t.Errorf("the running request got %q", body)
			}
		})
	}
}

func TestAppOfflineAnswersWithItsPageAndStopsTheWorker(t *testing.T) {
	for name, yaml := range models {
		t.Run(name, func(t *testing.T) {
			r := startHost(t, yaml)
			page := filepath.Join(r.dir, "app_offline.htm")
			for range 3 {
				r.wantGet("it runs", "/", 200, "name=shop")
				// Written elsewhere and moved: the host may look at a file that is being written, and see it empty.
				if err := os.WriteFile(page+".new", []byte("<p>back soon</p>"), 0o644); err != nil {
					t.Fatal(err)
				}
				if err := os.Rename(page+".new", page); err != nil {
					t.Fatal(err)
				}
				eventually(t, "the page is served", func() bool { status, _ := r.get("/"); return status == 503 })
				r.wantGet("with its bytes", "/", 503, "<p>back soon</p>")
				eventually(t, "the worker has ended", func() bool { return len(r.app("shop", "/").Workers) == 0 })
				os.Remove(page)
				eventually(t, "the application is back", func() bool { status, _ := r.get("/"); return status == 200 })
			}
		})
	}
}

func TestABrokenProgramIsReportedAndHeldBack(t *testing.T) {
	for name, yaml := range models {
		t.Run(name, func(t *testing.T) {
			r := startHost(t, strings.Replace(yaml, "LANNER_E2E_PROGRAM: app", "LANNER_E2E_PROGRAM: broken", 1))
			status, body := r.get("/")
			if status < 500 || !strings.Contains(body, "the database is gone") {
				t.Errorf("got %d %q, want an error with the program's last words (development)", status, body)
			}
			for range 10 {
				r.get("/")
			}
			a := r.app("shop", "/")
			if a.State != control.Degraded {
				t.Errorf("the application is %s, want degraded", a.State)
			}
			if !strings.Contains(r.log.String(), "RapidFail") {
				t.Error("rapid-fail protection did not begin after ten failed starts")
			}
		})
	}
}

func TestAProgramThatIsNeverReadyIsEndedAtTheTimeLimit(t *testing.T) {
	for name, yaml := range models {
		t.Run(name, func(t *testing.T) {
			yaml = strings.Replace(yaml, "LANNER_E2E_PROGRAM: app", "LANNER_E2E_PROGRAM: silent", 1)
			yaml = strings.Replace(yaml, "hosting:", "pool: {startupTimeLimit: 1s}\n        hosting:", 1)
			r := startHost(t, yaml)
			if status, body := r.get("/"); status < 500 {
				t.Errorf("got %d %q, want an error", status, body)
			}
		})
	}
}

func TestAnIdlePoolIsStoppedAndWakesUp(t *testing.T) {
	for name, yaml := range models {
		t.Run(name, func(t *testing.T) {
			r := startHost(t, strings.Replace(yaml, "hosting:", "pool: {idleTimeout: 1s}\n        hosting:", 1))
			for range 2 {
				r.wantGet("it runs", "/", 200, "name=shop") // the same connection: it outlives the worker
				eventually(t, "the idle worker is stopped", func() bool { return len(r.app("shop", "/").Workers) == 0 })
			}
			if r.app("shop", "/").Restarts != 0 {
				t.Error("stopping an idle worker was counted as a restart")
			}
		})
	}
}

func TestAStoppedSiteAnswers503UntilItIsStarted(t *testing.T) {
	for name, yaml := range models {
		t.Run(name, func(t *testing.T) {
			r := startHost(t, yaml)
			r.wantGet("it runs", "/", 200, "name=shop")
			if _, err := r.control.StopSite(t.Context(), "shop"); err != nil {
				t.Fatal(err)
			}
			r.wantGet("it is stopped", "/", 503, "stopped")
			if n := len(r.app("shop", "/").Workers); n != 0 {
				t.Errorf("%d workers run in a stopped site", n)
			}
			if _, err := r.control.StartSite(t.Context(), "shop"); err != nil {
				t.Fatal(err)
			}
			r.wantGet("it is back", "/", 200, "name=shop")
		})
	}
}
