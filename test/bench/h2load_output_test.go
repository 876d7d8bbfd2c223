package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// h2loadOutput is what h2load 1.52.0 printed.
func h2loadOutput(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "h2load", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestH2loadsOutputIsRead(t *testing.T) {
	for _, tt := range []struct {
		name                 string
		over                 protocol
		connections, streams int
		want                 h2loadResult
	}{
		{"h2c.txt", h2c, 8, 100, h2loadResult{loadResult{requests: 1179, perSecond: 3930}, 15327, 133170 * time.Microsecond, 247460 * time.Microsecond}},
		{"h2.txt", h2, 8, 100, h2loadResult{loadResult{requests: 3701, perSecond: 12336.67}, 48113, 47930 * time.Microsecond, 159120 * time.Microsecond}},
		{"large.txt", h2c, 2, 10, h2loadResult{loadResult{requests: 65, perSecond: 216.67}, 70643131, 55030 * time.Microsecond, 178790 * time.Microsecond}},
	} {
		got, err := parseH2load(h2loadOutput(t, tt.name), tt.over, tt.connections, tt.streams)
		if err != nil || got != tt.want {
			t.Errorf("%s: got %+v, %v, want %+v", tt.name, got, err, tt.want)
		}
	}
}

func TestH2loadsTroubleIsAnError(t *testing.T) {
	for _, tt := range []struct{ name, replace, by, text, why string }{
		{"missing.txt", "", "", "11370 failed", "the path is not there"},
		{"panic.txt", "", "", "1313 failed", "the handler panicked"},
		{"nobody.txt", "", "", "finished 0 requests", "nobody listened"},
		{"stopped.txt", "", "", "0 requests were under way", "the server said goodbye in between"},
		{"http1.txt", "", "", "did not speak h2c alone", "the server spoke HTTP/1.1"},
		{"h2.txt", "", "", "did not speak h2c alone", "it was over TLS"},
		{"h2c.txt", "1979 started", "1879 started", "only 700 requests were under way", "one of eight connections was closed"},
		{"h2c.txt", "0 errored", "3 errored", "3 errored", "connections broke"},
		{"h2c.txt", "0 timeout", "4 timeout", "4 timeout", "answers did not come in time"},
		{"h2c.txt", "0 5xx", "5 5xx", "5 5xx", "the server was overloaded"},
		{"h2c.txt", "1179 succeeded", "1178 succeeded", "1178 of them well", "what became of one is not said"},
		{"h2c.txt", "requests:", "", "what became of its requests", "the line is missing"},
		{"h2c.txt", "finished in", "", "lacks rate", "the line is missing"},
		{"h2c.txt", "traffic:", "", "lacks rate", "the line is missing"},
		{"h2c.txt", "time for request", "", "lacks rate", "the line is missing"},
		{"h2c.txt", "3930.00 req/s", "0.00 req/s", "contradict", "requests without a rate"},
		{"h2c.txt", "1979 started", "99999999999999999999 started", "it started 99999999999999999999", "nobody makes so many"},
		{"h2c.txt", "(15327) data", "(99999999999999999999) data", "out of range", "nobody sends so much"},
	} {
		out := strings.Replace(h2loadOutput(t, tt.name), tt.replace, tt.by, 1)
		connections, streams := 8, 100
		if tt.name != "h2c.txt" && tt.name != "h2.txt" {
			connections, streams = 2, 1
		}
		if r, err := parseH2load(out, h2c, connections, streams); err == nil || !strings.Contains(err.Error(), tt.text) {
			t.Errorf("%s with %q for %q: %+v, %v, want an error with %q: %s", tt.name, tt.by, tt.replace, r, err, tt.text, tt.why)
		}
	}
}

func FuzzParseH2loadAcceptsOnlyWholeResults(f *testing.F) {
	for _, name := range []string{"h2c.txt", "missing.txt", "nobody.txt"} {
		out := h2loadOutput(f, name)
		f.Add(out[max(0, strings.Index(out, "Application protocol: ")):])
	}
	f.Add("")
	f.Add("Application protocol: h2c\nfinished in 1s, 1 req/s, 1B/s\nrequests: 2 total, 2 started, 1 done, 1 succeeded, 0 failed, 0 errored, 0 timeout\n" +
		"status codes: 1 2xx, 0 3xx, 0 4xx, 0 5xx\ntraffic: 1B (1) total (1) data\ntime for request: 1us 1.5s 2.5ms 0us\n")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := parseH2load(text, h2c, 1, 1)
		if err == nil && (r.requests <= 0 || !(r.perSecond > 0) || r.bytes < 0 || r.mean < 0 || r.longest < r.mean) {
			t.Errorf("%q is taken for %+v", text, r)
		}
	})
}

