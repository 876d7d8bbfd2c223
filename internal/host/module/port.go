package module

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
	"time"
)

// The module's range for random ports, ASPNETCORE_PORT of web.config may be lower.
const (
	minRandomPort = 10000
	minUserPort   = 1025
	maxPort       = 48000
)

const (
	// portRest keeps a port that was given back out of use: a client or a process of
	// the former owner may still speak to it.
	portRest = 2 * time.Minute
	// portTries bounds the search. The original gives up after 10.
	portTries = 100
	// enoughPorts is how many ports must be left outside of the system's own range
	// for that range to be avoided.
	enoughPorts = 1000
)

// errNoPort is returned when all tries met a port in use.
var errNoPort = errors.New("no free port was found")

// Ports hands out loopback ports to children. A port is random, outside of the
// range from which the system takes ports for outgoing connections, free when it
// was tried, and nobody else's who got it here.
//
// It is free only at that moment: another process can take it before the child
// does. Start then tries another.
type Ports struct {
	candidates func() []portRange
	intn       func(n int) int
	bind       func(port int) error
	now        func() time.Time

	mu    sync.Mutex
	held  map[int]bool
	rests map[int]time.Time // until when
}

type portRange struct{ from, to int } // inclusive

// NewPorts returns a Ports. A host needs one, for all its children.
func NewPorts() *Ports {
	return &Ports{
		candidates: candidatePorts,
		intn:       rand.IntN,
		bind:       tryBind,
		now:        time.Now,
		held:       make(map[int]bool),
		rests:      make(map[int]time.Time),
	}
}

// Pick returns a port, which is the caller's until Release.
func (p *Ports) Pick() (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	for port, until := range p.rests {
		if !until.After(now) {
			delete(p.rests, port)
		}
	}
	ranges := p.candidates()
	last := errors.New("all were in use by children of this host, or had just been")
	for range portTries {
		port := nth(ranges, p.intn(count(ranges)))
		if _, resting := p.rests[port]; resting || p.held[port] {
			continue
		}
		err := p.bind(port)
		if err == nil {
			p.held[port] = true
			return port, nil
		}
		last = err
	}
	return 0, fmt.Errorf("%w for a child process in %v after %d tries: %w", errNoPort, ranges, portTries, last)
}

// Release gives a port back. A port that was not picked here is ignored.
func (p *Ports) Release(port int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.held[port] {
		delete(p.held, port)
		p.rests[port] = p.now().Add(portRest)
	}
}

// tryBind finds out whether the port can be listened on.
func tryBind(port int) error {
	l, err := net.Listen("tcp4", net.JoinHostPort(loopback, strconv.Itoa(port)))
	if err != nil {
		return err
	}
	return l.Close()
}

// outside returns the random range without those given; the whole of it if they
// leave too little.
func outside(taken []portRange) []portRange {
	left := []portRange{{minRandomPort, maxPort}}
	for _, t := range taken {
		var next []portRange
		for _, r := range left {
			if t.to < r.from || t.from > r.to {
				next = append(next, r)
				continue
			}
			if t.from > r.from {
				next = append(next, portRange{r.from, t.from - 1})
			}
			if t.to < r.to {
				next = append(next, portRange{t.to + 1, r.to})
			}
		}
		left = next
	}
	if count(left) < enoughPorts {
		return []portRange{{minRandomPort, maxPort}}
	}
	return left
}

func count(ranges []portRange) int {
	n := 0
	for _, r := range ranges {
		n += r.to - r.from + 1
	}
	return n
}

func nth(ranges []portRange, i int) int {
	for _, r := range ranges {
		if n := r.to - r.from + 1; i >= n {
			i -= n
			continue
		}
		return r.from + i
	}
	return 0 // not reached: i is below count(ranges)
}

func (r portRange) String() string { return fmt.Sprintf("%d-%d", r.from, r.to) }

// userPort reads an ASPNETCORE_PORT that pool or application set. Zero means
// that there is none, or an empty one: a random port is to be used.
func userPort(vars []Variable) (int, error) {
	text, _ := lookup(vars, portVariable)
	if text == "" {
		return 0, nil
	}
	port, err := strconv.Atoi(text)
	if err != nil || port < minUserPort || port > maxPort {
		return 0, fmt.Errorf("environment variable %s is %q: it must be a port from %d to %d, or be left out for a random one", portVariable, text, minUserPort, maxPort)
	}
	return port, nil
}
