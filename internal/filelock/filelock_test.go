package filelock

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
)

func TestALockIsHeldUntilItsFileIsClosed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	first, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if f, err := Open(path); err != ErrLocked {
			t.Fatalf("Open while another has the lock: %v, %v, want ErrLocked", f, err)
		}
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second, err := Open(path)
	if err != nil {
		t.Fatalf("Open of a file that was left, and nobody has locked: %v", err)
	}
	if err := second.Close(); err != nil {
		t.Fatal(err)
	}
	if other, err := Open(path + "2"); err != nil {
		t.Errorf("another file is another lock: %v", err)
	} else {
		other.Close()
	}
}

func TestAnOwnerWhoRemovesTheFileLetsNoTwoHaveTheLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	var holders, taken atomic.Int32
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for mine := 0; mine < 50; {
				f, err := Open(path)
				if err == ErrLocked {
					runtime.Gosched()
					continue
				}
				if err != nil {
					if runtime.GOOS != "windows" || !errors.Is(err, fs.ErrPermission) { // there a file that is being removed cannot be opened
						t.Error(err)
						return
					}
					continue
				}
				if n := holders.Add(1); n != 1 {
					t.Errorf("%d have the lock at once", n)
				}
				mine++
				taken.Add(1)
				if mine%2 == 0 {
					os.Remove(path)
				}
				holders.Add(-1)
				f.Close()
			}
		})
	}
	wg.Wait()
	if n := taken.Load(); n != 200 {
		t.Errorf("the lock was taken %d times, want 200", n)
	}
}

func TestWhatCannotBeLockedSaysWhere(t *testing.T) {
	dir := t.TempDir()
	_, err := Open(filepath.Join(dir, "nowhere", "lock"))
	if e, ok := errors.AsType[*os.PathError](err); !ok || !errors.Is(err, fs.ErrNotExist) || e.Path != filepath.Join(dir, "nowhere", "lock") {
		t.Errorf("Open where there is no folder: %v, want fs.ErrNotExist with the path", err)
	}
	if runtime.GOOS == "windows" {
		return
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(filepath.Join(dir, "target"), link); err != nil {
		t.Fatal(err)
	}
	if f, err := Open(link); err == nil {
		f.Close()
		t.Error("a symbolic link in the place of the file was followed")
	}
	if _, err := os.Lstat(filepath.Join(dir, "target")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what the link names was made: %v", err)
	}
}
