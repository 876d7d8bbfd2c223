package http2

import "iter"

// table finds streams by their ids: open addressing with linear probing. Clients' ids are odd and ascend, so that neighbours
// lie side by side. The zero value is empty and has no memory.
type table struct {
	slots []*Stream // a power of two of them, at most half full
	len   int
}

func (t *table) home(id uint32) int { return int(id>>1) & (len(t.slots) - 1) }

func (t *table) get(id uint32) *Stream {
	if t.len == 0 {
		return nil
	}
	for i := t.home(id); ; i = (i + 1) & (len(t.slots) - 1) {
		if s := t.slots[i]; s == nil || s.id == id {
			return s
		}
	}
}

// put adds a stream whose id is not in the table.
func (t *table) put(s *Stream) {
	if 2*(t.len+1) > len(t.slots) {
		t.grow()
	}
	t.len++
	t.place(s)
}

func (t *table) place(s *Stream) {
	i := t.home(s.id)
	for t.slots[i] != nil {
		i = (i + 1) & (len(t.slots) - 1)
	}
	t.slots[i] = s
}

func (t *table) grow() {
	old := t.slots
	t.slots = make([]*Stream, max(8, 2*len(old)))
	for _, s := range old {
		if s != nil {
			t.place(s)
		}
	}
}

// remove takes a stream out, and moves those behind it that would not be found any more.
func (t *table) remove(id uint32) {
	if t.get(id) == nil {
		return
	}
	mask := len(t.slots) - 1
	i := t.home(id)
	for t.slots[i].id != id {
		i = (i + 1) & mask
	}
	t.len--
	for {
		t.slots[i] = nil
		hole := i
		for {
			i = (i + 1) & mask
			s := t.slots[i]
			if s == nil {
				return
			}
			if home := t.home(s.id); (i-home)&mask >= (i-hole)&mask {
				t.slots[hole] = s
				break
			}
		}
	}
}

// all iterates over the streams. The table must not change meanwhile.
func (t *table) all() iter.Seq[*Stream] {
	return func(yield func(*Stream) bool) {
		for _, s := range t.slots {
			if s != nil && !yield(s) {
				return
			}
		}
	}
}
