package handover

import (
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// share sends the host's table through a channel and opens it as a worker does.
func share(t *testing.T, table *StatusTable) *StatusTable {
	t.Helper()
	d, err := table.Descriptor()
	if err != nil {
		t.Fatal(err)
	}
	host, worker := pair(t)
	send(t, host, &Hello{StatusTable: d})
	opened, err := OpenStatusTable(receive[*Hello](t, worker).StatusTable)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { opened.Close() })
	return opened
}

func TestTheHostSeesWhatTheWorkerWrites(t *testing.T) {
	noDescriptorLeaks(t)
	table := newTestTable(t, 8)
	if !table.Available() {
		t.Fatal("the table cannot be shared, want it shared on Linux")
	}
	opened := share(t, table)
	if opened.Len() != table.Len() {
		t.Errorf("the worker sees %d slots, want the host's %d", opened.Len(), table.Len())
	}
	for slot := range uint32(8) {
		opened.Slot(slot).Set(State(slot % 6))
	}
	for slot := range uint32(8) {
		if got := table.Slot(slot).Get(); got != State(slot%6) {
			t.Errorf("slot %d is %s for the host, want %s as the worker wrote", slot, got, State(slot%6))
		}
	}
	if _, err := opened.Descriptor(); err == nil {
		t.Error("the worker passed the table on, but only the host's end may")
	}
}

func TestTheTwoSidesGiveOutDifferentSlots(t *testing.T) {
	table := newTestTable(t, 8)
	opened := share(t, table)
	seen := map[uint32]bool{}
	for _, side := range []*StatusTable{table, opened} {
		for slot, ok := side.Alloc(); ok; slot, ok = side.Alloc() {
			if seen[slot] {
				t.Errorf("slot %d was given out twice", slot)
			}
			seen[slot] = true
		}
	}
	if len(seen) != 8 {
		t.Errorf("%d slots were given out, want all 8", len(seen))
	}
}

func TestTheSizeOfASharedTableIsSealed(t *testing.T) {
	noDescriptorLeaks(t)
	table := newTestTable(t, 8192)
	opened := share(t, table)
	fd := int(table.file.Fd())
	if err := unix.Ftruncate(fd, 0); err == nil {
		t.Fatal("the memory was shrunk: the host's next look into it would end the host")
	}
	if err := unix.Ftruncate(fd, 1<<20); err == nil {
		t.Error("the memory grew, want its size fixed")
	}
	opened.Slot(8191).Set(Idle)
	if got := table.Slot(8191).Get(); got != Idle {
		t.Errorf("the last slot is %s, want idle", got)
	}
}

func TestMemoryThatCouldShrinkIsRefused(t *testing.T) {
	noDescriptorLeaks(t)
	tests := []struct {
		why   string
		size  int64
		seals int
		want  string
	}{
		{"not sealed", 4096, 0, "not sealed"},
		{"half sealed", 4096, unix.F_SEAL_GROW | unix.F_SEAL_SEAL, "not sealed"},
		{"empty", 0, seals, "0 bytes"},
		{"half a word", 4098, seals, "4098 bytes"},
		{"far too large", maxSlots*wordSize + wordSize, seals, "bytes"},
	}
	for _, tt := range tests {
		fd, err := unix.MemfdCreate("test", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
		if err != nil {
			t.Fatal(err)
		}
		if err := unix.Ftruncate(fd, tt.size); err != nil {
			t.Fatal(err)
		}
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, tt.seals); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenStatusTable(own(fd)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want an error with %q", tt.why, err, tt.want)
		}
	}
	if _, err := OpenStatusTable(nil); err == nil {
		t.Error("a table was opened without a descriptor")
	}
}

func TestClosingATableGivesItsMemoryBack(t *testing.T) {
	noDescriptorLeaks(t)
	table, err := NewStatusTable(0)
	if err != nil {
		t.Fatal(err)
	}
	mapped := func() bool {
		maps, err := os.ReadFile("/proc/self/maps")
		if err != nil {
			t.Fatal(err)
		}
		return strings.Contains(string(maps), "lanner-status")
	}
	if !mapped() {
		t.Fatal("the table is not in this process's memory map")
	}
	for range 2 {
		if err := table.Close(); err != nil {
			t.Error(err)
		}
	}
	if mapped() {
		t.Error("the closed table is still mapped")
	}
}
