package main

import (
	"context"
	"debug/buildinfo"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// machine is where a run took place.
type machine struct {
	CPU    string  `json:"cpu"`
	CPUs   int     `json:"cpus"`
	Memory int64   `json:"memoryBytes"`
	System string  `json:"system"` // the distribution
	Kernel string  `json:"kernel"`
	Load   float64 `json:"loadAverage"` // over the minute before
}

func thisMachine() (machine, error) {
	var texts []string
	var errs []error
	for _, file := range []string{"/proc/cpuinfo", "/proc/meminfo", "/proc/sys/kernel/osrelease", "/proc/loadavg"} {
		text, err := os.ReadFile(file)
		texts, errs = append(texts, string(text)), append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return machine{}, err
	}
	release, _ := os.ReadFile("/etc/os-release") // not everywhere
	memory, err := parseStatus(texts[1], "MemTotal")
	if err != nil {
		return machine{}, fmt.Errorf("/proc/meminfo: %w", err)
	}
	average, _, _ := strings.Cut(texts[3], " ")
	load, err := strconv.ParseFloat(average, 64)
	if err != nil {
		return machine{}, fmt.Errorf("/proc/loadavg: %w", err)
	}
	return machine{
		CPU:    cpuName(texts[0]),
		CPUs:   runtime.NumCPU(),
		Memory: memory << 10,
		System: systemName(string(release)),
		Kernel: strings.TrimSpace(texts[2]),
		Load:   load,
	}, nil
}

// cpuName is the model in /proc/cpuinfo, or the architecture where that names none.
func cpuName(cpuinfo string) string {
	for line := range strings.Lines(cpuinfo) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.Join(strings.Fields(value), " ")
		}
	}
	return runtime.GOARCH
}

// systemName is the name in /etc/os-release.
func systemName(release string) string {
	for line := range strings.Lines(release) {
		if value, ok := strings.CutPrefix(line, "PRETTY_NAME="); ok {
			return strings.Trim(strings.TrimSpace(value), `"'`)
		}
	}
	return "Linux"
}

// busy is the load average from which other programs are likely to disturb the measurement.
const busy = 0.5

// warnings are what a reader should know before the figures.
func (m machine) warnings(o options) []string {
	var all []string
	if m.Load > busy {
		all = append(all, fmt.Sprintf("the load average was %.1f at the start: other programs ran, the figures are noisy", m.Load))
	}
	if m.CPUs < 2 {
		all = append(all, "there is only one CPU: server and load take it from each other")
	}
	if slices.ContainsFunc(o.rows, func(r row) bool { return r.chart == chartIdle }) {
		limit, _ := idlePlan(o.duration())
		if steps, err := idleSteps(limit); err == nil && steps[len(steps)-1] < idleTo {
			all = append(all, fmt.Sprintf("idle connections are measured from %d to %d only: more needs -seconds 2 and a higher limit of open files (ulimit -n)", steps[0], steps[len(steps)-1]))
		}
	}
	return all
}

// shownModules are the peers that are modules.
var shownModules = map[string]string{"github.com/valyala/fasthttp": "fasthttp", "golang.org/x/net": "x/net"}

// versions are those of all programs that took part.
func (w *workshop) versions(ctx context.Context, o options) []version {
	all := []version{{"Lanner", w.commit(ctx)}, {"Go", strings.TrimPrefix(runtime.Version(), "go")}}
	if info, err := buildinfo.ReadFile(w.bin("peers")); err == nil {
		for _, dep := range info.Deps {
			if name, shown := shownModules[dep.Path]; shown {
				all = append(all, version{name, strings.TrimPrefix(dep.Version, "v")})
			}
		}
	}
	used := o.tools()
	for _, t := range debianTools {
		if path := w.tools[t.name]; path != "" && slices.Contains(used, t.name) {
			if v := toolVersion(ctx, path); v != "" {
				all = append(all, version{t.name, v})
			}
		}
	}
	return all
}

// commit is that of the checkout, with "-dirty" behind it when files were changed.
func (w *workshop) commit(ctx context.Context) string {
	cmd := exec.CommandContext(ctx, "git", "describe", "--always", "--dirty", "--abbrev=10", "--exclude=*")
	cmd.Dir = w.root
	out, err := cmd.Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(out))
}
