//go:build unix

package handover

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// without compares messages by everything but their descriptors.
var without = cmp.FilterValues(func(a, b *Descriptor) bool { return true }, cmp.Ignore())

func TestEveryMessageArrivesAsItWasSent(t *testing.T) {
	noDescriptorLeaks(t)
	_, accepted := tcpPair(t)
	d := borrow(t, accepted)
	arrival := time.Unix(1_700_000_000, 123_456_789)
	fromHost := []Message{
		&Hello{
			Version: Current, Generation: 7, Site: "main", Application: "shop", PathBase: "/shop",
			Worker: "main/shop#7", Token: "s3cret",
			Routes:          []Route{{Host: "example.com", PathPrefix: "/shop"}, {Host: "*.example.com", PathPrefix: "/"}},
			ForeignPrefixes: []string{"/shop/admin"},
			Limits:          json.RawMessage(`{"maxRequestBodySize":30000000}`),
			StatusTable:     d,
		},
		&Listen{ID: 3, Address: "http://127.0.0.1:80", Scheme: "http", Descriptor: d},
		&Unlisten{ID: 3},
		&Conn{ID: 9, Slot: 12, LocalScheme: "https", Arrival: arrival, Prefix: []byte("GET / HTTP/1.1\r\n"), Descriptor: d},
		&Conn{ID: 10, Slot: NoSlot, Descriptor: d},
		&Conn{ID: 12, LocalScheme: "https", Descriptor: d, Client: &Client{Remote: "[2001:db8::1]:4000", Local: "192.0.2.1:443", TLS: &ClientTLS{
			Version: 0x304, CipherSuite: 0x1301, ServerName: "a.example.org", Protocol: "h2", Resumed: true, Certificates: [][]byte{{0x30, 0}}}}},
		&Conn{ID: 13, Descriptor: d, Client: &Client{}},
		&Credential{ID: 1, Names: []Name{{Host: "a.example", Own: true}, {Host: "*.example"}}, Protocols: []string{"h2"}, MinVersion: 0x303, Suites: []uint16{0xc02b},
			Certificates: []Certificate{{Key: 7, Chain: [][]byte{{0x30, 0}, {0x30, 1}}, Staple: []byte{1}}}},
		&Credential{ID: 1, Ended: true},
		&TicketKeys{Credential: 1, Keys: [][32]byte{{1}, {2}}},
		&Conn{ID: 14, LocalScheme: "https", Slot: NoSlot, Credential: 1, Descriptor: d},
		&SignResult{ID: 1, Signature: []byte{1, 2}},
		&SignResult{ID: 2, Reason: "the key is another site's"},
		&Conn{ID: 11, Prefix: bytes.Repeat([]byte("x"), MaxPrefix), Descriptor: d},
		&Config{Limits: json.RawMessage(`{"a":[1,2]}`), Routes: []Route{{PathPrefix: "/"}}, ForeignPrefixes: []string{"/b"}},
		&Drain{Deadline: arrival.UTC()},
		&Ping{Seq: 1<<64 - 1},
	}
	fromWorker := []Message{
		&Ready{Version: Current, PID: 4711, Addresses: []string{"http://127.0.0.1:80"}},
		&Accepted{ID: 9},
		&Return{ID: 9, Requests: 2, Unread: []byte("GET /other"), Descriptor: d},
		&Return{ListenID: 3, Descriptor: d},
		&Done{ID: 9, Requests: 1<<32 - 1},
		&Status{Active: 3, Running: 1, Requests: 99, Draining: true},
		&Pong{Seq: 5},
		&Failed{Reason: "cannot bind: address in use"},
		&Register{LocalID: LocalID | 1, Slot: 40000, ListenID: 3, Descriptor: d},
		&Sign{ID: 1, Key: 7, Scheme: tls.PSSWithSHA256, Content: bytes.Repeat([]byte{1}, 32)},
	}
	host, worker := pair(t)
	for _, m := range fromHost {
		wantArrival(t, host, worker, m)
	}
	for _, m := range fromWorker {
		wantArrival(t, worker, host, m)
	}
}

func wantArrival(t *testing.T, from, to *Channel, m Message) {
	t.Helper()
	send(t, from, m)
	got, err := to.Receive()
	if err != nil {
		t.Fatalf("%s did not arrive: %v", m.Kind(), err)
	}
	defer Discard(got)
	if diff := cmp.Diff(m, got, without); diff != "" {
		t.Errorf("%s changed on its way (-sent +received):\n%s", m.Kind(), diff)
	}
	if (descriptorOf(m) == nil) != (descriptorOf(got) == nil) {
		t.Errorf("%s: the descriptor must arrive exactly when it was sent", m.Kind())
	}
}

