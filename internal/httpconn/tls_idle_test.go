//go:build linux

package httpconn

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"os"
	"runtime/pprof"
	"syscall"
	"testing"
	"time"
)

// rawConn is what crypto/tls needs of a rawClient for a handshake and a request.
type rawConn struct{ fd rawClient }

func (c rawConn) Read(p []byte) (int, error) {
	n, err := syscall.Read(int(c.fd), p)
	if n == 0 && err == nil {
		err = io.EOF
	}
	return max(n, 0), err
}

func (c rawConn) Write(p []byte) (int, error)      { return syscall.Write(int(c.fd), p) }
func (c rawConn) Close() error                     { return syscall.Close(int(c.fd)) }
func (c rawConn) LocalAddr() net.Addr              { return nil }
func (c rawConn) RemoteAddr() net.Addr             { return nil }
func (c rawConn) SetDeadline(time.Time) error      { return nil }
func (c rawConn) SetReadDeadline(time.Time) error  { return nil }
func (c rawConn) SetWriteDeadline(time.Time) error { return nil }

// An idle connection has what the transport and the manager keep of it, 1.3 KB, crypto/tls's keys and state, 2.8 KB, and its buffers, of
// which that of the ClientHello, 1.5 KB with the keys of X25519MLKEM768, is the largest: it must not be there twice (see shaking in
// package transport).
func TestAnIdleEncryptedConnectionIsSmall(t *testing.T) {
	switch {
	case raceBuild:
		t.Skip("the race detector takes memory, too")
	case testing.Short():
		t.Skip("it opens a thousand connections")
	}
	const connections, most = 1000, 7 << 10
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); limit.Cur < 2*connections+200 {
		t.Skipf("%d open files are not enough", limit.Cur)
	}
	s := serveTLSOnLoop(t, Config{}, nil, hello)
	addr, err := net.ResolveTCPAddr("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	clients := make([]rawClient, 0, connections+1)
	defer func() {
		for _, c := range clients {
			syscall.Close(int(c))
		}
	}()
	begin := func() {
		fd := dialRaw(t, addr)
		clients = append(clients, fd)
		syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1)
		cfg := clientConfig()
		cfg.CurvePreferences = []tls.CurveID{tls.X25519MLKEM768, tls.X25519} // as browsers
		c := tls.Client(rawConn{fd}, cfg)                                    // which is forgotten
		io.WriteString(c, "GET /index.html HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"+
			"Accept: text/html,*/*;q=0.8\r\nAccept-Encoding: gzip, br\r\nCookie: id=0123456789abcdef\r\n\r\n")
		wantStatus(t, "an answer", c, http.StatusOK)
	}
	begin() // makes what is made once
	heap, stacks := memory()
	for range connections {
		begin()
	}
	heapAfter, stacksAfter := memory()
	each := (float64(heapAfter+stacksAfter) - float64(heap+stacks)) / connections
	t.Logf("%.0f bytes for each idle connection", each)
	if each > most {
		t.Errorf("%.0f bytes for each idle connection, want at most %d", each, most)
	}
	if path := os.Getenv("LANNER_IDLE_PROFILE"); path != "" {
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		pprof.WriteHeapProfile(f)
	}
}
