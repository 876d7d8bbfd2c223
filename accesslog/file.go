package accesslog

import (
	"context"
	"fmt"
	"os"
)

// fileMode lets the owner write and the group read (a log has addresses and names of people). The umask may take more away.
const fileMode = 0o640

// Open returns a Log that appends to the file at path and makes it when there is none, with mode 0640. Several processes may
// append to one file: each batch is one write, so their lines stay whole. When the file ends within a line, as a crash may
// leave it, the Log begins on the next. A FIFO needs its reader first.
func Open(path string, opts Options) (*Log, error) {
	file, err := openFile(path)
	if err != nil {
		return nil, err
	}
	return start(&writer{w: file, file: file, path: path, format: opts.Format, logger: opts.logger()}, opts), nil
}

// Reopen opens the path again, for a tool that has renamed the file (logrotate, before it compresses it). Entries logged
// before the call go to the old file, later ones to the new one. When the path cannot be opened, the Log goes on with the old
// file and Reopen returns why. It is an error for a Log made by New.
func (l *Log) Reopen() error { return l.ask(context.Background(), true) }

func openFile(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, fileMode)
	if err != nil {
		return nil, fmt.Errorf("cannot open the access log: %w; its folder must exist and be writable for this user", err)
	}
	return file, nil
}

// endsWithinLine reports whether the file has a last line without its end. A file that cannot be read, or is none, such as
// a pipe, counts as whole.
func endsWithinLine(path string) bool {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() || info.Size() == 0 {
		return false
	}
	file, err := os.Open(path)
	if err != nil {
		return false
	}
	defer file.Close()
	var last [1]byte
	n, _ := file.ReadAt(last[:], info.Size()-1)
	return n == 1 && last[0] != '\n'
}
