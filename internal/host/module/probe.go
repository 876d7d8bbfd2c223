package module

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/lannerhq/lanner/internal/host/process"
)

// probeLimit bounds one health check, so that a child that hangs in its first
// answer is asked again.
const probeLimit = 5 * time.Second

// Probe asks the child for path (with a query, if any, and escaped) until it answers with a status below 500, which
// is what "ready" means for a health check here: a redirect or a demand for a
// login comes from a program that works. The token is sent along, as with every
// request. It ends with a *StartError when the program ends or ctx does.
func Probe(ctx context.Context, p *process.Process, port int, path, host string, token Token, proto Protocol) error {
	m := message{method: http.MethodGet, target: path, host: host, token: token, proto: proto}
	pause := minPoll
	var last error
	for {
		err := m.ask(ctx, port)
		if err == nil {
			return nil
		}
		if last == nil || ctx.Err() == nil {
			last = err
		}
		select {
		case <-p.Done():
			return exited(p, port)
		case <-ctx.Done():
			e := notInTime(ctx, p, port)
			if e.Reason == ReasonTimeout {
				e.Reason, e.Err = ReasonProbe, fmt.Errorf("health check GET %s: %w", path, last)
			}
			return e
		case <-time.After(pause):
			pause = min(2*pause, maxPoll)
		}
	}
}

func (m message) ask(ctx context.Context, port int) error {
	ctx, cancel := context.WithTimeout(ctx, probeLimit)
	defer cancel()
	status, err := m.send(ctx, port)
	if err == nil && status >= 500 {
		return fmt.Errorf("it answered %d", status)
	}
	return err
}
