//go:build unix

package lanner

import (
	"os"
	"syscall"
	"testing"
)

// hangUp has the file read again by the signal that operators send.
func hangUp(t *testing.T) func(*App) {
	return func(*App) {
		self, err := os.FindProcess(os.Getpid())
		if err == nil {
			err = self.Signal(syscall.SIGHUP)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}
