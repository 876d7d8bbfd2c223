package lanner

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/lannerhq/lanner/server"
)

// DefaultShutdownTimeout is how long running requests may take when the program is asked to stop (the .NET host's since
// version 6).
const DefaultShutdownTimeout = 30 * time.Second

// App is an application and the server that carries it here. Make it with New; Run it once.
type App struct {
	app      server.Application
	options  options
	server   server.Server
	stop     context.CancelCauseFunc // asks Run to end
	stopping context.Context
}

// Run serves h until the program is asked to stop: by SIGINT (Ctrl-C), SIGTERM, or the host. It returns nil after a
// graceful stop, and an error when the server could not start or requests had to be aborted. A second signal ends the
// program at once with exit code 130.
func Run(h http.Handler, opts ...Option) error {
	return New(server.HTTP(h), opts...).Run(context.Background())
}

// New returns an App for any application: server.HTTP(handler), or a server.ContextHandler for handlers that must not
// allocate.
func New(app server.Application, opts ...Option) *App {
	a := &App{app: app, options: options{
		getenv: os.Getenv, environ: os.Environ, args: os.Args[1:], stdout: os.Stdout, shutdown: DefaultShutdownTimeout}}
	for _, opt := range opts {
		opt(&a.options)
	}
	if a.options.logger == nil {
		a.options.logger = slog.Default()
	}
	a.stopping, a.stop = context.WithCancelCause(context.Background())
	return a
}

// Why Run ended.
var (
	errSignal   = errors.New("a signal")
	errShutdown = errors.New("the host")
)

// Stop asks Run to end, from any goroutine; it does not wait.
func (a *App) Stop() { a.stop(nil) }

// Run starts the server, serves until ctx ends, a signal comes, the host asks for it or Stop is called, and stops within
// the shutdown timeout. On SIGHUP it reads the file of --config or LANNER_CONFIG again; a mistake in it is logged and changes
// nothing. With --print-config it prints kestrel's options and where each comes from, and returns.
func (a *App) Run(ctx context.Context) error {
	log := a.options.logger
	choice, err := a.choose()
	if err != nil {
		return err
	}
	if hasArgument(a.options.args, "print-config") {
		return a.printConfig(choice)
	}
	a.server = choice.server
	defer TuneGC()()
	if err := choice.server.Start(ctx, choice.app); err != nil {
		return fmt.Errorf("the server could not start: %w", err)
	}
	if addresses, ok := server.Get[server.ServerAddressesFeature](choice.server.Features()); ok {
		for _, url := range addresses.Addresses() {
			log.Info("Now listening on: "+url, slog.Group("event", slog.Int("id", 14), slog.String("name", "ListeningOnAddress")))
		}
	}
	log.Info("Application started", "server", choice.name)
	defer a.watchSignals()()
	defer a.watchHangups(choice.reload)()
	if a.options.onStarted != nil {
		a.options.onStarted()
	}
	select {
	case <-ctx.Done():
	case <-a.stopping.Done():
	case <-choice.drained:
	}
	log.Info("Application is shutting down")
	stopCtx, cancel := context.WithTimeout(context.Background(), a.options.shutdown)
	defer cancel()
	err = choice.server.Stop(stopCtx)
	if choice.wait != nil {
		choice.wait()
	}
	return err
}

// Server is the server that was chosen, after Run has begun; nil before.
func (a *App) Server() server.Server { return a.server }

// exitForced is the exit code after a second signal.
const exitForced = 130

// watchSignals turns signals into a stop. A second one ends the program: whoever presses Ctrl-C twice means it.
func (a *App) watchSignals() (end func()) {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	done := make(chan struct{})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for count := 0; ; count++ {
			select {
			case <-done:
				return
			case sig := <-signals:
				if count > 0 {
					a.options.logger.Warn("a second signal: ending at once", "signal", sig.String())
					os.Exit(exitForced)
				}
				a.stop(errSignal)
			}
		}
	}()
	return func() {
		signal.Stop(signals)
		close(done)
		<-ended
	}
}
