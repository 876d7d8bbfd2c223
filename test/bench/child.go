package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// program is one process of a server.
type program struct {
	name  string
	argv  []string
	debug string // where it tells how many objects it has allocated; "" when it does not
}

// counted has a Go program tell how many objects it allocates (test/target/mallocs).
func (p program) counted() (program, error) {
	port, err := freePort()
	if err != nil {
		return p, err
	}
	p.debug = hostPort(port)
	p.argv = append(slices.Clip(p.argv), "-debug", p.debug)
	return p, nil
}

// child is a running program. The goroutine in launch waits for it; done is closed when it has ended.
type child struct {
	program
	cmd   *exec.Cmd
	log   string // file with its output
	grace time.Duration
	done  chan struct{}
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
	ch := &child{program: p, cmd: cmd, log: log.Name(), grace: w.grace, done: make(chan struct{})}
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

// stop asks the program to end, and ends it when it does not.
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
	timer := time.NewTimer(ch.grace)
	defer timer.Stop()
	select {
	case <-ch.done:
		return nil
	case <-timer.C:
		err := kill(pid)
		<-ch.done
		return errors.Join(err, fmt.Errorf("%s did not stop within %v", ch.name, ch.grace))
	}
}
