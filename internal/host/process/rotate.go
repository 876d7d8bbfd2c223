package process

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// FileOptions configures a File. Path must be set, everything else may be zero.
type FileOptions struct {
	// Path of the file. Folders above it are made, readable to those who may read
	// the file.
	Path string
	// MaxSize in bytes, after which the file is put aside as Path.1, the former
	// Path.1 as Path.2 and so on. Zero means 10 MiB, negative means no limit.
	MaxSize int64
	// MaxFiles is how many files there may be, with the present one. Zero means 5.
	MaxFiles int
	// Mode of new files. Zero means 0600; 0640 lets a group read.
	Mode fs.FileMode
	// Report is told of the first error of a row, and with nil when writing works
	// again; also when the file cannot be put aside, which stops nothing. It is called with the File locked and must not use it. May be nil.
	Report func(error)
}

// The kubelet's defaults for the same job, containerLogMaxSize and
// containerLogMaxFiles.
const (
	defaultMaxSize  = 10 << 20
	defaultMaxFiles = 5
)

// fileRetry is the pause after an error. What is printed meanwhile is lost, and
// counted: a full disk must not stop the program that prints.
const fileRetry = time.Second

// File is a log file that rotates. It is opened with the first line, so that a
// silent program leaves no empty file. Its methods may be called by several
// goroutines at once, but not several Files may have the same path.
type File struct {
	opts FileOptions
	now  func() time.Time

	mu      sync.Mutex
	f       *os.File // nil while not open
	size    int64
	limit   int64 // size at which to rotate
	err     error // of the present row of errors
	retryAt time.Time
	lost    uint64
	closed  bool
	buf     []byte
}

// NewFile returns a File; nothing is opened yet.
func NewFile(opts FileOptions) *File {
	if opts.MaxSize == 0 {
		opts.MaxSize = defaultMaxSize
	}
	if opts.MaxFiles <= 0 {
		opts.MaxFiles = defaultMaxFiles
	}
	if opts.Mode == 0 {
		opts.Mode = 0o600
	}
	return &File{opts: opts, now: time.Now}
}

// Path returns the path of the present file.
func (f *File) Path() string { return f.opts.Path }

// Err returns the error that keeps the File from writing; nil if all is well.
func (f *File) Err() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}

// Lost returns how many lines could not be written.
func (f *File) Lost() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.lost
}

// writeChunk is how much is handed to the system at once.
const writeChunk = 64 << 10

// WriteLines writes each line as one record. A record is written whole or not
// at all.
func (f *File) WriteLines(lines []Line) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed || f.err != nil && f.now().Before(f.retryAt) {
		f.lost += uint64(len(lines))
		return
	}
	if err := f.openLocked(); err != nil {
		f.failLocked(err, len(lines))
		return
	}
	f.buf = f.buf[:0]
	count := 0
	for _, l := range lines {
		before := len(f.buf)
		f.buf = appendRecord(f.buf, l)
		if before > 0 && (len(f.buf) > writeChunk || f.overLocked(len(f.buf))) {
			f.flushLocked(f.buf[:before], count)
			f.buf = append(f.buf[:0], f.buf[before:]...)
			count = 0
		}
		count++
	}
	f.flushLocked(f.buf, count)
	if cap(f.buf) > 2*writeChunk {
		f.buf = nil
	}
}

// overLocked reports whether n more bytes make the file too large.
func (f *File) overLocked(n int) bool {
	return f.opts.MaxSize > 0 && f.size+int64(n) > f.limit
}

func (f *File) flushLocked(records []byte, count int) {
	if err := f.writeLocked(records); err != nil {
		f.failLocked(err, count)
		return
	}
	f.noteLocked(nil)
}

func (f *File) failLocked(err error, lines int) {
	f.lost += uint64(lines)
	f.retryAt = f.now().Add(fileRetry)
	f.noteLocked(err)
}

// noteLocked reports the first error of a row and the end of the row.
func (f *File) noteLocked(err error) {
	changed := (err == nil) != (f.err == nil)
	f.err = err
	if changed {
		f.report(err)
	}
}

func (f *File) report(err error) {
	if f.opts.Report != nil {
		f.opts.Report(err)
	}
}

func (f *File) writeLocked(records []byte) error {
	// A file takes at least one record, however long.
	if f.size > 0 && f.overLocked(len(records)) {
		if err := f.rotateLocked(); err != nil {
			return err
		}
	}
	if err := f.openLocked(); err != nil { // closed by a rotation that failed
		return err
	}
	n, err := f.f.Write(records)
	if err != nil && n > 0 && f.f.Truncate(f.size) == nil {
		n = 0 // the half record is gone again
	}
	f.size += int64(n)
	if err != nil {
		return fmt.Errorf("cannot write to log file %s: %w", f.opts.Path, err)
	}
	return nil
}

// openLocked opens the file if it is not open.
func (f *File) openLocked() error {
	if f.f != nil {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(f.opts.Path), f.folderMode()); err != nil {
		return fmt.Errorf("cannot make the folder of log file %s: %w", f.opts.Path, err)
	}
	// Where the program may write into the folder of its own log, it must not make
	// the host write elsewhere (a link) or hang (a fifo).
	file, err := os.OpenFile(f.opts.Path, os.O_WRONLY|os.O_APPEND|os.O_CREATE|openNoFollow, f.opts.Mode)
	if err != nil {
		return fmt.Errorf("cannot open log file %s: %w", f.opts.Path, err)
	}
	st, err := file.Stat()
	if err == nil && !st.Mode().IsRegular() {
		err = fmt.Errorf("it is not a regular file but %s", st.Mode().Type())
	}
	if err != nil {
		file.Close()
		return fmt.Errorf("cannot use log file %s: %w", f.opts.Path, err)
	}
	f.f, f.size, f.limit = file, st.Size(), f.opts.MaxSize
	return nil
}

// folderMode lets those into the folder who may read the file.
func (f *File) folderMode() fs.FileMode {
	read := f.opts.Mode & 0o044
	return 0o700 | read | read>>2
}

// rotateLocked puts the present file aside. If that cannot be done, the file
// grows on and the next try comes after as much again.
func (f *File) rotateLocked() error {
	f.closeLocked()
	renamed := f.shift()
	if err := f.openLocked(); err != nil {
		return err
	}
	if renamed != nil {
		f.limit = f.size + f.opts.MaxSize
		f.report(fmt.Errorf("cannot rotate log file %s, it grows on: %w", f.opts.Path, renamed))
	}
	return nil
}

func (f *File) shift() error {
	if f.opts.MaxFiles == 1 {
		return os.Remove(f.opts.Path)
	}
	for i := f.opts.MaxFiles - 2; i >= 1; i-- {
		// A gap in the row is no error; a name that cannot be moved shows below.
		_ = os.Rename(f.numbered(i), f.numbered(i+1))
	}
	return os.Rename(f.opts.Path, f.numbered(1))
}

func (f *File) numbered(i int) string { return fmt.Sprintf("%s.%d", f.opts.Path, i) }

// Reopen closes the file; the next line opens it anew. For programs such as
// logrotate, which move it away.
func (f *File) Reopen() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closeLocked()
	f.retryAt = time.Time{}
}

// Close closes the file. Lines that come later are lost.
func (f *File) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	return f.closeLocked()
}

func (f *File) closeLocked() error {
	if f.f == nil {
		return nil
	}
	err := f.f.Close()
	f.f, f.size = nil, 0
	return err
}
