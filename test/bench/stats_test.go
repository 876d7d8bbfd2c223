package main

import (
	"math"
	"testing"
)

func TestSpreadIsMedianAndRange(t *testing.T) {
	for _, tt := range []struct {
		values []float64
		want   span
		why    string
	}{
		{[]float64{3, 1, 2}, span{2, 1, 3}, "the middle one of an odd number"},
		{[]float64{4, 1, 2, 9}, span{3, 1, 9}, "between the middle two of an even number"},
		{[]float64{7}, span{7, 7, 7}, "a single one"},
		{nil, span{}, "none"},
	} {
		if got := spread(tt.values); got != tt.want {
			t.Errorf("spread(%v) = %v, want %v: %s", tt.values, got, tt.want, tt.why)
		}
	}
}

func TestSpreadLeavesTheValuesInOrder(t *testing.T) {
	values := []float64{3, 1, 2}
	spread(values)
	if values[0] != 3 {
		t.Error("the rounds were sorted in place, and ratios would compare different rounds")
	}
}

func TestSlopeIsThatOfTheStraightLine(t *testing.T) {
	if got := slope([]float64{2000, 4000, 6000}, []float64{1_000_000, 2_000_000, 3_000_000}); got != 500 {
		t.Errorf("500 bytes a connection on a base are measured as %v", got)
	}
	if got := slope([]float64{0, 1, 2}, []float64{0, 2, 1}); got != 0.5 {
		t.Errorf("least squares give 0.5 here, not %v", got)
	}
	if got := slope([]float64{1}, []float64{1}); !math.IsNaN(got) {
		t.Errorf("a single point has a slope of %v", got)
	}
}

func TestIdleStepsKeepWithinTheLimitOfOpenFiles(t *testing.T) {
	for _, tt := range []struct {
		limit, count, first, last int
		why                       string
	}{
		{20000, 9, 2000, 18000, "enough for the whole range"},
		{1 << 20, 9, 2000, 18000, "never more than the range"},
		{1024, 9, 58, 522, "as far as the limit goes, in as many steps"},
	} {
		steps, err := idleSteps(tt.limit)
		if err != nil || len(steps) != tt.count || steps[0] != tt.first || steps[len(steps)-1] != tt.last {
			t.Errorf("limit %d: %v, %v, want %d steps from %d to %d: %s", tt.limit, steps, err, tt.count, tt.first, tt.last, tt.why)
		}
	}
	if _, err := idleSteps(256); err == nil {
		t.Error("with 256 descriptors idle connections cannot be measured, and nothing says so")
	}
}
