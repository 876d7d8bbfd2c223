//go:build unix

package control

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestSocketAndFolderArePrivate(t *testing.T) {
	s, _ := start(t, newFakeHost())
	for path, want := range map[string]os.FileMode{
		s.path:               os.ModeSocket | 0o660,
		filepath.Dir(s.path): os.ModeDir | 0o750,
		s.path + ".lock":     0o600,
	} {
		st, err := os.Lstat(path)
		if err != nil {
			t.Fatal(err)
		}
		if st.Mode() != want {
			t.Errorf("%s has mode %s, others must not get through: want %s", path, st.Mode(), want)
		}
	}
}

func TestStopLeavesNothingBehind(t *testing.T) {
	path := filepath.Join(t.TempDir(), "admin.sock")
	s, err := listen(path, newFakeHost())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	left, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(left) != 0 {
		t.Errorf("neither socket nor lock stays: %v, %v", left, err)
	}
}

func TestStopWithoutStartDoesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "admin.sock")
	s, err := NewServer(newFakeHost(), Options{Socket: path})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no socket was opened: %v", err)
	}
}

func TestStaleSocketIsReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "admin.sock")
	leaveStale(t, path)
	s, err := listen(path, newFakeHost())
	if err != nil {
		t.Fatalf("what a killed host left does not keep the next from starting: %v", err)
	}
	defer s.Stop(t.Context())
}

func TestLiveSocketIsNeverTaken(t *testing.T) {
	s, c := start(t, newFakeHost())
	_, err := listen(s.path, newFakeHost())
	if _, ok := errors.AsType[*InUseError](err); !ok {
		t.Errorf("a second host is told that there is a first: %v", err)
	}
	if _, err := c.Status(t.Context()); err != nil {
		t.Errorf("the first host still answers: %v", err)
	}
}

func TestLiveSocketOfAProgramWithoutOurLockIsNeverTaken(t *testing.T) {
	path := filepath.Join(t.TempDir(), "admin.sock")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, err = listen(path, newFakeHost())
	if _, ok := errors.AsType[*InUseError](err); !ok {
		t.Errorf("somebody answers the probe: %v", err)
	}
	if _, err := os.Lstat(path); err != nil {
		t.Errorf("its socket is still there: %v", err)
	}
	if _, err := os.Lstat(path + ".lock"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("our lock is not: %v", err)
	}
}

func TestStopRemovesNoOtherSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "admin.sock")
	s, err := listen(path, newFakeHost())
	if err != nil {
		t.Fatal(err)
	}
	os.Remove(path)
	leaveStale(t, path)
	if err := s.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(path); err != nil {
		t.Errorf("the file that took the place of ours is not ours to remove: %v", err)
	}
}

func TestPlacesThatCannotHoldASocketAreExplained(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	open := filepath.Join(dir, "open")
	if err := os.Mkdir(open, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(open, 0o777); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"":                              "control.socket is empty",
		file:                            "not a socket",
		filepath.Join(file, "a.sock"):   "no folder",
		filepath.Join(open, "a.sock"):   "everybody may write there",
		"/" + strings.Repeat("x", 120):  "room for 103",
		`\\.\pipe\lanner-admin`:         "named pipe",
		filepath.Join("/dev/null", "x"): "no folder",
	} {
		s, err := listen(path, newFakeHost())
		if err == nil {
			s.Stop(t.Context())
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: the error must say %q: %v", path, want, err)
		}
	}
}

func TestStopLetsARunningCommandFinish(t *testing.T) {
	host := newFakeHost()
	entered, leave := make(chan struct{}), make(chan struct{})
	host.recycle = func(context.Context, string) ([]Step, error) {
		close(entered)
		<-leave
		return nil, nil
	}
	s, c := start(t, host)
	answered := make(chan error, 1)
	go func() { _, err := c.Recycle(t.Context(), "shop"); answered <- err }()
	<-entered
	stopped := make(chan error, 1)
	go func() { stopped <- s.socketStop(t.Context()) }()
	close(leave)
	if err := <-answered; err != nil {
		t.Errorf("the command that ran is answered: %v", err)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

func TestStopCutsACommandAtItsLimitAndWaitsForIt(t *testing.T) {
	host := newFakeHost()
	entered, left := make(chan struct{}), false
	host.recycle = func(ctx context.Context, _ string) ([]Step, error) {
		close(entered)
		<-ctx.Done()
		left = true
		return nil, context.Cause(ctx)
	}
	s, err := listen(filepath.Join(t.TempDir(), "admin.sock"), host)
	if err != nil {
		t.Fatal(err)
	}
	c := NewClient(s.path)
	defer c.Close()
	answered := make(chan error, 1)
	go func() { _, err := c.Recycle(t.Context(), "shop"); answered <- err }()
	<-entered
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if err := s.Stop(ctx); err != nil {
		t.Error(err)
	}
	if !left {
		t.Error("no command runs any more when Stop has returned")
	}
	if err := <-answered; err == nil {
		t.Error("the caller of a command that was cut is told")
	}
}

func TestClientTellsWhyNobodyAnswers(t *testing.T) {
	dir := t.TempDir()
	stale := filepath.Join(dir, "stale.sock")
	leaveStale(t, stale)
	for path, want := range map[string]string{
		filepath.Join(dir, "none.sock"): "no such socket",
		stale:                           "left over",
		`\\.\pipe\lanner-admin`:         "named pipe",
	} {
		c := NewClient(path)
		_, err := c.Status(t.Context())
		c.Close()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: the error must say %q: %v", path, want, err)
		}
	}
	c := NewClient(stale)
	defer c.Close()
	_, err := c.Status(t.Context())
	if _, ok := errors.AsType[*NotReachableError](err); !ok {
		t.Errorf("a script can tell by the type, the command by the exit code 69: %T", err)
	}
}

// leaveStale makes a socket file that nobody listens on, as a killed host leaves it.
func leaveStale(t *testing.T, path string) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := unix.Bind(fd, &unix.SockaddrUnix{Name: path}); err != nil {
		t.Fatal(err)
	}
}
