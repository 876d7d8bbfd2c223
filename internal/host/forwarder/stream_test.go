package forwarder

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"runtime"
	"sync/atomic"
	"testing"
	"time"
)

// large is the size of a large body: many times what any buffer holds.
const large = 64 << 20

// noise yields the same n bytes each time, which look like nothing.
func noise(n int64) io.Reader { return io.LimitReader(rand.NewChaCha8([32]byte{1}), n) }

func digest(t *testing.T, r io.Reader) string {
	t.Helper()
	h := sha256.New()
	if _, err := io.Copy(h, r); err != nil {
		t.Errorf("the body broke off: %v", err)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// peakDuring returns by how much the heap grew at most while fn ran.
func peakDuring(fn func()) uint64 {
	var before, now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var peak atomic.Uint64
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			runtime.ReadMemStats(&now)
			if now.HeapAlloc > before.HeapAlloc {
				peak.Store(max(peak.Load(), now.HeapAlloc-before.HeapAlloc))
			}
			select {
			case <-stop:
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
	}()
	fn()
	close(stop)
	<-stopped
	return peak.Load()
}

func TestLargeBodiesPassInFlatMemory(t *testing.T) { overBoth(t, largeBodiesPassInFlatMemory) }

func largeBodiesPassInFlatMemory(t *testing.T, o Options) {
	want := digest(t, noise(large))
	addr := workerOf(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.Method {
		case "POST":
			fmt.Fprint(w, digest(t, r.Body))
		default:
			if r.URL.Query().Has("length") {
				w.Header().Set("Content-Length", fmt.Sprint(large))
			}
			io.Copy(w, noise(large))
		}
	})
	front := frontOf(t, upstreamOf(t, addr, o))
	for _, tt := range []struct {
		why  string
		send func() (*http.Response, error)
		is   func(t *testing.T, r io.Reader) string
	}{
		{"upload with a length", func() (*http.Response, error) {
			req, _ := http.NewRequest("POST", front.URL, noise(large))
			req.ContentLength = large
			return http.DefaultClient.Do(req)
		}, func(t *testing.T, r io.Reader) string { b, _ := io.ReadAll(r); return string(b) }},
		{"upload in chunks", func() (*http.Response, error) { return http.Post(front.URL, "a/b", noise(large)) },
			func(t *testing.T, r io.Reader) string { b, _ := io.ReadAll(r); return string(b) }},
		{"download with a length", func() (*http.Response, error) { return http.Get(front.URL + "?length") }, digest},
		{"download in chunks", func() (*http.Response, error) { return http.Get(front.URL) }, digest},
	} {
		peak := peakDuring(func() {
			res, err := tt.send()
			if err != nil {
				t.Fatalf("%s: %v", tt.why, err)
			}
			defer res.Body.Close()
			if got := tt.is(t, res.Body); got != want {
				t.Errorf("%s: the content changed on its way (status %d)", tt.why, res.StatusCode)
			}
		})
		if peak > large/4 {
			t.Errorf("%s: memory grew by %d MiB for a body of %d MiB", tt.why, peak>>20, large>>20)
		}
	}
}

// TestBothDirectionsFlowAtOnce sends far more than all buffers on the way hold, to a worker that reads only as fast as its
// answer is taken.
func TestBothDirectionsFlowAtOnce(t *testing.T) { overBoth(t, bothDirectionsFlowAtOnce) }

func bothDirectionsFlowAtOnce(t *testing.T, o Options) {
	addr := workerOf(t, func(w http.ResponseWriter, r *http.Request) {
		http.NewResponseController(w).EnableFullDuplex()
		io.Copy(w, r.Body)
	})
	front := frontOf(t, upstreamOf(t, addr, o))
	req, _ := http.NewRequest("POST", front.URL, noise(large/4))
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if digest(t, res.Body) != digest(t, noise(large/4)) {
		t.Error("the content changed on its way")
	}
}

func TestClientAndWorkerMayTakeTurns(t *testing.T) { overBoth(t, clientAndWorkerMayTakeTurns) }

func clientAndWorkerMayTakeTurns(t *testing.T, o Options) {
	addr := workerOf(t, func(w http.ResponseWriter, r *http.Request) {
		http.NewResponseController(w).EnableFullDuplex()
		w.WriteHeader(200)
		w.(http.Flusher).Flush()
		b := make([]byte, 10)
		for {
			n, err := r.Body.Read(b)
			if n > 0 {
				w.Write(b[:n])
				w.(http.Flusher).Flush()
			}
			if err != nil {
				return
			}
		}
	})
	front := frontOf(t, upstreamOf(t, addr, o))
	r, w := io.Pipe()
	req, _ := http.NewRequest("POST", front.URL, r)
	res, err := http.DefaultClient.Do(req) // answered before the first byte of the body
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b := make([]byte, 10)
	for _, word := range []string{"one", "two", "three"} {
		io.WriteString(w, word)
		if n, err := io.ReadFull(res.Body, b[:len(word)]); string(b[:n]) != word || err != nil {
			t.Fatalf("want %q back before the next is sent, got %q, %v", word, b[:n], err)
		}
	}
	w.Close()
	if rest, err := io.ReadAll(res.Body); len(rest) > 0 || err != nil {
		t.Errorf("want the end, got %q, %v", rest, err)
	}
}
