//go:build !race

package staticfiles

const raceEnabled = false
