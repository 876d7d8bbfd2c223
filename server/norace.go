//go:build !race

package server

// raceEnabled says that this build has the race detector.
const raceEnabled = false
