package lanner

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/lannerhq/lanner/kestrel"
)

// configuration reads kestrel's options anew: the file that is named, the environment, WithKestrel; each wins over those
// before it.
func (a *App) configuration() (*kestrel.Configuration, kestrel.Options, error) {
	c := new(kestrel.Configuration)
	if file, from := a.configFile(); file != "" {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, kestrel.Options{}, fmt.Errorf("cannot read the configuration that %s names: %w", from, err)
		}
		c.AddFile(file, data)
	}
	c.AddEnvironment(a.options.environ())
	c.AddCode(a.options.kestrel)
	opts, err := c.Options()
	opts.Logger = a.options.logger
	return c, opts, err
}

// configFile is that of --config, else of LANNER_CONFIG; "" when there is none. The variable also names lanner host's own
// file, which is YAML and no business of an application.
func (a *App) configFile() (file, from string) {
	if file := argument(a.options.args, "config"); file != "" {
		return file, "--config"
	}
	file = a.options.getenv("LANNER_CONFIG")
	if ext := strings.ToLower(filepath.Ext(file)); ext == ".yaml" || ext == ".yml" {
		return "", ""
	}
	return file, "LANNER_CONFIG"
}

// printConfig writes the options as they take effect, with their origins.
func (a *App) printConfig(c *choice) error {
	if c.config == nil {
		return errors.New("--print-config: the program sets a server of its own, whose options are not known here")
	}
	return c.config.WriteJSON(a.options.stdout)
}

// reloader applies the configuration anew.
type reloader struct {
	server *kestrel.Server
	// byDefault are the endpoints when the configuration has none; kept is that it has no say in them.
	byDefault []kestrel.Endpoint
	kept      bool
	urls      []string // where it listens, when that is not by endpoints
}

// reload reads the configuration again and serves by it. A mistake changes nothing.
func (a *App) reload(ctx context.Context, r *reloader) error {
	_, opts, err := a.configuration()
	if err != nil {
		return err
	}
	if r.kept {
		opts.Endpoints = nil
	}
	if len(opts.Endpoints) == 0 {
		opts.Endpoints = r.byDefault
	}
	if err := useDevCertificate(&opts, r.urls); err != nil {
		return err
	}
	return r.server.Reload(ctx, opts)
}

// watchHangups reloads on SIGHUP, when there is a file to read again; else the signal is left alone.
func (a *App) watchHangups(r *reloader) (end func()) {
	file, _ := a.configFile()
	if r == nil || file == "" {
		return func() {}
	}
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-ctx.Done():
				return
			case <-hangups:
				a.hangup(ctx, r, file)
			}
		}
	}()
	return func() {
		signal.Stop(hangups)
		cancel()
		<-ended
	}
}

func (a *App) hangup(ctx context.Context, r *reloader, file string) {
	ctx, cancel := context.WithTimeout(ctx, a.options.shutdown)
	defer cancel()
	err := a.reload(ctx, r)
	switch {
	case err == nil:
		a.options.logger.Info("Configuration reloaded", "file", file)
	case errors.Is(err, kestrel.ErrAborted):
		a.options.logger.Warn("Configuration reloaded", "file", file, "error", err)
	default:
		a.options.logger.Error("the configuration was not reloaded, the one from before holds", "file", file, "error", err)
	}
}
