//go:build linux

package e2e

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/lannerhq/lanner/connection"
	"github.com/lannerhq/lanner/connection/proxyprotocol"
	"github.com/lannerhq/lanner/kestrel"
	"github.com/lannerhq/lanner/server"
)

// passedOn is what the application sees of a connection that a balancer passed on.
type passedOn struct {
	Remote, Local   string // of the client's connection
	Balancer        string // "" when there was no header
	Version         int
	Authority, ALPN string
	UniqueID        string
	HasSSL          bool
	SSL             proxyprotocol.SSL
	Checksum        bool
}

// shop is a server whose connections come from a balancer on 127.0.0.1.
type shop struct {
	addr    string       // host:port, or a path
	checked atomic.Int64 // health checks with a header of their own
}

// startShop serves at url. Every source but 127.0.0.1 and, over a unix socket, everybody is a stranger.
func startShop(t *testing.T, url string) *shop {
	t.Helper()
	s := new(shop)
	mux := peerPaths()
	mux.HandleFunc("/healthz", func(w http.ResponseWriter, r *http.Request) {
		if f, ok := server.From[*proxyprotocol.Feature](r.Context()); ok && f.Header.Local {
			s.checked.Add(1)
		}
	})
	mux.HandleFunc("/passedon", func(w http.ResponseWriter, r *http.Request) {
		got := passedOn{Remote: r.RemoteAddr, Local: fmt.Sprint(r.Context().Value(http.LocalAddrContextKey))}
		if f, ok := server.From[*proxyprotocol.Feature](r.Context()); ok {
			got.Balancer, got.Version = f.RemoteAddr.String(), f.Header.Version
			got.Authority, got.ALPN, got.UniqueID = f.Header.Authority(), f.Header.ALPN(), string(f.Header.UniqueID())
			got.SSL, got.HasSSL = f.Header.SSL()
			_, got.Checksum = f.Header.TLV(proxyprotocol.TypeCRC32C)
		}
		json.NewEncoder(w).Encode(got)
	})
	k := kestrel.New(kestrel.Options{
		Logger: slog.New(slog.DiscardHandler),
		Endpoints: []kestrel.Endpoint{{URL: url, Middleware: []connection.Middleware{proxyprotocol.New(proxyprotocol.Options{
			Trusted: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, TrustUnixPeers: true, Logger: slog.New(slog.DiscardHandler),
		})}}},
	})
	if err := k.Start(t.Context(), server.HTTP(mux)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := k.Stop(ctx); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	s.addr = strings.TrimPrefix(k.Addresses()[0], "http://")
	return s
}

// startHAProxy starts haproxy with these frontends and backends and waits for its address.
func startHAProxy(t *testing.T, addr, text string) {
	t.Helper()
	program := needPeer(t, "haproxy")
	file := filepath.Join(t.TempDir(), "haproxy.cfg")
	text = "global\n    maxconn 100\ndefaults\n    timeout connect 10s\n    timeout client 60s\n    timeout server 60s\n" + text
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	startChild(t, exec.Command(program, "-db", "-f", file)).awaitPort(addr)
}

func askPassedOn(t *testing.T, c *http.Client, url string) passedOn {
	t.Helper()
	req, err := http.NewRequest("GET", url+"/passedon", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, body := receive(t, c, req)
	var got passedOn
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatalf("%s: %s: %q", url, resp.Status, body)
	}
	return got
}

// wantPassedOn demands that the application sees the client at clientAddress, which connected to front.
func wantPassedOn(t *testing.T, got passedOn, front string, version int) {
	t.Helper()
	client, _, _ := net.SplitHostPort(got.Remote)
	balancer, _, _ := net.SplitHostPort(got.Balancer)
	if client != clientAddress || got.Local != front || balancer != "127.0.0.1" || got.Version != version {
		t.Errorf("the application sees %+v, want the client %s at %s through 127.0.0.1, version %d", got, clientAddress, front, version)
	}
}

func TestHAProxyAsInTheHowToPassesTheClientOn(t *testing.T) {
	shop := startShop(t, "http://127.0.0.1:0")
	front := fmt.Sprintf("127.0.0.1:%d", quietPort(t))
	startHAProxy(t, front, fenceOf(t, "proxy-protocol.md", "haproxy", "bind :443", "bind "+front, "10.0.0.20:8080", shop.addr))
	eventually(t, "a health check of haproxy comes with a header without a client", func() bool { return shop.checked.Load() > 0 })
	c := clientFrom(t, clientAddress, new(http.Transport))
	got := askPassedOn(t, c, "http://"+front)
	wantPassedOn(t, got, front, 2)
	if !got.Checksum || got.HasSSL {
		t.Errorf("%+v, want a checksum and nothing about TLS", got)
	}
	if again := askPassedOn(t, c, "http://"+front); again.Remote != got.Remote {
		t.Errorf("the second request of the connection comes from %s, the first from %s", again.Remote, got.Remote)
	}
	wantEcho(t, "http://"+front+"/ws", &websocket.DialOptions{HTTPClient: c})
}

func TestHAProxySendsVersion1(t *testing.T) {
	shop := startShop(t, "http://127.0.0.1:0")
	front := fmt.Sprintf("127.0.0.1:%d", quietPort(t))
	startHAProxy(t, front, fmt.Sprintf("listen shop\n    mode tcp\n    bind %s\n    server app1 %s send-proxy\n", front, shop.addr))
	got := askPassedOn(t, clientFrom(t, clientAddress, new(http.Transport)), "http://"+front)
	wantPassedOn(t, got, front, 1)
}

func TestHAProxySendsVersion1InFrontOfHTTPToo(t *testing.T) {
	shop := startShop(t, "http://127.0.0.1:0")
	front := fmt.Sprintf("127.0.0.1:%d", quietPort(t))
	startHAProxy(t, front, fmt.Sprintf("listen shop\n    mode http\n    http-reuse always\n    bind %s\n    server app1 %s send-proxy\n", front, shop.addr))
	for _, from := range []string{clientAddress, "127.0.0.6", clientAddress} { // a kept connection must not be another client's
		got := askPassedOn(t, clientFrom(t, from, new(http.Transport)), "http://"+front)
		if host, _, _ := net.SplitHostPort(got.Remote); host != from {
			t.Errorf("a request from %s seems to come from %s", from, got.Remote)
		}
	}
}

func TestHAProxySaysWhatTheClientsTLSIs(t *testing.T) {
	needPeer(t, "haproxy")
	shop := startShop(t, "http://127.0.0.1:0")
	p, dir := new(proxy), t.TempDir()
	certificate, key := p.writeCertificate(t, dir)
	pem := filepath.Join(dir, "both.pem")
	one, err := os.ReadFile(certificate)
	if err != nil {
		t.Fatal(err)
	}
	two, err := os.ReadFile(key)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(pem, append(one, two...), 0o600); err != nil {
		t.Fatal(err)
	}
	front := fmt.Sprintf("127.0.0.1:%d", quietPort(t))
	startHAProxy(t, front, fmt.Sprintf("listen shop\n    mode tcp\n    unique-id-format shop-%%pid\n    bind %s ssl crt %s alpn http/1.1\n"+
		"    server app1 %s send-proxy-v2 proxy-v2-options ssl,cert-cn,ssl-cipher,cert-sig,cert-key,authority,crc32c,unique-id\n", front, pem, shop.addr))
	c := clientFrom(t, clientAddress, &http.Transport{TLSClientConfig: &tls.Config{RootCAs: p.authority, ServerName: "shop.example.org", NextProtos: []string{"http/1.1"}}})
	got := askPassedOn(t, c, "https://"+front)
	wantPassedOn(t, got, front, 2)
	if got.Authority != "shop.example.org" || got.ALPN != "http/1.1" || !strings.HasPrefix(got.UniqueID, "shop-") || !got.Checksum {
		t.Errorf("%+v, want the host name, the protocol, the unique id and a checksum", got)
	}
	if s := got.SSL; !got.HasSSL || !s.TLS || s.Version != "TLSv1.3" || !strings.HasPrefix(s.Cipher, "TLS_") || s.KeyAlgorithm != "EC256" || s.SignatureAlgorithm == "" || s.Verified() {
		t.Errorf("about TLS: %+v, want what the client has, and no certificate of it", s)
	}
}

func TestHAProxyReachesAUnixSocket(t *testing.T) {
	dir := t.TempDir()
	startShop(t, "http://unix:"+dir+"/web.sock")
	front := fmt.Sprintf("127.0.0.1:%d", quietPort(t))
	startHAProxy(t, front, fmt.Sprintf("listen shop\n    mode tcp\n    bind %s\n    server app1 unix@%s/web.sock send-proxy-v2\n", front, dir))
	got := askPassedOn(t, clientFrom(t, clientAddress, new(http.Transport)), "http://"+front)
	if host, _, _ := net.SplitHostPort(got.Remote); host != clientAddress || got.Local != front || got.Version != 2 {
		t.Errorf("the application sees %+v, want the client %s at %s", got, clientAddress, front)
	}
}

func TestLargeBodiesPassBehindAProxyProtocolHeader(t *testing.T) {
	const size = 8 << 20
	shop := startShop(t, "http://127.0.0.1:0")
	front := fmt.Sprintf("127.0.0.1:%d", quietPort(t))
	startHAProxy(t, front, fmt.Sprintf("listen shop\n    mode tcp\n    bind %s\n    server app1 %s send-proxy-v2\n", front, shop.addr))
	c := clientFrom(t, clientAddress, new(http.Transport))
	req, err := http.NewRequest("POST", "http://"+front+"/sum", io.NopCloser(newPattern(size)))
	if err != nil {
		t.Fatal(err)
	}
	if resp, body := receive(t, c, req); resp.StatusCode != 200 || body != patternSum(size) {
		t.Errorf("an upload: %s %q, want %q", resp.Status, body, patternSum(size))
	}
	req, err = http.NewRequest("GET", fmt.Sprintf("http://%s/pattern?n=%d", front, size), nil)
	if err != nil {
		t.Fatal(err)
	}
	want, _ := io.ReadAll(newPattern(size))
	if resp, body := receive(t, c, req); resp.StatusCode != 200 || body != string(want) {
		t.Errorf("a download: %s, %d octets, want %d unchanged", resp.Status, len(body), size)
	}
}

// A header is taken from nobody but the balancer, and the balancer must send one.
func TestWhoIsNotTheBalancerCannotChooseItsAddress(t *testing.T) {
	shop := startShop(t, "http://127.0.0.1:0")
	get := "GET /passedon HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
	v1 := "PROXY TCP4 203.0.113.9 198.51.100.1 1 443\r\n"
	v2 := "\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c\xcb\x00\x71\x09\xc6\x33\x64\x01\x00\x01\x01\xbb"
	for name, test := range map[string]struct{ from, send, want string }{
		"the balancer, version 1":       {"127.0.0.1", v1 + get, `"Remote":"203.0.113.9:1"`},
		"the balancer, version 2":       {"127.0.0.1", v2 + get, `"Remote":"203.0.113.9:1"`},
		"the balancer without a header": {"127.0.0.1", get, ""},
		"the balancer, half a header":   {"127.0.0.1", v1[:20] + "\r\n" + get, ""},
		"a stranger, version 1":         {clientAddress, v1 + get, "HTTP/1.1 400 Bad Request"},
		"a stranger, version 2":         {clientAddress, v2 + get, "HTTP/1.1 400 Bad Request"},
		"a stranger without a header":   {clientAddress, get, `"Remote":"` + clientAddress},
	} {
		t.Run(name, func(t *testing.T) {
			nc, err := (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(test.from)}}).Dial("tcp", shop.addr)
			if err != nil {
				t.Fatal(err)
			}
			defer nc.Close()
			nc.SetDeadline(time.Now().Add(peerTimeout))
			if _, err := io.WriteString(nc, test.send); err != nil {
				t.Fatal(err)
			}
			answer, err := io.ReadAll(nc)
			if os.IsTimeout(err) {
				t.Fatalf("the connection stays open: %q", answer)
			}
			if !strings.Contains(string(answer), test.want) || test.want == "" && len(answer) > 0 {
				t.Errorf("the answer is %q, want %q in it, or nothing", answer, test.want)
			}
			if test.from != "127.0.0.1" && strings.Contains(string(answer), "203.0.113.9") {
				t.Errorf("a stranger is believed: %q", answer)
			}
		})
	}
}

