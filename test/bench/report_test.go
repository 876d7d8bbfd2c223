package main

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// rounds are measurements with these costs.
func rounds(costs ...float64) []roundResult {
	var all []roundResult
	for i, c := range costs {
		all = append(all, roundResult{measurement: measurement{
			Cost: c, PerSecond: 1e6 / c, P50: 10 * c, P99: 150 * c, Memory: int64(c * 1e6), Others: 0.02 * float64(i),
		}})
	}
	return all
}

// counted are rounds of a program that told its allocations.
func counted(n float64, rounds []roundResult) []roundResult {
	for i := range rounds {
		rounds[i].Allocs = &n
	}
	return rounds
}

// figured are rounds with figures of their row's own, which grow.
func figured(rounds []roundResult) []roundResult {
	for i := range rounds {
		rounds[i].Figures = []figure{{"p99 to undisturbed", 1 + float64(i)/10, ""}, {"last after", 12e6 + 1e6*float64(i), microseconds}}
	}
	return rounds
}

// untold are rounds of a load that tells means instead of percentiles.
func untold(rounds []roundResult) []roundResult {
	for i := range rounds {
		m := &rounds[i].measurement
		m.P50, m.P99, m.Figures = 0, 0, h2loadResult{mean: 1500 * time.Microsecond, longest: time.Second}.figures()
	}
	return rounds
}

func sample() *report {
	disturbedRound := rounds(13)
	disturbedRound[0].Others = 0.42
	return &report{
		Date:     time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC),
		Machine:  machine{CPU: "A <fast> CPU", CPUs: 2, Memory: 24 << 30, System: "Debian GNU/Linux 12", Kernel: "6.18.0", Load: 0.7},
		Versions: []version{{"Lanner", "0123456789"}, {"Go", "1.26.8"}},
		Rounds:   3, Seconds: 5, Complete: true,
		Warnings: []string{"the load average was 0.7 at the start: other programs ran, the figures are noisy"},
		Rows: []rowResult{
			{Name: "plaintext", Title: "GET of 13 bytes & more", Chart: chartRequests, Unit: perRequest, Servers: []serverResult{
				{Name: "kestrel, http.Handler", Role: subject, Rounds: counted(4.004, rounds(10, 11, 9.5))},
				{Name: "kestrel, native", Role: subject, Rounds: counted(0, rounds(8, 8, 8))},
				{Name: "net/http", Role: peer, Rounds: rounds(20, 23, 19)},
				{Name: "nginx", Role: peer, Skipped: "nginx is not here"},
				{Name: "ceiling (epoll loop in C)", Role: limit, Rounds: rounds(0.6, 0.65, 0.5)},
			}},
			{Name: "tls-churn", Title: "a connection with a full handshake for each request", Chart: chartTLS, Unit: perRequest, Servers: []serverResult{
				{Name: "kestrel, native", Role: subject, Rounds: rounds(300, 310, 290)},
				{Name: "nginx", Role: peer, Rounds: rounds(360, 365, 350)},
			}},
			{Name: "h2c", Title: "requests whose load tells no percentiles", Chart: chartHTTP2, Unit: perRequest, Servers: []serverResult{
				{Name: "kestrel, native", Role: subject, Rounds: untold(rounds(1, 1.1, 0.9))},
				{Name: "golang.org/x/net/http2", Role: peer, Rounds: untold(rounds(9, 10, 9))},
			}},
			{Name: "hosting-exclusive", Title: "one site alone on its port", Chart: chartHosting, Unit: perRequest, Servers: []serverResult{
				{Name: "kestrel alone", Role: subject, Rounds: disturbedRound},
				{Name: "lanner host, in-process", Role: ours, Rounds: []roundResult{{Error: "Socket errors: read 3"}}},
			}},
			{Name: "slow-clients", Title: "good traffic beside slow clients", Chart: chartBlocking, Unit: perRequest, Servers: []serverResult{
				{Name: "kestrel, http.Handler", Role: subject, Rounds: figured(rounds(10, 11, 9.5))},
				{Name: "net/http", Role: peer, Rounds: rounds(20)},
				{Name: "nginx", Role: peer, Rounds: []roundResult{{Error: "7 of 2000 slow clients were still connected"}}},
			}},
			{Name: "idle", Title: "memory of a connection", Chart: chartIdle, Unit: perConnection, Servers: []serverResult{
				{Name: "kestrel, native", Role: subject, Rounds: rounds(600, 601, 599)},
				{Name: "net/http", Role: peer, Rounds: rounds(19780, 19781, 19000)},
			}},
		},
	}
}

func TestTheReportLooksAsItShould(t *testing.T) {
	var text, md bytes.Buffer
	r := sample()
	if err := errors.Join(r.writeText(&text), r.writeMarkdown(&md)); err != nil {
		t.Fatal(err)
	}
	golden(t, "report.txt", text.Bytes())
	golden(t, "report.md", md.Bytes())
	for _, c := range charts {
		golden(t, c.file(), r.drawChart(c.title, r.onChart(c.name)))
	}
}

