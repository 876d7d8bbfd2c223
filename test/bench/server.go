package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"time"
)

// How long a server may take.
const (
	startTime = 20 * time.Second
	stopTime  = 10 * time.Second
)

// running is a server that answers on addr. Stop it.
type running struct {
	addr     string
	children []*child
	grace    time.Duration // that its processes have to stop
}

// startServer starts a contestant on a free port and makes sure that it answers a row's request correctly.
func startServer(ctx context.Context, w *workshop, r row, c contestant) (*running, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	programs, err := c.start(w, r, port)
	if err != nil {
		return nil, err
	}
	s := &running{addr: net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), grace: w.grace}
	for _, p := range programs {
		ch, err := launch(w, p)
		if err != nil {
			return nil, errors.Join(err, s.stop())
		}
		s.children = append(s.children, ch)
	}
	if err := s.awaitAnswer(ctx, r.ask); err != nil {
		return nil, errors.Join(err, s.stop())
	}
	return s, nil
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
	left, err := remaining(tree, s.grace)
	errs = append(errs, err)
	for _, pid := range left {
		errs = append(errs, fmt.Errorf("process %d was left behind by %s", pid, s.children[0].name), kill(pid))
	}
	return errors.Join(errs...)
}

// remaining are the processes of a tree that have not ended when grace has passed. The helpers of a server, such as those of
// h2o, notice its end a moment later.
func remaining(tree map[int]procStat, grace time.Duration) ([]int, error) {
	for deadline := time.Now().Add(grace); ; time.Sleep(10 * time.Millisecond) {
		all, err := processes()
		if err != nil {
			return nil, err
		}
		var left []int
		for pid, p := range tree {
			if now, alive := all[pid]; alive && now.start == p.start {
				left = append(left, pid)
			}
		}
		if len(left) == 0 || time.Now().After(deadline) {
			return left, nil
		}
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
