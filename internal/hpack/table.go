package hpack

import "unsafe"

const (
	entryOverhead = 32 // what an entry counts besides its name and value (RFC 7541 §4.1)

	defaultTableSize = 4096 // initial SETTINGS_HEADER_TABLE_SIZE (RFC 9113 §6.5.2)

	firstRing = 8 // entries that the first insertion makes room for
)

// An entry of a dynamic table. Its name is the static table's when it was inserted with that name's index, else the first
// nameLen bytes of text; its value is the rest.
type entry struct {
	text    string
	nameLen uint32
	index   uint8 // of the name in the static table, or 0
}

func (e *entry) name() string {
	if e.index != 0 {
		return staticTable[e.index].Name
	}
	return e.text[:e.nameLen]
}

func (e *entry) field() Field {
	return Field{Name: e.name(), Value: e.text[e.nameLen:], Index: e.index}
}

func (e *entry) size() int { return len(e.name()) + len(e.text) - int(e.nameLen) + entryOverhead }

// A table is the dynamic table of a decoder: a ring that grows with the number of entries, and is nil before the first.
type table struct {
	ring  []entry // its length is 0 or a power of two
	last  int     // where the newest entry is
	count int
	size  int // RFC 7541 §4.1
	max   int
}

// at returns the entry with index i, counted from 1, the newest; nil when there is none.
func (t *table) at(i int) *entry {
	if uint(i-1) >= uint(t.count) {
		return nil
	}
	return &t.ring[(t.last-(i-1))&(len(t.ring)-1)]
}

// makeRoom evicts entries from the oldest on until size more fits, and reports whether it can: an entry that is larger
// than the table empties it and is not inserted, which is no error (RFC 7541 §4.4).
func (t *table) makeRoom(size int) bool {
	for t.count > 0 && t.size+size > t.max {
		oldest := t.at(t.count)
		t.size -= oldest.size()
		*oldest = entry{} // lets its string go
		t.count--
	}
	return size <= t.max
}

func (t *table) resize(max int) {
	t.max = max
	t.makeRoom(0)
}

// insert copies a name (not looked at when index says it) and a value to memory of their own. makeRoom has said yes.
func (t *table) insert(name, value string, index uint8) *entry {
	if t.count == len(t.ring) {
		t.grow()
	}
	nameLen, size := len(name), len(name)+len(value)+entryOverhead
	if index != 0 {
		nameLen = 0
	}
	text := make([]byte, nameLen+len(value))
	copy(text, name[:nameLen])
	copy(text[nameLen:], value)

	t.last = (t.last + 1) & (len(t.ring) - 1)
	t.count++
	t.size += size
	e := &t.ring[t.last]
	*e = entry{text: unsafe.String(unsafe.SliceData(text), len(text)), nameLen: uint32(nameLen), index: index}
	return e
}

func (t *table) grow() {
	ring := make([]entry, max(firstRing, 2*len(t.ring)))
	for i := range t.count {
		ring[i] = *t.at(t.count - i)
	}
	t.ring, t.last = ring, t.count-1
	if t.count == 0 {
		t.last = len(ring) - 1
	}
}
