package inprocess

import (
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"github.com/lannerhq/lanner/internal/handover"
	"github.com/lannerhq/lanner/kestrel"
	"github.com/lannerhq/lanner/server"
	"github.com/lannerhq/lanner/server/servertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// hosted is the in-process server with the least of a host on the other side of its control channel.
type hosted struct {
	*Server
	share  bool // hand over the listening socket, or each connection
	limits json.RawMessage
	sign   func(*handover.Sign) *handover.SignResult // nil answers nothing

	listener net.Listener
	channel  *handover.Channel
	table    *handover.StatusTable
	child    *os.File
	lastID   atomic.Uint64
	wg       sync.WaitGroup

	mu     sync.Mutex
	copies map[uint64]*handover.Descriptor
	secure map[uint64]*handover.Descriptor // not accepted yet
}

func newHosted(share bool) *hosted {
	h := &hosted{share: share, copies: make(map[uint64]*handover.Descriptor), secure: make(map[uint64]*handover.Descriptor)}
	h.Server = New(kestrel.Options{Logger: slog.New(slog.DiscardHandler)})
	h.Server.open = h.connect
	return h
}

// connect makes the channel and greets; it stands for the host's start of the process.
func (h *hosted) connect() (*handover.Channel, error) {
	var err error
	if h.channel, h.child, err = handover.Socketpair(); err != nil {
		return nil, err
	}
	if h.table, err = handover.NewStatusTable(0); err != nil {
		return nil, err
	}
	table, err := h.table.Descriptor()
	if err != nil {
		return nil, err
	}
	if err := h.channel.Send(&handover.Hello{Site: "test", Application: "/", Worker: "1", StatusTable: table, Limits: h.limits}); err != nil {
		return nil, err
	}
	return handover.Open(h.child, handover.Worker)
}

func (h *hosted) Start(ctx context.Context, app server.Application) error {
	addr := "127.0.0.1:0"
	if urls := h.addresses.Addresses(); len(urls) > 0 {
		addr = strings.TrimPrefix(urls[0], "http://")
	}
	l, err := net.Listen("tcp", addr) // a host opens its bindings before it starts a worker
	if h.channel == nil && err != nil {
		return err
	}
	if err := h.Server.Start(ctx, app); err != nil {
		if l != nil {
			l.Close()
		}
		return err
	}
	h.listener = l
	h.addresses.Bind("http://" + h.listener.Addr().String())
	h.wg.Go(h.receive)
	if h.share {
		d, err := handover.Borrow(h.listener)
		if err != nil {
			return err
		}
		return h.channel.Send(&handover.Listen{ID: 1, Scheme: "http", Descriptor: d})
	}
	h.wg.Go(h.accept)
	return nil
}

func (h *hosted) accept() {
	for {
		nc, err := h.listener.Accept()
		if err != nil {
			return
		}
		d, err := handover.Detach(nc)
		if err != nil {
			nc.Close()
			continue
		}
		id := h.lastID.Add(1)
		h.mu.Lock()
		h.copies[id] = d
		h.mu.Unlock()
		slot, ok := h.table.Alloc()
		if !ok {
			slot = handover.NoSlot
		}
		if h.channel.Send(&handover.Conn{ID: id, Slot: slot, LocalScheme: "http", Descriptor: d}) != nil {
			h.drop(id)
		}
	}
}

func (h *hosted) drop(id uint64) {
	h.mu.Lock()
	d := h.copies[id]
	delete(h.copies, id)
	h.mu.Unlock()
	d.Close()
}

// handedSecure closes the copy of a connection whose TLS the worker ends.
func (h *hosted) handedSecure(id uint64) {
	h.mu.Lock()
	d := h.secure[id]
	delete(h.secure, id)
	h.mu.Unlock()
	d.Close()
}

// receive closes what the worker is through with, and what it gives back.
func (h *hosted) receive() {
	for {
		m, err := h.channel.Receive()
		if err != nil {
			return
		}
		switch m := m.(type) {
		case *handover.Done:
			h.handedSecure(m.ID)
			h.drop(m.ID)
		case *handover.Return:
			h.drop(m.ID)
			m.Descriptor.Close()
		case *handover.Accepted:
			h.handedSecure(m.ID)
		case *handover.Sign:
			if h.sign != nil {
				if r := h.sign(m); r != nil {
					h.channel.Send(r)
				}
			}
		case *handover.Register:
			h.mu.Lock()
			h.copies[m.LocalID] = m.Descriptor
			h.mu.Unlock()
		default:
			handover.Discard(m)
		}
	}
}

func (h *hosted) Stop(ctx context.Context) error {
	if h.listener != nil {
		h.listener.Close()
	}
	err := h.Server.Stop(ctx)
	if h.channel != nil {
		h.channel.Close()
		h.wg.Wait()
		h.mu.Lock()
		for _, d := range h.copies {
			d.Close()
		}
		clear(h.copies)
		h.mu.Unlock()
	}
	return err
}

func TestServerKeepsTheContractOnASharedSocket(t *testing.T) {
	servertest.Run(t, func() server.Server { return newHosted(true) })
}

func TestServerKeepsTheContractOnHandedConnections(t *testing.T) {
	servertest.Run(t, func() server.Server { return newHosted(false) })
}

func TestTheHostsLimitsWinAndOthersStay(t *testing.T) {
	h := newHosted(false)
	h.limits = json.RawMessage(`{"MaxRequestLineSize": 100}`)
	h.opts.Limits = kestrel.Limits{MaxRequestLineSize: 200, MaxResponseBufferSize: 300}
	if err := h.Start(t.Context(), server.HTTP(nil)); err != nil {
		t.Fatal(err)
	}
	defer h.Stop(t.Context())
	if got := h.opts.Limits; got.MaxRequestLineSize != 100 || got.MaxResponseBufferSize != 300 {
		t.Errorf("%+v, want the host's line size, and the buffer size that it says nothing of", got)
	}
}
