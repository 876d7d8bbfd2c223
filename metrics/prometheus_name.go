package metrics

import (
	"slices"
	"strings"
)

// How names become Prometheus's is written in
// https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics, "Metric Metadata" and "Metric Attributes".

// units are the words for units in UCUM.
var units = map[string]string{
	"1": "ratio", "%": "percent",
	"d": "days", "h": "hours", "min": "minutes", "s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds",
	"By": "bytes", "KBy": "kilobytes", "MBy": "megabytes", "GBy": "gigabytes", "TBy": "terabytes",
	"KiBy": "kibibytes", "MiBy": "mebibytes", "GiBy": "gibibytes", "TiBy": "tebibytes",
	"m": "meters", "V": "volts", "A": "amperes", "J": "joules", "W": "watts", "g": "grams", "Cel": "celsius", "Hz": "hertz",
}

// perUnits are the words for units below a fraction line.
var perUnits = map[string]string{"s": "second", "min": "minute", "h": "hour", "d": "day"}

// unitName returns the word for a unit: "seconds" for "s", "bytes_per_second" for "By/s", nothing for "{request}".
func unitName(unit string) string {
	top, bottom, fraction := strings.Cut(withoutAnnotations(unit), "/")
	name := unitWord(units, top)
	if fraction && top == "1" {
		name = ""
	}
	if below := unitWord(perUnits, bottom); fraction && below != "" {
		name = strings.TrimPrefix(name+"_per_"+below, "_")
	}
	return name
}

func unitWord(words map[string]string, unit string) string {
	if word, ok := words[unit]; ok {
		return word
	}
	return strings.Trim(validName(unit, false), "_")
}

// withoutAnnotations removes what is in braces: UCUM's annotations, which are no units.
func withoutAnnotations(unit string) string {
	for {
		start := strings.IndexByte(unit, '{')
		if start < 0 {
			return unit
		}
		end := strings.IndexByte(unit[start:], '}')
		if end < 0 {
			return unit[:start]
		}
		unit = unit[:start] + unit[start+end+1:]
	}
}

// familyName returns the name of a family: with its unit, without the suffix _total that the samples of a counter have.
func familyName(name, unit string, k kind) string {
	name = validName(name, true)
	if k == counterKind {
		name = strings.TrimSuffix(name, "_total")
	}
	if unit != "" && !strings.HasSuffix(name, "_"+unit) {
		name = strings.TrimSuffix(name, "_") + "_" + unit
	}
	return name
}

// validName replaces what a name may not have by underscores, and several underscores by one. Only the names of metrics
// may have colons.
func validName(name string, colons bool) string {
	b := make([]byte, 0, len(name)+1)
	for i := range len(name) {
		c := name[i]
		digit := c >= '0' && c <= '9'
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == ':' && colons
		if digit && len(b) == 0 {
			b = append(b, '_')
		}
		switch {
		case digit || letter:
			b = append(b, c)
		case len(b) == 0 || b[len(b)-1] != '_':
			b = append(b, '_')
		}
	}
	if len(b) == 0 {
		return "_"
	}
	return string(b)
}

// labels renders attributes, which are sorted and unique by key, as the text formats have them: a="1",b="2". "If multiple
// key-value pairs are converted to have the same Prometheus key, the values MUST be concatenated together, separated by
// ;, and ordered by the lexicographical order of the original keys."
func labels(attrs []Attr, k kind) string {
	type label struct{ name, value string }
	var list []label
	for _, a := range attrs {
		l := label{labelName(a.key, k), a.Text()}
		if i := slices.IndexFunc(list, func(have label) bool { return have.name == l.name }); i >= 0 {
			list[i].value += ";" + l.value
			continue
		}
		list = append(list, l)
	}
	var b []byte
	for i, l := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, l.name...)
		b = append(b, `="`...)
		b = appendEscaped(b, strings.ToValidUTF8(l.value, "\uFFFD"), true)
		b = append(b, '"')
	}
	return string(b)
}

// labelName makes way for the label that histograms have of themselves.
func labelName(key string, k kind) string {
	name := validName(key, false)
	if name == "le" && k == histogramKind {
		return "exported_le"
	}
	return name
}

// appendEscaped appends a label's value, or the text of a HELP line, where Prometheus leaves quotes as they are.
func appendEscaped(b []byte, s string, quotes bool) []byte {
	for i := range len(s) {
		switch c := s[i]; {
		case c == '\\':
			b = append(b, `\\`...)
		case c == '\n':
			b = append(b, `\n`...)
		case c == '"' && quotes:
			b = append(b, `\"`...)
		default:
			b = append(b, c)
		}
	}
	return b
}
