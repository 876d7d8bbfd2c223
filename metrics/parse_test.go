package metrics

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// exposition is what the parser below makes of either text format.
type exposition struct {
	families []*parsedFamily
	byName   map[string]*parsedFamily
}

type parsedFamily struct {
	name, help, kind, unit string
	samples                []sample
}

type sample struct {
	name   string
	labels map[string]string
	text   string // the labels as they were written
	value  float64
}

// find returns the sample of this name with these labels, as written.
func (e *exposition) find(t *testing.T, name, labels string) float64 {
	t.Helper()
	for _, f := range e.families {
		for _, s := range f.samples {
			if s.name == name && s.text == labels {
				return s.value
			}
		}
	}
	t.Fatalf("there is no sample %s{%s}", name, labels)
	return 0
}

var (
	metricName = regexp.MustCompile(`^[a-zA-Z_:][a-zA-Z0-9_:]*$`)
	labelKey   = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)
)

// parse reads an exposition strictly: it fails for whatever one of the formats does not allow.
func parse(text string, f format) (*exposition, error) {
	e := &exposition{byName: make(map[string]*parsedFamily)}
	if f == openMetrics {
		body, ok := strings.CutSuffix(text, "# EOF\n")
		if !ok {
			return nil, fmt.Errorf("does not end with # EOF")
		}
		text = body
	}
	for text != "" {
		line, rest, ok := strings.Cut(text, "\n")
		if !ok {
			return nil, fmt.Errorf("the last line has no end: %q", line)
		}
		text = rest
		if err := e.line(line, f); err != nil {
			return nil, fmt.Errorf("%w in line %q", err, line)
		}
	}
	for _, family := range e.families {
		if err := family.check(f); err != nil {
			return nil, fmt.Errorf("family %s: %w", family.name, err)
		}
	}
	return e, nil
}

func (e *exposition) line(line string, f format) error {
	if comment, ok := strings.CutPrefix(line, "# "); ok {
		what, rest, _ := strings.Cut(comment, " ")
		name, value, _ := strings.Cut(rest, " ")
		return e.comment(what, name, value, f)
	}
	if len(e.families) == 0 {
		return fmt.Errorf("a sample before the first family")
	}
	s, err := parseSample(line)
	if err != nil {
		return err
	}
	family := e.families[len(e.families)-1]
	family.samples = append(family.samples, s)
	return nil
}

func (e *exposition) comment(what, name, value string, f format) error {
	if !metricName.MatchString(name) {
		return fmt.Errorf("bad name %q", name)
	}
	if what == "HELP" { // our families begin with it
		if e.byName[name] != nil {
			return fmt.Errorf("a second family of that name")
		}
		help, err := unescape(value, f == openMetrics)
		family := &parsedFamily{name: name, help: help}
		e.byName[name] = family
		e.families = append(e.families, family)
		return err
	}
	family := e.byName[name]
	if family == nil || family != e.families[len(e.families)-1] || len(family.samples) > 0 {
		return fmt.Errorf("out of place")
	}
	switch what {
	case "TYPE":
		family.kind = value
	case "UNIT":
		family.unit = value
	default:
		return fmt.Errorf("unknown comment")
	}
	return nil
}

func parseSample(line string) (sample, error) {
	end := strings.IndexAny(line, "{ ")
	if end < 0 || !metricName.MatchString(line[:end]) {
		return sample{}, fmt.Errorf("no name")
	}
	s := sample{name: line[:end], labels: make(map[string]string)}
	rest := line[end:]
	if rest[0] == '{' {
		start := rest
		rest = rest[1:]
		for rest[0] != '}' {
			var err error
			if rest, err = s.label(rest); err != nil {
				return s, err
			}
		}
		s.text = start[1 : len(start)-len(rest)]
		rest = rest[1:]
	}
	value, ok := strings.CutPrefix(rest, " ")
	if !ok {
		return s, fmt.Errorf("no space before the value")
	}
	var err error
	s.value, err = strconv.ParseFloat(value, 64)
	return s, err
}

