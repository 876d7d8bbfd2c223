//go:build linux

package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"
	"sync"
	"syscall"
	"testing"
	"time"
)

// needPeer finds a program that nobody here wrote. Without it the test is skipped, unless LANNER_REQUIRE_PEERS is set.
func needPeer(t *testing.T, name string) string {
	t.Helper()
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	if path := filepath.Join("/usr/sbin", name); isFile(path) { // not in everybody's PATH
		return path
	}
	missingPeer(t, name)
	return ""
}

// needNodePackage finds a file of a package in Node.
func needNodePackage(t *testing.T, file string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("testdata", "node", "node_modules", file))
	if err != nil {
		t.Fatal(err)
	}
	if !isFile(path) {
		missingPeer(t, path)
	}
	return path
}

func missingPeer(t *testing.T, name string) {
	t.Helper()
	message := name + " is not here; \"sh scripts/peers\" installs it"
	if os.Getenv("LANNER_REQUIRE_PEERS") != "" {
		t.Fatal(message)
	}
	t.Skip(message)
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// child is a process that the test started and that does not outlive it.
type child struct {
	t    *testing.T
	cmd  *exec.Cmd
	log  *lockedBuffer
	ask  syscall.Signal // asks it to end
	done chan struct{}  // closed when it has been waited for
}

// startChild starts cmd in a process group of its own. At the end of the test it is asked to end, then made to.
func startChild(t *testing.T, cmd *exec.Cmd) *child {
	t.Helper()
	c := &child{t: t, cmd: cmd, log: new(lockedBuffer), ask: syscall.SIGTERM, done: make(chan struct{})}
	if cmd.Stdout == nil {
		cmd.Stdout = c.log
	}
	cmd.Stderr = c.log
	cmd.WaitDelay = 5 * time.Second
	// Should the tests be killed, the kernel ends the child when the thread that started it ends.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(c.done)
		err := cmd.Start()
		started <- err
		if err == nil {
			cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		t.Fatalf("cannot start %s: %v", cmd.Path, err)
	}
	t.Cleanup(func() {
		c.stop()
		if t.Failed() {
			t.Logf("output of %s:\n%s", filepath.Base(cmd.Path), c.log)
		}
	})
	return c
}

// stop ends the child gracefully and demands that nothing of it is left.
func (c *child) stop() {
	c.t.Helper()
	group := -c.cmd.Process.Pid
	select {
	case <-c.done:
	default:
		c.cmd.Process.Signal(c.ask)
	}
	if !c.ended(30 * time.Second) {
		c.t.Errorf("%s did not end within 30 s of %v", c.cmd.Path, c.ask)
		syscall.Kill(group, syscall.SIGKILL)
	}
	for end := time.Now().Add(5 * time.Second); syscall.Kill(group, 0) == nil; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			c.t.Errorf("%s left processes behind", c.cmd.Path)
			syscall.Kill(group, syscall.SIGKILL)
			break
		}
	}
	<-c.done
}

// ended waits until the child has ended.
func (c *child) ended(within time.Duration) bool {
	select {
	case <-c.done:
		return true
	case <-time.After(within):
		return false
	}
}

// awaitPort waits until the child accepts connections at addr.
func (c *child) awaitPort(addr string) {
	c.t.Helper()
	eventually(c.t, c.cmd.Path+" listens on "+addr, func() bool {
		select {
		case <-c.done:
			c.t.Fatalf("%s ended: %v\n%s", c.cmd.Path, c.cmd.ProcessState, c.log)
		default:
		}
		nc, err := net.Dial("tcp", addr)
		if err == nil {
			nc.Close()
		}
		return err == nil
	})
}

// startKestrel starts the test binary as a program that kestrel alone serves, in dir, and returns its address.
func startKestrel(t *testing.T, program, dir string) string {
	t.Helper()
	return startKestrelAt(t, "http://127.0.0.1:0", program, dir)
}

var listeningOn = regexp.MustCompile(`Now listening on: http://(\S+)`)

// startKestrelAt is startKestrel for any address.
func startKestrelAt(t *testing.T, url, program, dir string) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, "--urls", url)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "LANNER_E2E_PROGRAM="+program)
	c := startChild(t, cmd)
	var addr string
	eventually(t, "kestrel listens", func() bool {
		if m := listeningOn.FindStringSubmatch(c.log.String()); m != nil {
			addr = m[1]
		}
		return addr != ""
	})
	return addr
}

// clientFrom is a client whose connections come from the loopback address ip.
func clientFrom(t *testing.T, ip string, transport *http.Transport) *http.Client {
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(ip)}}
	transport.DialContext = dialer.DialContext
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: peerTimeout}
}

// quietPort finds a port for a server that is told its port. It is below those that the system gives to connections, which
// would take it between its choice and its use.
func quietPort(t *testing.T) int {
	t.Helper()
	for range 100 {
		port := 10000 + rand.IntN(15000)
		if l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			l.Close()
			return port
		}
	}
	t.Fatal("no port from 10000 to 24999 is free")
	return 0
}

// lannerCommand builds the real command once for all tests and returns its path.
func lannerCommand(t *testing.T) string {
	t.Helper()
	path, err := builtLanner()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

var builtLanner = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "lanner-e2e")
	if err != nil {
		return "", err
	}
	atEnd = append(atEnd, func() { os.RemoveAll(dir) })
	return build(dir, "lanner", "../../cmd/lanner")
})

// build builds a command of this module into dir.
func build(dir, name, pkg string) (string, error) {
	path := filepath.Join(dir, name)
	if out, err := exec.Command("go", "build", "-o", path, pkg).CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build %s: %w\n%s", pkg, err, out)
	}
	return path, nil
}

// slowBuild reports whether the tests are built with the race detector, which makes bulk data some ten times as slow.
var slowBuild = sync.OnceValue(func() bool {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return false
	}
	for _, s := range info.Settings {
		if s.Key == "-race" && s.Value == "true" {
			return true
		}
	}
	return false
})

// unixClient is a client whose every connection goes to a unix socket.
func unixClient(t *testing.T, path string) *http.Client {
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: peerTimeout}
}
