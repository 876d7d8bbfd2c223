package load

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"syscall"
	"time"
)

const (
	patience = 2 * time.Second // for an answer, when the load has ended
	turn     = 100             // milliseconds after which the loop looks at ctx and the clock, at the latest
)

// mixer is a running load. A single goroutine owns it.
type mixer struct {
	o          mixOptions
	fast, slow []byte // requests
	poll       int
	conns      []*mixConn
	byFD       map[int32]*mixConn
	asked      int // requests so far
	kinds      [2]histogram
}

const (
	kindFast = iota
	kindSlow
)

// mixConn is a connection with at most one request under way.
type mixConn struct {
	file  *os.File
	fd    int
	kind  int
	since time.Time // when the request was written
	buf   [maxResponse]byte
	n     int // bytes of the response in buf
}

// run makes the load.
func (o mixOptions) run(ctx context.Context) (result Mix, err error) {
	runtime.LockOSThread() // its goroutine does nothing else
	defer runtime.UnlockOSThread()
	m := &mixer{o: o, fast: get(o.addr, o.fast), slow: get(o.addr, o.slow), byFD: make(map[int32]*mixConn)}
	if m.poll, err = syscall.EpollCreate1(syscall.EPOLL_CLOEXEC); err != nil {
		return Mix{}, fmt.Errorf("epoll_create1: %w", err)
	}
	defer func() { err = errors.Join(err, m.close()) }()
	for range o.conns {
		if err := m.open(ctx); err != nil {
			return Mix{}, err
		}
	}
	began := time.Now()
	took, err := m.loop(ctx, began)
	if err != nil {
		return Mix{}, err
	}
	return Mix{Seconds: took.Seconds(), Fast: m.kinds[kindFast].kind(), Slow: m.kinds[kindSlow].kind()}, nil
}

func (m *mixer) open(ctx context.Context) error {
	nc, err := (&net.Dialer{Timeout: dialTime}).DialContext(ctx, "tcp", m.o.addr)
	if err != nil {
		return fmt.Errorf("opening connection %d: %w", len(m.conns)+1, err)
	}
	defer nc.Close() // which leaves the netpoller; the file is a duplicate
	file, err := nc.(*net.TCPConn).File()
	if err != nil {
		return err
	}
	c := &mixConn{file: file, fd: int(file.Fd())}
	m.conns = append(m.conns, c)
	m.byFD[int32(c.fd)] = c
	if err := syscall.SetNonblock(c.fd, true); err != nil {
		return err
	}
	return syscall.EpollCtl(m.poll, syscall.EPOLL_CTL_ADD, c.fd, &syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: int32(c.fd)})
}

// loop keeps all connections busy until the time is up. It returns how long it took.
func (m *mixer) loop(ctx context.Context, began time.Time) (time.Duration, error) {
	for _, c := range m.conns {
		if err := m.ask(c); err != nil {
			return 0, err
		}
	}
	events := make([]syscall.EpollEvent, m.o.conns)
	for {
		n, err := syscall.EpollWait(m.poll, events, turn)
		if err != nil && !errors.Is(err, syscall.EINTR) {
			return 0, fmt.Errorf("epoll_wait: %w", err)
		}
		if ctx.Err() != nil {
			return 0, context.Cause(ctx)
		}
		for _, e := range events[:max(0, n)] {
			if err := m.take(m.byFD[e.Fd]); err != nil {
				return 0, err
			}
		}
		if took := time.Since(began); took >= m.o.time {
			return took, m.unanswered()
		}
	}
}

// ask writes a connection's next request.
func (m *mixer) ask(c *mixConn) error {
	request := m.fast
	c.kind = kindFast
	if m.asked++; m.o.every > 0 && m.asked%m.o.every == 0 {
		c.kind, request = kindSlow, m.slow
	}
	c.since, c.n = time.Now(), 0
	if n, err := syscall.Write(c.fd, request); n < len(request) {
		return fmt.Errorf("writing a request: %d of %d bytes: %w", max(0, n), len(request), err)
	}
	return nil
}

// take reads what has arrived, and asks again when the answer is whole.
func (m *mixer) take(c *mixConn) error {
	n, err := syscall.Read(c.fd, c.buf[c.n:])
	switch {
	case errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EINTR):
		return nil
	case err != nil:
		return fmt.Errorf("reading an answer: %w", err)
	case n == 0:
		return errors.New("the server closed a connection")
	}
	c.n += n
	whole, err := scan(c.buf[:c.n])
	if err != nil || whole == 0 {
		return err
	}
	if whole < c.n {
		return fmt.Errorf("%d bytes follow an answer", c.n-whole)
	}
	m.kinds[c.kind].add(time.Since(c.since))
	return m.ask(c)
}

// unanswered is an error when requests wait for too long: they are in no histogram.
func (m *mixer) unanswered() error {
	n := 0
	for _, c := range m.conns {
		if time.Since(c.since) > patience {
			n++
		}
	}
	if n > 0 {
		return fmt.Errorf("%d of %d connections have waited for an answer for more than %v", n, len(m.conns), patience)
	}
	return nil
}

func (m *mixer) close() error {
	errs := []error{syscall.Close(m.poll)}
	for _, c := range m.conns {
		errs = append(errs, c.file.Close())
	}
	return errors.Join(errs...)
}
