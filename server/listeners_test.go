package server_test

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lannerhq/lanner/server"
)

// refuse is an accept loop that closes every connection after a greeting.
func refuse(l net.Listener) {
	for c, err := l.Accept(); err == nil; c, err = l.Accept() {
		io.WriteString(c, "hello")
		c.Close()
	}
}

// startListeners starts on those addresses; the test's end stops.
func startListeners(t *testing.T, addresses *server.Addresses, serve func(net.Listener)) *server.Listeners {
	t.Helper()
	ls := new(server.Listeners)
	t.Cleanup(ls.Stop)
	if err := ls.Start(t.Context(), addresses, serve); err != nil {
		t.Fatalf("Start on free ports of loopback: %v", err)
	}
	return ls
}

func hostPort(url string) string { return strings.TrimPrefix(url, "http://") }

func TestListenersBindEveryAddressAndPublishIt(t *testing.T) {
	addresses := server.NewAddresses("http://127.0.0.1:0", "http://127.0.0.1:0/")
	ls := startListeners(t, addresses, refuse)
	bound := addresses.Addresses()
	if len(bound) != 2 || bound[0] == bound[1] {
		t.Fatalf("Addresses() after Start = %q, want one for each that was set", bound)
	}
	for _, url := range bound {
		c, err := net.Dial("tcp", hostPort(url))
		if err != nil {
			t.Fatalf("%s was published and refuses a connection: %v", url, err)
		}
		if got, err := io.ReadAll(c); string(got) != "hello" {
			t.Errorf("%s: read %q, %v, want what its accept loop sent", url, got, err)
		}
		c.Close()
	}
	ls.Stop()
	for _, url := range bound {
		if c, err := net.Dial("tcp", hostPort(url)); err == nil {
			c.Close()
			t.Errorf("%s still takes connections after Stop", url)
		}
	}
}

func TestListenersStartOnce(t *testing.T) {
	addresses := server.NewAddresses("http://127.0.0.1:0")
	ls := startListeners(t, addresses, refuse)
	bound := addresses.Addresses()
	if err := ls.Start(t.Context(), addresses, refuse); err != server.ErrStarted {
		t.Errorf("the second Start: %v, want ErrStarted", err)
	}
	if diff := cmp.Diff(bound, addresses.Addresses()); diff != "" {
		t.Errorf("a Start that was refused changed the addresses (-before +after):\n%s", diff)
	}
	ls.Stop()
	ls.Stop() // a second Stop has nothing left to do and returns
	if err := ls.Start(t.Context(), addresses, refuse); err != server.ErrStopped {
		t.Errorf("Start after Stop: %v, want ErrStopped", err)
	}
	var never server.Listeners
	never.Stop()
	if err := never.Start(t.Context(), addresses, refuse); err != server.ErrStopped {
		t.Errorf("Start after a Stop that came first: %v, want ErrStopped", err)
	}
}

func TestListenersBindAllAddressesOrNone(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	first, second := "http://"+free.Addr().String(), "http://"+taken.Addr().String()
	free.Close()

	var ls server.Listeners
	defer ls.Stop()
	addresses := server.NewAddresses(first, second)
	if err := ls.Start(t.Context(), addresses, refuse); err == nil || !strings.Contains(err.Error(), second) {
		t.Errorf("Start: %v, want an error that names %s, which is taken", err, second)
	}
	if diff := cmp.Diff([]string{first, second}, addresses.Addresses()); diff != "" {
		t.Errorf("the addresses after a Start that failed are not those that were set (-want +got):\n%s", diff)
	}
	taken.Close()
	if err := ls.Start(t.Context(), addresses, refuse); err != nil {
		t.Errorf("Start once both are free: %v; the first Start must have let go of %s", err, first)
	}
}

func TestListenersSayWhichAddressTheyDoNotTake(t *testing.T) {
	for _, tt := range []struct {
		urls []string
		want string
	}{
		{nil, "no address is set"},
		{[]string{"https://127.0.0.1:0"}, "cannot listen on https://127.0.0.1:0: this server takes addresses of the form http://host:port"},
		{[]string{"127.0.0.1:0"}, "of the form http://host:port"},
		{[]string{"http://127.0.0.1:99999"}, "cannot listen on http://127.0.0.1:99999"},
	} {
		err := new(server.Listeners).Start(t.Context(), server.NewAddresses(tt.urls...), refuse)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("Start on %q: %v, want an error with %q", tt.urls, err, tt.want)
		}
	}
}

func TestStartOfListenersEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := new(server.Listeners).Start(ctx, server.NewAddresses("http://localhost:0"), refuse)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Start with a context that has ended: %v, want its error", err)
	}
}

func TestStopOfListenersWaitsForTheAcceptLoops(t *testing.T) {
	var ended bool // no lock: the race detector sees it when Stop does not wait
	ls := startListeners(t, server.NewAddresses("http://127.0.0.1:0"), func(l net.Listener) {
		refuse(l)
		ended = true
	})
	ls.Stop()
	if !ended {
		t.Error("Stop returned while serve was running: a connection could come after it")
	}
}

// exhausted is a listener of a process that has no descriptor left for a while.
type exhausted struct {
	net.Listener
	errors int
}

func (l *exhausted) Accept() (net.Conn, error) {
	if l.errors--; l.errors >= 0 {
		return nil, &net.OpError{Op: "accept", Err: syscall.EMFILE}
	}
	return nil, net.ErrClosed
}

func TestAcceptWaitsForADescriptor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		if _, err := server.PatientListener(&exhausted{errors: 3}).Accept(); err != net.ErrClosed {
			t.Errorf("Accept: %v, want net.ErrClosed alone: any other error would end the accept loop for good", err)
		}
		if waited := time.Since(start); waited != 30*time.Millisecond {
			t.Errorf("Accept tried for %v, want 10 ms after each of three errors: it must not spin", waited)
		}
	})
}
