//go:build unix

package module

import (
	"errors"
	"syscall"
	"testing"
	"time"

	"github.com/lannerhq/lanner/internal/host/process"
)

func TestShutdownMessageEndsTheChild(t *testing.T) {
	h := newHarness(t, "serve")
	h.opts.ApplPath, h.opts.HostName = "/my app", "shop.example"
	c := h.start()
	if err := c.Stop(t.Context()); err != nil {
		t.Errorf("stop: %v", err)
	}
	h.wantPrinted("request POST /my app/iisintegration shop.example shutdown 0")
	h.wantPrinted("stopped by message")
	h.wantLogged("id=1006", "status=202")
	h.wantLogged("level=INFO", "id=1030", "requested=true")
	if e := c.Process.Exit(); !e.Clean() {
		t.Errorf("exit %v: it ended by itself", e)
	}
}

func TestRefusedMessageIsFollowedByTheSignal(t *testing.T) {
	for _, status := range []string{"400", "404", "200"} {
		t.Run(status, func(t *testing.T) {
			h := newHarness(t, "serve", "-message", status)
			c := h.start()
			if err := c.Stop(t.Context()); err != nil {
				t.Errorf("stop: %v", err)
			}
			h.wantPrinted("stopped by signal")
			h.wantLogged("id=1006", "status="+status)
		})
	}
}

func TestChildThatDoesNotAnswerStillGetsTheSignal(t *testing.T) {
	h := newHarness(t, "serve", "-message", "0")
	h.opts.StopLimit = 2 * time.Second
	c := h.start()
	if err := c.Stop(t.Context()); err != nil {
		t.Errorf("half of the time is left for the signal: %v", err)
	}
	h.wantPrinted("stopped by signal")
	h.wantLogged("id=1006", "error=")
}

func TestMessageCanBeLeftOut(t *testing.T) {
	h := newHarness(t, "serve")
	h.opts.NoShutdownMessage = true
	c := h.start()
	if err := c.Stop(t.Context()); err != nil {
		t.Errorf("stop: %v", err)
	}
	h.wantPrinted("stopped by signal")
}

func TestChildThatDoesNotEndIsKilledAtTheLimit(t *testing.T) { // an-012
	h := newHarness(t, "serve", "-stay")
	h.opts.StopLimit = 200 * time.Millisecond
	c := h.start()
	err := c.Stop(t.Context())
	if !errors.Is(err, process.ErrForced) {
		t.Errorf("error %v: it says that force was needed", err)
	}
	h.wantLogged("level=WARN", "id=1005")
}

func TestCrashIsLoggedAndGivesThePortBack(t *testing.T) {
	h := newHarness(t, "serve")
	c := h.start()
	syscall.Kill(c.Process.PID(), syscall.SIGKILL)
	h.wantDone(c, "it was killed")
	h.wantLogged("level=WARN", "id=1030", "requested=false", "signal 9")
	h.opts.Ports.mu.Lock()
	defer h.opts.Ports.mu.Unlock()
	if len(h.opts.Ports.held) != 0 || len(h.opts.Ports.rests) != 1 {
		t.Errorf("held %v, resting %v: the port rests", h.opts.Ports.held, h.opts.Ports.rests)
	}
	if err := c.Stop(t.Context()); err != nil {
		t.Errorf("stopping a child that has ended: %v", err)
	}
}
