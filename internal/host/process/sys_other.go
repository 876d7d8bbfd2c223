//go:build !linux

package process

// What systems without cgroups and a subreaper have in common.

type platform struct{}

func (*platform) init(*Supervisor, Options) error  { return nil }
func (*platform) adopt(*Supervisor, Options) error { return nil }
func (*platform) close() error                     { return nil }

// awaitExit reaps first and ends the rest of the group then, since a wait that
// leaves the zombie is not to be had here. A group's id is free for others in
// between only if the group is empty, when there is nobody to kill.
func (p *Process) awaitExit() ExitStatus {
	st, _ := p.proc.Wait()
	exit := p.ending()
	p.pidMu.Lock()
	defer p.pidMu.Unlock()
	if err := p.tree.kill(); err != nil {
		p.logOutlived(err)
	}
	p.reaped = true
	return exit.with(st)
}

func (t *tree) pids() []int  { return []int{t.pid} }
func (t *tree) stats() Stats { return Stats{} }

func (t *tree) place() string   { return "" }
func (t *tree) setPlace(string) {}