func TestAZeroVersionIsSentAsTheCurrentOne(t *testing.T) {
	host, worker := pair(t)
	send(t, host, &Hello{})
	if got := receive[*Hello](t, worker).Version; got != Current {
		t.Errorf("HELLO told version %s, want %s: the sender need not fill it in", got, Current)
	}
	send(t, worker, &Ready{})
	if got := receive[*Ready](t, host).Version; got != Current {
		t.Errorf("READY told version %s, want %s: the sender need not fill it in", got, Current)
	}
}

func TestAHandedOverConnectionWorksOnTheOtherSide(t *testing.T) {
	noDescriptorLeaks(t)
	host, worker := greetedPair(t)
	client, accepted := tcpPair(t)
	fmt.Fprint(client, "first second")
	wantText(t, "the host reads the request's first bytes", accepted, "first ")

	copyOfHost, err := Detach(accepted)
	if err != nil {
		t.Fatal(err)
	}
	send(t, host, &Conn{ID: 1, Prefix: []byte("first "), Descriptor: copyOfHost})

	m := receive[*Conn](t, worker)
	conn, err := m.Descriptor.Conn()
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := conn.(*net.TCPConn); !ok {
		t.Errorf("the worker got a %T, want a *net.TCPConn as it was accepted", conn)
	}
	if conn.RemoteAddr().String() != client.LocalAddr().String() {
		t.Errorf("the peer is %v in the worker, want the client %v", conn.RemoteAddr(), client.LocalAddr())
	}
	wantText(t, "the prefix came along", bytes.NewReader(m.Prefix), "first ")
	wantText(t, "the worker reads on where the host stopped", conn, "second")
	fmt.Fprint(conn, "answer")
	wantText(t, "the worker's answer reaches the client", client, "answer")
	conn.Close()

	again, err := copyOfHost.Conn()
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	fmt.Fprint(again, "502")
	wantText(t, "the host's copy outlives the worker's", client, "502")
}

func TestAConnectionComesBackAndGoesToTheNextWorker(t *testing.T) {
	noDescriptorLeaks(t)
	host1, worker1 := greetedPair(t)
	host2, worker2 := greetedPair(t)
	client, accepted := tcpPair(t)

	send(t, worker1, &Return{ListenID: 1, Unread: []byte("GET /b"), Descriptor: borrow(t, accepted)})
	accepted.Close()
	back := receive[*Return](t, host1)
	send(t, host2, &Conn{ID: 1, Prefix: back.Unread, Descriptor: back.Descriptor})
	back.Descriptor.Close()

	m := receive[*Conn](t, worker2)
	if string(m.Prefix) != "GET /b" {
		t.Errorf("the second worker got %q, want the bytes the first had read", m.Prefix)
	}
	conn, err := m.Descriptor.Conn()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "b answers")
	wantText(t, "the second worker answers", client, "b answers")
}

func TestAHandedOverListenerAcceptsOnTheOtherSide(t *testing.T) {
	noDescriptorLeaks(t)
	host, worker := greetedPair(t)
	l := listen(t)
	send(t, host, &Listen{ID: 1, Descriptor: borrow(t, l)})

	copied, err := receive[*Listen](t, worker).Descriptor.Listener()
	if err != nil {
		t.Fatal(err)
	}
	accept := func(from net.Listener, why string) {
		client, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		conn, err := from.Accept()
		if err != nil {
			t.Fatalf("%s: %v", why, err)
		}
		conn.Close()
	}
	accept(copied, "the worker's copy accepts")
	copied.Close()
	accept(l, "the host's socket goes on when the worker has closed its copy")
}

