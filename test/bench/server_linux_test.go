package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// testWorkshop is a workshop in which nothing was built.
func testWorkshop(t *testing.T) *workshop {
	return &workshop{dir: t.TempDir(), tools: map[string]string{}, cpus: 1, grace: time.Minute,
		loader: []string{"/usr/bin/env", "GORACE=atexit_sleep_ms=0", programVariable + "=load", os.Args[0]}}
}

// testServer is the test binary as a server.
func testServer(name string) contestant {
	return contestant{name, peer, "", func(_ *workshop, _ row, port int) ([]program, error) {
		return []program{{name: name, argv: []string{"/usr/bin/env", programVariable + "=" + name, programAddress + "=" + hostPort(port), os.Args[0]}}}, nil
	}}
}

// counting is a load that makes no requests.
type counting struct{ wrk }

func (counting) measure(context.Context, *workshop, row, *running, time.Duration) (measurement, error) {
	return measurement{Cost: 10}, nil
}

func (counting) needs() []string { return nil }

var testRow = row{name: "test", ask: getPlaintext, load: counting{}}

func TestAServerIsStartedMeasuredAndStopped(t *testing.T) {
	w := testWorkshop(t)
	s, err := startServer(t.Context(), w, testRow, testServer("serving"))
	if err != nil {
		t.Fatal(err)
	}
	tree, err := s.tree()
	if err != nil || len(tree) != 1 {
		t.Errorf("its tree is %v, %v, want one process", tree, err)
	}
	if n, err := s.memory("VmRSS"); err != nil || n < 1<<20 {
		t.Errorf("it has %d bytes of memory, %v, want some megabytes", n, err)
	}
	m, err := climb(t.Context(), getPlaintext, s, []int{5, 10, 15}, 0)
	if err != nil || m.Memory == 0 {
		t.Errorf("idle connections: %+v, %v, want figures", m, err)
	}
	if m, err := climb(t.Context(), getPlaintext.in(h2c), s, []int{5, 10, 15}, 0); err != nil || m.Memory == 0 {
		t.Errorf("idle connections of HTTP/2: %+v, %v, want figures", m, err)
	}
	if err := s.stop(); err != nil {
		t.Errorf("stopping: %v", err)
	}
	if err := getPlaintext.check(t.Context(), s.addr); err == nil {
		t.Error("it still answers after it was stopped")
	}
}

