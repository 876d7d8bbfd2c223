package main

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

// loadSlack is how much longer than told a load generator may take before it is ended.
const loadSlack = 30 * time.Second

// generator is a load generator that runs. Wait for it.
type generator struct {
	cmd    *exec.Cmd
	out    bytes.Buffer
	ctx    context.Context
	cancel context.CancelFunc
}

// generate starts a load generator that takes about d. It must be called on the main goroutine, as launch must: the process
// ends with the thread that started it.
func (w *workshop) generate(ctx context.Context, d time.Duration, argv []string) (*generator, error) {
	g := &generator{}
	g.ctx, g.cancel = context.WithTimeout(ctx, d+loadSlack)
	argv = w.pinned(1, argv)
	g.cmd = exec.CommandContext(g.ctx, argv[0], argv[1:]...)
	g.cmd.SysProcAttr = ownGroup()
	g.cmd.Stdout, g.cmd.Stderr = &g.out, &g.out
	if err := g.cmd.Start(); err != nil {
		g.cancel()
		return nil, fmt.Errorf("cannot start %s: %w", argv[0], err)
	}
	return g, nil
}

// wait returns what the generator said, and the CPU time that it spent itself.
func (g *generator) wait() (out string, own time.Duration, err error) {
	defer g.cancel()
	if err := g.cmd.Wait(); err != nil {
		if g.ctx.Err() != nil {
			err = context.Cause(g.ctx)
		}
		return "", 0, fmt.Errorf("%s: %w\n%s", strings.Join(g.cmd.Args, " "), err, g.out.String())
	}
	return g.out.String(), g.cmd.ProcessState.UserTime() + g.cmd.ProcessState.SystemTime(), nil
}

// stop ends the generator, if it still runs.
func (g *generator) stop() {
	g.cancel()
	_ = g.cmd.Wait() // it was told to end
}

// run runs a load generator to its end.
func (w *workshop) run(ctx context.Context, d time.Duration, argv []string) (out string, own time.Duration, err error) {
	g, err := w.generate(ctx, d, argv)
	if err != nil {
		return "", 0, err
	}
	return g.wait()
}
