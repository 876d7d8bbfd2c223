//go:build !race

package metrics

import (
	"testing"
	"time"
)

// Under the race detector sync.Pool forgets at random, so these tests are for builds without it.

func TestRecordingDoesNotAllocate(t *testing.T) {
	e := NewServer(NewRegistry(RegistryOptions{}), ServerOptions{}).Endpoint(EndpointAttrs{"127.0.0.1", 443, "ipv4", "tcp"})
	request := RequestAttrs{Method: "GET", Scheme: "https", Status: 200, Version: "2"}
	routed := request
	routed.Route, routed.ErrorType = "/a/{b}", "timeout"
	for name, call := range map[string]func(){
		"a connection": func() {
			e.ConnectionQueued()
			e.ConnectionDequeued()
			e.ConnectionStarted()
			e.ConnectionEnded(time.Second, Protocol{"http", "2", "1.3"}, "connection_reset")
		},
		"a handshake": func() {
			e.TLSHandshakeStarted()
			e.TLSHandshakeEnded(time.Second, "1.3", "")
		},
		"a rejection": func() { e.ConnectionRejected("max_concurrent_connections_exceeded") },
		"a queued request": func() {
			e.RequestQueued("2")
			e.RequestDequeued("2")
		},
		"a request": func() {
			e.RequestStarted("GET", "https")
			e.RequestEnded(request, time.Millisecond, 10, 20)
		},
		"a request with a route": func() {
			e.RequestStarted("BREW", "coffee")
			e.RequestEnded(routed, time.Millisecond, 10, 20)
		},
	} {
		if n := testing.AllocsPerRun(200, call); n != 0 {
			t.Errorf("%s costs %v allocations, want none", name, n)
		}
	}
}

func TestAScrapeDoesNotAllocateForEachSeries(t *testing.T) {
	r := NewRegistry(RegistryOptions{})
	h := r.Histogram("h", "s", "", []float64{1, 2, 3})
	for i := range 1000 {
		h.Bind(Int("n", int64(i))).Record(1)
	}
	buf := r.appendText(nil, openMetrics)
	if n := testing.AllocsPerRun(20, func() { buf = r.appendText(buf[:0], openMetrics) }); n > 20 {
		t.Errorf("a scrape of 1,000 series costs %v allocations", n)
	}
}
