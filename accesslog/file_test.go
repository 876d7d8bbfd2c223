package accesslog

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
)

func open(t *testing.T, path string, opts Options) *Log {
	t.Helper()
	opts.Logger = quiet()
	l, err := Open(path, opts)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func closeLog(t *testing.T, l *Log) {
	t.Helper()
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}

func wantFile(t *testing.T, path, why string, targets ...string) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	wantTargets(t, why, string(got), targets...)
}

func TestAFileIsAppendedTo(t *testing.T) {
	path := filepath.Join(t.TempDir(), "access.log")
	for _, target := range []string{"/a", "/b"} {
		l := open(t, path, Options{Format: CLF})
		l.Write(visit(target))
		closeLog(t, l)
	}
	wantFile(t, path, "after two runs", "/a", "/b")
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if mode := info.Mode().Perm(); runtime.GOOS != "windows" && mode&^fileMode != 0 {
		t.Errorf("the file has mode %o, want at most %o", mode, fileMode)
	}
}

func TestALineThatACrashCutIsEnded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "access.log")
	whole := string(CLF.Append(nil, visit("/a")))
	if err := os.WriteFile(path, []byte(whole+whole[:20]), fileMode); err != nil {
		t.Fatal(err)
	}
	l := open(t, path, Options{Format: CLF})
	l.Write(visit("/b"))
	closeLog(t, l)
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if want := whole + whole[:20] + "\n" + string(CLF.Append(nil, visit("/b"))); string(got) != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestAPathThatCannotBeOpenedIsNamed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none", "access.log")
	if _, err := Open(path, Options{}); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), path) {
		t.Errorf("Open returns %v", err)
	}
}

func TestReopenGoesOnInANewFile(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("an open file cannot be renamed")
	}
	dir := t.TempDir()
	path, old := filepath.Join(dir, "access.log"), filepath.Join(dir, "access.log.1")
	l := open(t, path, Options{Format: W3C})
	l.Write(typical())
	if err := os.Rename(path, old); err != nil {
		t.Fatal(err)
	}
	l.Write(typical())
	if err := l.Reopen(); err != nil {
		t.Error(err)
	}
	l.Write(typical())
	closeLog(t, l)
	line := string(W3C.Append(nil, typical()))
	for _, tt := range []struct {
		path, why string
		lines     int
	}{
		{old, "what was logged before Reopen", 2},
		{path, "what was logged after", 1},
	} {
		got, err := os.ReadFile(tt.path)
		if err != nil {
			t.Fatal(err)
		}
		head, rest, _ := strings.Cut(string(got), w3cFields+"\n")
		if !strings.HasPrefix(head, "#Software: Lanner\n#Version: 1.0\n#Date: ") || rest != strings.Repeat(line, tt.lines) {
			t.Errorf("%s: want directives and %d lines, got %q", tt.why, tt.lines, got)
		}
	}
	if err := l.Reopen(); !errors.Is(err, ErrClosed) {
		t.Errorf("Reopen after Close returns %v", err)
	}
}

func TestAFailedReopenKeepsTheOldFile(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the folder of an open file cannot be renamed")
	}
	dir := filepath.Join(t.TempDir(), "logs")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	l := open(t, filepath.Join(dir, "access.log"), Options{Format: CLF})
	if err := os.Rename(dir, dir+".1"); err != nil {
		t.Fatal(err)
	}
	if err := l.Reopen(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Reopen returns %v", err)
	}
	l.Write(visit("/a"))
	closeLog(t, l)
	wantFile(t, filepath.Join(dir+".1", "access.log"), "the old file goes on", "/a")
}

func TestALogOfAWriterCannotBeReopened(t *testing.T) {
	l := New(&sink{}, Options{})
	defer l.Close()
	if err := l.Reopen(); err == nil || !strings.Contains(err.Error(), "use Open") {
		t.Errorf("Reopen returns %v, want the way out", err)
	}
}

func TestReopenWhileEntriesComeLosesNone(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("an open file cannot be renamed")
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "access.log")
	l := open(t, path, Options{Format: CLF})
	targets := visits(500)
	var wg sync.WaitGroup
	wg.Go(func() {
		for _, target := range targets {
			l.Write(visit(target))
		}
	})
	var paths []string
	for i := range 10 {
		old := filepath.Join(dir, visits(10)[i])
		if err := os.Rename(path, old); err != nil {
			t.Fatal(err)
		}
		if err := l.Reopen(); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, old)
	}
	wg.Wait()
	closeLog(t, l)
	var all []byte
	for _, path := range append(paths, path) {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b...)
	}
	if l.Dropped() != 0 {
		t.Errorf("%d entries are dropped", l.Dropped())
	}
	wantTargets(t, "the files one after the other", string(all), targets...)
}

func TestTwoLogsOfOneFileDoNotMixTheirLines(t *testing.T) {
	path := filepath.Join(t.TempDir(), "access.log")
	var wg sync.WaitGroup
	for range 2 {
		l := open(t, path, Options{Format: CLF, BufferSize: 64 << 10, FlushInterval: -1})
		wg.Go(func() {
			for range 300 {
				l.Write(visit("/a"))
			}
			closeLog(t, l)
		})
	}
	wg.Wait()
	var want []string
	for range 600 {
		want = append(want, "/a")
	}
	wantFile(t, path, "both", want...)
}

func TestWhatAFullDiskRefusedGoesToTheNewFile(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("needs Linux's /dev/full")
	}
	dir := t.TempDir()
	path, file := filepath.Join(dir, "access.log"), filepath.Join(dir, "file")
	if err := os.Symlink("/dev/full", path); err != nil {
		t.Fatal(err)
	}
	l := open(t, path, Options{Format: CLF})
	l.Write(visit("/a"))
	if err := l.Flush(t.Context()); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("Flush returns %v", err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(file, path); err != nil {
		t.Fatal(err)
	}
	if err := l.Reopen(); err != nil {
		t.Error(err)
	}
	closeLog(t, l)
	wantFile(t, file, "what the full device refused", "/a")
	if l.Dropped() != 0 {
		t.Errorf("%d entries are dropped", l.Dropped())
	}
}

func TestALineThatBeganInTheOldFileIsNotContinuedInTheNewOne(t *testing.T) {
	for _, tt := range []struct {
		room    int
		lost    int64
		targets []string
	}{
		{0, 0, []string{"/00000", "/00001"}},
		{visitSize - 1, 1, []string{"/00001"}},
		{visitSize, 0, []string{"/00001"}},
		{visitSize + 1, 1, nil},
	} {
		path := filepath.Join(t.TempDir(), "access.log")
		file, err := openFile(path)
		if err != nil {
			t.Fatal(err)
		}
		w := &writer{w: &sink{err: syscall.ENOSPC, room: tt.room}, file: file, path: path, format: CLF, logger: quiet()}
		batch := CLF.Append(CLF.Append(nil, visit("/00000")), visit("/00001"))
		w.load(batch, 2)
		if err := w.write(); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("write returns %v", err)
		}
		lost, err := w.reopen(begun)
		if err != nil || lost != tt.lost {
			t.Errorf("after %d bytes reopen loses %d entries, %v; want %d", tt.room, lost, err, tt.lost)
		}
		if err := w.write(); err != nil {
			t.Error(err)
		}
		if err := w.close(); err != nil {
			t.Error(err)
		}
		wantFile(t, path, "the new file", tt.targets...)
	}
}
