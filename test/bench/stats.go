package main

import (
	"math"
	"slices"
)

// span is the median of some values with the range they are in.
type span struct{ Median, Min, Max float64 }

// spread returns the span of values; zero for none.
func spread(values []float64) span {
	if len(values) == 0 {
		return span{}
	}
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	median := (sorted[(n-1)/2] + sorted[n/2]) / 2
	return span{median, sorted[0], sorted[n-1]}
}

// slope is that of the straight line through points by least squares; NaN when there is none.
func slope(x, y []float64) float64 {
	var sumX, sumY, sumXX, sumXY float64
	for i := range x {
		sumX += x[i]
		sumY += y[i]
		sumXX += x[i] * x[i]
		sumXY += x[i] * y[i]
	}
	n := float64(len(x))
	if d := n*sumXX - sumX*sumX; d != 0 {
		return (n*sumXY - sumX*sumY) / d
	}
	return math.NaN()
}
