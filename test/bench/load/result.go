package load

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Mix is what a load of two kinds found.
type Mix struct {
	Seconds float64 `json:"seconds"`
	Fast    Kind    `json:"fast"`
	Slow    Kind    `json:"slow"` // zero when nothing slow was asked
}

// Kind is one kind of requests. Latencies are in µs, up to 1/64 too high.
type Kind struct {
	Requests int64   `json:"requests"`
	P50      float64 `json:"p50us"`
	P99      float64 `json:"p99us"`
}

// Requests are all that were answered.
func (m Mix) Requests() int64 { return m.Fast.Requests + m.Slow.Requests }

// PerSecond is the throughput of both kinds.
func (m Mix) PerSecond() float64 { return float64(m.Requests()) / m.Seconds }

func (m Mix) check() error {
	for _, k := range []Kind{m.Fast, m.Slow} {
		if k.Requests < 0 || k.Requests > 0 && (k.P50 <= 0 || k.P99 < k.P50) {
			return fmt.Errorf("it says of a kind of requests: %+v", k)
		}
	}
	if m.Seconds <= 0 || m.Fast.Requests == 0 {
		return fmt.Errorf("it made %d requests in %v s", m.Fast.Requests, m.Seconds)
	}
	return nil
}

// Clients is what became of slow clients. Times are in seconds from when each had connected until the server closed the
// connection, zero when it closed none.
type Clients struct {
	Opened   int     `json:"opened"`
	Closed   int     `json:"closed"`   // by the server
	Answered int     `json:"answered"` // of those closed, with some response such as 408
	First    float64 `json:"firstSeconds"`
	Median   float64 `json:"medianSeconds"`
	Last     float64 `json:"lastSeconds"`
}

func (c Clients) check() error {
	if c.Opened <= 0 || c.Closed < 0 || c.Closed > c.Opened || c.Answered < 0 || c.Answered > c.Closed ||
		c.First < 0 || c.Median < c.First || c.Last < c.Median {
		return fmt.Errorf("it says of slow clients: %+v", c)
	}
	return nil
}

// Handshakes is what connections of one request each came to: Requests is their number. The time is that until the last of
// them had ended.
type Handshakes struct {
	Seconds float64 `json:"seconds"`
	Kind
}

// PerSecond is the throughput.
func (h Handshakes) PerSecond() float64 { return float64(h.Requests) / h.Seconds }

func (h Handshakes) check() error { return Mix{Seconds: h.Seconds, Fast: h.Kind}.check() }

// ParseMix reads what mix prints; ParseClients what slow does, ParseHandshakes what tls does. None takes a result that cannot be.
func ParseMix(out []byte) (Mix, error) { return parse(out, Mix.check) }

// ParseClients reads what slow prints.
func ParseClients(out []byte) (Clients, error) { return parse(out, Clients.check) }

// ParseHandshakes reads what tls prints.
func ParseHandshakes(out []byte) (Handshakes, error) { return parse(out, Handshakes.check) }

func parse[T any](out []byte, check func(T) error) (result T, err error) {
	d := json.NewDecoder(bytes.NewReader(out))
	d.DisallowUnknownFields()
	if err := d.Decode(&result); err != nil {
		return result, fmt.Errorf("its output %.200q is no result: %w", out, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return result, fmt.Errorf("its output %.200q has more than a result", out)
	}
	return result, check(result)
}
