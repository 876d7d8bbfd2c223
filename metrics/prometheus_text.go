package metrics

import (
	"math"
	"strconv"
	"strings"
)

// format is one of the two text formats.
type format uint8

const (
	// prometheusText is https://prometheus.io/docs/instrumenting/exposition_formats, version 0.0.4.
	prometheusText format = iota
	// openMetrics is https://github.com/prometheus/OpenMetrics/blob/v1.0.0/specification/OpenMetrics.md.
	openMetrics
)

// contentType returns the media type of the format.
func (f format) contentType() string {
	if f == openMetrics {
		return "application/openmetrics-text; version=1.0.0; charset=utf-8"
	}
	return "text/plain; version=0.0.4; charset=utf-8"
}

// textWriter appends families to buf.
type textWriter struct {
	buf    []byte
	format format
}

// head begins a family. name is without the suffix of counters.
func (w *textWriter) head(name, unit, help string, k kind) {
	if w.format == prometheusText && k == counterKind {
		name += "_total" // there a family has the name of its samples
	}
	w.comment("HELP", name)
	w.buf = appendEscaped(w.buf, strings.ToValidUTF8(help, "\uFFFD"), w.format == openMetrics)
	w.buf = append(w.buf, '\n')
	w.comment("TYPE", name)
	w.buf = append(w.buf, k.String()...)
	w.buf = append(w.buf, '\n')
	if w.format == openMetrics && unit != "" {
		w.comment("UNIT", name)
		w.buf = append(w.buf, unit...)
		w.buf = append(w.buf, '\n')
	}
}

func (w *textWriter) comment(what, name string) {
	w.buf = append(w.buf, "# "...)
	w.buf = append(w.buf, what...)
	w.buf = append(w.buf, ' ')
	w.buf = append(w.buf, name...)
	w.buf = append(w.buf, ' ')
}

// name begins a sample: its name and labels, and the bound of its bucket, if any.
func (w *textWriter) name(name, suffix, labels, bound string) {
	w.buf = append(w.buf, name...)
	w.buf = append(w.buf, suffix...)
	if labels != "" || bound != "" {
		w.buf = append(w.buf, '{')
		w.buf = append(w.buf, labels...)
		if bound != "" {
			if labels != "" {
				w.buf = append(w.buf, ',')
			}
			w.buf = append(w.buf, `le="`...)
			w.buf = append(w.buf, bound...)
			w.buf = append(w.buf, '"')
		}
		w.buf = append(w.buf, '}')
	}
	w.buf = append(w.buf, ' ')
}

func (w *textWriter) uint(v uint64) { w.buf = append(strconv.AppendUint(w.buf, v, 10), '\n') }
func (w *textWriter) int(v int64)   { w.buf = append(strconv.AppendInt(w.buf, v, 10), '\n') }
func (w *textWriter) float(v float64) {
	w.buf = append(strconv.AppendFloat(w.buf, v, 'g', -1, 64), '\n')
}

// family writes an instrument with all its series; nothing when it has none.
func (w *textWriter) family(f *family) {
	start := len(w.buf)
	w.head(f.name, f.unit, f.help, f.kind)
	head := len(w.buf)
	switch f.kind {
	case counterKind:
		for _, s := range f.all() {
			w.name(f.name, "_total", s.labels, "")
			w.uint(s.sum(0))
		}
	case upDownCounterKind:
		for _, s := range f.all() {
			w.name(f.name, "", s.labels, "")
			w.int(int64(s.sum(0)))
		}
	case histogramKind:
		bounds := w.bounds(f.bounds)
		for _, s := range f.all() {
			w.histogram(f.name, s, bounds)
		}
	}
	if len(w.buf) == head {
		w.buf = w.buf[:start]
	}
}

// histogram writes one series; nothing when it has no values. Its count is the sum of the buckets that were read, so that
// the two agree while others record.
func (w *textWriter) histogram(name string, s *series, bounds []string) {
	start := len(w.buf)
	var count uint64
	for i, bound := range bounds {
		count += s.sum(1 + i)
		w.name(name, "_bucket", s.labels, bound)
		w.uint(count)
	}
	if count == 0 {
		w.buf = w.buf[:start]
		return
	}
	w.name(name, "_sum", s.labels, "")
	w.float(s.sumFloat(0))
	w.name(name, "_count", s.labels, "")
	w.uint(count)
}

// bounds returns the values of le, +Inf included. OpenMetrics has floating-point numbers with a point there, so that a
// bucket is called the same by all: "1.0".
func (w *textWriter) bounds(bounds []float64) []string {
	list := make([]string, 0, len(bounds)+1)
	for _, v := range bounds {
		text := strconv.FormatFloat(v, 'g', -1, 64)
		if w.format == openMetrics && v == math.Trunc(v) && !strings.ContainsAny(text, ".e") {
			text += ".0"
		}
		list = append(list, text)
	}
	return append(list, "+Inf")
}

// end ends the exposition.
func (w *textWriter) end() {
	if w.format == openMetrics {
		w.buf = append(w.buf, "# EOF\n"...)
	}
}
