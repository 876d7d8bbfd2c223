package staticfiles

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"
)

func TestAHitAsksTheFileSystemOnceASecond(t *testing.T) {
	fsys := inMemory(map[string]string{"a.txt": "a"})
	var c clock
	files := serve(t, Options{FS: fsys, Now: c.now})
	wantBody(t, files, "/a.txt", "a", "cold")
	opens, stats := fsys.opens.Load(), fsys.stats.Load()
	for range 100 {
		wantBody(t, files, "/a.txt", "a", "a hit")
	}
	if fsys.opens.Load() != opens || fsys.stats.Load() != stats {
		t.Errorf("hits made %d opens and %d stats, want none", fsys.opens.Load()-opens, fsys.stats.Load()-stats)
	}
	c.advance(time.Second)
	for range 100 {
		wantBody(t, files, "/a.txt", "a", "a second later")
	}
	if fsys.opens.Load() != opens || fsys.stats.Load() != 2*stats {
		t.Errorf("a second later there were %d opens and %d stats, want none and %d: the file and its three compressed forms",
			fsys.opens.Load()-opens, fsys.stats.Load()-stats, stats)
	}
}

func TestManyRequestsForAColdFileReadItOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fsys := inMemory(map[string]string{"a.txt": "a"})
		held := make(chan struct{})
		fsys.onOpen = func(string) error { <-held; return nil }
		files := serve(t, Options{FS: fsys})
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() { wantBody(t, files, "/a.txt", "a", "all get what one read") })
		}
		synctest.Wait() // all wait for the file
		close(held)
		wg.Wait()
		if fsys.opens.Load() != 1 {
			t.Errorf("the file was opened %d times, want once", fsys.opens.Load())
		}
	})
}

func TestAPanicOfTheFileSystemReleasesThoseWhoWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fsys := inMemory(map[string]string{"a.txt": "a"})
		held := make(chan struct{})
		fsys.onOpen = func(string) error { <-held; panic("broken file system") }
		files := serve(t, Options{FS: fsys})
		var wg sync.WaitGroup
		wg.Go(func() {
			defer func() {
				if recover() == nil {
					t.Error("the request that read the file did not see the panic")
				}
			}()
			ask(files, "GET", "/a.txt")
		})
		synctest.Wait()
		wg.Go(func() { wantStatus(t, files, "/a.txt", 500, "the file could not be read for it") })
		synctest.Wait()
		close(held)
		wg.Wait()
		fsys.onOpen = nil
		wantBody(t, files, "/a.txt", "a", "the next request tries again")
	})
}

func TestAFileThatChangesWhileItIsReadIsReadAgain(t *testing.T) {
	fsys := inMemory(map[string]string{"a.txt": "old"})
	fsys.onRead = func(name string) {
		fsys.onRead = nil
		fsys.MapFS[name] = &fstest.MapFile{Data: []byte("newer"), ModTime: long.Add(time.Hour), Mode: 0o644}
	}
	files := serve(t, Options{FS: fsys})
	wantBody(t, files, "/a.txt", "newer", "the state after reading was not the one before")
}

func TestTheCacheKeepsItsBounds(t *testing.T) {
	contents := map[string]string{}
	for i := range 200 {
		contents[fmt.Sprintf("f%d.txt", i)] = letters(10_000)
	}
	fsys := inMemory(contents)
	const size = 500_000
	files := serve(t, Options{FS: fsys, MaxCacheSize: size})
	for i := range 200 {
		for range 2 {
			wantBody(t, files, "/f0.txt", contents["f0.txt"], "it is asked for all the time")
			wantStatus(t, files, fmt.Sprintf("/f%d.txt", i), 200, "it is there")
		}
	}
	if got := total(files, func(s *shard) *ring { return &s.found }); got > size || got < size/2 {
		t.Errorf("%d bytes are kept, want up to %d, and not much less", got, size)
	}
	opens := fsys.opens.Load()
	wantStatus(t, files, "/f0.txt", 200, "it is there")
	if fsys.opens.Load() != opens {
		t.Error("the file that is asked for all the time was evicted: the hand did not pass it")
	}
	wantStatus(t, files, "/f1.txt", 200, "it is there")
	if fsys.opens.Load() == opens {
		t.Error("a file that was not asked for any more was kept before others")
	}
}

