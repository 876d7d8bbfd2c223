package http2

import (
	"testing"

	"github.com/lannerhq/lanner/internal/httpcommon"
)

func TestPriorityFieldsAreRead(t *testing.T) {
	for value, want := range map[string]priority{
		"":                    {Urgency: 3, Incremental: false},
		"u=0":                 {Urgency: 0, Incremental: false},
		"u=7, i":              {Urgency: 7, Incremental: true},
		"i,u=5":               {Urgency: 5, Incremental: true},
		"i=?1":                {Urgency: 3, Incremental: true},
		"i, i=?0":             {Urgency: 3, Incremental: false},
		"u=1,u=2":             {Urgency: 2, Incremental: false}, // RFC 8941 §3.2: the last counts
		"\tu=4 ,  i;x=1":      {Urgency: 4, Incremental: true},
		"u=4;a=b":             {Urgency: 4, Incremental: false},
		"u=8":                 {Urgency: 3, Incremental: false}, // RFC 9218 §4: what is not understood is ignored
		"u=-1, i":             {Urgency: 3, Incremental: true},
		"u=10":                {Urgency: 3, Incremental: false},
		"u":                   {Urgency: 3, Incremental: false},
		"u=1.0":               {Urgency: 3, Incremental: false},
		"U=1, I":              {Urgency: 3, Incremental: false},
		"i=1, q=0, u = 1, ;;": {Urgency: 3, Incremental: false},
		",,,":                 {Urgency: 3, Incremental: false},
	} {
		if got := httpcommon.ParsePriority(value); got != want {
			t.Errorf("%q is %+v, want %+v", value, got, want)
		}
	}
}

func FuzzPriority(f *testing.F) {
	for _, s := range []string{"u=1, i", "u=;", "i=?0,,u=9", ";u=1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if p := httpcommon.ParsePriority(s); p.Urgency >= urgencies {
			t.Errorf("%q has urgency %d", s, p.Urgency)
		}
	})
}

func TestPriorityUpdatesOfStreamsToComeAndOfThoseThatAreThere(t *testing.T) {
	bubble(t, func(t *testing.T) {
		got := map[uint32]priority{}
		r := connect(t, func(s *Stream) error { got[s.ID()] = s.priority; return nil }, nil)
		update := func(id uint32, value string) []byte {
			return aFrame(framePriorityUpdate, 0, 0, append([]byte{0, 0, 0, byte(id)}, value...))
		}
		r.send(update(5, "u=1"), update(3, "u=2, i"), r.get(1, "/", "priority", "u=6"), r.get(3, "/", "priority", "u=7"), r.get(5, "/"))
		want := map[uint32]priority{1: {Urgency: 6, Incremental: false}, 3: {Urgency: 2, Incremental: true}, 5: {Urgency: 3, Incremental: false}} // only the last PRIORITY_UPDATE ahead of its stream is kept
		for id := range want {
			if got[id] != want[id] {
				t.Errorf("stream %d has %+v, want %+v", id, got[id], want[id])
			}
		}
		long := make([]byte, maxPriority+1)
		r.send(update(7, string(long)), update(5, "u=0"), r.get(7, "/"))
		if got[7] != (priority{Urgency: 3, Incremental: false}) {
			t.Errorf("a value of %d bytes counts: %+v", len(long), got[7])
		}
		r.wantEvents("nothing wrong")
		r.end()
	})
}
