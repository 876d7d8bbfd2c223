//go:build race

package server

// raceEnabled says that this build has the race detector: contexts are not recycled, and their use is checked.
const raceEnabled = true
