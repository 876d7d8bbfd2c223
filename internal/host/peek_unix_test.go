//go:build unix

package host

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/lannerhq/lanner/internal/clienthello"
)

func connected(t *testing.T) (client, accepted net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if client, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if accepted, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close(); accepted.Close() })
	accepted.SetReadDeadline(time.Now().Add(time.Minute))
	return client, accepted
}

// helloOf is what a client begins with.
func helloOf(t *testing.T, cfg *tls.Config) []byte {
	t.Helper()
	near, far := net.Pipe()
	defer far.Close()
	go func() {
		tls.Client(near, cfg).Handshake()
		near.Close()
	}()
	buf := make([]byte, 1<<16)
	n, err := far.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	return buf[:n]
}

func TestAClientHelloIsReadAndStays(t *testing.T) {
	hello := helloOf(t, &tls.Config{ServerName: "Shop.example", NextProtos: []string{"h2"}})
	for pieces := 1; pieces < 6; pieces += 2 {
		client, accepted := connected(t)
		go func() {
			for rest, size := hello, len(hello)/pieces+1; len(rest) > 0; rest = rest[min(size, len(rest)):] {
				client.Write(rest[:min(size, len(rest))])
				time.Sleep(time.Millisecond)
			}
		}()
		got, err := peekHello(accepted)
		if err != nil || got.ServerName != "shop.example" || len(got.Protocols) != 1 {
			t.Errorf("in %d pieces: %+v, %v", pieces, got, err)
		}
		back := make([]byte, len(hello))
		if _, err := io.ReadFull(accepted, back); err != nil || string(back) != string(hello) {
			t.Errorf("in %d pieces: %d bytes are left, %v, want all", pieces, len(back), err)
		}
	}
}

func TestWhatIsNoClientHelloIsTold(t *testing.T) {
	client, accepted := connected(t)
	client.Write([]byte("GET / HTTP/1.1\r\n"))
	if _, err := peekHello(accepted); !errors.Is(err, clienthello.ErrNotTLS) {
		t.Errorf("HTTP: %v", err)
	}
	client, accepted = connected(t)
	client.Close()
	if _, err := peekHello(accepted); !errors.Is(err, io.EOF) {
		t.Errorf("a client that leaves: %v, want io.EOF", err)
	}
	client, accepted = connected(t)
	client.Write([]byte{22, 3, 1, 64, 0, 1, 0, 63, 252})
	client.Write(make([]byte, maxHello))
	if _, err := peekHello(accepted); !errors.Is(err, clienthello.ErrShort) {
		t.Errorf("more than is looked at: %v, want that it is not whole", err)
	}
}

func TestPeekingEndsWhenItIsTold(t *testing.T) {
	var p peeks
	_, accepted := connected(t)
	done := make(chan error, 1)
	if !p.Go(accepted, func() {
		_, err := peekHello(accepted)
		if p.done(accepted) {
			t.Error("the connection may go on, though there is an end")
		}
		done <- err
	}) {
		t.Fatal("it was not begun")
	}
	p.Close()
	if err := <-done; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("%v, want it interrupted", err)
	}
	if p.Go(accepted, func() { t.Error("it runs after the end") }) {
		t.Error("it was begun after the end")
	}
}
