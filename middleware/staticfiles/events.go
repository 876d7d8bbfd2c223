package staticfiles

import "log/slog"

// The events of this package. A file is looked at once a second at most, so that they are not more frequent.

// logUnreadable, warning: the file system failed, or denies access. Keys: key, the path below the root; error.
func logUnreadable(l *slog.Logger, key string, err error) {
	l.Warn("a static file cannot be read", "key", key, "error", err)
}

// logKept, warning: whether a file changed cannot be found out, and what is in memory is served. Keys as above.
func logKept(l *slog.Logger, key string, err error) {
	l.Warn("a static file cannot be looked at; it is served as it was", "key", key, "error", err)
}

// logOldVariant, warning: a compressed file is older than what it was made from. Keys: file, both below the root; original.
func logOldVariant(l *slog.Logger, file, original string) {
	l.Warn("a compressed file is older than its original and is not used: compress the original again", "file", file, "original", original)
}
