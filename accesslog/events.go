package accesslog

import (
	"context"
	"log/slog"
)

// The events of a Log. Key of all: path, when it has one.
const (
	// Warning: an attempt to write failed; it is repeated. Told once until writing works again. Keys: error.
	eventWriteFailed = "the access log cannot be written, its entries wait"
	// Info: an attempt succeeded after one that failed. Keys: dropped, the number of entries lost meanwhile.
	eventWriteRecovered = "the access log is written again"
	// Warning, at most every 10 s: entries came faster than they could be written. Keys: dropped, since the last such event.
	eventEntriesDropped = "entries of the access log were dropped, its writer is too slow"
)

func (w *writer) log(level slog.Level, event string, attrs ...slog.Attr) {
	if w.path != "" {
		attrs = append(attrs, slog.String("path", w.path))
	}
	w.logger.LogAttrs(context.Background(), level, event, attrs...)
}
