package metrics

import (
	"os"
	"runtime"
	"strconv"
	"testing"
	"time"
)

func TestTheProcessIsDescribed(t *testing.T) {
	r := NewRegistry(RegistryOptions{Process: true})
	r.UpDownCounter("kestrel.active_connections", "{connection}", "").Bind().Add(1)
	for _, format := range []format{prometheusText, openMetrics} {
		e := scrape(t, r, format)
		if got := e.find(t, "go_info", `version="`+runtime.Version()+`"`); got != 1 {
			t.Errorf("go_info is %v, want 1", got)
		}
		started := time.Unix(int64(e.find(t, "process_start_time_seconds", "")), 0)
		if age := time.Since(started); age < -10*time.Second || age > 24*time.Hour {
			t.Errorf("the process was started at %v", started)
		}
		positive := []string{"go_goroutines", "go_sched_gomaxprocs_threads", "go_memstats_heap_alloc_bytes", "go_memstats_heap_inuse_bytes",
			"go_memstats_heap_sys_bytes", "go_memstats_sys_bytes", "go_memstats_heap_objects", "go_memstats_next_gc_bytes",
			"go_memstats_alloc_bytes_total"}
		if runtime.GOOS == "linux" {
			positive = append(positive, "process_open_fds", "process_max_fds", "process_resident_memory_bytes", "process_virtual_memory_bytes")
		}
		for _, name := range positive {
			if got := e.find(t, name, ""); got <= 0 {
				t.Errorf("%s is %v", name, got)
			}
		}
		e.find(t, "go_gc_cycles_total", "")
		if in, sys := e.find(t, "go_memstats_heap_inuse_bytes", ""), e.find(t, "go_memstats_heap_sys_bytes", ""); in > sys {
			t.Errorf("the heap uses %v of %v bytes", in, sys)
		}
	}
}

func TestOpenFilesAreCounted(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("read on Linux only")
	}
	const files = 20
	before, ok := openFiles()
	if !ok {
		t.Fatal("the open files cannot be counted")
	}
	for i := range files {
		f, err := os.Create(t.TempDir() + "/" + strconv.Itoa(i))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
	}
	after, _ := openFiles()
	if after-before < files {
		t.Errorf("%v open files have become %v, %d were opened", before, after, files)
	}
}
