package metrics

import (
	"log/slog"
	"slices"
	"strings"
	"sync"
)

// RegistryOptions are the options of a [Registry]. The zero value works.
type RegistryOptions struct {
	// CardinalityLimit is the most series that one instrument has, the overflow series included. Zero means 2,000, the
	// default of OpenTelemetry's SDKs; less than 2 means 2.
	CardinalityLimit int
	// Process adds metrics of the Go runtime and of the process (go_goroutines, process_open_fds and so on) to what
	// Handler shows.
	Process bool
	// Logger takes the events of events.go. Nil means slog.Default().
	Logger *slog.Logger
}

func (o RegistryOptions) cardinalityLimit() int {
	if o.CardinalityLimit == 0 {
		return 2000
	}
	return max(o.CardinalityLimit, 2)
}

func (o RegistryOptions) logger() *slog.Logger {
	if o.Logger == nil {
		return slog.Default()
	}
	return o.Logger
}

// A Registry is a [Meter] that keeps the series in memory. [Registry.Handler] exposes them. It is made by NewRegistry and
// safe for concurrent use.
type Registry struct {
	opts   RegistryOptions
	shards int

	mu       sync.Mutex
	families []*family // sorted by name
}

// NewRegistry returns an empty registry.
func NewRegistry(opts RegistryOptions) *Registry {
	return &Registry{opts: opts, shards: shardCount()}
}

// Counter implements [Meter].
func (r *Registry) Counter(name, unit, description string) Counter {
	return counter{r.family(name, unit, description, counterKind, nil)}
}

// UpDownCounter implements [Meter].
func (r *Registry) UpDownCounter(name, unit, description string) UpDownCounter {
	return upDownCounter{r.family(name, unit, description, upDownCounterKind, nil)}
}

// Histogram implements [Meter]. Bounds are sorted if they are not; what is no finite number is left out.
func (r *Registry) Histogram(name, unit, description string, bounds []float64) Histogram {
	if bounds == nil {
		bounds = DefaultBounds()
	}
	return histogram{r.family(name, unit, description, histogramKind, cleanBounds(bounds))}
}

// family returns the family of this name, which it makes if there is none. "Exporters MUST drop entire metrics to prevent
// conflicting TYPE comments, but SHOULD NOT drop metric points as a result of conflicting UNIT or HELP comments"
// (https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics): when the name is taken by an
// instrument of another type, the caller gets a family that works and is not exported.
func (r *Registry) family(name, unit, description string, k kind, bounds []float64) *family {
	f := newFamily(r, name, unit, description, k, bounds)
	registered := r.register(f)
	if registered.kind == k && slices.Equal(registered.bounds, bounds) {
		return registered
	}
	logConflict(r.opts.logger(), name, f.name, registered.kind, k)
	return f
}

// register adds f and returns it, or returns the family that has its name.
func (r *Registry) register(f *family) *family {
	r.mu.Lock()
	defer r.mu.Unlock()
	i, found := slices.BinarySearchFunc(r.families, f.name, func(f *family, name string) int { return strings.Compare(f.name, name) })
	if found {
		return r.families[i]
	}
	// A copy, since handlers are reading the old one.
	r.families = slices.Insert(slices.Clone(r.families), i, f)
	return f
}

func (r *Registry) all() []*family {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.families
}
