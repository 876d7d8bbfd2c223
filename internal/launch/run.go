package launch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// Options say what to run and how.
type Options struct {
	// Dir is the folder that relative names start from, and where the program runs. Empty means the current one.
	Dir string
	// Target is a folder with a main package, a package path, a .go file or a program. Empty means Dir.
	Target string
	// Args are the program's arguments. When there are any, those of the profile are left out.
	Args []string

	// Profile is the name of a launch profile. Empty means the first one that can be run, if there is one.
	Profile string
	// NoProfile leaves launch profiles alone.
	NoProfile bool
	// Env has variables, NAME=value each, that win over the profile.
	Env []string
	// Configuration is how a Go program is built. Empty means Debug.
	Configuration Configuration
	// Browser opens the launchUrl of the profile when the program listens.
	Browser bool

	// Environ is the environment the program inherits. Nil means the caller's own.
	Environ []string
	// Stdin, Stdout and Stderr become the program's; stderr takes the complaints of the compiler too. Files are handed on as
	// they are, anything else through a pipe. A nil one is empty or discarded.
	Stdin          io.Reader
	Stdout, Stderr io.Writer

	// Signals are those that were sent to us. The first ends a build, or is passed on to the program; the second kills it.
	// Nil means none.
	Signals <-chan os.Signal
	// Tell learns what happens. It must not block, and is called by one goroutine at a time. Nil means nobody does.
	Tell func(Event)

	// DevCertificate makes the certificate with which programs serve https on this computer, if there is none, and says where it is when it
	// has made one. It is called with the hosts of the addresses at which the program is told to listen on https. Nil means that nobody does.
	DevCertificate func(ctx context.Context, hosts []string) (made string, err error)

	open func(page string) error // for tests; nil means the user's browser
}

// Event is something that happened on the way.
type Event struct {
	Name string `json:"event"`
	// Target is the program's name, of building and built.
	Target string `json:"target,omitempty"`
	// Profile and File say which launch profile is used, of profile.
	Profile string `json:"profile,omitempty"`
	File    string `json:"file,omitempty"`
	// URLs the program is told to listen on, of profile.
	URLs []string `json:"urls,omitempty"`
	// Duration in seconds, of built.
	Duration float64 `json:"duration,omitempty"`
	// PID of the program, of started and stopping.
	PID int `json:"pid,omitempty"`
	// Certificate is the file that was made, of certificate.
	Certificate string `json:"certificate,omitempty"`
	// Problem, of browser.
	Problem string `json:"problem,omitempty"`
}

// The names of events.
const (
	EventProfile     = "profile"
	EventCertificate = "certificate"
	EventBuilding    = "building"
	EventBuilt       = "built"
	EventStarted     = "started"
	EventStopping    = "stopping"
	EventBrowser     = "browser"
)

// Run builds and runs the program and returns its exit code when it has ended; 128 and the number of the signal if a signal
// ended it or us. The built file is gone then. On an error the program was not run, or it cannot be told how it ended; see
// [UsageError], [UnknownProfileError], [FileError] and [BuildError].
func Run(o Options) (code int, err error) {
	r, err := newRunner(o)
	if err != nil {
		return 0, err
	}
	p, err := r.prepare()
	if p.temp != "" {
		defer func() { err = errors.Join(err, os.RemoveAll(p.temp)) }()
	}
	if cut, ok := errors.AsType[*interruptedError](err); ok {
		return forced(cut.signal), nil
	}
	if err != nil {
		return 0, err
	}
	defer r.browse(p.page)()
	return p.program.run(r.Signals, r.tell)
}

type runner struct {
	Options
	mu sync.Mutex // of Tell
}

func newRunner(o Options) (*runner, error) {
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("cannot tell the current folder: %w", err)
	}
	o.Dir = dir
	if o.Environ == nil {
		o.Environ = os.Environ()
	}
	if o.open == nil {
		o.open = openBrowser
	}
	return &runner{Options: o}, nil
}

func (r *runner) tell(e Event) {
	if r.Tell == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Tell(e)
}

// plan is everything that is known before the program starts.
type plan struct {
	program program
	temp    string // folder of the built file, to be removed; empty if nothing was built
	page    string // to open in a browser; empty for none
}

// interruptedError says which signal ended the preparations.
type interruptedError struct{ signal os.Signal }

func (e *interruptedError) Error() string { return "ended by signal " + e.signal.String() }

