//go:build linux

package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// bulk is how much goes through the host at once. The race detector slows client and application down; the host under
// test is the real command and never has it.
func bulk() int64 {
	if slowBuild() || testing.Short() {
		return 128 << 20
	}
	return 1 << 30
}

// growthLimit is what the host's memory may grow by while bulk data passes, whatever its size.
const growthLimit = 64 << 20

func TestBulkDataPassesThroughTheHostInFlatMemory(t *testing.T) {
	h := startLanner(t, strings.ReplaceAll(bothModels, "applications:", "limits: {maxRequestBodySize: unlimited}\n    applications:"))
	h.client.Timeout = 10 * time.Minute
	want := patternSum(bulk())
	_, hash, _ := strings.Cut(strings.TrimSpace(want), " ")
	for name, base := range map[string]string{"in-process": "", "out-of-process": "/out"} {
		h.get(base + "/") // the worker runs
		for how, length := range map[string]int64{"with Content-Length": bulk(), "chunked": -1} {
			t.Run(name+"/upload "+how, func(t *testing.T) {
				defer watchMemory(t, h.cmd.Process.Pid)()
				req, err := http.NewRequest("POST", h.url(base+"/sum"), io.NopCloser(newPattern(bulk())))
				if err != nil {
					t.Fatal(err)
				}
				req.ContentLength = length
				if resp, body := receive(t, h.client, req); resp.StatusCode != 200 || body != want {
					t.Errorf("the application got %s %q, want %q", resp.Status, body, want)
				}
			})
		}
		t.Run(name+"/download", func(t *testing.T) {
			defer watchMemory(t, h.cmd.Process.Pid)()
			resp, err := h.client.Get(h.url(fmt.Sprintf("%s/pattern?n=%d", base, bulk())))
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			got := sha256.New()
			n, err := io.Copy(got, resp.Body)
			if err != nil || n != bulk() || hex.EncodeToString(got.Sum(nil)) != hash {
				t.Errorf("the client got %d octets, %v; want %d unchanged", n, err, bulk())
			}
		})
		t.Run(name+"/download by a slow reader", func(t *testing.T) {
			defer watchMemory(t, h.cmd.Process.Pid)()
			resp, err := h.client.Get(h.url(fmt.Sprintf("%s/pattern?n=%d", base, bulk())))
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			for range 20 { // meanwhile whoever reads ahead reads far ahead
				if _, err := io.CopyN(io.Discard, resp.Body, 64<<10); err != nil {
					t.Fatal(err)
				}
				time.Sleep(20 * time.Millisecond)
			}
		})
	}
}

// watchMemory samples the resident memory of a process until the returned function is called, which judges it.
func watchMemory(t *testing.T, pid int) (done func()) {
	t.Helper()
	return watchGrowth(t, pid, growthLimit)
}

// watchGrowth is watchMemory for any limit in bytes.
func watchGrowth(t *testing.T, pid int, limit int64) (done func()) {
	t.Helper()
	began := time.Now()
	before, err := memory(pid)
	if err != nil {
		t.Fatal(err)
	}
	peak := before
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		ticker := time.NewTicker(20 * time.Millisecond)
		defer ticker.Stop()
		for err == nil {
			select {
			case <-stop:
				return
			case <-ticker.C:
			}
			var now int64
			now, err = memory(pid)
			peak = max(peak, now)
		}
	})
	return func() {
		t.Helper()
		close(stop)
		wg.Wait()
		if err != nil {
			t.Errorf("the server's memory can no longer be read: %v", err)
		}
		if peak-before > limit {
			t.Errorf("the server's memory went from %d to %d MiB, want at most %d more", before>>20, peak>>20, limit>>20)
		}
		t.Logf("memory of the server: %d MiB before, %d MiB at most, in %v", before>>20, peak>>20, time.Since(began).Round(time.Millisecond))
	}
}