func TestChartsAreWellFormed(t *testing.T) {
	r := sample()
	for _, c := range charts {
		d := xml.NewDecoder(bytes.NewReader(r.drawChart(c.title, r.onChart(c.name))))
		for {
			_, err := d.Token()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatalf("%s is not XML: %v", c.file(), err)
			}
		}
	}
}

func TestTheReportIsWrittenWholeAndOnlyThen(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	r := sample()
	r.Complete = false
	if err := publish(r, options{out: dir}, io.Discard); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("a run that was broken off has overwritten the results")
	}
	r.Complete = true
	var stdout bytes.Buffer
	if err := publish(r, options{out: dir, json: true}, &stdout); err != nil {
		t.Fatal(err)
	}
	var files []string
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		files = append(files, e.Name())
	}
	if got, want := strings.Join(files, " "), "blocking.svg hosting.svg http2.svg idle.svg requests.svg results.json results.md tls.svg"; got != want {
		t.Errorf("the folder holds %s, want %s", got, want)
	}
	var back report
	if err := json.Unmarshal(stdout.Bytes(), &back); err != nil {
		t.Fatalf("what -json printed: %v", err)
	}
	if diff := cmp.Diff(r, &back, cmp.AllowUnexported(roundResult{})); diff != "" {
		t.Errorf("-json loses something (-want +got):\n%s", diff)
	}
}

func TestRatiosAreTakenWithinARound(t *testing.T) {
	subject := serverResult{Rounds: append(rounds(10), roundResult{Error: "failed"}, rounds(20)[0])}
	other := serverResult{Rounds: rounds(20, 1000, 50)}
	if got, want := ratio(other, subject, cost), (span{2.25, 2, 2.5}); got != want {
		t.Errorf("the ratio is %v, want %v: of the two rounds that both have", got, want)
	}
	if got, want := ratio(other, subject, perSecond), (span{0.45, 0.4, 0.5}); got != want {
		t.Errorf("the ratio of requests per second is %v, want %v", got, want)
	}
	other.Rounds[0].P99 = 0
	if got, want := ratio(other, subject, p99), (span{2.5, 2.5, 2.5}); got != want {
		t.Errorf("the ratio of p99 is %v, want %v: of the only round that told both", got, want)
	}
	if got := ratio(serverResult{}, subject, cost); got != (span{}) {
		t.Errorf("without rounds the ratio is %v", got)
	}
}

func TestWhatALoadDoesNotTellIsADashAndNoColumnWhenNoneTells(t *testing.T) {
	r := rowResult{Unit: perRequest, Servers: []serverResult{
		{Name: "telling", Role: subject, Rounds: rounds(10, 10, 10)},
		{Name: "sometimes", Role: peer, Rounds: rounds(10, 10, 10)},
		{Name: "silent", Role: peer, Rounds: rounds(10)},
	}}
	r.Servers[1].Rounds[0].P99, r.Servers[2].Rounds[0].P99 = 0, 0
	for i := range r.Servers {
		for j := range r.Servers[i].Rounds {
			r.Servers[i].Rounds[j].P50 = 0
		}
	}
	got := r.table()
	if head := strings.Join(got.head[2:4], " "); head != "requests/s p99" {
		t.Errorf("the columns begin with %s, want no p50: nobody told it", head)
	}
	for i, want := range []string{"1.50 ms", "1.50 ms", "–"} {
		if got := got.lines[i][3]; got != want {
			t.Errorf("p99 of %s is %s, want %s: of the rounds in which it is known", r.Servers[i].Name, got, want)
		}
	}
}

func TestNumbersAreWrittenWithThreeFigures(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0", 0.0451: "0.045", 0.0996: "0.10", 0.556: "0.56", 9.994: "9.99", 9.996: "10.0", 99.94: "99.9", 99.96: "100", 1234.5: "1,235", 1234567: "1,234,567", -1500: "-1,500",
	} {
		if got := figures(v); got != want {
			t.Errorf("%v is written %s, want %s", v, got, want)
		}
	}
	for us, want := range map[float64]string{0.5: "0.50 µs", 920: "920 µs", 6110: "6.11 ms", 2.5e6: "2.50 s"} {
		if got := latency(us); got != want {
			t.Errorf("%v µs are written %s, want %s", us, got, want)
		}
	}
	if got := thousands(math.Copysign(0.2, -1)); got != "0" {
		t.Errorf("a little less than nothing is written %s", got)
	}
}

func TestAllocationsArePerRequest(t *testing.T) {
	if got := allocsPerRequest(1000, 3500, 1000); *got != 2.5 {
		t.Errorf("2500 objects for 1000 requests are %v each, want 2.5", *got)
	}
	s := serverResult{Rounds: append(counted(3, rounds(1, 2)), roundResult{Error: "failed"}, rounds(1)[0])}
	if got := s.allocs(); len(got) != 2 || got[0] != 3 {
		t.Errorf("the allocations are %v, want 3 from each of the two rounds that counted them", got)
	}
}
