package control

import (
	"bufio"
	"errors"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	nobody = 65534
	crowd  = 54321 // a group of ours
)

func TestOnlyRootTheOwnUserAndTheGroupOfTheSocketMayUseIt(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to become somebody else")
	}
	s, _ := start(t, newFakeHost())
	openWay(t, s.path)
	for _, c := range []struct {
		why    string
		mode   os.FileMode
		gid    int
		groups []uint32
		want   int // 0: the system refuses the connection
	}{
		{"the mode alone keeps strangers out", 0o660, 0, nil, 0},
		{"a mode changed by mistake does not let them in", 0o666, 0, nil, http.StatusForbidden},
		{"a member of the group may", 0o660, crowd, []uint32{1, crowd}, http.StatusOK},
		{"a group the mode does not admit may not", 0o606, crowd, []uint32{1, crowd + 1}, http.StatusForbidden},
	} {
		if err := errors.Join(os.Chown(s.path, 0, c.gid), os.Chmod(s.path, c.mode)); err != nil {
			t.Fatal(err)
		}
		got, err := askAsNobody(s.path, c.groups)
		if c.want == 0 && errors.Is(err, fs.ErrPermission) {
			continue
		}
		if err != nil || got != c.want {
			t.Errorf("%s: status %d, %v; want %d", c.why, got, err, c.want)
		}
	}
}

func TestClientOfAStrangerIsToldAboutPermission(t *testing.T) {
	c := NewClient("/tmp/admin.sock")
	defer c.Close()
	err := c.explain(&net.OpError{Op: "dial", Net: "unix", Err: os.NewSyscallError("connect", unix.EACCES)})
	if _, ok := errors.AsType[*PermissionError](err); !ok {
		t.Errorf("exit code 77 hangs on the type: %T", err)
	}
}

// openWay lets everybody through the folders of the test, whose own mode is not the point here.
func openWay(t *testing.T, path string) {
	t.Helper()
	for dir := filepath.Dir(path); dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

// askAsNobody asks for the status on a thread that has given up root for good: raw system calls change the credentials of
// one thread only, and a goroutine that returns with its thread locked takes it along.
func askAsNobody(socket string, groups []uint32) (int, error) {
	type answer struct {
		status int
		err    error
	}
	result := make(chan answer, 1)
	go func() {
		runtime.LockOSThread()
		if err := becomeNobody(groups); err != nil {
			result <- answer{err: err}
			return
		}
		status, err := ask(socket)
		result <- answer{status, err}
	}()
	a := <-result
	return a.status, a.err
}

func becomeNobody(groups []uint32) error {
	var list unsafe.Pointer
	if len(groups) > 0 {
		list = unsafe.Pointer(&groups[0])
	}
	if _, _, errno := unix.RawSyscall(unix.SYS_SETGROUPS, uintptr(len(groups)), uintptr(list), 0); errno != 0 {
		return os.NewSyscallError("setgroups", errno)
	}
	if _, _, errno := unix.RawSyscall(unix.SYS_SETRESGID, nobody, nobody, nobody); errno != 0 {
		return os.NewSyscallError("setresgid", errno)
	}
	if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, nobody, nobody, nobody); errno != 0 {
		return os.NewSyscallError("setresuid", errno)
	}
	return nil
}

func ask(socket string) (int, error) {
	conn, err := net.Dial("unix", socket)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("GET /livez HTTP/1.1\r\nHost: lanner\r\nConnection: close\r\n\r\n")); err != nil {
		return 0, err
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	return resp.StatusCode, nil
}
