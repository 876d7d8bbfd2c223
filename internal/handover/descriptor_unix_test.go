//go:build unix

package handover

import (
	"crypto/tls"
	"net"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestAConnectionWithoutADescriptorIsRefused(t *testing.T) {
	_, accepted := tcpPair(t)
	for _, v := range []any{tls.Server(accepted, nil), &net.Buffers{}, nil} {
		if _, err := Borrow(v); err == nil || !strings.Contains(err.Error(), "no descriptor of its own") {
			t.Errorf("Borrow(%T) gave %v, want a refusal: its state cannot move", v, err)
		}
	}
	if _, err := Detach(tls.Server(accepted, nil)); err == nil {
		t.Error("Detach took a TLS connection apart")
	}
}

func TestADescriptorIsTurnedIntoAConnectionOnce(t *testing.T) {
	noDescriptorLeaks(t)
	_, accepted := tcpPair(t)
	d, err := Detach(accepted)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := accepted.Write([]byte("x")); err == nil {
		t.Error("Detach left the net.Conn open, want it closed so that no poller watches it")
	}
	conn, err := d.Conn()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := d.Conn(); err == nil {
		t.Error("the same descriptor became a second connection")
	}
	if err := d.Close(); err != nil {
		t.Errorf("closing a spent descriptor: %v, want nothing to happen", err)
	}
}

func TestWhatIsNoConnectionIsClosedAllTheSame(t *testing.T) {
	noDescriptorLeaks(t)
	take := func() *Descriptor {
		null, err := os.Open(os.DevNull)
		if err != nil {
			t.Fatal(err)
		}
		defer null.Close()
		fd, err := duplicate(int(null.Fd()))
		if err != nil {
			t.Fatal(err)
		}
		return own(fd)
	}
	if _, err := take().Conn(); err == nil {
		t.Error("/dev/null became a connection")
	}
	if _, err := take().Listener(); err == nil {
		t.Error("/dev/null became a listener")
	}
	if _, err := OpenStatusTable(take()); err == nil {
		t.Error("/dev/null became a status table")
	}
}

func TestNilAndBorrowedDescriptorsCannotBeTakenOver(t *testing.T) {
	_, accepted := tcpPair(t)
	borrowed := borrow(t, accepted)
	if _, err := borrowed.Conn(); err == nil {
		t.Error("a borrowed descriptor became a connection, but its owner still has it")
	}
	borrowed.Close()
	if _, err := accepted.Write([]byte("x")); err != nil {
		t.Errorf("closing a borrowed descriptor closed its owner's: %v", err)
	}
	var none *Descriptor
	if _, err := none.Listener(); err == nil {
		t.Error("no descriptor became a listener")
	}
	if err := none.Close(); err != nil {
		t.Error(err)
	}
}

func TestReceivedDescriptorsAreCloseOnExec(t *testing.T) {
	noDescriptorLeaks(t)
	host, worker := greetedPair(t)
	_, accepted := tcpPair(t)
	d, err := Detach(accepted)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	send(t, host, &Conn{ID: 1, Descriptor: d})
	m := receive[*Conn](t, worker)
	defer Discard(m)
	for _, one := range []*Descriptor{d, m.Descriptor} {
		if err := one.control(func(fd int) {
			flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
			if err != nil || flags&unix.FD_CLOEXEC == 0 {
				t.Errorf("flags %#x, %v: a process that is started meanwhile would keep the connection open", flags, err)
			}
		}); err != nil {
			t.Error(err)
		}
	}
}

func TestBothEndsOfASocketpairAreCloseOnExec(t *testing.T) {
	noDescriptorLeaks(t)
	host, file, err := Socketpair()
	if err != nil {
		t.Fatal(err)
	}
	defer host.Close()
	defer file.Close()
	raw, err := file.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []interface{ Control(func(uintptr)) error }{host.sock.raw, raw} {
		if err := c.Control(func(fd uintptr) {
			if flags, err := unix.FcntlInt(fd, unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
				t.Errorf("flags %#x, %v: another worker started meanwhile would inherit this one's channel", flags, err)
			}
		}); err != nil {
			t.Fatal(err)
		}
	}
}
