package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// How long a server may take.
const (
	startTime = 20 * time.Second
	stopTime  = 10 * time.Second
)

// program is one process of a server.
type program struct {
	name string
	argv []string
}

// child is a running program. The goroutine in launch waits for it; done is closed when it has ended.
type child struct {
	program
	cmd  *exec.Cmd
	log  string // file with its output
	done chan struct{}
}

// running is a server that answers on addr. Stop it.
type running struct {
	addr     string
	children []*child
}

// startServer starts a contestant on a free port and makes sure that it answers a row's request correctly.
func startServer(ctx context.Context, w *workshop, r row, c contestant) (s *running, err error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	programs, err := c.start(w, r, port)
	if err != nil {
		return nil, err
	}
	s = &running{addr: net.JoinHostPort("127.0.0.1", strconv.Itoa(port))}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.stop())
		}
	}()
	for _, p := range programs {
		ch, err := launch(w, p)
		if err != nil {
			return s, err
		}
		s.children = append(s.children, ch)
	}
	return s, s.awaitAnswer(ctx, r.ask)
}

// launch starts a program whose output goes to a file: a pipe would wake this process while it measures.
func launch(w *workshop, p program) (*child, error) {
	log, err := os.CreateTemp(w.dir, p.name+"-*.log")
	if err != nil {
		return nil, err
	}
	defer log.Close()
	argv := w.pinned(0, p.argv)
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir, cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = w.dir, log, log, ownGroup()
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("cannot start %s: %w", p.name, err)
	}
	ch := &child{program: p, cmd: cmd, log: log.Name(), done: make(chan struct{})}
	go ch.wait()
	return ch, nil
}

func (ch *child) wait() {
	_ = ch.cmd.Wait() // ProcessState says how it ended
	close(ch.done)
}

// ended says how the program ended, with the end of what it said.
func (ch *child) ended() error {
	text, err := os.ReadFile(ch.log)
	if err != nil {
		text = []byte(err.Error())
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return fmt.Errorf("%s ended by itself: %v\n  %s", ch.name, ch.cmd.ProcessState, strings.Join(lines[max(0, len(lines)-20):], "\n  "))
}

// alive returns an error when a program has ended by itself.
func (s *running) alive() error {
	for _, ch := range s.children {
		select {
		case <-ch.done:
			return ch.ended()
		default:
		}
	}
	return nil
}

// awaitAnswer waits until the server answers correctly. A wrong answer counts as none until the time is up: a proxy may be
// there before what is behind it.
func (s *running) awaitAnswer(ctx context.Context, ask request) error {
	deadline := time.Now().Add(startTime)
	for {
		err := ask.check(ctx, s.addr)
		if err == nil {
			return nil
		}
		if ended := s.alive(); ended != nil {
			return ended
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("no correct answer within %v: %w", startTime, err)
		}
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
}

// tree is all processes of the server.
func (s *running) tree() (map[int]procStat, error) {
	if err := s.alive(); err != nil {
		return nil, err
	}
	return s.treeNow()
}

func (s *running) treeNow() (map[int]procStat, error) {
	all, err := processes()
	if err != nil {
		return nil, err
	}
	var roots []int
	for _, ch := range s.children {
		roots = append(roots, ch.cmd.Process.Pid)
	}
	return descendants(all, roots), nil
}

// memory is the sum of a memory figure over all processes of the server, in bytes.
func (s *running) memory(field string) (int64, error) {
	tree, err := s.tree()
	if err != nil {
		return 0, err
	}
	return memoryOf(tree, field)
}

// stop asks the programs to end, last started first, and ends what is left. That something was left is an error.
func (s *running) stop() error {
	tree, err := s.treeNow()
	errs := []error{err}
	for _, ch := range slices.Backward(s.children) {
		errs = append(errs, ch.stop())
	}
	all, err := processes()
	errs = append(errs, err)
	for pid, p := range tree {
		if left, alive := all[pid]; alive && left.start == p.start {
			errs = append(errs, fmt.Errorf("process %d was left behind by %s", pid, s.children[0].name), kill(pid))
		}
	}
	return errors.Join(errs...)
}

func (ch *child) stop() error {
	select {
	case <-ch.done:
		return nil
	default:
	}
	pid := ch.cmd.Process.Pid
	if err := terminate(pid); err != nil {
		return err
	}
	timer := time.NewTimer(stopTime)
	defer timer.Stop()
	select {
	case <-ch.done:
		return nil
	case <-timer.C:
		err := kill(pid)
		<-ch.done
		return errors.Join(err, fmt.Errorf("%s did not stop within %v", ch.name, stopTime))
	}
}

// freePort is a port of the loopback interface on which nobody listens.
func freePort() (int, error) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("no free port: %w", err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// folder makes a folder for what a server needs.
func (w *workshop) folder(name string) (string, error) {
	return os.MkdirTemp(w.dir, filepath.Base(name)+"-*")
}
