package accesslog

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"time"
)

// writer is the writing side of a Log. Only the loop uses it.
type writer struct {
	w      io.Writer
	file   *os.File // w, when the Log has opened it
	path   string   // of file
	format Format
	logger *slog.Logger

	batch []byte // what is being written
	at    int    // how much of it has been
	lines int64  // entries of it that have not been written whole
	torn  bool   // what has been written ends within a line

	failing  bool
	reported int64 // dropped entries the logger has been told of
	lastTold time.Time
}

// begin puts before the batch what a new file begins with.
func (w *writer) begin(now time.Time) {
	head := w.format.AppendHeader(nil, now)
	if w.file != nil && endsWithinLine(w.path) {
		head = slices.Insert(head, 0, '\n')
	}
	if len(head) > 0 {
		w.batch = slices.Concat(head, w.batch[w.at:])
		w.at = 0
	}
}

func (w *writer) empty() bool { return w.at == len(w.batch) }

// load sets the next batch. The one before must be empty.
func (w *writer) load(batch []byte, lines int64) { w.batch, w.at, w.lines = batch, 0, lines }

// spare returns the memory of the last batch, which is empty. Memory that grew for a long line is not kept.
func (w *writer) spare(size int) []byte {
	if c := cap(w.batch); c < size || c > 2*size {
		return make([]byte, 0, size)
	}
	return w.batch[:0]
}

// write writes the batch by one call. What is left after an error stays for the next.
func (w *writer) write() error {
	if w.empty() {
		return nil
	}
	rest := w.batch[w.at:]
	n, err := w.w.Write(rest)
	n = min(max(n, 0), len(rest))
	if err == nil && n < len(rest) {
		err = io.ErrShortWrite
	}
	w.at += n
	if n > 0 {
		w.torn = rest[n-1] != '\n'
	}
	if err == nil {
		w.lines = 0
		return nil
	}
	w.lines = min(w.lines, int64(bytes.Count(rest[n:], []byte{'\n'}))) // what a file begins with is no entry
	err = fmt.Errorf("cannot write the access log%s: %w", w.where(), err)
	if !w.failing {
		w.failing = true
		w.log(slog.LevelWarn, eventWriteFailed, slog.Any("error", err))
	}
	return err
}

// tellAgainAfter bounds how often the logger is told of dropped entries.
const tellAgainAfter = 10 * time.Second

// succeeded is called when nothing is left to write; dropped is the number of entries dropped so far.
func (w *writer) succeeded(dropped int64) {
	fresh := dropped - w.reported
	switch {
	case w.failing:
		w.failing = false
		w.log(slog.LevelInfo, eventWriteRecovered, slog.Int64("dropped", fresh))
	case fresh > 0 && time.Since(w.lastTold) >= tellAgainAfter:
		w.log(slog.LevelWarn, eventEntriesDropped, slog.Int64("dropped", fresh))
	default:
		return
	}
	w.reported, w.lastTold = dropped, time.Now()
}

var errNoFile = errors.New("cannot reopen the access log: it was made by New, which has a writer but no path; use Open")

// reopen exchanges the file, and says how many entries that cost. When the new one cannot be opened, the old one stays.
func (w *writer) reopen(now time.Time) (lost int64, err error) {
	if w.file == nil {
		return 0, errNoFile
	}
	file, err := openFile(w.path)
	if err != nil {
		return 0, err
	}
	old := w.file
	w.w, w.file = file, file
	if w.torn {
		lost = w.skipLine()
	}
	w.begin(now)
	if err := old.Close(); err != nil {
		return lost, fmt.Errorf("cannot close the old access log%s: %w", w.where(), err)
	}
	return lost, nil
}

// skipLine gives the rest of a line up that has begun in another file.
func (w *writer) skipLine() (lost int64) {
	w.torn = false
	before := w.lines
	w.at += bytes.IndexByte(w.batch[w.at:], '\n') + 1
	w.lines = min(w.lines, int64(bytes.Count(w.batch[w.at:], []byte{'\n'})))
	return before - w.lines
}

func (w *writer) close() error {
	if w.file == nil {
		return nil
	}
	if err := w.file.Close(); err != nil {
		return fmt.Errorf("cannot close the access log%s: %w", w.where(), err)
	}
	return nil
}

func (w *writer) where() string {
	if w.path == "" {
		return ""
	}
	return " " + w.path
}
