package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"
)

// Listeners is what Start and Stop of all servers on TCP have in common: it binds the addresses, publishes what is bound,
// owns the goroutines that accept, and knows whether the server was started or stopped before. The zero value belongs to
// a server that was not. It is safe for concurrent use.
type Listeners struct {
	mu               sync.Mutex
	started, stopped bool
	open             []net.Listener
	accepting        sync.WaitGroup
}

// Start binds every address, each of the form http://host:port, puts what is bound back into addresses and calls serve
// for each listener, on a goroutine of its own. serve accepts connections until Accept fails, which means that Stop was
// called: when the process has no descriptor left, Accept waits for one. ctx bounds the binding alone.
//
// The errors are those of Server.Start: ErrStarted, ErrStopped, or which address cannot be bound; then none is, and Start
// may be called again.
func (ls *Listeners) Start(ctx context.Context, addresses *Addresses, serve func(net.Listener)) error {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	switch {
	case ls.stopped:
		return ErrStopped
	case ls.started:
		return ErrStarted
	}
	open, bound, err := listenAll(ctx, addresses.Addresses())
	if err != nil {
		return err
	}
	ls.started, ls.open = true, open
	addresses.Bind(bound...)
	for _, l := range open {
		ls.accepting.Go(func() { serve(patientListener{l}) })
	}
	return nil
}

// Stop closes the listeners and waits until serve has returned for each of them: no connection comes after that. It may
// be called more than once, and before Start, which is ErrStopped from then on.
func (ls *Listeners) Stop() {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	ls.stopped = true
	closeAll(ls.open)
	ls.accepting.Wait()
}

// listenAll binds all addresses or none. It returns the listeners and their URLs.
func listenAll(ctx context.Context, urls []string) (open []net.Listener, bound []string, err error) {
	if len(urls) == 0 {
		return nil, nil, errors.New("cannot listen: no address is set; one looks like http://localhost:5000")
	}
	for _, url := range urls {
		l, err := listen(ctx, url)
		if err != nil {
			closeAll(open)
			return nil, nil, fmt.Errorf("cannot listen on %s: %w", url, err)
		}
		open, bound = append(open, l), append(bound, "http://"+l.Addr().String())
	}
	return open, bound, nil
}

func listen(ctx context.Context, url string) (net.Listener, error) {
	address, ok := strings.CutPrefix(url, "http://")
	if !ok {
		return nil, errors.New("this server takes addresses of the form http://host:port")
	}
	return new(net.ListenConfig).Listen(ctx, "tcp", strings.TrimSuffix(address, "/"))
}

// closeAll closes listeners, also those that are closed: what Close returns then is of no interest.
func closeAll(listeners []net.Listener) {
	for _, l := range listeners {
		_ = l.Close()
	}
}

// patientListener has an Accept that fails only when the listener is closed.
type patientListener struct{ net.Listener }

// Accept waits a moment after an error: EMFILE, say, is over when some connection ends. An accept loop that ended there
// would leave a server that runs and serves nobody.
func (l patientListener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err == nil || errors.Is(err, net.ErrClosed) {
			return c, err
		}
		time.Sleep(10 * time.Millisecond)
	}
}
