package main

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/slogtest"
	"unicode"
)

func TestTableIsAlignedByLettersAndNotByColours(t *testing.T) {
	tab := table{head: []string{"A", "B"}}
	tab.add(cell{"käse", green}, cell{text: "x"})
	tab.add(text("a", "y")...)
	var out bytes.Buffer
	tab.write(&out, false)
	if want := "A     B\nkäse  x\na     y\n"; out.String() != want {
		t.Errorf("got\n%swant\n%s", &out, want)
	}
	out.Reset()
	tab.write(&out, true)
	if want := "\x1b[1mA\x1b[0m     \x1b[1mB\x1b[0m\n\x1b[32mkäse\x1b[0m  x\na     y\n"; out.String() != want {
		t.Errorf("got %q want %q", out.String(), want)
	}
}

func TestNumbersAreWrittenForPeople(t *testing.T) {
	for seconds, want := range map[float64]string{0: "0s", 61.4: "1m1s", 3723: "1h2m", 90061: "1d1h"} {
		if got := ago(seconds); got != want {
			t.Errorf("%v seconds: %s, want %s", seconds, got, want)
		}
	}
	for n, want := range map[int64]string{0: "0B", 1023: "1023B", 1024: "1KiB", 71 << 20: "71MiB", 3 << 29: "1.5GiB"} {
		if got := size(n); got != want {
			t.Errorf("%d bytes: %s, want %s", n, got, want)
		}
	}
}

func TestConsoleLogKeepsTheRulesOfSlog(t *testing.T) {
	var out bytes.Buffer
	h := newConsole(&out, slog.LevelInfo, false)
	err := slogtest.TestHandler(h, func() []map[string]any {
		var records []map[string]any
		for line := range strings.Lines(out.String()) {
			records = append(records, parseConsole(strings.TrimSuffix(line, "\n")))
		}
		return records
	})
	if err != nil {
		t.Error(err)
	}
}

// parseConsole reads a line of the console log, whose values hold no blanks here.
func parseConsole(line string) map[string]any {
	record := map[string]any{}
	fields := strings.Fields(line)
	if strings.Count(fields[0], ":") == 2 {
		record[slog.TimeKey], fields = fields[0], fields[1:]
	}
	record[slog.LevelKey], record[slog.MessageKey] = fields[0], fields[1]
	for _, kv := range fields[2:] {
		key, value, _ := strings.Cut(kv, "=")
		group := record
		for parts := strings.Split(key, "."); len(parts) > 0; parts = parts[1:] {
			if len(parts) == 1 {
				group[parts[0]] = value
				break
			}
			if group[parts[0]] == nil {
				group[parts[0]] = map[string]any{}
			}
			group = group[parts[0]].(map[string]any)
		}
	}
	return record
}

func FuzzPrintable(f *testing.F) {
	for _, s := range []string{"plain", "\x1b[31mred\x1b[0m", "\x1b]0;x\x07", "\u009b2J", "\xc2", "a\tb"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := printable(s, false)
		for _, r := range got {
			if unicode.IsControl(r) && r != '\t' {
				t.Errorf("%q has a control character left: %q", s, got)
			}
		}
		if coloured := printable(s, true); strings.Contains(coloured, "\x1b") && !strings.Contains(s, "m") {
			t.Errorf("only colours stay: %q", coloured)
		}
	})
}
