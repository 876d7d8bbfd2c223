package forwarder

import (
	"testing"

	"github.com/lannerhq/lanner/internal/httpcommon"
	"github.com/lannerhq/lanner/server"
)

// plainResponse counts and forgets.
type plainResponse struct {
	header httpcommon.Headers
	status int
	n      int
}

func (r *plainResponse) Status() int                 { return r.status }
func (r *plainResponse) SetStatus(code int)          { r.status = code }
func (r *plainResponse) Header() *httpcommon.Headers { return &r.header }
func (r *plainResponse) Started() bool               { return false }
func (r *plainResponse) OnStarting(func())           {}
func (r *plainResponse) OnCompleted(func())          {}
func (r *plainResponse) Write(p []byte) (int, error) { r.n += len(p); return len(p), nil }
func (r *plainResponse) Flush() error                { return nil }

// answeringFast is a worker that answers without allocating.
func answeringFast(c *workerConn) {
	response := []byte("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello")
	b := make([]byte, 4096)
	for {
		if _, err := c.Conn.Read(b); err != nil {
			return
		}
		c.Conn.Write(response)
	}
}

func TestASmallRequestAllocatesAlmostNothing(t *testing.T) {
	u := upstreamOf(t, startWorker(t, answeringFast).addr(), Options{Token: "secret"})
	c := newClient("GET", "/", "User-Agent: curl/8", "Accept: */*", "Accept-Encoding: gzip", "Connection: keep-alive")
	res := new(plainResponse)
	var f server.Features
	allocs := testing.AllocsPerRun(200, func() {
		res.header.Reset()
		f.Init((*fakeRequest)(c), res, (*fakeNative)(c), nil)
		if err := u.Forward(&f, Request{}); err != nil {
			t.Fatal(err)
		}
	})
	if res.n != 5*201 || res.header.Len() != 2 {
		t.Fatalf("%d bytes, %d fields", res.n, res.header.Len())
	}
	if allocs > allowedAllocs {
		t.Errorf("%v allocations per request, want at most %v", allocs, allowedAllocs)
	}
}

// BenchmarkSmallRequest is one request after the other over one kept connection, the worker's part included.
func BenchmarkSmallRequest(b *testing.B) {
	w := startWorker(b, answeringFast)
	fw := New()
	defer fw.Close()
	u, err := fw.NewUpstream(w.addr(), Options{Token: "secret"})
	if err != nil {
		b.Fatal(err)
	}
	c := newClient("GET", "/", "User-Agent: curl/8", "Accept: */*", "Accept-Encoding: gzip", "Connection: keep-alive")
	res := new(plainResponse)
	var f server.Features
	b.ReportAllocs()
	for b.Loop() {
		res.header.Reset()
		f.Init((*fakeRequest)(c), res, (*fakeNative)(c), nil)
		if err := u.Forward(&f, Request{}); err != nil {
			b.Fatal(err)
		}
	}
}
