package launch

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

func TestCtrlCOnATerminalReachesTheProgramOnce(t *testing.T) {
	p := startOnTerminal(t, "reader")
	p.typed("hello\n")
	p.wantLine("hello") // the terminal's echo
	p.wantLine("read hello")
	p.wantLine("ready")
	p.typed("\x03")
	p.wantLine("^Cgot interrupt")
	p.wantExit(7)
}

func TestSecondCtrlCOnATerminalKills(t *testing.T) {
	p := startOnTerminal(t, "stubborn")
	p.wantLine("ready")
	p.typed("\x03")
	p.wantLine("^Cstopping") // two signals of one kind are one until the first is delivered
	p.typed("\x03")
	p.wantExit(130)
}

func TestWhatTheProgramStartedOnATerminalEndsWithIt(t *testing.T) {
	p := startOnTerminal(t, "parent")
	line, err := p.out.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	child, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	p.wantExit(0)
	wantGone(t, child)
}

func TestProgramDoesNotOutliveAKilledLanner(t *testing.T) {
	p := startOnTerminal(t, "stubborn")
	p.wantLine("ready")
	child := childOf(t, p.cmd.Process.Pid)
	p.cmd.Process.Kill()
	p.wantExit(-1)
	wantGone(t, child)
}

// onTerminal is a lanner, played by the test binary, in front of a terminal of its own.
type onTerminal struct {
	t      *testing.T
	cmd    *exec.Cmd
	master *os.File
	out    *bufio.Reader
}

func startOnTerminal(t *testing.T, mode string) *onTerminal {
	t.Helper()
	master, slave := openTerminal(t)
	cmd := exec.Command(testBinary(t), mode)
	cmd.Env = append(os.Environ(), modeVariable+"=lanner")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	slave.Close()
	return &onTerminal{t, cmd, master, bufio.NewReader(master)}
}

func openTerminal(t *testing.T) (master, slave *os.File) {
	t.Helper()
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Skipf("needs a pseudo terminal: %v", err)
	}
	master = os.NewFile(uintptr(fd), "/dev/ptmx")
	t.Cleanup(func() { master.Close() })
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	err = errors.Join(err, unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0))
	if err != nil {
		t.Skipf("needs a pseudo terminal: %v", err)
	}
	slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("needs a pseudo terminal: %v", err)
	}
	return master, slave
}

func (p *onTerminal) typed(keys string) {
	p.t.Helper()
	if _, err := p.master.WriteString(keys); err != nil {
		p.t.Fatal(err)
	}
}

func (p *onTerminal) wantLine(want string) {
	p.t.Helper()
	line, err := p.out.ReadString('\n')
	if got := strings.TrimRight(line, "\r\n"); got != want {
		p.t.Fatalf("the terminal shows %q, want %q (%v)", got, want, err)
	}
}

func (p *onTerminal) wantExit(want int) {
	p.t.Helper()
	for {
		line, err := p.out.ReadString('\n')
		if strings.TrimSpace(line) != "" && !strings.HasPrefix(line, "^C") {
			p.t.Errorf("a Ctrl-C arrives once: %q", line)
		}
		if err != nil { // the terminal is closed with the last program on it
			break
		}
	}
	p.cmd.Wait()
	if got := p.cmd.ProcessState.ExitCode(); got != want {
		p.t.Errorf("exit code %d, want %d", got, want)
	}
}

func childOf(t *testing.T, pid int) int {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		var n int
		if _, err := fmt.Sscan(entry.Name(), &n); err != nil {
			continue
		}
		if s, ok := readStat(n); ok && s.ppid == pid {
			return n
		}
	}
	t.Fatalf("process %d has no child", pid)
	return 0
}
