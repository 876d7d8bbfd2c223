package httpconn

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"testing"

	"github.com/lannerhq/lanner/accesslog"
	"github.com/lannerhq/lanner/metrics"
	"github.com/lannerhq/lanner/server"
)

// benchmark sends n requests in one write and reads n responses, over a connection in memory.
func benchmark(b *testing.B, n int, app server.Application) {
	benchmarkConfig(b, n, Config{App: app, Logger: discard})
}

func benchmarkConfig(b *testing.B, n int, cfg Config) {
	near, far := pipe()
	m := New(cfg)
	m.Serve(far, &Endpoint{Name: "bench", Scheme: "http"}, Options{})
	one := []byte("GET /plaintext HTTP/1.1\r\nHost: localhost:8080\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n")
	requests, buf := bytes.Repeat(one, n), make([]byte, 64<<10)
	near.Write(one)
	size, err := near.Read(buf) // a response, whose size is that of all
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		near.Write(requests)
		for got := 0; got < n*size; {
			k, err := near.Read(buf)
			if err != nil {
				b.Fatal(err)
			}
			got += k
		}
	}
	near.Close()
	m.Stop(context.Background())
}

var text = []byte("Hello, World!")

func native(c *server.Context) error {
	c.SetHeader("Content-Type", "text/plain")
	_, err := c.Write(text)
	return err
}

func netHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain")
	w.Write(text)
}

func BenchmarkPlaintext(b *testing.B) {
	b.Run("native", func(b *testing.B) { benchmark(b, 1, server.ContextHandler(native)) })
	b.Run("http", func(b *testing.B) { benchmark(b, 1, httpApp(netHTTP)) })
}

func BenchmarkPipeline16(b *testing.B) {
	b.Run("native", func(b *testing.B) { benchmark(b, 16, server.ContextHandler(native)) })
	b.Run("http", func(b *testing.B) { benchmark(b, 16, httpApp(netHTTP)) })
}

// BenchmarkObserved is BenchmarkPlaintext/native with an access log, metrics, and both.
func BenchmarkObserved(b *testing.B) {
	log := accesslog.New(io.Discard, accesslog.Options{})
	defer log.Close()
	cfg := Config{App: server.ContextHandler(native), Logger: discard}
	b.Run("none", func(b *testing.B) { benchmarkConfig(b, 1, cfg) })
	logged := cfg
	logged.AccessLog = log
	b.Run("log", func(b *testing.B) { benchmarkConfig(b, 1, logged) })
	cfg.Meter = metrics.NewRegistry(metrics.RegistryOptions{})
	b.Run("metrics", func(b *testing.B) { benchmarkConfig(b, 1, cfg) })
	logged.Meter = cfg.Meter
	b.Run("both", func(b *testing.B) { benchmarkConfig(b, 1, logged) })
}