func TestEachDescriptorArrivesWithItsOwnMessage(t *testing.T) {
	noDescriptorLeaks(t)
	const senders, each = 16, 40
	host, worker := greetedPair(t)
	inodes := make([]uint64, senders+1)
	files := make([]*os.File, senders+1)
	for i := range files {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		defer w.Close()
		files[i], inodes[i] = w, inode(t, int(w.Fd()))
	}

	var wg sync.WaitGroup
	for s := 1; s <= senders; s++ {
		d := borrow(t, files[s])
		wg.Go(func() {
			for n := range each {
				prefix := bytes.Repeat([]byte{byte(s)}, n*97*s%20_000)
				if err := host.Send(&Conn{ID: uint64(s), Prefix: prefix, Descriptor: d}); err != nil {
					t.Error(err)
				}
				if err := host.Send(&Ping{Seq: uint64(s)}); err != nil {
					t.Error(err)
				}
				if err := worker.Send(&Return{ID: uint64(s), Unread: prefix, Descriptor: d}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Go(func() {
		for range senders * each {
			m, err := host.Receive()
			if err != nil {
				t.Error(err)
				return
			}
			back := m.(*Return) // the worker sends nothing else here
			wantOwn(t, inodes[back.ID], back.ID, back.Unread, back.Descriptor)
		}
	})
	pings := 0
	for range 2 * senders * each {
		m, err := worker.Receive()
		if err != nil {
			t.Fatal(err)
		}
		switch m := m.(type) {
		case *Conn:
			wantOwn(t, inodes[m.ID], m.ID, m.Prefix, m.Descriptor)
		case *Ping:
			pings++
		}
	}
	wg.Wait()
	if pings != senders*each {
		t.Errorf("%d pings arrived, want %d: none is lost between the others", pings, senders*each)
	}
}

func wantOwn(t *testing.T, want, id uint64, bytes []byte, d *Descriptor) {
	defer d.Close()
	for _, b := range bytes {
		if b != byte(id) {
			t.Errorf("message %d came with bytes of message %d", id, b)
			break
		}
	}
	if err := d.control(func(fd int) {
		if got := inode(t, fd); got != want {
			t.Errorf("message %d came with the descriptor of another message", id)
		}
	}); err != nil {
		t.Error(err)
	}
}

func inode(t *testing.T, fd int) uint64 {
	t.Helper()
	var st syscall.Stat_t
	if err := syscall.Fstat(fd, &st); err != nil {
		t.Error(err)
	}
	return st.Ino
}

func TestSendRefusesWhatItMustNotSend(t *testing.T) {
	noDescriptorLeaks(t)
	host, worker := greetedPair(t)
	_, accepted := tcpPair(t)
	d := borrow(t, accepted)
	_, gone := tcpPair(t)
	goneDescriptor := borrow(t, gone)
	gone.Close()
	_, spent := tcpPair(t)
	spentDescriptor, err := Detach(spent)
	if err != nil {
		t.Fatal(err)
	}
	spentDescriptor.Close()

	tests := []struct {
		why  string
		from *Channel
		m    Message
		want string
	}{
		{"a worker's message is not the host's", host, &Ready{}, "only the worker sends it"},
		{"a host's message is not the worker's", worker, &Ping{}, "only the host sends it"},
		{"a connection needs its descriptor", host, &Conn{ID: 1}, "needs a descriptor"},
		{"number 0 names no connection", host, &Conn{Descriptor: d}, "not one the host gives out"},
		{"the host does not use the worker's numbers", host, &Conn{ID: LocalID, Descriptor: d}, "not one the host gives out"},
		{"the worker does not use the host's numbers", worker, &Register{LocalID: 1, Descriptor: d}, "not one a worker gives out"},
		{"certificates have a limit", host, &Conn{ID: 1, Descriptor: d, Client: &Client{TLS: &ClientTLS{Certificates: [][]byte{make([]byte, MaxCertificates), {1}}}}}, "exceed the limit"},
		{"too many bytes read ahead", host, &Conn{ID: 1, Prefix: make([]byte, MaxPrefix+1), Descriptor: d}, "exceed the limit"},
		{"too many bytes returned", worker, &Return{Unread: make([]byte, MaxPrefix+1), Descriptor: d}, "exceed the limit"},
		{"a scheme is short", host, &Conn{ID: 1, LocalScheme: strings.Repeat("x", 256), Descriptor: d}, "scheme"},
		{"a frame is bounded", host, &Config{Limits: json.RawMessage(`"` + strings.Repeat("x", MaxFrame) + `"`)}, "exceeds the limit"},
		{"limits are JSON", host, &Config{Limits: json.RawMessage(`{`)}, "JSON"},
		{"a closed connection cannot be handed over", host, &Conn{ID: 1, Descriptor: goneDescriptor}, "descriptor cannot be used"},
		{"a spent descriptor cannot be handed over", host, &Conn{ID: 1, Descriptor: spentDescriptor}, "descriptor cannot be used"},
	}
	for _, tt := range tests {
		err := tt.from.Send(tt.m)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want an error with %q", tt.why, err, tt.want)
		}
		if errors.Is(err, ErrClosed) {
			t.Errorf("%s: the error is ErrClosed, but the channel goes on", tt.why)
		}
	}
	send(t, host, &Ping{Seq: 1})
	if m := receive[*Ping](t, worker); m.Seq != 1 {
		t.Errorf("after refused messages the next one is ping %d, want 1", m.Seq)
	}
}

func TestALongReasonIsCutOffAndArrives(t *testing.T) {
	host, worker := pair(t)
	send(t, worker, &Failed{Reason: strings.Repeat("ü\x01", maxReason)})
	got := receive[*Failed](t, host).Reason
	if len(got) > maxReason || len(got) < maxReason-1 {
		t.Errorf("the reason has %d bytes, want about %d: it is why the start failed and must not be lost", len(got), maxReason)
	}
	if strings.Contains(got, "�") {
		t.Error("the cut split a character")
	}
}

func TestReceiveTellsThatThePeerHasClosed(t *testing.T) {
	noDescriptorLeaks(t)
	host, worker := greetedPair(t)
	send(t, worker, &Pong{Seq: 1})
	worker.Close()
	if m := receive[*Pong](t, host); m.Seq != 1 {
		t.Errorf("received pong %d, want the one sent before the end", m.Seq)
	}
	for range 2 {
		_, err := host.Receive()
		wantClosed(t, "the peer closed", err)
	}
	wantClosed(t, "nobody takes a message", host.Send(&Ping{}))
}

func TestClosingWithUnreadMessagesLooksLikeAnyOtherEnd(t *testing.T) {
	noDescriptorLeaks(t)
	host, worker := greetedPair(t)
	_, accepted := tcpPair(t)
	send(t, host, &Conn{ID: 1, Descriptor: borrow(t, accepted)})
	worker.Close() // the kernel reports this as a reset
	_, err := host.Receive()
	wantClosed(t, "the worker died with a connection it had not read", err)
}

func TestAnEndInTheMiddleOfAFrameIsAnEnd(t *testing.T) {
	noDescriptorLeaks(t)
	_, accepted := tcpPair(t)
	f, err := accepted.(*net.TCPConn).File()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	whole := frameOf(Current, KindReturn, flagDescriptor, strings.Repeat("x", 100))
	for _, n := range []int{1, headerSize - 1, headerSize, headerSize + 50} {
		host, raw := rawPair(t, Host)
		write(t, raw, whole[:n], int(f.Fd()))
		raw.Close()
		_, err := host.Receive()
		wantClosed(t, fmt.Sprintf("the peer died after %d bytes", n), err)
	}
}

func TestCloseEndsReceiveAndSend(t *testing.T) {
	noDescriptorLeaks(t)
	host, _ := greetedPair(t)
	var wg sync.WaitGroup
	started := make(chan struct{}, 3)
	wg.Go(func() {
		started <- struct{}{}
		_, err := host.Receive()
		wantClosed(t, "Receive was waiting", err)
	})
	for range 2 { // one that writes and one that waits for its turn
		wg.Go(func() {
			started <- struct{}{}
			var err error
			for err == nil {
				err = host.Send(&Config{Limits: json.RawMessage(`"` + strings.Repeat("x", 100_000) + `"`)})
			}
			wantClosed(t, "Send was waiting", err)
		})
	}
	for range 3 {
		<-started
	}
	host.Close()
	wg.Wait()
	host.Close()
	_, err := host.Receive()
	wantClosed(t, "Receive after Close", err)
	wantClosed(t, "Send after Close", host.Send(&Ping{}))
}

func TestCloseClosesADescriptorThatWasNotReceived(t *testing.T) {
	noDescriptorLeaks(t)
	host, raw := rawPair(t, Host)
	_, accepted := tcpPair(t)
	f, err := accepted.(*net.TCPConn).File()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	pong := frameOf(Current, KindPong, 0, `{"seq":1}`)
	write(t, raw, pong)
	write(t, raw, frameOf(Current, KindReturn, flagDescriptor, strings.Repeat("\x00", 20)), int(f.Fd()))
	receive[*Pong](t, host) // the kernel gives both frames in one read
	host.Close()
}

func TestSendGivesUpWhenThePeerDoesNotRead(t *testing.T) {
	noDescriptorLeaks(t)
	host, worker := greetedPair(t)
	host.SetWriteTimeout(50 * time.Millisecond)
	large := &Config{Limits: json.RawMessage(`"` + strings.Repeat("x", 200_000) + `"`)}
	var err error
	for err == nil {
		err = host.Send(large)
	}
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("got %v, want the deadline: the peer does not read", err)
	}
	wantClosed(t, "a frame that was cut off leaves nothing to send on", host.Send(&Ping{}))

	send(t, worker, &Pong{Seq: 4})
	if m := receive[*Pong](t, host); m.Seq != 4 {
		t.Errorf("received pong %d, want 4: what the worker says is still heard", m.Seq)
	}
	for err = nil; err == nil; {
		_, err = worker.Receive()
	}
	wantClosed(t, "the cut-off frame ends the worker's side", err)
}

func TestASenderDoesNotWaitForeverForItsTurn(t *testing.T) {
	noDescriptorLeaks(t)
	host, worker := greetedPair(t)
	host.SetWriteTimeout(20 * time.Millisecond)
	host.turn <- struct{}{} // another goroutine writes
	err := host.Send(&Ping{Seq: 1})
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("got %v, want the deadline", err)
	}
	<-host.turn
	send(t, host, &Ping{Seq: 2})
	if m := receive[*Ping](t, worker); m.Seq != 2 {
		t.Errorf("received ping %d, want 2: the one that gave up was not sent, the channel goes on", m.Seq)
	}
}
