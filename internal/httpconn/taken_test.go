package httpconn

import (
	"context"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lannerhq/lanner/internal/memnet"
	"github.com/lannerhq/lanner/server"
)

// loopback is a real connection.
func loopback(t *testing.T) (near, far *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	nc, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	peer, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close(); peer.Close() })
	return nc.(*net.TCPConn), peer.(*net.TCPConn)
}

// tunnelOf joins an upgraded connection with another, as a proxy of WebSockets does.
func tunnelOf(to net.Conn) server.ContextHandler {
	return func(c *server.Context) error {
		up, _ := server.Get[server.UpgradeFeature](c.Features())
		nc, err := up.Upgrade()
		if err != nil {
			return err
		}
		defer nc.Close()
		done := make(chan error, 2)
		go func() {
			_, err := io.Copy(to, nc)
			to.(interface{ CloseWrite() error }).CloseWrite()
			done <- err
		}()
		go func() {
			_, err := io.Copy(nc, to)
			nc.(interface{ CloseWrite() error }).CloseWrite()
			done <- err
		}()
		<-done
		return <-done
	}
}

func TestAnUpgradedConnectionCanBeJoinedWithAnother(t *testing.T) {
	near, far := loopback(t)
	backend, to := loopback(t)
	m := New(Config{App: tunnelOf(to), Logger: discard})
	m.Serve(far, &Endpoint{Name: "tunnel", Scheme: "http"}, Options{})
	near.SetDeadline(time.Now().Add(20 * time.Second))
	backend.SetDeadline(time.Now().Add(20 * time.Second))

	request := "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\n\r\n"
	large := strings.Repeat("0123456789abcdef", 1<<16)
	go func() {
		io.WriteString(near, request+"early "+large)
		near.CloseWrite()
	}()
	go func() {
		io.WriteString(backend, large)
		backend.CloseWrite()
	}()
	received := make(chan string)
	go func() {
		b, _ := io.ReadAll(backend)
		received <- string(b)
	}()
	back, err := io.ReadAll(near)
	if _, body, _ := strings.Cut(string(back), "\r\n\r\n"); err != nil || body != large {
		t.Errorf("the client gets %d bytes and %v, want the backend's %d", len(body), err, len(large))
	}
	if got := <-received; got != "early "+large {
		t.Errorf("the backend gets %d bytes, want what was sent with the request and after it", len(got))
	}
	if err := m.Stop(context.Background()); err != nil {
		t.Errorf("stop: %v", err)
	}
}

func TestATakenConnectionKeepsWhatItCouldDo(t *testing.T) {
	_, far := loopback(t)
	m := New(Config{App: httpApp(hello), Logger: discard})
	defer m.Stop(context.Background())
	if !m.reserve() {
		t.Fatal("no place for an upgraded connection")
	}
	taken := m.take(&conn{m: m, endpoint: new(Endpoint), origin: new(origin)}, far)
	m.open.Add(1) // the conn above was never admitted
	if taken.NetConn() != net.Conn(far) {
		t.Error("NetConn is not the connection below")
	}
	if _, err := taken.SyscallConn(); err != nil {
		t.Errorf("SyscallConn: %v", err)
	}
	var _ syscall.Conn = taken
	taken.Close()
	taken.Close()
	if n := m.Stats().Upgraded; n != 0 {
		t.Errorf("%d upgraded connections after closing one twice, want none", n)
	}

	client, end := memnet.Pipe(10)
	defer client.Close()
	bare := &Taken{Conn: struct{ net.Conn }{end}, m: m}
	if err := bare.CloseWrite(); err != server.ErrNotSupported {
		t.Errorf("CloseWrite without one below: %v, want ErrNotSupported", err)
	}
	if _, err := bare.SyscallConn(); err != server.ErrNotSupported {
		t.Errorf("SyscallConn without one below: %v, want ErrNotSupported", err)
	}
}
