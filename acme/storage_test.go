package acme

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestALockExcludesEverybodyElse(t *testing.T) {
	folder := t.TempDir()
	var inside, total atomic.Int32
	var wg sync.WaitGroup
	for range 4 { // as processes are, but for the processes
		s := newStorage(folder)
		wg.Go(func() {
			for range 3 {
				if err := s.Lock(context.Background(), "issue_one.test"); err != nil {
					t.Error(err)
					return
				}
				if inside.Add(1) != 1 {
					t.Error("two have the lock")
				}
				total.Add(1)
				runtime.Gosched()
				inside.Add(-1)
				if err := s.Unlock(context.Background(), "issue_one.test"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if total.Load() != 12 {
		t.Errorf("%d times, want 12", total.Load())
	}
}

func TestWaitingForALockCanBeGivenUp(t *testing.T) {
	folder := t.TempDir()
	holder, waiter := newStorage(folder), newStorage(folder)
	if err := holder.Lock(context.Background(), "a"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	why := errors.New("no patience")
	cancel(why)
	if err := waiter.Lock(ctx, "a"); !errors.Is(err, why) {
		t.Errorf("%v, want why it was given up", err)
	}
	if err := waiter.Unlock(context.Background(), "a"); err == nil {
		t.Error("a lock that is not held was released")
	}
	if err := holder.Unlock(context.Background(), "a"); err != nil {
		t.Error(err)
	}
	if err := waiter.Lock(context.Background(), "a"); err != nil {
		t.Error(err)
	}
	if err := waiter.Unlock(context.Background(), "a"); err != nil {
		t.Error(err)
	}
}

// holderFolder names the variable that makes the test binary a process which takes a lock and keeps it.
const holderFolder = "ACME_TEST_HOLDER"

func hold(folder string) {
	if err := newStorage(folder).Lock(context.Background(), "a"); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("locked")
	time.Sleep(time.Hour) // it is killed
}

func TestALockEndsWithItsProcess(t *testing.T) {
	folder := t.TempDir()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), holderFolder+"="+folder)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "locked\n" {
		t.Fatalf("%q, %v", line, err)
	}
	s := newStorage(folder)
	if ok, err := s.TryLock(context.Background(), "a"); ok || err != nil {
		t.Errorf("%v, %v, want that the other process has it", ok, err)
	}
	cmd.Process.Kill()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := s.Lock(ctx, "a"); err != nil {
		t.Errorf("%v, want the lock of a process that was killed", err)
	}
	s.Unlock(context.Background(), "a")
}

func TestTheUpkeepOfOCSPReadsAndWritesNothingElse(t *testing.T) {
	s := newStorage(t.TempDir())
	limited := staples{s}
	ctx := context.Background()
	if err := limited.Store(ctx, "ocsp/one", []byte("response")); err != nil {
		t.Error(err)
	}
	if err := s.Store(ctx, "certificates/ca/one/one.key", []byte("key")); err != nil {
		t.Fatal(err)
	}
	if data, err := limited.Load(ctx, "ocsp/one"); string(data) != "response" || !limited.Exists(ctx, "ocsp/one") {
		t.Errorf("%q, %v, want the response", data, err)
	}
	_, read := limited.Load(ctx, "certificates/ca/one/one.key")
	if !notThere(read) || limited.Exists(ctx, "certificates/ca/one/one.key") {
		t.Errorf("%v, want that there is no key", read)
	}
	for what, err := range map[string]error{
		"reads a key":          read,
		"writes a certificate": limited.Store(ctx, "certificates/ca/one/one.crt", nil),
		"deletes a key":        limited.Delete(ctx, "certificates/ca/one/one.key"),
		"locks":                limited.Lock(ctx, "issue_cert_one"),
	} {
		if !errors.Is(err, errStaplesOnly) {
			t.Errorf("it %s: %v", what, err)
		}
	}
	if info, err := os.Stat(filepath.Join(s.Path, "certificates", "ca", "one", "one.key")); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v, want the key with mode 0600", info, err)
	}
}
