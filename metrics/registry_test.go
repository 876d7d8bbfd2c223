package metrics

import (
	"bytes"
	"log/slog"
	"math"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// logged returns a registry that logs into a buffer.
func logged(limit int) (*Registry, *bytes.Buffer) {
	var log bytes.Buffer
	return NewRegistry(RegistryOptions{CardinalityLimit: limit, Logger: slog.New(slog.NewTextHandler(&log, nil))}), &log
}

func TestSeriesBeyondTheLimitAreCountedAsOverflow(t *testing.T) {
	r, log := logged(3)
	c := r.Counter("hits", "", "")
	for i := range 10 {
		c.Bind(Int("n", int64(i))).Add(1)
	}
	c.Bind(Int("n", 0)).Add(1) // one of those that came in time
	e := scrape(t, r, prometheusText)
	if n := len(e.byName["hits_total"].samples); n != 3 {
		t.Errorf("%d series, want 3", n)
	}
	for labels, want := range map[string]float64{`n="0"`: 2, `n="1"`: 1, `otel_metric_overflow="true"`: 8} {
		if got := e.find(t, "hits_total", labels); got != want {
			t.Errorf("{%s} is %v, want %v", labels, got, want)
		}
	}
	if n := strings.Count(log.String(), "cardinality limit"); n != 1 {
		t.Errorf("the overflow was logged %d times, want once:\n%s", n, log)
	}
}

func TestTheOverflowSeriesTakesNoPlaceWhenItIsBoundByName(t *testing.T) {
	r, log := logged(3)
	c := r.Counter("hits", "", "")
	c.Bind(overflowAttr).Add(1)
	for i := range 3 {
		c.Bind(Int("n", int64(i))).Add(1)
	}
	e := scrape(t, r, prometheusText)
	if n := len(e.byName["hits_total"].samples); n != 3 {
		t.Errorf("%d series, want 3", n)
	}
	if got := e.find(t, "hits_total", `otel_metric_overflow="true"`); got != 2 {
		t.Errorf("the overflow series is %v, want 2", got)
	}
	if !strings.Contains(log.String(), "cardinality limit") {
		t.Error("the overflow was not logged")
	}
}

func TestTheDefaultLimitIsThatOfOpenTelemetry(t *testing.T) {
	r, _ := logged(0)
	c := r.Counter("hits", "", "")
	for i := range 3000 {
		c.Bind(Int("n", int64(i))).Add(1)
	}
	if n := len(scrape(t, r, openMetrics).byName["hits"].samples); n != 2000 {
		t.Errorf("%d series, want 2000", n)
	}
}

func TestTheSameInstrumentTwiceIsOne(t *testing.T) {
	r, log := logged(0)
	for range 2 {
		r.Counter("hits", "", "help").Bind(String("a", "b")).Add(1)
		r.Histogram("size", "By", "help", []float64{1, 2}).Bind().Record(1)
	}
	e := scrape(t, r, prometheusText)
	if got := e.find(t, "hits_total", `a="b"`); got != 2 {
		t.Errorf("the counter is %v, want 2", got)
	}
	if got := e.find(t, "size_bytes_count", ""); got != 2 {
		t.Errorf("the histogram has %v values, want 2", got)
	}
	if log.Len() > 0 {
		t.Errorf("something was logged: %s", log)
	}
}

func TestAnInstrumentInConflictWorksAndIsNotExported(t *testing.T) {
	r, log := logged(0)
	r.UpDownCounter("size", "By", "").Bind().Add(7)
	r.Histogram("size", "By", "", nil).Bind().Record(1)
	r.Histogram("lag", "", "", []float64{1}).Bind().Record(1)
	r.Histogram("lag", "", "", []float64{2}).Bind().Record(1)
	e := scrape(t, r, prometheusText)
	if len(e.families) != 2 {
		t.Errorf("%d families, want 2", len(e.families))
	}
	if got := e.find(t, "size_bytes", ""); got != 7 {
		t.Errorf("the first instrument is %v, want 7", got)
	}
	if n := strings.Count(log.String(), "not exported"); n != 2 {
		t.Errorf("%d conflicts were logged, want 2:\n%s", n, log)
	}
}

func TestValuesThatCannotBeAreIgnored(t *testing.T) {
	r, _ := logged(0)
	c := r.Counter("c", "", "").Bind()
	c.Add(2)
	c.Add(-1)
	h := r.Histogram("h", "", "", []float64{math.NaN(), 1, math.Inf(1)}).Bind()
	for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), -1, 0.5} {
		h.Record(v)
	}
	e := scrape(t, r, prometheusText)
	if got := e.find(t, "c_total", ""); got != 2 {
		t.Errorf("the counter is %v, want 2", got)
	}
	if got := e.find(t, "h_count", ""); got != 1 {
		t.Errorf("the histogram has %v values, want 1", got)
	}
	if got := e.find(t, "h_sum", ""); got != 0.5 {
		t.Errorf("the sum is %v, want 0.5", got)
	}
}

