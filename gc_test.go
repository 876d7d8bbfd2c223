package lanner

import (
	"runtime/debug"
	"testing"
)

func TestASmallHeapIsCollectedAtTheFloorAndALargeOneByGosRule(t *testing.T) {
	for _, tt := range []struct {
		live    uint64
		percent int
	}{{0, 800}, {1 << 20, 800}, {4 << 20, 700}, {8 << 20, 300}, {16 << 20, 100}, {1 << 30, 100}} {
		if got := gcPercent(tt.live); got != tt.percent {
			t.Errorf("%d living bytes: GOGC %d, want %d", tt.live, got, tt.percent)
		}
	}
}

func TestTuneGCIsTakenBack(t *testing.T) {
	t.Setenv("GOGC", "")
	t.Setenv("GOMEMLIMIT", "")
	before := debug.SetGCPercent(100)
	defer debug.SetGCPercent(before)
	stop := TuneGC()
	tuned := debug.SetGCPercent(100)
	debug.SetGCPercent(tuned)
	if tuned <= 100 {
		t.Errorf("GOGC is %d while it is tuned, want more than Go's 100", tuned)
	}
	stop()
	stop()
	if got := debug.SetGCPercent(100); got != 100 {
		t.Errorf("GOGC is %d after the end, want what it was", got)
	}
	t.Setenv("GOGC", "50")
	TuneGC()()
	if got := debug.SetGCPercent(100); got != 100 {
		t.Errorf("GOGC was changed to %d although the environment says what it is", got)
	}
}
