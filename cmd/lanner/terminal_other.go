//go:build !linux

package main

import (
	"os"
	"runtime"
)

// isTerminal reports whether somebody sees what is written to f. The console of Windows understands colours only where a
// newer terminal is in front of it, which says so.
func isTerminal(f *os.File) bool {
	st, err := f.Stat()
	if err != nil || st.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	return runtime.GOOS != "windows" || os.Getenv("WT_SESSION") != "" || os.Getenv("TERM") != ""
}
