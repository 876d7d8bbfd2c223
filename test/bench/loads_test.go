package main

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/lannerhq/lanner/test/bench/load"
)

func TestTheCommandLinesOfLoadsAreWhatTheRowsAsk(t *testing.T) {
	r := row{ask: getPlaintext}
	slow := slowClients{good: mix{connections: 64}, clients: 2000, every: 10 * time.Second, limit: 12 * time.Second, margin: 2 * time.Second, grace: 5 * time.Second}
	for _, tt := range []struct {
		got  []string
		want string
	}{
		{mix{connections: 128, other: getSlow20, every: 20}.arguments(r, "ADDR", 5*time.Second), "mix -addr ADDR -conns 128 -for 5s -fast /plaintext -slow /slow?ms=20 -every 20"},
		{mix{connections: 64}.arguments(r, "ADDR", time.Second), "mix -addr ADDR -conns 64 -for 1s -fast /plaintext"},
		{handshakes{connections: 64}.arguments(r, "ADDR", 5*time.Second), "tls -addr ADDR -conns 64 -for 5s -path /plaintext"},
		{handshakes{connections: 64, resumed: true}.arguments(r, "ADDR", time.Second), "tls -addr ADDR -conns 64 -for 1s -path /plaintext -resume"},
		{slow.arguments("ADDR"), "slow -addr ADDR -conns 2000 -every 10s -for 17s"},
	} {
		if got := strings.Join(tt.got, " "); got != tt.want {
			t.Errorf("load %s, want %s", got, tt.want)
		}
	}
	if got, want := slow.takes(5*time.Second), 20*time.Second; got != want {
		t.Errorf("it takes %v, want %v: warming up, undisturbed, the limit and its margin", got, want)
	}
}

func TestLatenciesOfAMixAreThoseOfTheFastOnes(t *testing.T) {
	m := load.Mix{Seconds: 2, Fast: load.Kind{Requests: 190, P50: 100.5, P99: 500}, Slow: load.Kind{Requests: 10, P50: 20_000, P99: 30_000}}
	want := loadResult{requests: 200, perSecond: 100, p50: 100_500 * time.Nanosecond, p99: 500 * time.Microsecond}
	if got := mixed(m); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	h := load.Handshakes{Seconds: 2, Kind: load.Kind{Requests: 200, P50: 100.5, P99: 500}}
	if got := shaken(h); got != want {
		t.Errorf("connections of one request each: got %+v, want %+v", got, want)
	}
}

func TestSlowClientsAreCountedAndTheirHarmIsARatio(t *testing.T) {
	alone, beside := load.Mix{Fast: load.Kind{P99: 200}}, load.Mix{Fast: load.Kind{P99: 300}}
	got := slowFigures(alone, beside, load.Clients{Opened: 2000, Closed: 2000, First: 12, Last: 13.5})
	want := []figure{{"p99 undisturbed", 200, microseconds}, {"p99 to undisturbed", 1.5, ""}, {"slow ones closed", 2000, ""},
		{"first after", 12e6, microseconds}, {"last after", 13.5e6, microseconds}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("figures (-want +got):\n%s", diff)
	}
}

func TestManyFilesAreThereAndDiffer(t *testing.T) {
	w := &workshop{dir: t.TempDir()}
	if err := w.makeFiles(); err != nil {
		t.Fatal(err)
	}
	seen := make(map[string]bool)
	for i := range manyFiles {
		content := manyContent(i)
		seen[string(content)] = true
		if len(content) != 4096 {
			t.Errorf("file %d has %d bytes, want 4 KiB", i, len(content))
		}
	}
	if paths := manyPaths(); len(seen) != manyFiles || len(paths) != manyFiles || paths[0] != getMany.path || paths[49] != "/files/many/49.html" {
		t.Errorf("%d contents under the paths %v, want %d", len(seen), manyPaths(), manyFiles)
	}
}
