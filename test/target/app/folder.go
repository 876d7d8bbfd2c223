package app

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// folder is the folder of /file. It is made when the first file is asked for.
var folder struct {
	mu   sync.Mutex
	path string
	root *os.Root
}

// fileTime is when all files say that they were changed, so that answers are the same in every run.
var fileTime = time.Date(2025, time.January, 1, 0, 0, 0, 0, time.UTC)

// files are the contents of the folder.
func files() map[string][]byte {
	mega := make([]byte, 0, 1<<20)
	for len(mega) < 1<<20 {
		mega = append(mega, block...)
	}
	return map[string][]byte{
		"hello.txt": []byte("Hello, File!\n"),
		"page.html": []byte("<!doctype html>\n<title>Lanner</title>\n<p>Hello, Page!\n"),
		"1k.bin":    mega[:1<<10],
		"64k.bin":   mega[:64<<10],
		"1m.bin":    mega,
	}
}

// openFile opens a file of the folder.
func openFile(name string) (*os.File, error) {
	folder.mu.Lock()
	defer folder.mu.Unlock()
	if folder.root == nil {
		if err := makeFolderLocked(); err != nil {
			return nil, fmt.Errorf("cannot make the folder of /file: %w", err)
		}
	}
	return folder.root.Open(name)
}

func makeFolderLocked() error {
	path, err := os.MkdirTemp("", "lanner-target-")
	if err != nil {
		return err
	}
	for name, content := range files() {
		file := filepath.Join(path, name)
		if err = os.WriteFile(file, content, 0o600); err == nil {
			err = os.Chtimes(file, fileTime, fileTime)
		}
		if err != nil {
			return errors.Join(err, os.RemoveAll(path))
		}
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return errors.Join(err, os.RemoveAll(path))
	}
	folder.path, folder.root = path, root
	return nil
}

// RemoveFiles removes the folder of /file, if it was made. The program calls it at its end; a later /file makes it anew.
func RemoveFiles() error {
	folder.mu.Lock()
	defer folder.mu.Unlock()
	if folder.root == nil {
		return nil
	}
	err := errors.Join(folder.root.Close(), os.RemoveAll(folder.path))
	folder.path, folder.root = "", nil
	return err
}
