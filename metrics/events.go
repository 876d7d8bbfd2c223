package metrics

import (
	"log/slog"
)

// The events of this package.

// logConflict: an instrument was asked for that cannot be shown beside an older one of its name. Warning. Keys: name,
// exported_as, registered, requested.
func logConflict(l *slog.Logger, name, exported string, registered, requested kind) {
	l.Warn("a metric is not exported: its name is taken by another type or other buckets; rename one of the two",
		"name", name, "exported_as", exported, "registered", registered.String(), "requested", requested.String())
}

// logOverflow: an instrument has reached its limit of series. Warning, once for each instrument. Keys: name, limit.
func logOverflow(l *slog.Logger, name string, limit int) {
	l.Warn("a metric has reached its cardinality limit: further attribute sets are counted as otel.metric.overflow",
		"name", name, "limit", limit)
}
