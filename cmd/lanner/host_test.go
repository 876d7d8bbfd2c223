//go:build unix

package main

import (
	"context"
	"errors"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/lannerhq/lanner/internal/host/config"
)

// withHost puts run in the place of the host until the test ends.
func withHost(t *testing.T, run func(context.Context, *config.Config, hostOptions) error) string {
	t.Helper()
	real := runHost
	runHost = run
	t.Cleanup(func() { runHost = real })
	return writeConfig(t, goodConfig)
}

func TestHostIsToldWhatSignalsMean(t *testing.T) {
	c := newCall()
	path := withHost(t, func(ctx context.Context, cfg *config.Config, o hostOptions) error {
		c.signals <- syscall.SIGHUP
		<-o.Reload
		c.signals <- syscall.SIGUSR1
		<-o.Reopen
		c.signals <- syscall.SIGUSR2
		c.signals <- syscall.SIGTERM
		<-ctx.Done()
		if cfg.Sites["shop"] == nil || o.Socket != "/s" {
			t.Errorf("the host gets the configuration and the socket of the flag: %v, %q", cfg.Sites, o.Socket)
		}
		return nil
	})
	if code := c.run([]string{"host", "--config", path, "--socket", "/s", "--log-format", "logfmt"}); code != exitOK {
		t.Errorf("a graceful stop is a success: exit code %d, %s", code, &c.errs)
	}
	for _, line := range []string{`level=WARN msg="cannot upgrade in place`, `level=INFO msg=stopping signal=terminated`} {
		if !strings.Contains(c.errs.String(), line) {
			t.Errorf("the log must have %s:\n%s", line, &c.errs)
		}
	}
}

func TestSecondSignalEndsTheHostAtOnce(t *testing.T) {
	for sig, want := range map[syscall.Signal]int{syscall.SIGINT: 130, syscall.SIGTERM: 143} {
		c := newCall()
		path := withHost(t, func(ctx context.Context, _ *config.Config, _ hostOptions) error {
			c.signals <- syscall.SIGTERM
			<-ctx.Done()
			c.signals <- sig
			if code := <-c.exited; code != want {
				t.Errorf("exit code %d, want %d", code, want)
			}
			return nil
		})
		c.run([]string{"host", "--config", path})
	}
}

func TestFailuresOfTheHostBecomeExitCodes(t *testing.T) {
	bind := &net.OpError{Op: "listen", Net: "tcp", Err: os.NewSyscallError("bind", syscall.EACCES)}
	for _, c := range []struct {
		err  error
		code int
		want string
	}{
		{errors.New("address already in use"), exitFailed, "lanner: address already in use\n"},
		{bind, exitPermission, "  help: for ports below 1024, run: setcap cap_net_bind_service=+ep "},
		{os.NewSyscallError("open", syscall.EACCES), exitPermission, "lanner: open: permission denied\n"},
	} {
		path := withHost(t, func(context.Context, *config.Config, hostOptions) error { return c.err })
		_, errs, code := lanner("host", "--config", path)
		if code != c.code || !strings.Contains(errs, c.want) {
			t.Errorf("%v: exit code %d, want %d with %q: %s", c.err, code, c.code, c.want, errs)
		}
	}
}

func TestLogOfTheHostIsJSONUnlessSomebodyLooks(t *testing.T) {
	path := withHost(t, func(_ context.Context, _ *config.Config, o hostOptions) error {
		o.Logger.Debug("hidden")
		o.Logger.Info("seen", "key", "a b")
		return nil
	})
	_, errs, _ := lanner("host", "--config", path)
	if !strings.HasPrefix(errs, `{"time":"`) || !strings.Contains(errs, `"msg":"seen","key":"a b"`) || strings.Contains(errs, "hidden") {
		t.Errorf("%s", errs)
	}
	_, errs, _ = lanner("host", "--config", path, "--log-level", "debug", "--log-format", "console")
	if !strings.Contains(errs, "DEBUG hidden\n") || !strings.Contains(errs, "INFO  seen key=\"a b\"\n") {
		t.Errorf("%s", errs)
	}
}