func TestAnInstrumentWithoutValuesIsNotExported(t *testing.T) {
	r, _ := logged(0)
	r.Counter("c", "", "")
	r.Histogram("h", "", "", nil).Bind()
	if text := string(r.appendText(nil, prometheusText)); text != "" {
		t.Errorf("exposition is %q, want nothing", text)
	}
}

func TestRecordingAndScrapingAtOnceLosesNothing(t *testing.T) {
	const writers, rounds = 4, 2000
	r := NewRegistry(RegistryOptions{Process: true})
	s := NewServer(r, ServerOptions{})
	e := s.Endpoint(EndpointAttrs{Address: "127.0.0.1", Port: 80, Transport: "tcp"})
	var writing, reading sync.WaitGroup
	for w := range writers {
		writing.Go(func() {
			for i := range rounds {
				e.ConnectionStarted()
				e.RequestStarted("GET", "http")
				a := RequestAttrs{Method: "GET", Scheme: "http", Status: 200 + i%7, Version: "1.1"}
				if i%3 == 0 {
					a.Route = "/" + strconv.Itoa((i+w)%50)
				}
				e.RequestEnded(a, time.Millisecond, 1, 2)
				e.ConnectionEnded(time.Second, Protocol{"http", "1.1", ""}, [...]string{"", "connection_reset"}[i%2])
			}
		})
	}
	done := make(chan struct{})
	for _, format := range []format{prometheusText, openMetrics} {
		reading.Go(func() {
			for last := 0.0; ; {
				text := string(r.appendText(nil, format))
				e, err := parse(text, format)
				if err != nil {
					t.Errorf("a scrape is not valid: %v", err)
					return
				}
				count := total(e, "http_server_request_duration_seconds", "_count")
				if count < last {
					t.Errorf("the number of requests fell from %v to %v", last, count)
				}
				last = count
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	writing.Wait()
	close(done)
	reading.Wait()
	end := scrape(t, r, prometheusText)
	for _, want := range []struct {
		family, suffix string
		value          float64
	}{
		{"http_server_request_duration_seconds", "_count", writers * rounds},
		{"http_server_request_body_size_bytes", "_sum", writers * rounds},
		{"http_server_response_body_size_bytes", "_sum", 2 * writers * rounds},
		{"kestrel_connection_duration_seconds", "_sum", writers * rounds},
		{"http_server_active_requests", "", 0},
		{"kestrel_active_connections", "", 0},
	} {
		if got := total(end, want.family, want.suffix); got != want.value {
			t.Errorf("%s%s is %v in all, want %v", want.family, want.suffix, got, want.value)
		}
	}
}

// total adds up the series of a family.
func total(e *exposition, family, suffix string) (total float64) {
	f := e.byName[family]
	if f == nil {
		return 0
	}
	for _, s := range f.samples {
		if s.name == family+suffix {
			total += s.value
		}
	}
	return total
}

func TestShardsAddUp(t *testing.T) {
	c := newCells(1, 8)
	for i := range 8 {
		c.words[i*c.stride].Store(uint64(i))
	}
	if got := c.sum(0); got != 28 {
		t.Errorf("sum is %d, want 28", got)
	}
	if n := shardCount(); n < 2 || n > maxShards || n&(n-1) != 0 {
		t.Errorf("%d shards are no power of two from 2 to %d", n, maxShards)
	}
	if len(c.mine()) != padding {
		t.Errorf("a shard has %d words, want %d", len(c.mine()), padding)
	}
}
