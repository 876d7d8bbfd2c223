package module

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/lannerhq/lanner/internal/host/process"
)

// messageLimit bounds the shutdown message, so that a child that does not answer
// still has time to obey a signal.
const messageLimit = 5 * time.Second

// relistenLimit is how long a tree may take to listen again after the process
// that listened has ended, as under a launcher that restarts it.
const relistenLimit = 5 * time.Second

// Child is a started program that takes requests.
type Child struct {
	// Port of 127.0.0.1 on which it listens.
	Port int
	// Token that it expects with every request.
	Token Token
	// Process is the program that was started, with the tree below it.
	Process *process.Process

	opts     Options
	listener atomic.Int64
	done     chan struct{}
}

// Addr returns the address to connect to, "127.0.0.1:port".
func (c *Child) Addr() string { return addr(c.Port) }

// Listener returns the id of the process that listens: the program itself, or
// what a launcher has started.
func (c *Child) Listener() int { return int(c.listener.Load()) }

// Done is closed when the child has ended and its port may go to another.
func (c *Child) Done() <-chan struct{} { return c.done }

// attend watches the child until its end, and ends it when it does not listen any
// more.
func (c *Child) attend() {
	defer close(c.done)
	for c.listenerEnded() && c.relisten() {
		c.log().Info(eventListener, "id", IDProcessExit, "listener", c.Listener())
	}
	switch c.Process.State() {
	case process.Running:
		c.log().Warn(eventListener, "id", IDProcessExit, "error", "nothing of the tree listens on the port any more, it is ended")
		c.Process.Kill()
	case process.Stopping:
		// The application has obeyed, its launcher does not know that.
		c.Process.Signal(syscall.SIGTERM)
	}
	<-c.Process.Done()
	c.opts.Ports.Release(c.Port)
	exit := c.Process.Exit()
	level := slog.LevelWarn
	if exit.Requested {
		level = slog.LevelInfo
	}
	c.log().Log(context.Background(), level, eventExited, "id", IDProcessExit,
		"status", exit.String(), "requested", exit.Requested)
}

// listenerEnded returns false when the program has ended, and true when only the
// process below it has that listened.
func (c *Child) listenerEnded() bool {
	var ended <-chan struct{}
	if pid := c.Listener(); pid != c.Process.PID() {
		w := watch(pid)
		defer w.close()
		ended = w.ended
	}
	select {
	case <-c.Process.Done():
		return false
	case <-ended:
		return true
	}
}

// relisten waits until another process of the tree listens on the port. Nobody
// waits for that in a tree that is being stopped.
func (c *Child) relisten() bool {
	if c.Process.State() != process.Running {
		return false
	}
	ctx, cancel := context.WithTimeout(context.Background(), c.opts.relistenLimit())
	defer cancel()
	pid, err := WaitReady(ctx, c.Process, c.Port)
	if err != nil {
		return false
	}
	c.listener.Store(int64(pid))
	return true
}

// Stop ends the child: by the shutdown message, or else by a signal, and by force
// when ctx or the stop time limit ends first. It returns when nothing is left of
// it. The error wraps process.ErrForced if force was needed; that is logged.
func (c *Child) Stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, c.opts.stopLimit())
	defer cancel()
	so := process.StopOptions{QuitWait: c.opts.QuitWait}
	if !c.opts.NoShutdownMessage {
		so.Graceful = c.sendShutdown
	}
	err := c.Process.Stop(ctx, so)
	if err != nil {
		c.log().Warn(eventUngraceful, "id", IDUngraceful, "error", err)
	}
	<-c.done
	return err
}

// Kill ends the child by force and returns when nothing is left of it.
func (c *Child) Kill() error {
	err := c.Process.Kill()
	<-c.done
	return err
}

func (c *Child) sendShutdown(ctx context.Context) error {
	limit := messageLimit
	if end, ok := ctx.Deadline(); ok {
		limit = min(limit, time.Until(end)/2)
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err := Shutdown(ctx, c.Port, c.opts.ApplPath, c.opts.HostName, c.Token, c.opts.Protocol)
	log := c.log().With("id", IDShutdownSent)
	if refused, ok := errors.AsType[*RefusedError](err); ok {
		log.Info(eventShutdown, "status", refused.Status)
	} else if err != nil {
		log.Info(eventShutdown, "error", err)
	} else {
		log.Info(eventShutdown, "status", 202)
	}
	return err
}

func (c *Child) log() *slog.Logger { return c.opts.log().With("pid", c.Process.PID()) }
