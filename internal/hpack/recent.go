package hpack

const (
	maxEncoderTable = defaultTableSize
	maxEntries      = maxEncoderTable / entryOverhead

	// A name whose value is new each time (a content-security-policy with a nonce) shall not push the others out: after
	// maxMisses insertions that nobody asked for again, one in retryEvery is made.
	maxMisses  = 4
	retryEvery = 16
)

// recent is what the encoder knows of the peer's dynamic table: the sizes of all entries, by which it knows which of them
// have been evicted, and the last values of each name, with the number of their insertion.
type recent struct {
	sizes    *[maxEntries]uint16 // of entry n at n % maxEntries; nil before the first insertion
	inserted uint64              // entries ever inserted: the number of the newest
	evicted  uint64              // the newest that has been evicted
	size     int
	max      int
	heads    [len(knownNames)]uint8 // for each known name 1 + the index of its first value, or 0
	values   []recentValue
}

type recentValue struct {
	text   []byte // reused when another value takes its place
	number uint64
	next   uint8 // like heads: the next value of the name
	misses uint8 // of the name, in its first value: insertions since the last hit
}

// indexOf is the index of an entry, or 0 when it is no longer in the table.
func (t *recent) indexOf(number uint64) int {
	if number <= t.evicted {
		return 0
	}
	return staticCount + 1 + int(t.inserted-number)
}

// find returns the index of the entry with a known name and a value, or 0.
func (t *recent) find(name uint8, value string) int {
	head := t.heads[name]
	for i := head; i != 0; {
		v := &t.values[i-1]
		if string(v.text) == value {
			index := t.indexOf(v.number)
			if index != 0 {
				t.values[head-1].misses = 0
			}
			return index
		}
		i = v.next
	}
	return 0
}

// findName returns the index of an entry with the name and any value, or 0.
func (t *recent) findName(name uint8) int {
	for i := t.heads[name]; i != 0; i = t.values[i-1].next {
		if index := t.indexOf(t.values[i-1].number); index != 0 {
			return index
		}
	}
	return 0
}

// worth reports whether a value that was not found should be inserted: it must leave room for others, and its name must
// not be one whose values are new each time.
func (t *recent) worth(name uint8, size int) bool {
	if size > t.max/2 {
		return false
	}
	head := t.heads[name]
	if head == 0 {
		return true
	}
	v := &t.values[head-1]
	v.misses++
	if v.misses < maxMisses+retryEvery {
		return v.misses <= maxMisses
	}
	v.misses = maxMisses
	return true
}

// insert accounts for the new entry as the peer does.
func (t *recent) insert(name uint8, value string, size int) {
	t.shrink(t.max - size)
	if t.sizes == nil {
		t.sizes = new([maxEntries]uint16)
	}
	t.inserted++
	t.sizes[t.inserted%maxEntries] = uint16(size)
	t.size += size
	v := t.place(name, value)
	v.text = append(v.text[:0], value...)
	v.number = t.inserted
}

// place returns where a value of a name is remembered: its own place, if it had one before it was evicted, a new one while
// the name may have more, else that of the name's oldest value.
func (t *recent) place(name uint8, value string) *recentValue {
	count, oldest, link := uint8(0), (*recentValue)(nil), &t.heads[name]
	for *link != 0 {
		v := &t.values[*link-1]
		if string(v.text) == value {
			return v
		}
		if oldest == nil || v.number < oldest.number {
			oldest = v
		}
		count++
		link = &v.next
	}
	if count == knownNames[name].values {
		return oldest
	}
	*link = uint8(len(t.values) + 1)
	t.values = append(t.values, recentValue{})
	return &t.values[len(t.values)-1]
}

// shrink evicts the oldest entries until the others take size bytes at the most.
func (t *recent) shrink(size int) {
	for t.size > size && t.evicted < t.inserted {
		t.evicted++
		t.size -= int(t.sizes[t.evicted%maxEntries])
	}
}
