package staticfiles

import (
	"io"
	"io/fs"
	"sync/atomic"
	"testing/fstest"
)

// watchedFS counts what is done to a file system, and lets a test take part in it.
type watchedFS struct {
	fstest.MapFS
	opens, stats atomic.Int64
	onOpen       func(name string) error // may be nil
	onRead       func(name string)       // may be nil; after the first Read
}

func (f *watchedFS) Open(name string) (fs.File, error) {
	f.opens.Add(1)
	if f.onOpen != nil {
		if err := f.onOpen(name); err != nil {
			return nil, &fs.PathError{Op: "open", Path: name, Err: err}
		}
	}
	file, err := f.MapFS.Open(name)
	if err != nil {
		return nil, err
	}
	return &watchedFile{File: file, fs: f, name: name}, nil
}

func (f *watchedFS) Stat(name string) (fs.FileInfo, error) {
	f.stats.Add(1)
	return f.MapFS.Stat(name)
}

// watchedFile is the file that has the name at the time: seeking and Stat look for it anew.
type watchedFile struct {
	fs.File
	fs   *watchedFS
	name string
	read bool
}

func (f *watchedFile) Read(p []byte) (int, error) {
	n, err := f.File.Read(p)
	if !f.read && f.fs.onRead != nil {
		f.fs.onRead(f.name)
	}
	f.read = true
	return n, err
}

func (f *watchedFile) Seek(offset int64, whence int) (int64, error) {
	file, err := f.fs.MapFS.Open(f.name)
	if err != nil {
		return 0, err
	}
	f.File = file
	return file.(io.Seeker).Seek(offset, whence)
}

func (f *watchedFile) Stat() (fs.FileInfo, error) { return f.fs.MapFS.Stat(f.name) }

// inMemory is a file system of such files.
func inMemory(files map[string]string) *watchedFS {
	f := &watchedFS{MapFS: fstest.MapFS{}}
	for name, content := range files {
		f.MapFS[name] = &fstest.MapFile{Data: []byte(content), ModTime: long, Mode: 0o644}
	}
	return f
}
