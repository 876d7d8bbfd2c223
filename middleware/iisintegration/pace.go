package iisintegration

import (
	"sync"
	"time"
)

// pace lets one event a minute into the log: whoever can connect can cause it.
type pace struct {
	mu   sync.Mutex
	last time.Time
}

func (p *pace) due() bool {
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if now.Sub(p.last) < time.Minute {
		return false
	}
	p.last = now
	return true
}