func TestWhatDoesNotExistIsRememberedWithinBounds(t *testing.T) {
	fsys := inMemory(map[string]string{"a.txt": "a"})
	files := serve(t, Options{FS: fsys})
	wantStatus(t, files, "/none", 404, "it does not exist")
	stats := fsys.stats.Load()
	wantStatus(t, files, "/none", 404, "it does not exist")
	if fsys.stats.Load() != stats {
		t.Error("the file system was asked again for what does not exist")
	}
	wantBody(t, files, "/a.txt", "a", "it is there")
	opens := fsys.opens.Load()
	for i := range 5000 {
		wantStatus(t, files, fmt.Sprintf("/%d/%s", i, strings.Repeat("x", 400)), 404, "anybody can ask for names")
	}
	if got := total(files, func(s *shard) *ring { return &s.missing }); got > missingSize || got < missingSize/2 {
		t.Errorf("%d bytes are kept of what does not exist, want up to %d", got, missingSize)
	}
	wantBody(t, files, "/a.txt", "a", "it is there")
	if fsys.opens.Load() != opens {
		t.Error("names that do not exist pushed out a file that does")
	}
}

// total is the cost of what the shards keep, which it counts itself.
func total(f *Files, of func(*shard) *ring) (sum int64) {
	for i := range f.cache.shards {
		r := of(&f.cache.shards[i])
		for _, e := range r.entries {
			sum += e.cost
		}
	}
	return sum
}

func TestNothingIsKeptWhenToldSo(t *testing.T) {
	for _, opts := range []Options{{MaxCacheSize: -1}, {MaxFileSize: -1}} {
		fsys := inMemory(map[string]string{"a.txt": "a"})
		opts.FS = fsys
		files := serve(t, opts)
		wantBody(t, files, "/a.txt", "a", "from the file system")
		opens := fsys.opens.Load()
		wantBody(t, files, "/a.txt", "a", "from the file system")
		if fsys.opens.Load() == opens {
			t.Errorf("MaxCacheSize %d, MaxFileSize %d: the file was not read again", opts.MaxCacheSize, opts.MaxFileSize)
		}
	}
}

func TestANegativeRevalidateAsksEachTime(t *testing.T) {
	root := tree(t, map[string]string{"a.txt": "a"})
	files := serve(t, Options{Root: root, Revalidate: -1})
	wantBody(t, files, "/a.txt", "a", "it is there")
	put(t, root, "a.txt", "changed")
	wantBody(t, files, "/a.txt", "changed", "at once")
}

var errDisk = errors.New("input/output error")

func TestAFileSystemThatFailsIsReportedAndNotBelieved(t *testing.T) {
	var log bytes.Buffer
	fsys := inMemory(map[string]string{"a.txt": "a"})
	fsys.onOpen = func(string) error { return errDisk }
	var c clock
	files := serve(t, Options{FS: fsys, Now: c.now, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	wantStatus(t, files, "/a.txt", 500, "it cannot be read")
	if !strings.Contains(log.String(), "a static file cannot be read") || !strings.Contains(log.String(), "key=a.txt") {
		t.Errorf("the log is %q, want the file and what failed", log.String())
	}
	for range 100 {
		wantStatus(t, files, "/a.txt", 500, "it still cannot")
	}
	if n := strings.Count(log.String(), "\n"); n != 1 {
		t.Errorf("%d lines are in the log after 101 requests in a second, want one: anybody can ask", n)
	}
	fsys.onOpen = nil
	wantBody(t, files, "/a.txt", "a", "a failure is not remembered")
	fsys.MapFS["a.txt"] = &fstest.MapFile{Data: []byte("changed"), ModTime: long.Add(time.Hour), Mode: 0o644}
	fsys.onOpen = func(string) error { return errDisk }
	c.advance(time.Second)
	wantBody(t, files, "/a.txt", "a", "what cannot be read anew is served as it was")
	if !strings.Contains(log.String(), "served as it was") {
		t.Errorf("the log is %q, want that it was kept", log.String())
	}
	fsys.onOpen = nil
	c.advance(time.Second)
	wantBody(t, files, "/a.txt", "changed", "it can be read again")
}
