package staticfiles

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// source is where files come from. Names are as in io/fs. What cannot exist does not, whatever the system calls it.
type source interface {
	stat(name string) (fs.FileInfo, error)
	open(name string) (fs.File, error)
	close() error
}

func openSource(opts *Options) (src source, immutable bool, err error) {
	if opts.FS != nil {
		_, embedded := opts.FS.(embed.FS)
		return fsSource{opts.FS}, embedded || opts.Immutable, nil
	}
	root, err := os.OpenRoot(opts.Root)
	if err != nil {
		return nil, false, fmt.Errorf("staticfiles: cannot open the root %s: %w", opts.Root, err)
	}
	return rootSource{root}, opts.Immutable, nil
}

type fsSource struct{ fs fs.FS }

func (s fsSource) stat(name string) (fs.FileInfo, error) { return fs.Stat(s.fs, name) }
func (s fsSource) open(name string) (fs.File, error)     { return s.fs.Open(name) }
func (s fsSource) close() error                          { return nil }

// rootSource is a directory that nothing leads out of.
type rootSource struct{ root *os.Root }

func (s rootSource) stat(name string) (fs.FileInfo, error) {
	info, err := s.root.Stat(name)
	return info, absent(err)
}

// open does not wait for what could put itself in a file's place, such as a named pipe without a writer.
func (s rootSource) open(name string) (fs.File, error) {
	file, err := s.root.OpenFile(name, openFlags, 0)
	if err != nil {
		return nil, absent(err)
	}
	return file, nil
}

func (s rootSource) close() error { return s.root.Close() }

// absent makes fs.ErrNotExist of errors that say that there can be no such file: a path through a file, a name that is too
// long, a loop of links, and what os.Root refuses, which is no error of the system.
func absent(err error) error {
	if err == nil || errors.Is(err, os.ErrClosed) {
		return err
	}
	errno, system := errors.AsType[syscall.Errno](err)
	if !system {
		return fs.ErrNotExist
	}
	for _, e := range absentErrors {
		if errno == e {
			return fs.ErrNotExist
		}
	}
	return err
}
