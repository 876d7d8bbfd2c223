package handover

import (
	"fmt"
	"sync"
	"syscall"
)

// Descriptor is a socket or a file that travels with a message.
//
// There are two sorts. A borrowed one ([Borrow]) points at a connection, a
// listener or a file that stays its owner's; closing the Descriptor does
// nothing. An owned one ([Detach], or received with a message) is a number in
// the process's table that nothing else knows about and that no poller watches:
// its holder ends it with Close, Conn or Listener.
//
// Sending a Descriptor sends a copy and changes neither sort: who owned it
// still does. All methods may be called on nil, which is no descriptor, and
// from any goroutine.
type Descriptor struct {
	lender syscall.RawConn // of a borrowed one

	mu    sync.Mutex
	owned int // -1 once it has been given up
}

// Borrow returns a descriptor that stands for v, a [net.Conn], [net.Listener]
// or [*os.File] of the operating system. Nothing is duplicated; v must stay
// open until the message has been sent.
//
// It fails for a v with no descriptor of its own, such as a TLS connection,
// whose keys cannot move to another process.
func Borrow(v any) (*Descriptor, error) {
	owner, ok := v.(syscall.Conn)
	if !ok {
		return nil, fmt.Errorf("cannot hand over a %T: it has no descriptor of its own, pass the connection or listener below it", v)
	}
	raw, err := owner.SyscallConn()
	if err != nil {
		return nil, fmt.Errorf("cannot hand over a %T: %w", v, err)
	}
	return &Descriptor{lender: raw, owned: -1}, nil
}

func own(fd int) *Descriptor { return &Descriptor{owned: fd} }

// Close ends an owned descriptor; further calls and those on a borrowed one do
// nothing. The connection itself lives on as long as another process has it.
func (d *Descriptor) Close() error {
	if d == nil {
		return nil
	}
	if fd := d.release(); fd >= 0 {
		return closeDescriptor(fd)
	}
	return nil
}

// release takes the number out of an owned descriptor, -1 if it has none.
func (d *Descriptor) release() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	fd := d.owned
	d.owned = -1
	return fd
}

// control calls f with the number, which stays valid until f returns. f must
// not block: the owner's Close waits for it.
func (d *Descriptor) control(f func(fd int)) error {
	if d.lender != nil {
		return d.lender.Control(func(fd uintptr) { f(int(fd)) })
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.owned < 0 {
		return errGivenUp
	}
	f(d.owned)
	return nil
}
