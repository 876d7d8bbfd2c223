//go:build !windows

package iisintegration

// closeHandle does nothing: only Windows has token handles.
func closeHandle(uint64) {}
