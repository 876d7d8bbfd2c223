//go:build !linux

package metrics

// These are read on Linux only.

func cpuSeconds() (float64, bool)     { return 0, false }
func openFiles() (float64, bool)      { return 0, false }
func maxFiles() (float64, bool)       { return 0, false }
func residentMemory() (float64, bool) { return 0, false }
func virtualMemory() (float64, bool)  { return 0, false }

func startTime() (float64, bool) { return unixSeconds(started), true }
