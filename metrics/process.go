package metrics

import (
	"math"
	"os"
	"runtime"
	"runtime/metrics"
	"sync"
	"time"
)

// started is about when the process was started, for systems that do not say it exactly.
var started = time.Now()

// A reading is one value of the Go runtime or of the process. The names are those of Prometheus's Go client, which
// dashboards ask for.
type reading struct {
	name, unit, help string
	kind             kind
	value            func() (v float64, ok bool)
}

// process writes the readings of the Go runtime and the process. What cannot be read is left out.
func (w *textWriter) process() {
	w.head("go_info", "", "The version of Go that the program was built with.", upDownCounterKind)
	w.name("go_info", "", labels([]Attr{String("version", runtime.Version())}, upDownCounterKind), "")
	w.uint(1)
	for _, m := range runtimeReadings() {
		w.reading(m)
	}
	for _, m := range processReadings {
		w.reading(m)
	}
}

func (w *textWriter) reading(m reading) {
	v, ok := m.value()
	if !ok || math.IsNaN(v) {
		return
	}
	suffix := ""
	if m.kind == counterKind {
		suffix = "_total"
	}
	w.head(m.name, m.unit, m.help, m.kind)
	w.name(m.name, suffix, "", "")
	w.float(v)
}

// runtimeSources are the values of runtime/metrics, which are read without stopping the world, in this order.
var runtimeSources = []string{
	"/sched/goroutines:goroutines",
	"/sched/gomaxprocs:threads",
	"/memory/classes/heap/objects:bytes",
	"/memory/classes/heap/unused:bytes",
	"/memory/classes/heap/free:bytes",
	"/memory/classes/heap/released:bytes",
	"/memory/classes/total:bytes",
	"/gc/heap/objects:objects",
	"/gc/heap/goal:bytes",
	"/gc/heap/allocs:bytes",
	"/gc/cycles/total:gc-cycles",
}

// runtimeReadings reads all sources in one call.
func runtimeReadings() []reading {
	samples := make([]metrics.Sample, len(runtimeSources))
	for i, name := range runtimeSources {
		samples[i].Name = name
	}
	metrics.Read(samples)
	// sum adds up the sources with these indexes.
	sum := func(indexes ...int) func() (float64, bool) {
		return func() (total float64, ok bool) {
			for _, i := range indexes {
				if samples[i].Value.Kind() != metrics.KindUint64 {
					return 0, false // this version of Go does not have it
				}
				total += float64(samples[i].Value.Uint64())
			}
			return total, true
		}
	}
	return []reading{
		{"go_goroutines", "", "Goroutines that exist.", upDownCounterKind, sum(0)},
		{"go_sched_gomaxprocs_threads", "", "Threads that can run Go code at the same time.", upDownCounterKind, sum(1)},
		{"go_memstats_heap_alloc_bytes", "bytes", "Memory of heap objects, live or not yet collected.", upDownCounterKind, sum(2)},
		{"go_memstats_heap_inuse_bytes", "bytes", "Memory of heap spans that hold objects.", upDownCounterKind, sum(2, 3)},
		{"go_memstats_heap_idle_bytes", "bytes", "Memory of heap spans that hold none.", upDownCounterKind, sum(4, 5)},
		{"go_memstats_heap_released_bytes", "bytes", "Idle heap memory that was returned to the system.", upDownCounterKind, sum(5)},
		{"go_memstats_heap_sys_bytes", "bytes", "Address space of the heap.", upDownCounterKind, sum(2, 3, 4, 5)},
		{"go_memstats_sys_bytes", "bytes", "Address space of the Go runtime.", upDownCounterKind, sum(6)},
		{"go_memstats_heap_objects", "", "Heap objects, live or not yet collected.", upDownCounterKind, sum(7)},
		{"go_memstats_next_gc_bytes", "bytes", "Heap size at which the next collection ends.", upDownCounterKind, sum(8)},
		{"go_memstats_alloc_bytes", "bytes", "Memory allocated on the heap since the start.", counterKind, sum(9)},
		{"go_gc_cycles", "", "Garbage collections since the start.", counterKind, sum(10)},
	}
}

// processReadings read the process. The systems differ in what they tell: see process_linux.go and process_other.go.
var processReadings = []reading{
	{"process_cpu_seconds", "seconds", "CPU time of the process, user and system.", counterKind, cpuSeconds},
	{"process_open_fds", "", "Open file descriptors.", upDownCounterKind, openFiles},
	{"process_max_fds", "", "File descriptors that may be open.", upDownCounterKind, maxFiles},
	{"process_resident_memory_bytes", "bytes", "Resident memory of the process.", upDownCounterKind, residentMemory},
	{"process_virtual_memory_bytes", "bytes", "Virtual memory of the process.", upDownCounterKind, virtualMemory},
	{"process_start_time_seconds", "seconds", "When the process was started, in seconds since 1970.", upDownCounterKind, startTime},
}

func unixSeconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

var pageSize = sync.OnceValue(func() float64 { return float64(os.Getpagesize()) })
