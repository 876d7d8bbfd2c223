package handover

import (
	"fmt"
	"sync"
	"sync/atomic"
)

// State is what a connection is doing, in the worker's words. A number outside
// of the constants is as good as [Free].
type State uint32

const (
	// Free says nothing: the slot is not used, or its connection's worker has
	// not written to it yet.
	Free State = iota
	// Idle: the connection waits for its next request and no byte of it has
	// been read. It can go on in another process.
	Idle
	// Reading: bytes of the next request have been read, and are lost with the
	// worker. Set it before the read that takes the first one.
	Reading
	// Running: a request is being answered and no byte of the response has been
	// sent. Whoever has a copy of the connection can still answer 502.
	Running
	// Responding: bytes of a response have been sent. The connection can only
	// be closed. Set it before the write that sends the first one.
	Responding
	// Upgraded: the connection no longer speaks HTTP. It can only be closed.
	Upgraded
)

// String returns the state's name in lower case.
func (s State) String() string {
	names := [...]string{"free", "idle", "reading", "running", "responding", "upgraded"}
	if int(s) < len(names) {
		return names[s]
	}
	return fmt.Sprintf("state %d", uint32(s))
}

// DefaultSlots is the size of a status table when none is given: 256 KiB of
// memory, of which pages that are never used take none.
const DefaultSlots = 65536

// maxSlots keeps a table below 64 MiB.
const maxSlots = 16 << 20

// StatusTable is memory shared by the host and one worker, one word for each
// connection that the worker has. The worker writes states, the host reads them
// after the worker has died.
//
// Each side gives out slots from its own half: the host, which made the table,
// from the lower one for [Conn]; the worker, which opened it, from the upper
// one for [Register]. So neither has to ask.
//
// All methods except Close may be called from any goroutine.
type StatusTable struct {
	words []uint32
	memory

	mu   sync.Mutex
	next uint32 // the first slot of this side's half that was never given out
	end  uint32 // the end of this side's half
	free []uint32
	used map[uint32]struct{}
}

// NewStatusTable makes the host's end of a table with the given number of
// slots, from 2 to 16 million; 0 means [DefaultSlots]. On systems without memory
// that can be shared and sealed the table works inside this process only, and
// Available tells.
func NewStatusTable(slots int) (*StatusTable, error) {
	if slots == 0 {
		slots = DefaultSlots
	}
	if slots < 2 || slots > maxSlots {
		return nil, fmt.Errorf("cannot make a status table of %d slots: give 2 to %d", slots, maxSlots)
	}
	words, mem, err := newMemory(slots)
	if err != nil {
		return nil, fmt.Errorf("cannot make a status table of %d slots: %w", slots, err)
	}
	return newTable(words, mem, 0, uint32(slots/2)), nil
}

// OpenStatusTable makes the worker's end of the table that came with [Hello].
// It spends d, also when it fails.
func OpenStatusTable(d *Descriptor) (*StatusTable, error) {
	words, mem, err := openMemory(d)
	if err != nil {
		return nil, fmt.Errorf("cannot open the host's status table: %w", err)
	}
	n := uint32(len(words))
	return newTable(words, mem, n/2, n), nil
}

func newTable(words []uint32, mem memory, first, end uint32) *StatusTable {
	return &StatusTable{words: words, memory: mem, next: first, end: end, used: make(map[uint32]struct{})}
}

// Len returns the number of slots, both halves together.
func (t *StatusTable) Len() int { return len(t.words) }

// Alloc gives out a slot in the state [Free], or false when all are in use: use
// [NoSlot] then.
func (t *StatusTable) Alloc() (slot uint32, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case len(t.free) > 0:
		slot = t.free[len(t.free)-1]
		t.free = t.free[:len(t.free)-1]
	case t.next < t.end:
		slot = t.next
		t.next++
	default:
		return NoSlot, false
	}
	t.used[slot] = struct{}{}
	t.Slot(slot).Set(Free)
	return slot, true
}

// Free takes a slot back that Alloc gave out on this side. The worker must have
// finished with it: the host frees a slot after [Done], after [Return], or after
// the worker's death. Freeing any other number does nothing.
func (t *StatusTable) Free(slot uint32) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, ok := t.used[slot]; !ok {
		return
	}
	delete(t.used, slot)
	t.Slot(slot).Set(Free)
	t.free = append(t.free, slot)
}

// Slot returns one connection's place. A number outside of the table, such as
// [NoSlot], gives a Slot that ignores Set and is always [Free], and so does a
// nil table.
func (t *StatusTable) Slot(number uint32) Slot {
	if t == nil || uint64(number) >= uint64(len(t.words)) {
		return Slot{}
	}
	return Slot{&t.words[number]}
}

// Slot is one connection's place in a status table. It is valid until the
// table's Close. The zero Slot is usable and remembers nothing.
type Slot struct{ word *uint32 }

// Set writes the state: one atomic store.
func (s Slot) Set(state State) {
	if s.word != nil {
		atomic.StoreUint32(s.word, uint32(state))
	}
}

// Get reads the state.
func (s Slot) Get() State {
	if s.word == nil {
		return Free
	}
	return State(atomic.LoadUint32(s.word))
}
