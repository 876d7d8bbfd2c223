package process

import (
	"os"
	"slices"
	"sync"
	"time"
)

// Process is a started program and everything it starts in turn. Its methods
// may be called by several goroutines at once.
//
// When the program itself ends, the rest of its tree is killed: what it left
// behind has nobody to answer for it. A program must therefore not put itself
// into the background.
type Process struct {
	name    string
	path    string
	sup     *Supervisor
	proc    *os.Process
	tree    tree
	started time.Time
	tail    *Output
	output  *Output // may be nil
	pipes   []*os.File
	readers sync.WaitGroup
	done    chan struct{}

	// pidMu is held while the process id is used, and while the process is reaped;
	// before that the kernel does not give the id to anyone else.
	pidMu  sync.Mutex
	reaped bool

	mu        sync.Mutex
	state     State
	requested bool
	exit      ExitStatus
}

// outputLimit bounds how long the output of an ended tree is awaited. Only a
// process that escaped from the tree and still holds the pipe makes it matter.
const outputLimit = 2 * time.Second

// start makes the pipes, forks, and leaves the process to its goroutines: one
// reader for each pipe and one that waits for the end. They all end with it.
func (s *Supervisor) start(spec Spec, path string) (*Process, error) {
	p := &Process{
		name: spec.name(), path: path, sup: s,
		tree: tree{tag: newTag()},
		tail: NewOutput(OutputOptions{}), output: spec.Output,
		done: make(chan struct{}), state: Running,
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		return nil, err
	}
	defer null.Close()
	stdout, stdoutW, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer stdoutW.Close()
	stderr, stderrW, err := os.Pipe()
	if err != nil {
		stdout.Close()
		return nil, err
	}
	defer stderrW.Close()

	p.pipes = []*os.File{stdout, stderr}
	attr := &os.ProcAttr{
		Dir:   spec.Dir,
		Env:   environment(spec.Env, p.tree.tag),
		Files: slices.Concat([]*os.File{null, stdoutW, stderrW}, spec.ExtraFiles),
	}
	if s.guard != nil {
		s.guard.expect(&p.tree)
	}
	if err := s.launch(p, spec.Command, attr); err != nil {
		stdout.Close()
		stderr.Close()
		p.release()
		return nil, explainExec(path, err)
	}
	p.logStarted()
	p.readers.Add(2)
	go p.read(stdout, Stdout)
	go p.read(stderr, Stderr)
	go p.wait()
	return p, nil
}

// wait sees the process to its end.
func (p *Process) wait() {
	exit := p.awaitExit()

	closePipes := time.AfterFunc(outputLimit, func() {
		for _, f := range p.pipes {
			f.Close()
		}
	})
	p.readers.Wait()
	closePipes.Stop()
	p.release()

	p.mu.Lock()
	p.exit = exit
	p.mu.Unlock()
	p.transition(Exited)
	p.logExited(exit, exit.At.Sub(p.started))
	p.sup.forget(p)
	close(p.done)
	p.sup.ended.Done()
}

// release gives back what belongs to the tree but is no process.
func (p *Process) release() {
	if err := p.tree.release(); err != nil {
		p.logOutlived(err)
	}
	if p.sup.guard != nil {
		p.sup.guard.forget(&p.tree)
	}
}

// add enters a forked process, so that Close finds it.
func (s *Supervisor) add(p *Process) {
	s.mu.Lock()
	s.live[p] = struct{}{}
	closed := s.closed
	s.mu.Unlock()
	if closed { // Close has looked already
		go p.Kill()
	}
}

func (s *Supervisor) forget(p *Process) {
	s.mu.Lock()
	delete(s.live, p)
	s.mu.Unlock()
}

// Name returns the name given in the Spec.
func (p *Process) Name() string { return p.name }

// PID returns the process id of the program itself. After the end it may belong
// to another process.
func (p *Process) PID() int { return p.tree.pid }

// Started returns when the process was started.
func (p *Process) Started() time.Time { return p.started }

// Done is closed when the program has ended, the rest of its tree is gone, and
// its output has been read to the end.
func (p *Process) Done() <-chan struct{} { return p.done }

// Exit says how the program ended; the zero value before Done is closed.
func (p *Process) Exit() ExitStatus {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.exit
}

// Tail returns the last lines the tree has printed, see OutputOptions.Keep.
func (p *Process) Tail() []Line { return p.tail.Tail() }

// Tree returns the ids of the living processes of the tree, the program's own
// first if it lives. On systems without /proc it is only that one.
func (p *Process) Tree() []int {
	p.pidMu.Lock()
	defer p.pidMu.Unlock()
	if p.reaped {
		return nil
	}
	ids := p.tree.pids()
	if i := slices.Index(ids, p.tree.pid); i > 0 {
		ids[0], ids[i] = ids[i], ids[0]
	}
	return ids
}

// Signal sends a signal to the program's process group: to the program and to
// what it started, as Ctrl-C in a terminal does, so that a launcher (a shell,
// npm, dotnet run) need not pass it on. It returns os.ErrProcessDone after the
// end. On Windows an interrupt or SIGTERM becomes CTRL_BREAK; others fail.
func (p *Process) Signal(sig os.Signal) error {
	p.pidMu.Lock()
	defer p.pidMu.Unlock()
	if p.reaped {
		return os.ErrProcessDone
	}
	return p.signalGroup(sig)
}

// Kill ends the whole tree by force and returns when nothing of it is left;
// Done follows. The error names the processes that stayed. After the end it
// does nothing.
func (p *Process) Kill() error {
	p.request()
	p.pidMu.Lock()
	defer p.pidMu.Unlock()
	if p.reaped {
		return nil
	}
	return p.tree.kill()
}

// request notes that the end was asked for and reports whether this is the
// first time.
func (p *Process) request() bool {
	first := p.transition(Stopping)
	p.mu.Lock()
	p.requested = p.requested || p.state == Stopping
	p.mu.Unlock()
	return first
}
