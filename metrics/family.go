package metrics

import (
	"log/slog"
	"math"
	"slices"
	"strings"
	"sync"
)

type kind uint8

const (
	counterKind kind = iota
	upDownCounterKind
	histogramKind
)

// String returns the name of the type in the Prometheus formats.
func (k kind) String() string {
	return [...]string{"counter", "gauge", "histogram"}[k]
}

// overflowAttr marks the series that takes what is beyond the limit
// (https://opentelemetry.io/docs/specs/otel/metrics/sdk/#overflow-attribute).
var overflowAttr = Bool("otel.metric.overflow", true)

// family is an instrument with its series.
type family struct {
	name   string // as exported, without the suffixes that a type adds
	unit   string // as exported; "" for none
	help   string
	kind   kind
	bounds []float64
	origin string // the name as registered
	limit  int
	shards int
	log    *slog.Logger

	mu         sync.Mutex
	byLabels   map[string]*series
	sorted     []*series // by labels; nil after a series was added
	overflowed bool      // an attribute set found no room
}

func newFamily(r *Registry, name, unit, description string, k kind, bounds []float64) *family {
	f := &family{
		unit: unitName(unit), help: description, kind: k, bounds: bounds, origin: name,
		limit: r.opts.cardinalityLimit(), shards: r.shards, log: r.opts.logger(), byLabels: make(map[string]*series),
	}
	f.name = familyName(name, f.unit, k)
	return f
}

// series is one attribute set of a family. A counter has one word, a histogram its sum and then its buckets, of which the
// last is for values beyond all bounds.
type series struct {
	cells
	bounds []float64
	labels string // as in the text formats, without the braces
}

// bind returns the series with these attributes, or the overflow series when there are too many.
func (f *family) bind(attrs []Attr) *series {
	s, first := f.find(labels(attrSet(attrs), f.kind))
	if first {
		logOverflow(f.log, f.origin, f.limit)
	}
	return s
}

// find also reports whether this is the first that found no room.
func (f *family) find(text string) (s *series, first bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if s := f.byLabels[text]; s != nil {
		return s, false
	}
	overflow := labels([]Attr{overflowAttr}, f.kind)
	own := len(f.byLabels)
	if f.byLabels[overflow] != nil {
		own--
	}
	if text == overflow || own < f.limit-1 {
		return f.addLocked(text), false
	}
	first = !f.overflowed
	f.overflowed = true
	if s := f.byLabels[overflow]; s != nil {
		return s, first
	}
	return f.addLocked(overflow), first
}

func (f *family) addLocked(text string) *series {
	words := 1
	if f.kind == histogramKind {
		words = 1 + len(f.bounds) + 1
	}
	s := &series{cells: newCells(words, f.shards), bounds: f.bounds, labels: text}
	f.byLabels[text] = s
	f.sorted = nil
	return s
}

// all returns the series in the order of their labels. The result must not be changed.
func (f *family) all() []*series {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.sorted == nil {
		f.sorted = make([]*series, 0, len(f.byLabels))
		for _, s := range f.byLabels {
			f.sorted = append(f.sorted, s)
		}
		slices.SortFunc(f.sorted, func(a, b *series) int { return strings.Compare(a.labels, b.labels) })
	}
	return f.sorted
}

// The instruments and their series. Each of the latter is a series under another name.
type (
	counter       struct{ *family }
	upDownCounter struct{ *family }
	histogram     struct{ *family }

	boundCounter       series
	boundUpDownCounter series
	boundHistogram     series
)

func (c counter) Bind(attrs ...Attr) Adder       { return (*boundCounter)(c.bind(attrs)) }
func (c upDownCounter) Bind(attrs ...Attr) Adder { return (*boundUpDownCounter)(c.bind(attrs)) }
func (h histogram) Bind(attrs ...Attr) Recorder  { return (*boundHistogram)(h.bind(attrs)) }

func (c *boundCounter) Add(n int64) {
	if n > 0 {
		c.mine()[0].Add(uint64(n))
	}
}

// Add adds in two's complement: a shard may go below zero, the sum of all does not.
func (c *boundUpDownCounter) Add(n int64) { c.mine()[0].Add(uint64(n)) }

func (h *boundHistogram) Record(v float64) {
	if !(v >= 0 && v <= math.MaxFloat64) { // NaN compares false
		return
	}
	bucket := 0
	for bucket < len(h.bounds) && v > h.bounds[bucket] {
		bucket++
	}
	words := h.mine()
	words[1+bucket].Add(1)
	addFloat(&words[0], v)
}

// cleanBounds returns the bounds sorted, each once, without what is no finite number.
func cleanBounds(bounds []float64) []float64 {
	bounds = slices.DeleteFunc(slices.Clone(bounds), func(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) })
	slices.Sort(bounds)
	return slices.Compact(bounds)
}
