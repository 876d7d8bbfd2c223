package host

import (
	"context"
	"errors"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/lannerhq/lanner/internal/host/config"
	"github.com/lannerhq/lanner/internal/host/forwarder"
	"github.com/lannerhq/lanner/internal/host/module"
	"github.com/lannerhq/lanner/internal/host/process"
)

// outOfProcess is the backend of a program in any language that listens on a loopback port.
type outOfProcess struct {
	w     *worker
	child *module.Child

	protocol module.Protocol // as it was configured when the worker started
}

func newOutOfProcess(w *worker) *outOfProcess { return &outOfProcess{w: w} }

// start implements backend: the program runs, and owns a listener on the port it was given.
func (p *outOfProcess) start(ctx context.Context) error {
	a := p.w.app
	cfg := a.cfg.Load()
	o := module.Options{
		Supervisor: a.host.supervisor, Ports: a.host.ports, Log: a.host.log, Site: a.site, Worker: strconv.Itoa(p.w.id),
		Command: cfg.app.Command, Dir: cfg.app.Directory, Vars: variables(cfg), ApplPath: a.path, HostName: cfg.hostName,
		StartLimit: cfg.pool.StartupTimeLimit, StopLimit: cfg.pool.ShutdownTimeLimit, Output: a.output,
	}
	if cfg.httpsPort != 0 {
		o.HTTPSPorts = []int{cfg.httpsPort}
	}
	if cfg.app.HealthCheck != nil {
		o.HealthPath = strings.TrimSuffix(a.path, "/") + cfg.app.HealthCheck.Path
	}
	if cfg.app.Protocol == config.H2C {
		p.protocol = module.H2C
	}
	o.Protocol = p.protocol
	child, err := module.Start(ctx, o)
	if err != nil {
		return err
	}
	p.w.upstream, err = a.host.forwarder.NewUpstream(child.Addr(), forwarder.Options{
		Token: child.Token.Reveal(), RequestTimeout: timeout(cfg), NoForwardedFields: !cfg.app.ForwardedHeaders,
		NoWebSockets: !cfg.app.WebSockets, HTTP2: p.protocol == module.H2C, Logger: a.log,
	})
	if err != nil {
		child.Kill()
		return err
	}
	p.child = child
	return nil
}

// timeout translates zero, which is no limit in the configuration.
func timeout(cfg *appConfig) time.Duration {
	if cfg.app.RequestTimeout == 0 {
		return -1
	}
	return cfg.app.RequestTimeout
}

// variables lists the pool's variables, then the application's, each sorted by name.
func variables(cfg *appConfig) []module.Variable {
	var out []module.Variable
	for _, env := range []map[string]string{cfg.pool.Environment, cfg.app.Environment} {
		from := len(out)
		for name, value := range env {
			out = append(out, module.Variable{Name: name, Value: value})
		}
		sort.Slice(out[from:], func(i, j int) bool { return out[from+i].Name < out[from+j].Name })
	}
	return out
}

func (p *outOfProcess) activate() {}

// stop implements backend. The program is told to stop only after its last request: it might close kept connections
// under them.
func (p *outOfProcess) stop(ctx context.Context) error {
	drained := p.w.upstream.Drain(ctx)
	if drained != nil {
		p.w.upstream.Close()
	}
	return errors.Join(drained, p.child.Stop(ctx))
}

func (p *outOfProcess) done() <-chan struct{} { return p.child.Done() }
func (p *outOfProcess) finish()               { p.w.upstream.Close() }

func (p *outOfProcess) exit() process.ExitStatus {
	if p.child == nil {
		return process.ExitStatus{Code: -1}
	}
	return p.child.Process.Exit()
}

func (p *outOfProcess) pid() int             { return p.child.Process.PID() }
func (p *outOfProcess) port() int            { return p.child.Port }
func (p *outOfProcess) stats() process.Stats { return p.child.Process.Stats() }
func (p *outOfProcess) refresh()             {}

// probe implements backend.
func (p *outOfProcess) probe(ctx context.Context, path string) error {
	return module.Probe(ctx, p.child.Process, p.child.Port, path, p.w.app.cfg.Load().hostName, p.child.Token, p.protocol)
}

// failure implements backend: 502.5, as the module says it.
func (p *outOfProcess) failure(err error) *answer {
	detail := err.Error()
	if e, ok := errors.AsType[*module.StartError](err); ok && e.Output != "" {
		detail += "\n\n" + e.Output
	}
	return &answer{status: 502, sub: "502.5", title: "Out-Of-Process Startup Failure", detail: detail}
}
