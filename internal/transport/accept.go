package transport

import (
	"errors"
	"net"
	"sync"
	"syscall"
	"time"
)

// Acceptor accepts connections from listeners, each on a goroutine of its own.
type Acceptor struct {
	// Failed hears of an error that is waited out, such as no more descriptors. It may be nil.
	Failed func(l net.Listener, err error, wait time.Duration)

	wg            sync.WaitGroup
	once, waiting sync.Once
	ended         chan struct{} // closed when the owner waits: no more patience with errors
}

func (a *Acceptor) init() { a.once.Do(func() { a.ended = make(chan struct{}) }) }

// Serve begins to accept from l; accepted takes each connection and must return soon. It ends when l is closed; Wait
// waits for that.
func (a *Acceptor) Serve(l net.Listener, accepted func(net.Conn)) {
	a.init()
	a.wg.Go(func() { a.loop(l, accepted) })
}

// Wait waits until all accept loops have ended. The owner closes the listeners first.
func (a *Acceptor) Wait() {
	a.init()
	a.waiting.Do(func() { close(a.ended) })
	a.wg.Wait()
}

const (
	firstWait = 5 * time.Millisecond
	longWait  = time.Second
)

// loop accepts until the listener is closed. Out of descriptors or memory it waits a little longer each time, so that
// running connections can end, instead of spinning.
func (a *Acceptor) loop(l net.Listener, accepted func(net.Conn)) {
	wait := firstWait
	for {
		nc, err := l.Accept()
		switch {
		case err == nil:
			wait = firstWait
			accepted(nc)
		case errors.Is(err, net.ErrClosed):
			return
		case errors.Is(err, syscall.ECONNABORTED):
			// The client left between its handshake and the accept.
		default:
			if a.Failed != nil {
				a.Failed(l, err, wait)
			}
			select {
			case <-a.ended:
				return
			case <-time.After(wait):
			}
			wait = min(2*wait, longWait)
		}
	}
}
