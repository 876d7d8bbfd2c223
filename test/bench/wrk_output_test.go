package main

import (
	"os"
	"strings"
	"testing"
	"time"
)

const wrkOutput = `Running 1s test @ http://127.0.0.1:18999/plaintext
  1 threads and 8 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   277.49us  759.75us  11.54ms   94.71%
    Req/Sec    47.25k     3.39k   55.06k    72.73%
  Latency Distribution
     50%  111.00us
     75%  145.00us
     90%  321.00us
     99%    4.22ms
  51689 requests in 1.10s, 5.67MB read
Requests/sec:  46998.97
Transfer/sec:      5.15MB
`

func TestWrksOutputIsRead(t *testing.T) {
	got, err := parseWrk(wrkOutput)
	want := loadResult{requests: 51689, perSecond: 46998.97, p50: 111 * time.Microsecond, p99: 4220 * time.Microsecond}
	if err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	minutes := strings.NewReplacer("111.00us", "1.50s", "4.22ms", "1.10m").Replace(wrkOutput)
	if got, err := parseWrk(minutes); err != nil || got.p50 != 1500*time.Millisecond || got.p99 != 66*time.Second {
		t.Errorf("slow: got %+v, %v, want 1.5 s and 1.1 minutes", got, err)
	}
}

func TestAPercentileOfZeroIsUnknown(t *testing.T) {
	got, err := parseWrk(strings.Replace(wrkOutput, "4.22ms", "0.00us", 1))
	want := loadResult{requests: 51689, perSecond: 46998.97, p50: 111 * time.Microsecond}
	if err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v: a p99 of 0 is one that wrk does not know", got, err, want)
	}
}

func TestWrksTroubleIsAnError(t *testing.T) {
	for why, tt := range map[string]struct{ replace, by, text string }{
		"wrong statuses":        {"Requests/sec:", "  Non-2xx or 3xx responses: 46181\nRequests/sec:", "Non-2xx or 3xx responses: 46181"},
		"failed connections":    {"Requests/sec:", "  Socket errors: connect 0, read 12, write 0, timeout 0\nRequests/sec:", "read 12"},
		"no requests":           {"51689", "0", "made 0 requests"},
		"nothing about numbers": {"requests in", "", "how many requests"},
		"no rate":               {"Requests/sec", "", "Requests/sec"},
		"no latencies":          {"99%", "", "latency distribution"},
		"too many requests":     {"51689", "99999999999999999999", "99999999999999999999"},
	} {
		_, err := parseWrk(strings.Replace(wrkOutput, tt.replace, tt.by, 1))
		if err == nil || !strings.Contains(err.Error(), tt.text) {
			t.Errorf("%s: %v, want an error with %q", why, err, tt.text)
		}
	}
}

func FuzzParseWrkAcceptsOnlyWholeResults(f *testing.F) {
	f.Add(wrkOutput)
	f.Add("")
	f.Add("  1 requests in 1s\nRequests/sec: 1\n  50% 0.00us\n  99% 0.00us\n")
	f.Add("  1 requests in 1s\nRequests/sec: 1\n  50% 1us\n  99% 1h\n")
	f.Fuzz(func(t *testing.T, text string) {
		if r, err := parseWrk(text); err == nil && (r.requests <= 0 || r.p50 < 0 || r.p99 < 0) {
			t.Errorf("%q is taken for %+v", text, r)
		}
	})
}

func TestTheLoadIsWhatTheRowAsks(t *testing.T) {
	w := &workshop{dir: t.TempDir()}
	for _, tt := range []struct {
		load wrk
		ask  request
		args string // SCRIPT stands for the script's path
		want string // in the script
	}{
		{wrk{connections: 64}, getPlaintext, "-t1 -c64 --latency http://ADDR/plaintext", ""},
		{wrk{connections: 64}, getPlaintext.in(https), "-t1 -c64 --latency https://ADDR/plaintext", ""},
		{wrk{connections: 64}, getShared, "-t1 -c64 --latency -H Host: one.test http://ADDR/plaintext", ""},
		{wrk{connections: 2, close: true}, getPlaintext, "-t1 -c2 --latency -H Connection: close http://ADDR/plaintext", ""},
		{wrk{connections: 64, pipeline: 16}, getPlaintext, "-t1 -c64 --latency -s SCRIPT http://ADDR/plaintext", `for i = 1, 16 do all[i] = wrk.format("GET") end`},
		{wrk{connections: 64, paths: []string{"/a", "/b"}}, getMany, "-t1 -c64 --latency -s SCRIPT http://ADDR/files/many/00.html",
			`for i, path in ipairs({"/a", "/b"}) do all[i] = wrk.format("GET", path) end`},
		{wrk{connections: 64}, postEcho, "-t1 -c64 --latency -s SCRIPT http://ADDR/echo", `wrk.body = "` + strings.Repeat("x", 1024) + `"`},
	} {
		args, err := tt.load.arguments(w, row{name: "row", ask: tt.ask}, "ADDR")
		if err != nil {
			t.Fatal(err)
		}
		script := w.dir + "/row.lua"
		if got := strings.ReplaceAll(strings.Join(args, " "), script, "SCRIPT"); got != tt.args {
			t.Errorf("%+v: wrk %s, want %s", tt.load, got, tt.args)
		}
		if tt.want == "" {
			continue
		}
		if text, err := os.ReadFile(script); err != nil || !strings.Contains(string(text), tt.want) {
			t.Errorf("%+v: the script is %q, %v, want %q in it", tt.load, text, err, tt.want)
		}
	}
}
