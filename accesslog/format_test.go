package accesslog

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestEachFormatWritesTheLinesOfItsGoldenFile(t *testing.T) {
	for _, f := range allFormats {
		t.Run(f.String(), func(t *testing.T) {
			got := f.AppendHeader(nil, begun)
			for _, name := range slices.Sorted(maps.Keys(examples)) {
				got = f.Append(got, examples[name])
			}
			golden(t, f.String()+".golden", got)
		})
	}
}

func TestALineIsAppendedToWhatIsThere(t *testing.T) {
	for _, f := range allFormats {
		alone := f.Append(nil, typical())
		got := f.Append([]byte("before "), typical())
		if string(got) != "before "+string(alone) {
			t.Errorf("%s: got %q", f, got)
		}
	}
}

func TestOnlyW3CHasAHeader(t *testing.T) {
	for _, f := range []Format{JSON, CLF, Combined} {
		if got := f.AppendHeader([]byte("x"), begun); string(got) != "x" {
			t.Errorf("%s begins a file with %q, want nothing", f, got)
		}
	}
	if got := string(W3C.AppendHeader(nil, begun)); !strings.Contains(got, "#Date: 2026-11-24 09:00:55\n") {
		t.Errorf("the date is not the one given, in UTC: %q", got)
	}
}

func TestParseFormatTakesTheNamesThatStringGives(t *testing.T) {
	for _, f := range allFormats {
		if got, err := ParseFormat(f.String()); err != nil || got != f {
			t.Errorf("ParseFormat(%q) = %v, %v", f.String(), got, err)
		}
	}
}

func TestParseFormatNamesTheNearestName(t *testing.T) {
	for _, tt := range []struct{ name, want string }{
		{"jsno", `"json"`},
		{"JSON", `"json"`},
		{"w3", `"w3c"`},
		{"common", `"clf"`},
		{"ncsa", `"clf"`},
		{"combine", `"combined"`},
	} {
		if _, err := ParseFormat(tt.name); err == nil || !strings.Contains(err.Error(), "did you mean "+tt.want+"?") {
			t.Errorf("ParseFormat(%q) fails with %v, want it to name %s", tt.name, err, tt.want)
		}
	}
	for _, name := range []string{"", "template", strings.Repeat("json", 1000)} {
		_, err := ParseFormat(name)
		if err == nil || strings.Contains(err.Error(), "did you mean") || !strings.Contains(err.Error(), "json, clf, combined, w3c") {
			t.Errorf("ParseFormat(%.20q) fails with %.200v, want it to name all formats", name, err)
		}
	}
}

func TestAFormatIsTextInAConfiguration(t *testing.T) {
	type config struct{ Format Format }
	text, err := json.Marshal(config{W3C})
	if err != nil || string(text) != `{"Format":"w3c"}` {
		t.Errorf("marshalled to %s, %v", text, err)
	}
	var c config
	if err := json.Unmarshal([]byte(`{"Format":"combined"}`), &c); err != nil || c.Format != Combined {
		t.Errorf("unmarshalled to %v, %v", c.Format, err)
	}
	if err := json.Unmarshal([]byte(`{"Format":"xml"}`), &c); err == nil || c.Format != Combined {
		t.Errorf("an unknown name gives %v, %v; want an error and no change", c.Format, err)
	}
}

func TestAValueThatIsNoFormatHasNoText(t *testing.T) {
	f := Format(9)
	if _, err := f.MarshalText(); err == nil {
		t.Error("MarshalText succeeds")
	}
	if f.String() != "Format(9)" {
		t.Errorf("String is %q", f.String())
	}
	if got, want := f.Append(nil, typical()), JSON.Append(nil, typical()); string(got) != string(want) {
		t.Errorf("it is written as %s, want JSON", got)
	}
}

func TestAddressesAreSplit(t *testing.T) {
	for _, tt := range []struct{ addr, host, port, why string }{
		{"", "", "", "nothing is known"},
		{"203.0.113.7:80", "203.0.113.7", "80", "IPv4"},
		{"[2001:db8::1]:443", "2001:db8::1", "443", "IPv6 has brackets"},
		{"[fe80::1%eth0]:443", "fe80::1%eth0", "443", "a zone"},
		{"::1", "::1", "", "IPv6 without a port"},
		{"203.0.113.7", "203.0.113.7", "", "no port"},
		{"/run/a:80", "/run/a:80", "", "a path may have colons"},
		{"@a:80", "@a:80", "", "so may an abstract socket"},
		{`C:\run\a.sock`, `C:\run\a.sock`, "", "a path of Windows"},
		{"@", "@", "", "an unbound unix socket"},
		{"a:", "a:", "", "no digits"},
		{":80", "", "80", "any host"},
	} {
		if host, port := splitAddress(tt.addr); host != tt.host || port != tt.port {
			t.Errorf("%q is split into %q, %q; want %q, %q: %s", tt.addr, host, port, tt.host, tt.port, tt.why)
		}
	}
}

func TestYearsHaveFourDigits(t *testing.T) {
	for _, tt := range []struct {
		t    time.Time
		want string
	}{
		{time.Time{}, "0001-01-01"},
		{time.Date(12345, 1, 2, 0, 0, 0, 0, time.UTC), "9999-01-02"},
		{time.Date(-5, 1, 2, 0, 0, 0, 0, time.UTC), "0000-01-02"},
	} {
		m := newMoment(tt.t)
		if got := string(m.appendDate(nil)); got != tt.want {
			t.Errorf("%v is written %s, want %s", tt.t, got, tt.want)
		}
	}
}

func TestAnEntryCostsNoMemory(t *testing.T) {
	for _, f := range allFormats {
		for name, e := range examples {
			b := make([]byte, 0, 16<<10)
			if n := testing.AllocsPerRun(100, func() { b = f.Append(b[:0], e) }); n != 0 {
				t.Errorf("%s allocates %v times for the %s entry", f, n, name)
			}
		}
	}
}
