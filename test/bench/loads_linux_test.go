package main

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

// measureBy measures the test binary as a server of this name.
func measureBy(t *testing.T, load meter, server string, d time.Duration) (measurement, error) {
	t.Helper()
	w := testWorkshop(t)
	r := row{name: "test", ask: getPlaintext, load: load}
	if server == "encrypted" {
		r.ask = r.ask.in(https)
	}
	s, err := startServer(t.Context(), w, r, testServer(server))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.stop(); err != nil {
			t.Errorf("stopping: %v", err)
		}
	}()
	return load.measure(t.Context(), w, r, s, d)
}

func figureOf(t *testing.T, m measurement, name string) float64 {
	t.Helper()
	for _, f := range m.Figures {
		if f.Name == name {
			return f.Value
		}
	}
	t.Errorf("there is no figure %q in %+v", name, m.Figures)
	return 0
}

func TestAMixIsMeasuredByAProcessOfItsOwn(t *testing.T) {
	m, err := measureBy(t, mix{connections: 4, other: getSlow20, every: 20}, "serving", 500*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	if m.Cost <= 0 || m.PerSecond <= 0 || m.P50 <= 0 || m.P99 < m.P50 || m.Memory < 1<<20 {
		t.Errorf("%+v, want all figures", m)
	}
	if p99 := figureOf(t, m, "p99 of slow ones"); p99 < 20_000 {
		t.Errorf("requests that sleep 20 ms take %v µs", p99)
	}
}

func TestAMixWithAWrongAnswerIsAnError(t *testing.T) {
	wrong := getSlow20
	wrong.want = []byte("something else")
	if m, err := measureBy(t, mix{connections: 1, other: wrong, every: 20}, "serving", time.Second); err == nil || !strings.Contains(err.Error(), "something else") {
		t.Errorf("%+v, %v, want an error: the slow requests are answered otherwise", m, err)
	}
}

func TestHandshakesAreMeasuredByAProcessOfItsOwn(t *testing.T) {
	for _, load := range []handshakes{{connections: 2}, {connections: 2, resumed: true}} {
		m, err := measureBy(t, load, "encrypted", 300*time.Millisecond)
		if err != nil {
			t.Fatalf("%+v: %v", load, err)
		}
		if m.Cost <= 0 || m.PerSecond <= 0 || m.P50 <= 0 || m.P99 < m.P50 || m.Memory < 1<<20 {
			t.Errorf("%+v: %+v, want all figures", load, m)
		}
	}
}

func TestAServerWithoutTLSFailsARowOfHandshakes(t *testing.T) {
	if m, err := measureBy(t, handshakes{connections: 1}, "serving", 100*time.Millisecond); err == nil || !strings.Contains(err.Error(), "TLS: ") {
		t.Errorf("%+v, %v, want to be told that there is no TLS", m, err)
	}
}

func TestIdleConnectionsOverTLSStayOpen(t *testing.T) {
	w := testWorkshop(t)
	r := row{name: "test", ask: getPlaintext.in(https), load: idle{}}
	s, err := startServer(t.Context(), w, r, testServer("encrypted"))
	if err != nil {
		t.Fatal(err)
	}
	m, err := climb(t.Context(), r.ask, s, []int{5, 10, 15}, 0)
	if err = errors.Join(err, s.stop()); err != nil || m.Memory == 0 {
		t.Errorf("%+v, %v, want figures", m, err)
	}
}

func TestSlowClientsAreClosedWhileGoodTrafficIsMeasured(t *testing.T) {
	load := slowClients{good: mix{connections: 2}, clients: 20, every: time.Second, limit: testLimit, margin: 200 * time.Millisecond, grace: 30 * time.Second}
	m, err := measureBy(t, load, "limiting", 200*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	if m.Cost <= 0 || m.PerSecond <= 0 || m.P99 <= 0 {
		t.Errorf("%+v, want the figures of good traffic", m)
	}
	if n := figureOf(t, m, "slow ones closed"); n != 20 {
		t.Errorf("%v of 20 slow clients were closed", n)
	}
	if first := figureOf(t, m, "first after"); first < 0.9e6*testLimit.Seconds() {
		t.Errorf("the first was closed after %v µs, want about %v", first, testLimit)
	}
	if got, want := figureOf(t, m, "p99 to undisturbed"), m.P99/figureOf(t, m, "p99 undisturbed"); got < 0.99*want || got > 1.01*want {
		t.Errorf("the ratio is %v, want %v", got, want)
	}
}

func TestSlowClientsThatStayAreAnError(t *testing.T) {
	load := slowClients{good: mix{connections: 2}, clients: 5, every: 50 * time.Millisecond, limit: 100 * time.Millisecond, margin: 100 * time.Millisecond, grace: 200 * time.Millisecond}
	m, err := measureBy(t, load, "serving", 200*time.Millisecond)
	if err == nil || !strings.Contains(err.Error(), "5 of 5 slow clients were still connected") {
		t.Errorf("%+v, %v, want to be told that nobody was closed", m, err)
	}
}

func TestHTTP2IsMeasuredByH2load(t *testing.T) {
	path := lookPath("h2load")
	if path == "" {
		t.Skip(missing("h2load"))
	}
	for name, load := range map[string]h2load{
		"volume": {connections: 2, streams: 3, volume: true},
		"mixed":  {connections: 2, streams: 3, other: getSlow20.in(h2c), every: 10},
	} {
		w := testWorkshop(t)
		w.tools["h2load"] = path
		r := row{name: "test", ask: getPlaintext.in(h2c), load: load}
		s, err := startServer(t.Context(), w, r, testServer("serving"))
		if err != nil {
			t.Fatal(err)
		}
		m, err := load.measure(t.Context(), w, r, s, 500*time.Millisecond)
		if err = errors.Join(err, s.stop()); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if m.Cost <= 0 || m.PerSecond <= 0 || m.Memory < 1<<20 || figureOf(t, m, "mean") <= 0 || figureOf(t, m, "longest") < figureOf(t, m, "mean") {
			t.Errorf("%s: %+v, want all figures", name, m)
		}
		if told := m.P50 > 0 && m.P99 >= m.P50; told != (name == "mixed") {
			t.Errorf("%s: %+v, want percentiles when there is a log of all requests", name, m)
		}
		if name == "volume" {
			// 13 bytes at m.Cost microseconds each, and those of up to six answers that were not whole at the end.
			if v, least := figureOf(t, m, "MB per CPU second"), 13/m.Cost; v < 0.99*least || v > 8*least {
				t.Errorf("%v MB per CPU second, want %v or a little more", v, least)
			}
		}
	}
}

func TestAGeneratorThatFailsSaysWhy(t *testing.T) {
	w := testWorkshop(t)
	if _, _, err := w.run(t.Context(), time.Second, w.load([]string{"mix"})); err == nil || !strings.Contains(err.Error(), "-addr is missing") {
		t.Errorf("%v, want what it said", err)
	}
	if _, _, err := w.run(t.Context(), time.Second, []string{"/nonexistent"}); err == nil || !strings.Contains(err.Error(), "cannot start /nonexistent") {
		t.Errorf("%v, want its name", err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	because := errors.New("Ctrl-C")
	g, err := w.generate(ctx, time.Minute, []string{"/bin/sleep", "60"})
	if err != nil {
		t.Fatal(err)
	}
	cancel(because)
	if _, _, err := g.wait(); !errors.Is(err, because) {
		t.Errorf("a generator that was interrupted: %v, want the reason", err)
	}
}