func TestPercentilesComeFromH2loadsLog(t *testing.T) {
	path := filepath.Join("testdata", "h2load", "log.txt")
	p50, p99, err := h2loadLatencies(path, 40, 10)
	if want50, want99 := 274*time.Microsecond, 11108*time.Microsecond; err != nil || p50 != want50 || p99 != want99 {
		t.Errorf("got %v and %v, %v, want %v and %v: those of all but the slowest 4 of 40", p50, p99, err, want50, want99)
	}
	if _, _, err := h2loadLatencies(path, 41, 10); err == nil || !strings.Contains(err.Error(), "40 lines, of 41 requests") {
		t.Errorf("a log that is cut: %v, want an error", err)
	}
	if _, _, err := h2loadLatencies(path+".missing", 40, 10); err == nil {
		t.Error("a log that is not there is read")
	}
}

func TestWrongLinesOfH2loadsLogAreRefused(t *testing.T) {
	for text, want := range map[string]string{
		"1\t200\t5\n1\t404\t5\n":            "line 2",
		"1\t-1\t5\n":                        "line 1",
		"1\t200\n":                          "line 1",
		"1\t200\tsoon\n":                    "soon",
		"1\t200\t-5\n":                      "-5",
		"1\t200\t99999999999\n":             "99999999999",
		"\n":                                "line 1",
		strings.Repeat("x", 1<<17) + "\t\n": "too long",
	} {
		if all, err := readH2loadLog(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %v, %v, want an error with %q", text, all, err, want)
		}
	}
	if all, err := readH2loadLog(strings.NewReader("1\t200\t0\n2\t204\t7\tmore\n")); err != nil || len(all) != 2 || all[0] != time.Microsecond || all[1] != 7*time.Microsecond {
		t.Errorf("got %v, %v, want 1 µs for what was too short to tell, and 7 µs: more columns may come", all, err)
	}
}

func FuzzH2loadsLogNeverPanics(f *testing.F) {
	f.Add("1795526179174574\t200\t123\n")
	f.Add("1\t-1\t5\n")
	f.Add("\t\t")
	f.Fuzz(func(t *testing.T, text string) {
		all, err := readH2loadLog(strings.NewReader(text))
		for _, d := range all {
			if err == nil && d <= 0 {
				t.Errorf("%q has a request of %v", text, d)
			}
		}
	})
}

func TestTheLoadOfHTTP2IsWhatTheRowAsks(t *testing.T) {
	w := &workshop{dir: t.TempDir()}
	for _, tt := range []struct {
		load       h2load
		ask        request
		args       string // DIR stands for the workshop's folder
		file, want string // its beginning and end
	}{
		{h2load{connections: 8, streams: 100}, getPlaintext.in(h2c), "-t1 -c8 -m100 -p h2c http://ADDR/plaintext", "", ""},
		{h2load{connections: 8, streams: 100}, getPlaintext.in(h2), "-t1 -c8 -m100 --npn-list=h2 https://ADDR/plaintext", "", ""},
		{h2load{connections: 1, streams: 1}, getShared.in(h2c), "-t1 -c1 -m1 -p h2c -H :authority: one.test http://ADDR/plaintext", "", ""},
		{h2load{connections: 8, streams: 100}, callUnary,
			"-t1 -c8 -m100 -p h2c -H content-type: application/grpc -H te: trailers -d DIR/row.request http://ADDR/test.Echo/Unary", "row.request", "\x00\x00\x00\x00\x0dHello, World!"},
		{h2load{connections: 8, streams: 100, other: getSlow5, every: 3}, getPlaintext.in(h2c), "-t1 -c8 -m100 -p h2c -i DIR/row.urls --log-file=DIR/row.log",
			"row.urls", "http://ADDR/plaintext\nhttp://ADDR/plaintext\nhttp://ADDR/slow?ms=5\n"},
	} {
		args, err := tt.load.arguments(w, row{name: "row", ask: tt.ask}, "ADDR")
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.ReplaceAll(strings.Join(args, " "), w.dir, "DIR"); got != tt.args {
			t.Errorf("%+v: h2load %s, want %s", tt.load, got, tt.args)
		}
		if tt.file == "" {
			continue
		}
		if text, err := os.ReadFile(w.path(tt.file)); err != nil || string(text) != tt.want {
			t.Errorf("%s holds %q, %v, want %q", tt.file, text, err, tt.want)
		}
	}
}
