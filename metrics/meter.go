package metrics

// A Meter makes instruments. [Registry] is one; for another metrics library, write one: three methods that make
// instruments, and for each instrument a Bind that keeps the attributes in the library's own form. The example of this
// type shows it for the shape of OpenTelemetry's API.
//
// Names and units are OpenTelemetry's: names with dots ("http.server.request.duration"), units in UCUM ("s", "By",
// "{request}"). Asking twice for the same instrument returns the same one. A Meter is safe for concurrent use.
type Meter interface {
	// Counter makes an instrument for what only grows.
	Counter(name, unit, description string) Counter
	// UpDownCounter makes an instrument for what grows and shrinks, such as the number of open connections.
	UpDownCounter(name, unit, description string) UpDownCounter
	// Histogram makes an instrument for the distribution of values. bounds are the upper bounds of its buckets, each
	// belonging to its bucket, in rising order; nil means [DefaultBounds]. They are advice: a meter may know better.
	Histogram(name, unit, description string, bounds []float64) Histogram
}

// A Counter is an instrument for what only grows.
type Counter interface {
	// Bind returns the series with these attributes. Keep it: binding is slow, recording is fast.
	Bind(attrs ...Attr) Adder
}

// An UpDownCounter is an instrument for what grows and shrinks.
type UpDownCounter interface {
	// Bind returns the series with these attributes. Keep it: binding is slow, recording is fast.
	Bind(attrs ...Attr) Adder
}

// A Histogram is an instrument for the distribution of values.
type Histogram interface {
	// Bind returns the series with these attributes. Keep it: binding is slow, recording is fast.
	Bind(attrs ...Attr) Recorder
}

// An Adder is one series of a Counter or an UpDownCounter. It is safe for concurrent use.
type Adder interface {
	// Add adds n. Less than zero is ignored by a Counter.
	Add(n int64)
}

// A Recorder is one series of a Histogram. It is safe for concurrent use.
type Recorder interface {
	// Record adds one value. Values that are negative, infinite or no number are ignored.
	Record(v float64)
}

// DefaultBounds are the buckets of a histogram without bounds of its own: those of OpenTelemetry's SDK, for milliseconds.
func DefaultBounds() []float64 {
	return []float64{0, 5, 10, 25, 50, 75, 100, 250, 500, 750, 1000, 2500, 5000, 7500, 10000}
}
