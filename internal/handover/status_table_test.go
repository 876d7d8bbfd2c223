package handover

import "testing"

func newTestTable(t *testing.T, slots int) *StatusTable {
	t.Helper()
	table, err := NewStatusTable(slots)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { table.Close() })
	return table
}

func TestAllocGivesOutEachSlotOnce(t *testing.T) {
	table := newTestTable(t, 8)
	seen := map[uint32]bool{}
	for range 4 {
		slot, ok := table.Alloc()
		if !ok || seen[slot] || slot >= 4 {
			t.Fatalf("got slot %d, %v after %v, want a new one of the host's half", slot, ok, seen)
		}
		seen[slot] = true
	}
	if slot, ok := table.Alloc(); ok || slot != NoSlot {
		t.Errorf("got slot %d, %v from a full half, want none", slot, ok)
	}
	table.Slot(2).Set(Running)
	table.Free(2)
	table.Free(2) // a second time must not give it to two connections
	table.Free(7) // not given out by this side
	table.Free(NoSlot)
	if slot, ok := table.Alloc(); !ok || slot != 2 {
		t.Errorf("got slot %d, %v, want the freed one", slot, ok)
	}
	if state := table.Slot(2).Get(); state != Free {
		t.Errorf("a slot is given out %s, want free: the last connection's state says nothing about this one", state)
	}
	if _, ok := table.Alloc(); ok {
		t.Error("more slots than the half has")
	}
}

func TestASlotOutsideOfTheTableRemembersNothing(t *testing.T) {
	var none *StatusTable
	for _, slot := range []Slot{newTestTable(t, 2).Slot(2), newTestTable(t, 2).Slot(NoSlot), none.Slot(0), {}} {
		slot.Set(Idle)
		if got := slot.Get(); got != Free {
			t.Errorf("got %s, want free: the host must not trust what it does not know", got)
		}
	}
}

func TestTheSizeOfATableIsBounded(t *testing.T) {
	for _, slots := range []int{-1, 1, maxSlots + 1} {
		if table, err := NewStatusTable(slots); err == nil {
			table.Close()
			t.Errorf("a table of %d slots was made", slots)
		}
	}
	if got := newTestTable(t, 0).Len(); got != DefaultSlots {
		t.Errorf("a table has %d slots without being told, want %d", got, DefaultSlots)
	}
}

func TestSetDoesNotAllocate(t *testing.T) {
	table := newTestTable(t, 4)
	if n := testing.AllocsPerRun(100, func() { table.Slot(1).Set(Running) }); n != 0 {
		t.Errorf("Set allocates %v times, want never: it runs several times for each request", n)
	}
}

func TestStatesHaveNames(t *testing.T) {
	for state, want := range map[State]string{Free: "free", Upgraded: "upgraded", 77: "state 77"} {
		if got := state.String(); got != want {
			t.Errorf("state %d is called %q, want %q", uint32(state), got, want)
		}
	}
}
