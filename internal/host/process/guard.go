package process

import (
	"bufio"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"sync"
	"time"
)

// The guard is a second process of the same program, which does nothing but read
// a pipe from the host. When the host ends, by whatever means, the pipe ends, and
// the guard kills every tree it was told of and not told the end of. Linux kills
// the direct children of a dead host by itself (Pdeathsig), but not their
// children; other unixes do neither.

// guardVariable is set in the guard's environment, and only there.
const guardVariable = "LANNER_GUARD"

// guardReady is the guard's first and only word.
const guardReady = "lanner guard ready\n"

// guardStartLimit bounds the start of the guard.
const guardStartLimit = 10 * time.Second

// guardPause is kept between a guard's end and the start of the next.
const guardPause = time.Second

const guardSupported = runtime.GOOS != "windows"

// guard is the host's side.
type guard struct {
	sup  *Supervisor
	quit chan struct{}
	done chan struct{} // the watch has ended

	mu      sync.Mutex
	closed  bool
	proc    *os.Process      // nil between two guards
	control *os.File         // nil until proc is ready
	trees   map[*tree]string // what a new guard must be told
}

func newGuard(s *Supervisor) (*guard, error) {
	if os.Getenv(guardVariable) != "" {
		return nil, errors.New("this is the guard process itself: main must call process.RunGuard before anything else")
	}
	g := &guard{
		sup: s, trees: make(map[*tree]string),
		quit: make(chan struct{}), done: make(chan struct{}),
	}
	proc, err := g.start()
	if err != nil {
		return nil, err
	}
	go g.watch(proc)
	return g, nil
}

// start forks a guard, waits until it is ready, and tells it what there is.
func (g *guard) start() (*os.Process, error) {
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return nil, err
	}
	defer null.Close()
	childIn, control, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer childIn.Close()
	answer, childOut, err := os.Pipe()
	if err != nil {
		control.Close()
		return nil, err
	}
	defer answer.Close()
	defer childOut.Close()
	proc, err := g.fork([]*os.File{childIn, childOut, null})
	if err != nil {
		control.Close()
		return nil, err
	}
	childOut.Close()
	if err := awaitGuard(answer); err != nil {
		control.Close()
		proc.Kill()
		proc.Wait()
		g.gone()
		return nil, err
	}
	g.ready(control)
	return proc, nil
}

// ready gives the guard its list, or sends it home if close came first.
func (g *guard) ready(control *os.File) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.control = control
	if g.closed {
		control.Close()
		return
	}
	for _, line := range g.trees {
		g.tellLocked(line)
	}
}

func (g *guard) gone() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.control != nil {
		g.control.Close()
	}
	g.proc, g.control = nil, nil
}

func (g *guard) fork(files []*os.File) (proc *os.Process, err error) {
	g.sup.forkMu.Lock()
	defer g.sup.forkMu.Unlock()
	path, err := ownProgram()
	if err != nil {
		return nil, err
	}
	attr := &os.ProcAttr{
		Env:   []string{guardVariable + "=1", "GOMAXPROCS=1"},
		Files: files,
		Sys:   guardAttr(),
	}
	err = g.sup.spawn.do(func() (err error) {
		proc, err = os.StartProcess(path, []string{"lanner-guard"}, attr)
		return err
	})
	if err != nil {
		return nil, err
	}
	g.mu.Lock()
	g.proc = proc
	g.mu.Unlock()
	return proc, nil
}

func awaitGuard(answer *os.File) error {
	answer.SetReadDeadline(time.Now().Add(guardStartLimit))
	line, err := bufio.NewReaderSize(answer, 128).ReadString('\n')
	if err == nil && line == guardReady {
		return nil
	}
	return fmt.Errorf("it did not say that it is ready (%q, %v): main must call process.RunGuard before anything else", line, err)
}

// watch replaces a guard that has ended, at most one a second.
func (g *guard) watch(proc *os.Process) {
	defer close(g.done)
	for {
		st, err := proc.Wait()
		g.gone()
		select {
		case <-g.quit:
			return
		case <-time.After(guardPause):
		}
		if err == nil {
			err = errors.New(st.String())
		}
		g.sup.logEvent(slog.LevelWarn, eventGuardRestart, err)
		if proc, err = g.start(); err != nil {
			g.sup.logEvent(slog.LevelError, eventGuardLost, err)
			return
		}
	}
}

// expect announces a tree before it is forked.
func (g *guard) expect(t *tree) { g.tell(t, guardMessage{verb: guardExpect, tree: *t}) }

// started completes the announcement.
func (g *guard) started(t *tree) { g.tell(t, guardMessage{verb: guardStarted, tree: *t}) }

// forget says that nothing is left of a tree.
func (g *guard) forget(t *tree) { g.tell(t, guardMessage{verb: guardEnded, tree: *t}) }

func (g *guard) tell(t *tree, m guardMessage) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if m.verb == guardEnded {
		delete(g.trees, t)
	} else {
		g.trees[t] = m.String()
	}
	g.tellLocked(m.String())
}

// tellLocked writes one message. A guard that cannot be written to is ended; the
// next one is told everything.
func (g *guard) tellLocked(line string) {
	if g.control == nil {
		return
	}
	g.control.SetWriteDeadline(time.Now().Add(time.Second))
	if _, err := g.control.WriteString(line); err != nil {
		g.proc.Kill()
	}
}

// pid returns the guard's process id; 0 while there is none.
func (g *guard) pid() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.proc == nil {
		return 0
	}
	return g.proc.Pid
}

// close ends the guard. All trees have ended.
func (g *guard) close() error {
	close(g.quit)
	g.mu.Lock()
	g.closed = true
	if g.control != nil {
		g.control.Close() // the guard sees the end of the pipe and no tree left
	}
	g.mu.Unlock()
	<-g.done
	return nil
}