// prepare makes the plan. A signal ends it with an [*interruptedError].
func (r *runner) prepare() (plan, error) {
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	done, watched := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(watched)
		select {
		case sig := <-r.Signals:
			cancel(&interruptedError{sig})
		case <-done:
		}
	}()
	p, err := r.plan(ctx)
	close(done)
	<-watched
	if ctx.Err() != nil { // it may have come after the last step
		return p, context.Cause(ctx)
	}
	return p, err
}

func (r *runner) plan(ctx context.Context) (plan, error) {
	t, err := resolve(ctx, r.Dir, r.Target)
	if err != nil {
		return plan{}, err
	}
	chosen, err := r.chooseProfile(t)
	if err != nil {
		return plan{}, err
	}
	env, err := compose(r.Environ, chosen, r.Env)
	if err != nil {
		return plan{}, err
	}
	if err := r.certify(ctx, env.urls()); err != nil {
		return plan{}, err
	}
	p := plan{program: program{
		path: t.binary, args: r.arguments(chosen), dir: r.workingDir(chosen, t), env: env,
		stdin: r.Stdin, stdout: r.Stdout, stderr: r.Stderr,
	}}
	if r.Browser {
		if p.page, err = page(env.urls(), launchURL(chosen)); err != nil {
			return plan{}, err
		}
	}
	if t.binary != "" {
		return p, nil
	}
	r.tell(Event{Name: EventBuilding, Target: t.name})
	begun := time.Now()
	if p.program.path, err = build(ctx, t, r.Configuration, r.Stderr); err != nil {
		return plan{}, err
	}
	p.temp = filepath.Dir(p.program.path)
	r.tell(Event{Name: EventBuilt, Target: t.name, Duration: time.Since(begun).Seconds()})
	return p, nil
}

// certify sees to it that there is a certificate where the program is told to speak https.
func (r *runner) certify(ctx context.Context, urls []string) error {
	if r.DevCertificate == nil {
		return nil
	}
	var hosts []string
	for _, address := range urls {
		if u, err := url.Parse(address); err == nil && strings.EqualFold(u.Scheme, "https") {
			hosts = append(hosts, u.Hostname())
		}
	}
	if len(hosts) == 0 {
		return nil
	}
	made, err := r.DevCertificate(ctx, hosts)
	if err != nil {
		return fmt.Errorf("cannot make the certificate for development: %w", err)
	}
	if made != "" {
		r.tell(Event{Name: EventCertificate, Certificate: made})
	}
	return nil
}

func (r *runner) chooseProfile(t target) (*profile, error) {
	if r.NoProfile {
		return nil, nil
	}
	found, err := findProfiles(t.home, t.root)
	if err != nil {
		return nil, err
	}
	chosen, err := found.choose(r.Profile)
	if chosen == nil || err != nil {
		return nil, err
	}
	lookup := environment(r.Environ).lookup
	r.tell(Event{Name: EventProfile, Profile: chosen.name, File: found.file,
		URLs: splitURLs(expand(chosen.applicationURL, lookup))})
	return chosen, nil
}

// arguments returns those that were given, or else those of the profile.
func (r *runner) arguments(p *profile) []string {
	if len(r.Args) > 0 || p == nil {
		return r.Args
	}
	lookup := environment(r.Environ).lookup
	args := splitArguments(expand(p.commandLine, lookup))
	for _, arg := range p.arguments {
		args = append(args, expand(arg, lookup))
	}
	return args
}

// workingDir returns the caller's folder, as "go run" and "dotnet run" do, unless the profile names another.
func (r *runner) workingDir(p *profile, t target) string {
	if p == nil || p.workingDirectory == "" {
		return r.Dir
	}
	dir := expand(p.workingDirectory, environment(r.Environ).lookup)
	if filepath.IsAbs(dir) {
		return dir
	}
	return filepath.Join(t.home, dir)
}

func launchURL(p *profile) string {
	if p == nil {
		return ""
	}
	return p.launchURL
}

// browse opens the page when the program listens, and returns what ends the attempt.
func (r *runner) browse(page string) (stop func()) {
	if page == "" {
		return func() {}
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := openWhenListening(ctx, page, r.open); err != nil && ctx.Err() == nil {
			r.tell(Event{Name: EventBrowser, Problem: err.Error()})
		}
	}()
	return func() { cancel(); <-done }
}
