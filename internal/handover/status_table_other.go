//go:build !linux

package handover

import (
	"fmt"
	"runtime"
)

type memory struct{}

// Available reports whether the table can be shared with another process. Here
// it cannot: its Slots work, and no worker sees them.
func (*StatusTable) Available() bool { return false }

// Descriptor fails: there is nothing to share.
func (*StatusTable) Descriptor() (*Descriptor, error) {
	return nil, fmt.Errorf("cannot share a status table: not available on %s", runtime.GOOS)
}

// Close ends the table. No Slot of it may be used any more.
func (t *StatusTable) Close() error {
	t.words = nil
	return nil
}

func newMemory(slots int) ([]uint32, memory, error) {
	return make([]uint32, slots), memory{}, nil
}

func openMemory(d *Descriptor) ([]uint32, memory, error) {
	d.Close()
	return nil, memory{}, fmt.Errorf("shared memory is not available on %s", runtime.GOOS)
}
