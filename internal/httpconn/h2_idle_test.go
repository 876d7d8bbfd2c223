//go:build linux

package httpconn

import (
	"bytes"
	"context"
	"net"
	"os"
	"runtime"
	"runtime/pprof"
	"syscall"
	"testing"

	"github.com/lannerhq/lanner/internal/http2"
	"github.com/lannerhq/lanner/server"
	"golang.org/x/net/http2/hpack"
)

// rawClient is a socket without memory in this process.
type rawClient int

func dialRaw(t *testing.T, addr *net.TCPAddr) rawClient {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Connect(fd, &syscall.SockaddrInet4{Port: addr.Port, Addr: [4]byte(addr.IP.To4())}); err != nil {
		t.Fatal(err)
	}
	return rawClient(fd)
}

func memory() (heap, stacks uint64) {
	var m runtime.MemStats
	for range 3 { // sync.Pool keeps what it has through one
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return m.HeapAlloc, m.StackInuse
}

// An idle connection has what the transport keeps of it, the engine (1.2 KB), and the HPACK tables of its client's requests.
func TestAnIdleHTTP2ConnectionIsSmall(t *testing.T) {
	if raceBuild {
		t.Skip("the race detector takes memory, too")
	}
	const connections = 2000
	if testing.Short() {
		t.Skip("it opens thousands of connections")
	}
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); limit.Cur < 2*connections+200 {
		t.Skipf("%d open files are not enough", limit.Cur)
	}
	m := New(Config{App: server.ContextHandler(plainText), Logger: discard, EventLoop: true})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	stop := m.Listen(l, &Endpoint{Name: "idle", Scheme: "http"}, func() Options { return Options{} })
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	for _, f := range [][2]string{{":method", "GET"}, {":scheme", "http"}, {":path", "/index.html"}, {":authority", "localhost:8080"},
		{"user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"}, {"accept", "text/html,*/*;q=0.8"}, {"accept-encoding", "gzip, br"}, {"cookie", "id=0123456789abcdef"}} {
		encoder.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]})
	}
	input := append([]byte(http2.Preface), frameOf(4, 0, 0, nil)...)
	input = append(input, frameOf(1, 5, 1, block.Bytes())...)
	clients := make([]rawClient, connections)
	in := make([]byte, 4096)
	begin := func(c rawClient) {
		syscall.Write(int(c), input)
		for have := 0; !bytes.Contains(in[:have], []byte("ok")); {
			n, err := syscall.Read(int(c), in[have:])
			if err != nil || n == 0 {
				t.Fatal("no answer", os.NewSyscallError("read", err))
			}
			have += n
		}
	}
	first := dialRaw(t, l.Addr().(*net.TCPAddr)) // makes what is made once
	begin(first)
	heap, stacks := memory()
	for i := range clients {
		clients[i] = dialRaw(t, l.Addr().(*net.TCPAddr))
		begin(clients[i])
	}
	heapAfter, stacksAfter := memory()
	each := float64(heapAfter+stacksAfter-heap-stacks) / connections
	t.Logf("%.0f bytes for each idle connection, %.0f of them stacks", each, float64(stacksAfter-stacks)/connections)
	if each > 4096 {
		t.Errorf("%.0f bytes for each idle connection, want at most 4096", each)
	}
	if path := os.Getenv("LANNER_IDLE_PROFILE"); path != "" {
		f, _ := os.Create(path)
		pprof.WriteHeapProfile(f)
		f.Close()
	}
	for _, c := range append(clients, first) {
		syscall.Close(int(c))
	}
	stop()
	m.Stop(context.Background())
}
