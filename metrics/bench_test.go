package metrics

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// BenchmarkRequest is what one request costs. It ends with its duration and two sizes.
func BenchmarkRequest(b *testing.B) {
	request := RequestAttrs{Method: "GET", Scheme: "https", Status: 200, Version: "1.1"}
	routed := request
	routed.Route = "/users/{id}/orders"
	bare := func(e *Endpoint) func() {
		return func() { e.RequestEnded(request, 3*time.Millisecond, 0, 1234) }
	}
	for _, bench := range []struct {
		name string
		call func(e *Endpoint) func()
	}{
		{"started", func(e *Endpoint) func() { return func() { e.RequestStarted("GET", "https") } }},
		{"started and ended", func(e *Endpoint) func() {
			end := bare(e)
			return func() { e.RequestStarted("GET", "https"); end() }
		}},
		{"ended", bare},
		{"ended with a route", func(e *Endpoint) func() {
			return func() { e.RequestEnded(routed, 3*time.Millisecond, 0, 1234) }
		}},
		{"without metrics", func(*Endpoint) func() { return bare(nil) }},
	} {
		b.Run(bench.name, func(b *testing.B) {
			call := bench.call(newBenchEndpoint())
			b.ReportAllocs()
			for b.Loop() {
				call()
			}
		})
		b.Run(bench.name+" on all cores", func(b *testing.B) {
			call := bench.call(newBenchEndpoint())
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					call()
				}
			})
		})
	}
}

func newBenchEndpoint() *Endpoint {
	return NewServer(NewRegistry(RegistryOptions{}), ServerOptions{}).
		Endpoint(EndpointAttrs{"127.0.0.1", 8080, "ipv4", "tcp"})
}

// BenchmarkShards compares a counter that has a shard for each core with one that all cores share.
func BenchmarkShards(b *testing.B) {
	for _, bench := range []struct {
		name   string
		shards int
	}{{"one", 1}, {"many", shardCount()}} {
		b.Run(bench.name, func(b *testing.B) {
			c := boundCounter(series{cells: newCells(1, bench.shards)})
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					c.Add(1)
				}
			})
		})
	}
}

func BenchmarkScrape(b *testing.B) {
	r := NewRegistry(RegistryOptions{Process: true})
	e := NewServer(r, ServerOptions{}).Endpoint(EndpointAttrs{"127.0.0.1", 8080, "ipv4", "tcp"})
	for _, method := range []string{"GET", "POST", "PUT", "DELETE"} {
		for status := 200; status < 225; status++ {
			e.RequestEnded(RequestAttrs{Method: method, Scheme: "https", Status: status, Version: "1.1"}, time.Millisecond, 10, 1000)
		}
	}
	h := r.Handler()
	req := httptest.NewRequest("GET", "/metrics", nil)
	w := &discard{header: make(http.Header)}
	b.ReportAllocs()
	for b.Loop() {
		h.ServeHTTP(w, req)
	}
	b.ReportMetric(float64(w.bytes)/float64(b.N), "bytes/scrape")
}

type discard struct {
	header http.Header
	bytes  int
}

func (d *discard) Header() http.Header { return d.header }
func (d *discard) WriteHeader(int)     {}
func (d *discard) Write(p []byte) (int, error) {
	d.bytes += len(p)
	return io.Discard.Write(p)
}
