package main

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lannerhq/lanner/internal/host/config"
)

func hostCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "host",
		GroupID: operate,
		Short:   "Run the host in the foreground",
		Long: `Runs the sites of a configuration until it is told to stop. Under systemd this is the command of the unit.

SIGTERM and SIGINT drain within the shutdown time limit, the second one ends everything at once. SIGHUP reads the
configuration again; a file with mistakes changes nothing. SIGUSR1 opens log files again. SIGQUIT prints all stacks and exits.`,
		Example: "  lanner host --config /etc/lanner/lanner.yaml",
		Args:    arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := a.loadConfig()
			if err != nil {
				return err
			}
			log, err := a.logger(cfg.Log)
			if err != nil {
				return err
			}
			return a.host(cmd.Context(), cfg, log)
		},
	}
}

// loadConfig reads the configuration that the host would run.
func (a *app) loadConfig() (*config.Config, error) {
	path, err := config.Find(a.configFile)
	if err != nil {
		return nil, &exitError{exitConfig, err}
	}
	return config.Load(path)
}

// host runs the host and tells it what signals mean.
func (a *app) host(parent context.Context, cfg *config.Config, log *slog.Logger) error {
	signals, stop := a.notify(hostSignals...)
	defer stop()
	ctx, cancel := context.WithCancel(parent)
	defer cancel()
	reload, reopen := make(chan struct{}, 1), make(chan struct{}, 1)
	over, watched := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(watched)
		a.obey(signals, over, log, map[os.Signal]func(){
			reloadSignal:  func() { ask(reload) },
			reopenSignal:  func() { ask(reopen) },
			uselessSignal: func() {},
			upgradeSignal: func() {
				log.Warn("cannot upgrade in place in this version", "help", "restart the host")
			},
		}, cancel)
	}()
	err := runHost(ctx, cfg, hostOptions{Logger: log, Version: version(), Socket: a.socket, Reload: reload, Reopen: reopen})
	close(over)
	<-watched
	return withPortHint(err)
}

// obey does what signals ask for: those in actions, the first of any other to stop gracefully, the second at once.
func (a *app) obey(signals <-chan os.Signal, over <-chan struct{}, log *slog.Logger, actions map[os.Signal]func(), stop func()) {
	stopping := false
	for {
		select {
		case <-over:
			return
		case sig := <-signals:
			action, known := actions[sig]
			switch {
			case known:
				action()
			case stopping:
				a.exit(signalCode(sig))
				return
			default:
				log.Info("stopping", "signal", sig.String(), "help", "the same signal again stops at once")
				stopping = true
				stop()
			}
		}
	}
}

// ask leaves one request in c, unless there is one already.
func ask(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// withPortHint adds the way out for ports that belong to root.
func withPortHint(err error) error {
	if runtime.GOOS != "linux" || !errors.Is(err, fs.ErrPermission) || !isBind(err) {
		return err
	}
	program, _ := os.Executable()
	return &hintError{err, "for ports below 1024, run: setcap cap_net_bind_service=+ep " + program}
}

// isBind reports whether err is about an address, and not about the file of a unix socket.
func isBind(err error) bool {
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return op.Op == "listen" && strings.HasPrefix(op.Net, "tcp")
	}
	call, ok := errors.AsType[*os.SyscallError](err)
	return ok && call.Syscall == "bind"
}