// label reads a label and the comma after it.
func (s *sample) label(text string) (rest string, err error) {
	key, rest, ok := strings.Cut(text, `="`)
	if !ok || !labelKey.MatchString(key) {
		return "", fmt.Errorf("bad label %q", key)
	}
	end := 0
	for end < len(rest) && rest[end] != '"' {
		if rest[end] == '\\' {
			end++
		}
		end++
	}
	if end+1 >= len(rest) {
		return "", fmt.Errorf("label without end")
	}
	if _, ok := s.labels[key]; ok {
		return "", fmt.Errorf("label %s twice", key)
	}
	if s.labels[key], err = unescape(rest[:end], true); err != nil {
		return "", err
	}
	rest = rest[end+1:]
	if rest[0] != ',' && rest[0] != '}' {
		return "", fmt.Errorf("no comma after label %s", key)
	}
	return strings.TrimPrefix(rest, ","), nil
}

func unescape(s string, quotes bool) (string, error) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '"' && quotes {
			return "", fmt.Errorf("quote without backslash")
		}
		if c != '\\' {
			b.WriteByte(c)
			continue
		}
		i++
		switch {
		case i < len(s) && s[i] == 'n':
			b.WriteByte('\n')
		case i < len(s) && (s[i] == '\\' || s[i] == '"' && quotes):
			b.WriteByte(s[i])
		default:
			return "", fmt.Errorf("unknown escape")
		}
	}
	return b.String(), nil
}

// check holds a family to the rules for its type.
func (p *parsedFamily) check(f format) error {
	base := p.name
	if f == openMetrics && p.unit != "" && !strings.HasSuffix(p.name, "_"+p.unit) {
		return fmt.Errorf("the name does not end with its unit %s", p.unit)
	}
	suffixes := []string{""}
	switch p.kind {
	case "counter":
		suffixes = []string{"_total"}
		if f == prometheusText {
			var ok bool
			if base, ok = strings.CutSuffix(p.name, "_total"); !ok {
				return fmt.Errorf("a counter without _total")
			}
		}
	case "histogram":
		suffixes = []string{"_bucket", "_sum", "_count"}
	case "gauge":
	default:
		return fmt.Errorf("unknown type %q", p.kind)
	}
	seen := make(map[string]bool)
	for _, s := range p.samples {
		suffix, ok := strings.CutPrefix(s.name, base)
		if !ok || !slices.Contains(suffixes, suffix) {
			return fmt.Errorf("a foreign sample %s", s.name)
		}
		if id := s.name + "{" + s.text; seen[id] {
			return fmt.Errorf("the series %s twice", id)
		} else {
			seen[id] = true
		}
	}
	if p.kind == "histogram" {
		return p.checkHistogram()
	}
	return nil
}

func (p *parsedFamily) checkHistogram() error {
	var last, bound float64
	open := false
	for _, s := range p.samples {
		switch strings.TrimPrefix(s.name, p.name) {
		case "_bucket":
			le, err := strconv.ParseFloat(s.labels["le"], 64)
			if err != nil {
				return err
			}
			if open && (s.value < last || le <= bound) {
				return fmt.Errorf("buckets do not rise at le=%v", le)
			}
			last, bound, open = s.value, le, true
		case "_count":
			if s.value != last || !open {
				return fmt.Errorf("count %v, but the last bucket has %v", s.value, last)
			}
			open = false
		}
	}
	if open {
		return fmt.Errorf("buckets without a count")
	}
	return nil
}

// scrape renders a registry and parses it back.
func scrape(t *testing.T, r *Registry, f format) *exposition {
	t.Helper()
	text := string(r.appendText(nil, f))
	e, err := parse(text, f)
	if err != nil {
		t.Fatalf("the exposition is not valid: %v\n%s", err, text)
	}
	return e
}
