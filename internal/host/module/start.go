package module

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"time"

	"github.com/lannerhq/lanner/internal/host/process"
)

// The module's defaults: startupTimeLimit and shutdownTimeLimit of web.config, and
// the number of attempts, which is fixed there.
const (
	defaultStartLimit = 120 * time.Second
	defaultStopLimit  = 10 * time.Second
	maxAttempts       = 2
)

// Options describes a child to start. Supervisor, Ports, Command and ApplPath
// must be set.
type Options struct {
	Supervisor *process.Supervisor
	Ports      *Ports
	// Log receives the events of events.go. Nil means none.
	Log *slog.Logger

	// Site and Worker name the site and the worker, e.g. "shop" and "3".
	Site, Worker string
	// Command is the program and its arguments, as in process.Spec. In arguments,
	// %HTTP_PLATFORM_PORT% and %ASPNETCORE_PORT% stand for the port.
	Command []string
	// Dir is the application's folder.
	Dir string
	// Base is what the child inherits. Nil means Inherit of the host's environment.
	Base []string
	// Vars are the variables of the pool, then those of the application.
	// ASPNETCORE_PORT among them fixes the port, ASPNETCORE_TOKEN the token.
	Vars []Variable

	// ApplPath, HTTPSPorts and ForwardedHeaders are as in Settings.
	ApplPath         string
	HTTPSPorts       []int
	ForwardedHeaders bool
	// HostName is a name that the site is bound to, for the host's own requests.
	// Empty means the address.
	HostName string
	// Protocol is what the child speaks, to the host's own requests too.
	Protocol Protocol
	// HealthPath is asked for before the child counts as started, see Probe. Empty
	// means that a listener is enough, as in the original.
	HealthPath string

	// StartLimit bounds each attempt. Zero means 120 s, as in the original.
	StartLimit time.Duration
	// StopLimit bounds Child.Stop. Zero means 10 s, as in the original.
	StopLimit time.Duration
	// NoShutdownMessage stops the child by signal only.
	NoShutdownMessage bool
	// QuitWait is as in process.StopOptions.
	QuitWait time.Duration

	// Output receives what the child prints; may be nil.
	Output *process.Output
	// HideOutput keeps what the child prints out of a StartError, and so off the
	// failure page: the setting enableOutOfProcessConsoleRedirection="false".
	HideOutput bool

	relisten time.Duration // for tests; zero means relistenLimit
}

func (o *Options) log() *slog.Logger {
	if o.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return o.Log.With("site", o.Site, "worker", o.Worker)
}

func (o *Options) startLimit() time.Duration {
	if o.StartLimit == 0 {
		return defaultStartLimit
	}
	return o.StartLimit
}

func (o *Options) stopLimit() time.Duration {
	if o.StopLimit == 0 {
		return defaultStopLimit
	}
	return o.StopLimit
}

func (o *Options) relistenLimit() time.Duration {
	if o.relisten == 0 {
		return relistenLimit
	}
	return o.relisten
}

// Start starts the program and returns when it is ready to take requests. The
// error is a *StartError. A program that ended early, or lost its port to another
// process, gets a second attempt with another port; one that hung does not, since
// whoever waits has waited long enough, and neither does one whose port is fixed.
//
// ctx ends the start only; the child lives until Stop, Kill or its own end.
func Start(ctx context.Context, o Options) (*Child, error) {
	for attempt := 1; ; attempt++ {
		began := time.Now()
		c, failed := o.attempt(ctx)
		if failed == nil {
			o.log().Info(eventStarted, "id", IDStarted, "pid", c.Process.PID(), "listener", c.Listener(),
				"port", c.Port, "after", time.Since(began).Round(time.Millisecond).String(), "attempt", attempt)
			return c, nil
		}
		failed.Attempts = attempt
		if attempt == maxAttempts || !o.retry(failed) || ctx.Err() != nil {
			return nil, failed
		}
		o.log().Warn(eventRetry, "failure", failed)
	}
}

func (o *Options) retry(e *StartError) bool {
	if fixed, _ := userPort(o.Vars); fixed != 0 {
		return false
	}
	return e.Reason == ReasonExited || e.Reason == ReasonForeign
}

// attempt makes one attempt, which leaves nothing behind if it fails.
func (o *Options) attempt(ctx context.Context) (*Child, *StartError) {
	port, err := userPort(o.Vars)
	if err != nil {
		return nil, &StartError{Reason: ReasonConfig, Err: err}
	}
	if port == 0 {
		if port, err = o.Ports.Pick(); err != nil {
			return nil, &StartError{Reason: ReasonPort, Err: err}
		}
	}
	c := &Child{Port: port, Token: o.token(), opts: *o, done: make(chan struct{})}
	failed := o.run(ctx, c)
	if failed == nil {
		go c.attend()
		return c, nil
	}
	if c.Process != nil {
		c.Process.Kill()
		<-c.Process.Done()
		if !o.HideOutput {
			failed.Output = outputOf(c.Process, c.Token)
		}
	}
	o.Ports.Release(port)
	failed.Port = port
	return nil, failed
}

func (o *Options) token() Token {
	if secret, _ := lookup(o.Vars, tokenVariable); secret != "" {
		return TokenFrom(secret)
	}
	return NewToken()
}

// run starts the process of c and waits until it is ready.
func (o *Options) run(ctx context.Context, c *Child) *StartError {
	spec, err := o.spec(c)
	if err != nil {
		return &StartError{Reason: ReasonConfig, Err: err}
	}
	if c.Process, err = o.Supervisor.Start(spec); err != nil {
		return &StartError{Reason: ReasonExec, Err: err}
	}
	ctx, cancel := context.WithTimeout(ctx, o.startLimit())
	defer cancel()
	pid, err := WaitReady(ctx, c.Process, c.Port)
	if err == nil {
		c.listener.Store(int64(pid))
		if o.HealthPath != "" {
			err = Probe(ctx, c.Process, c.Port, o.HealthPath, o.HostName, c.Token, o.Protocol)
		}
	}
	if failed, ok := errors.AsType[*StartError](err); ok {
		return failed
	}
	return nil
}

// spec describes the process of c.
func (o *Options) spec(c *Child) (process.Spec, error) {
	base := o.Base
	if base == nil {
		base = Inherit(os.Environ(), nil)
	}
	env, ignored, err := Environment(base, o.Vars, Settings{
		Port: c.Port, Token: c.Token, ApplPath: o.ApplPath, Site: o.Site, Worker: o.Worker,
		HTTPSPorts: o.HTTPSPorts, ForwardedHeaders: o.ForwardedHeaders, Dir: o.Dir,
	})
	if err != nil {
		return process.Spec{}, err
	}
	if len(ignored) > 0 {
		o.log().Warn(eventOverwritten, "id", IDConfigNotice, "names", ignored)
	}
	command := make([]string, len(o.Command))
	for i, arg := range o.Command {
		command[i] = expandPort(arg, c.Port)
	}
	return process.Spec{
		Name: o.Site + "/" + o.Worker, Command: command, Dir: o.Dir, Env: env, Output: o.Output,
	}, nil
}
