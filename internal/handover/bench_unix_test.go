//go:build unix

package handover

import "testing"

// BenchmarkConn measures one hand-over: CONN with a descriptor to the worker,
// ACCEPTED and DONE back, both ends in this process.
func BenchmarkConn(b *testing.B) {
	host, worker := greetedPair(b)
	_, accepted := tcpPair(b)
	kept, err := Detach(accepted)
	if err != nil {
		b.Fatal(err)
	}
	defer kept.Close()
	prefix := make([]byte, 200)
	b.ReportAllocs()
	for id := uint64(1); b.Loop(); id++ {
		send(b, host, &Conn{ID: id, LocalScheme: "http", Prefix: prefix, Descriptor: kept})
		m := receive[*Conn](b, worker)
		m.Descriptor.Close()
		send(b, worker, &Accepted{ID: m.ID})
		receive[*Accepted](b, host)
		send(b, worker, &Done{ID: m.ID, Requests: 1})
		receive[*Done](b, host)
	}
}

// BenchmarkSlot measures the worker's note about one connection.
func BenchmarkSlot(b *testing.B) {
	table, err := NewStatusTable(0)
	if err != nil {
		b.Fatal(err)
	}
	defer table.Close()
	slot := table.Slot(0)
	for b.Loop() {
		slot.Set(Running)
	}
}
