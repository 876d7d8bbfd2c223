package transport

import (
	"errors"
	"net"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lannerhq/lanner/internal/memnet"
)

func TestAcceptHandsOverConnectionsUntilTheListenerCloses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a Acceptor
		l := memnet.Listen(1)
		accepted := 0
		a.Serve(l, func(nc net.Conn) {
			accepted++
			nc.Close()
		})
		for range 3 {
			if _, err := l.Dial(); err != nil {
				t.Fatal(err)
			}
		}
		l.Close()
		a.Wait()
		if accepted != 3 {
			t.Errorf("%d connections accepted, want 3", accepted)
		}
	})
}

// failing fails to accept.
type failing struct {
	net.Listener
	errs []error
}

func (l *failing) Accept() (net.Conn, error) {
	if len(l.errs) == 0 {
		return l.Listener.Accept()
	}
	err := l.errs[0]
	l.errs = l.errs[1:]
	return nil, err
}

func TestAcceptWaitsLongerEachTimeItFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var waits []time.Duration
		a := Acceptor{Failed: func(_ net.Listener, err error, wait time.Duration) { waits = append(waits, wait) }}
		l := &failing{Listener: memnet.Listen(1)}
		for range 10 {
			l.errs = append(l.errs, syscall.EMFILE)
		}
		l.errs = append(l.errs, syscall.ECONNABORTED) // the client left: not worth a word
		start := time.Now()
		served := make(chan bool)
		a.Serve(l, func(nc net.Conn) { nc.Close(); served <- true })
		if _, err := l.Listener.(*memnet.Listener).Dial(); err != nil {
			t.Fatal(err)
		}
		<-served
		if len(waits) != 10 || waits[0] != firstWait || waits[1] != 2*firstWait || waits[9] != longWait {
			t.Errorf("waited %v, want longer each time and a second at most", waits)
		}
		if d := time.Since(start); d > 5*time.Second {
			t.Errorf("serving again after %v", d)
		}
		l.Close()
		a.Wait()
	})
}

func TestWaitDoesNotWaitForPatienceWithErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := Acceptor{}
		l := &failing{Listener: memnet.Listen(1), errs: make([]error, 1000)}
		for i := range l.errs {
			l.errs[i] = errors.New("no more descriptors")
		}
		a.Serve(l, func(net.Conn) {})
		time.Sleep(10 * time.Second)
		l.Close()
		start := time.Now()
		a.Wait()
		if d := time.Since(start); d != 0 {
			t.Errorf("Wait took %v, want it to end what waits", d)
		}
	})
}

func TestTheHeartbeatBeatsEverySecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var beats []time.Time
		start := time.Now()
		h := NewHeartbeat(func(now time.Time) { beats = append(beats, now) })
		time.Sleep(3500 * time.Millisecond)
		h.Stop()
		if len(beats) != 4 || !beats[0].Equal(start) || !beats[3].Equal(start.Add(3*time.Second)) {
			t.Errorf("beats %v, want one at once and then one each second", beats)
		}
		if got := h.Now(); !got.Equal(start.Add(3 * time.Second)) {
			t.Errorf("Now is %v, want the last beat", got)
		}
	})
}
