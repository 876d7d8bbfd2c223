package http2

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestTableIsAMap(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		var got table
		want := map[uint32]*Stream{}
		spread := uint32(1 + random.IntN(3000)) // a narrow spread makes streams neighbours, a wide one makes them meet
		for range 1000 {
			id := random.Uint32N(spread)<<(1+random.IntN(3)) | 1
			switch s := want[id]; {
			case s == nil && len(want) < 300 && random.IntN(3) > 0:
				s = &Stream{id: id}
				want[id] = s
				got.put(s)
			case random.IntN(2) == 0:
				delete(want, id)
				got.remove(id)
			}
			if s := got.get(id); s != want[id] {
				t.Fatalf("stream %d is %p, want %p", id, s, want[id])
			}
		}
		if got.len != len(want) {
			t.Fatalf("%d streams, want %d", got.len, len(want))
		}
		for id, s := range want {
			if got.get(id) != s {
				t.Fatalf("stream %d is not found among %d", id, len(want))
			}
		}
		all := map[uint32]*Stream{}
		for s := range got.all() {
			all[s.id] = s
		}
		if !maps.Equal(all, want) {
			t.Fatalf("all are %v, want %v", slices.Sorted(maps.Keys(all)), slices.Sorted(maps.Keys(want)))
		}
	}
}

func TestAnEmptyTableHasNothingAndTakesNoMemory(t *testing.T) {
	var empty table
	if empty.get(1) != nil || empty.slots != nil {
		t.Error("a table of zero value is not empty")
	}
	for range empty.all() {
		t.Error("a table of zero value has a stream")
	}
	empty.put(&Stream{id: 1})
	empty.remove(3)
	if empty.len != 1 {
		t.Error("removing a stream that is not there removes another")
	}
	empty.remove(1)
	if empty.get(1) != nil || empty.len != 0 {
		t.Error("the last stream does not go")
	}
}
