package main

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const statText = `4242 (a) R 1 (b) S 77 4242 4242 0 -1 4194560 1 2 3 4 150 50 9 9 20 0 8 0 987654 1 2 3`

func TestStatIsReadPastOddNames(t *testing.T) {
	got, err := parseStat(statText)
	if want := (procStat{parent: 77, cpu: 200, start: 987654}); err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v: the name ends at the last parenthesis", got, err, want)
	}
	for _, text := range []string{"", "1 (x", "1 (x) S 1 2 3", strings.Replace(statText, " 150 ", " many ", 1)} {
		if _, err := parseStat(text); err == nil {
			t.Errorf("%q is accepted", text)
		}
	}
}

func FuzzParseStatNeverPanics(f *testing.F) {
	f.Add(statText)
	f.Add(")")
	f.Fuzz(func(t *testing.T, text string) { parseStat(text) })
}

func TestStatusFieldsAreRead(t *testing.T) {
	const status = "Name:\tRssAnon:\nVmRSS:\t    2048 kB\nRssAnon:\t     512 kB\n"
	if got, err := parseStatus(status, "RssAnon"); err != nil || got != 512 {
		t.Errorf("RssAnon is %d, %v, want 512", got, err)
	}
	if _, err := parseStatus(status, "RssFile"); err == nil {
		t.Error("a field that is not there is found")
	}
}

func TestTheMachinesBusyTimeLeavesIdlingOut(t *testing.T) {
	got, err := parseMachine("cpu  1 2 4 1000 2000 8 16 32 64 128\ncpu0 9 9\n")
	if err != nil || got != 63 {
		t.Errorf("busy for %d ticks, %v, want 63: all but idle, iowait, and guests, which are in user", got, err)
	}
	for _, text := range []string{"", "cpu 1 2 3", "cpu 1 2 3 4 5 6 7 x"} {
		if _, err := parseMachine(text); err == nil {
			t.Errorf("%q is accepted", text)
		}
	}
}

func TestDescendantsAreTheWholeTree(t *testing.T) {
	all := map[int]procStat{
		1:  {parent: 0, cpu: 1},
		10: {parent: 1, cpu: 2}, 11: {parent: 10, cpu: 4}, 12: {parent: 11, cpu: 8},
		20: {parent: 1, cpu: 16},
		30: {parent: 1, cpu: 32},
	}
	want := map[int]procStat{10: all[10], 11: all[11], 12: all[12], 20: all[20]}
	if diff := cmp.Diff(want, descendants(all, []int{10, 20, 99}), cmp.AllowUnexported(procStat{})); diff != "" {
		t.Errorf("roots, children, grandchildren, nobody else (-want +got):\n%s", diff)
	}
}

func TestCPUBetweenCountsNewProcessesAndMissesNone(t *testing.T) {
	before := map[int]procStat{1: {cpu: 100, start: 5}}
	got, err := cpuBetween(before, map[int]procStat{1: {cpu: 130, start: 5}, 2: {cpu: 7, start: 6}})
	if err != nil || got != 370*time.Millisecond {
		t.Errorf("%v, %v, want 37 ticks: 30 of the old process and 7 of the new one", got, err)
	}
	for why, after := range map[string]map[int]procStat{
		"it has gone":                {2: {cpu: 1000, start: 6}},
		"another one has its number": {1: {cpu: 1000, start: 6}},
		"it has done nothing":        {1: {cpu: 100, start: 5}},
	} {
		if _, err := cpuBetween(before, after); err == nil {
			t.Errorf("a server's CPU time is measured although %s", why)
		}
	}
}

func TestTheMachineIsDescribed(t *testing.T) {
	if got := cpuName("processor : 0\nmodel name\t: AMD  EPYC 7R13\n"); got != "AMD EPYC 7R13" {
		t.Errorf("the CPU is called %q", got)
	}
	if cpuName("Hardware : x\n") == "" {
		t.Error("a CPU without a model has no name at all")
	}
	if got := systemName("NAME=x\nPRETTY_NAME=\"Debian GNU/Linux 12\"\n"); got != "Debian GNU/Linux 12" {
		t.Errorf("the system is called %q", got)
	}
}