func TestWhatAServerSpendsUnderALoadIsObserved(t *testing.T) {
	counting := testServer("serving")
	plain := counting.start
	counting.start = func(w *workshop, r row, port int) ([]program, error) {
		programs, err := plain(w, r, port)
		if err != nil {
			return nil, err
		}
		return one(programs[0].counted())
	}
	for _, c := range []contestant{testServer("serving"), counting} {
		s, err := startServer(t.Context(), testWorkshop(t), testRow, c)
		if err != nil {
			t.Fatal(err)
		}
		_, told, err := s.mallocs(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		m, err := observe(t.Context(), s, func() (loadResult, time.Duration, error) {
			before, err := s.tree()
			n := int64(0)
			for ; err == nil; n++ { // /proc counts in steps of 10 ms
				if err = getPlaintext.check(t.Context(), s.addr); err != nil {
					break
				}
				var now map[int]procStat
				if now, err = s.tree(); err == nil {
					if _, none := cpuBetween(before, now); none == nil {
						break
					}
				}
			}
			return loadResult{requests: n + 1, perSecond: 5, p50: time.Millisecond, p99: time.Second}, 0, err
		})
		if err != nil || m.Cost <= 0 || m.PerSecond != 5 || m.P50 != 1000 || m.P99 != 1e6 || m.Memory < 1<<20 {
			t.Errorf("observed %+v, %v, want a cost, some megabytes, and what the load said", m, err)
		}
		if told != (m.Allocs != nil) {
			t.Errorf("allocations are told: %t, the measurement has %v", told, m.Allocs)
		}
		if m.Allocs != nil && *m.Allocs < 10 {
			t.Errorf("a connection and a request on net/http allocate %v objects, want more", *m.Allocs)
		}
		if err := s.stop(); err != nil {
			t.Errorf("stopping: %v", err)
		}
	}
}

// impatience is the grace of those who will not stop.
const impatience = 200 * time.Millisecond

func TestServersThatFailSayWhy(t *testing.T) {
	w := testWorkshop(t)
	w.grace = impatience
	_, err := startServer(t.Context(), w, testRow, testServer("broken"))
	if err == nil || !strings.Contains(err.Error(), "exit status 3") || !strings.Contains(err.Error(), "the disk is on fire") {
		t.Errorf("a server that ended at once: %v, want its status and what it said", err)
	}
	s, err := startServer(t.Context(), w, testRow, testServer("stubborn"))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.stop(); err == nil || !strings.Contains(err.Error(), "did not stop within") {
		t.Errorf("a server that ignores SIGTERM: %v, want to be told", err)
	}
	if err := getPlaintext.check(t.Context(), s.addr); err == nil {
		t.Error("it still answers after it was killed")
	}
	if _, err := startServer(t.Context(), w, testRow, contestant{start: func(*workshop, row, int) ([]program, error) {
		return []program{{name: "missing", argv: []string{"/nonexistent"}}}, nil
	}}); err == nil || !strings.Contains(err.Error(), "cannot start missing") {
		t.Errorf("a program that is not there: %v", err)
	}
}

func TestProcessesThatAServerLeavesBehindAreEndedAndTold(t *testing.T) {
	w := testWorkshop(t)
	w.grace = impatience
	s, err := startServer(t.Context(), w, testRow, testServer("parent"))
	if err != nil {
		t.Fatal(err)
	}
	tree, err := s.tree()
	if err != nil || len(tree) != 2 {
		t.Fatalf("its tree is %v, %v, want parent and child", tree, err)
	}
	if err := s.stop(); err == nil || !strings.Contains(err.Error(), "left behind") {
		t.Errorf("stopping: %v, want to be told of the child", err)
	}
	deadline := time.Now().Add(10 * time.Second)
	for pid, p := range tree { // the kernel takes a moment to end a process
		for {
			all, err := processes()
			if err != nil {
				t.Fatal(err)
			}
			if all[pid].start != p.start {
				break
			}
			if status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid)); err == nil && strings.Contains(string(status), "State:\tZ") {
				break // dead; whoever is its parent now has not taken notice yet
			}
			if time.Now().After(deadline) {
				t.Fatalf("process %d is still there", pid)
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
}

func TestAFailingServerDoesNotEndTheRow(t *testing.T) {
	w := testWorkshop(t)
	r := testRow
	needy := testServer("serving")
	needy.needs = "nginx"
	needy.name = "needy"
	r.servers = []contestant{testServer("serving"), testServer("broken"), needy}
	o := options{rows: []row{r}, rounds: 2, seconds: 1}
	result, err := measureRow(t.Context(), w, o, r, t.Output())
	if err != nil {
		t.Fatal(err)
	}
	if got := result.Servers[0].values(cost); len(got) != 2 || got[0] != 10 {
		t.Errorf("the good server has the costs %v, want 10 twice", got)
	}
	if result.Servers[1].failure() == "" || len(result.Servers[1].Rounds) != 2 {
		t.Errorf("the broken server has %+v, want two errors", result.Servers[1].Rounds)
	}
	if !strings.Contains(result.Servers[2].Skipped, "apt-get install nginx") || len(result.Servers[2].Rounds) > 0 {
		t.Errorf("the server whose tool is missing has %+v, want it skipped with the way out", result.Servers[2])
	}
	if rep := (&report{Rows: []rowResult{result}}); !rep.failed() {
		t.Error("the run counts as good although a server failed")
	}
}

func TestAnInterruptedRowStopsAtOnce(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	because := errors.New("Ctrl-C")
	r := testRow
	r.servers = []contestant{testServer("serving")}
	r.load = cancelling{cancel: func() { cancel(because) }}
	_, err := measureRow(ctx, testWorkshop(t), options{rounds: 3, seconds: 1}, r, t.Output())
	if !errors.Is(err, because) {
		t.Errorf("the row ends with %v, want the reason", err)
	}
}

// cancelling is a load during which the user gives up.
type cancelling struct {
	counting
	cancel func()
}

func (c cancelling) measure(ctx context.Context, _ *workshop, _ row, _ *running, _ time.Duration) (measurement, error) {
	c.cancel()
	return measurement{}, ctx.Err()
}