var modulesPath = regexp.MustCompile(`--modules-path=(\S+)`)

// loadStream is the line that gives nginx its stream module, "" where it is built in.
func loadStream(t *testing.T, nginx string) string {
	t.Helper()
	out, err := exec.Command(nginx, "-V").CombinedOutput()
	if err != nil {
		t.Fatalf("nginx -V: %v\n%s", err, out)
	}
	if regexp.MustCompile(`--with-stream(\s|$)`).Match(out) {
		return ""
	}
	if m := modulesPath.FindSubmatch(out); m != nil {
		if file := filepath.Join(string(m[1]), "ngx_stream_module.so"); isFile(file) {
			return "load_module " + file + ";\n"
		}
	}
	missingPeer(t, "nginx's stream module")
	return ""
}

func TestNginxAsInTheHowToPassesTheClientOn(t *testing.T) {
	program := needPeer(t, "nginx")
	load := loadStream(t, program)
	shop := startShop(t, "http://127.0.0.1:0")
	front := fmt.Sprintf("127.0.0.1:%d", quietPort(t))
	dir := t.TempDir()
	if os.Getuid() == 0 { // workers could not enter a test's folder as somebody else
		load += "user root root;\n"
	}
	text := load + fmt.Sprintf(`daemon off;
worker_processes 1;
error_log stderr warn;
pid %[1]s/nginx.pid;
lock_file %[1]s/nginx.lock;
events { worker_connections 128; }
%[2]s`, dir, fenceOf(t, "proxy-protocol.md", "nginx", "listen 443", "listen "+front, "10.0.0.20:8080", shop.addr))
	file := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	startChild(t, exec.Command(program, "-p", dir, "-c", file)).awaitPort(front)
	got := askPassedOn(t, clientFrom(t, clientAddress, new(http.Transport)), "http://"+front)
	wantPassedOn(t, got, front, 1)
}
