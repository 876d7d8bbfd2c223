//go:build linux

package e2e

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/coder/websocket"

	"github.com/lannerhq/lanner/test/selfsigned"
)

// proxy is a real reverse proxy in front of an application, configured as the how-to says.
type proxy struct {
	http, https string // addresses of its endpoints, by scheme; http may be empty
	authority   *x509.CertPool
}

// proxies start a proxy in front of the application at addr.
var proxies = map[string]func(t *testing.T, addr string) *proxy{"nginx": startNginx, "Apache": startApache}

// fence returns the block of the how-to in the given language, with replacements made, each of which must be possible.
func fence(t *testing.T, language string, oldnew ...string) string {
	t.Helper()
	return fenceOf(t, "behind-a-proxy.md", language, oldnew...)
}

// fenceOf is fence for any how-to.
func fenceOf(t *testing.T, howto, language string, oldnew ...string) string {
	t.Helper()
	data, err := os.ReadFile("../../docs/howto/" + howto)
	if err != nil {
		t.Fatal(err)
	}
	_, block, found := strings.Cut(string(data), "```"+language+"\n")
	block, _, ended := strings.Cut(block, "```")
	if !found || !ended {
		t.Fatalf("%s has no block in %s", howto, language)
	}
	for i := 0; i < len(oldnew); i += 2 {
		if !strings.Contains(block, oldnew[i]) {
			t.Fatalf("the configuration of %s in %s has no %q", language, howto, oldnew[i])
		}
		block = strings.ReplaceAll(block, oldnew[i], oldnew[i+1])
	}
	return block
}

func startNginx(t *testing.T, addr string) *proxy {
	program := needPeer(t, "nginx")
	dir := t.TempDir()
	p := &proxy{http: fmt.Sprintf("127.0.0.1:%d", quietPort(t)), https: fmt.Sprintf("127.0.0.1:%d", quietPort(t))}
	certificate, key := p.writeCertificate(t, dir)
	user := ""
	if os.Getuid() == 0 { // workers could not enter a test's folder as somebody else
		user = "user root root;\n"
	}
	text := user + fmt.Sprintf(`daemon off;
worker_processes 1;
error_log stderr warn;
pid %[1]s/nginx.pid;
lock_file %[1]s/nginx.lock;
events { worker_connections 128; }
http {
client_body_temp_path %[1]s/body;
proxy_temp_path %[1]s/proxy;
fastcgi_temp_path %[1]s/fastcgi;
uwsgi_temp_path %[1]s/uwsgi;
scgi_temp_path %[1]s/scgi;
access_log off;
%[2]s
}
`, dir, fence(t, "nginx",
		"listen 443 ssl", "listen "+p.https+" ssl",
		"listen 80", "listen "+p.http,
		"/etc/ssl/shop.pem", certificate,
		"/etc/ssl/shop.key", key,
		"127.0.0.1:5000", addr))
	file := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c := startChild(t, exec.Command(program, "-p", dir, "-c", file))
	c.awaitPort(p.https)
	return p
}

// apacheModules are those that the how-to asks for, and what Debian has on anyway.
var apacheModules = []string{"mpm_event", "authz_core", "proxy", "proxy_http", "headers", "ssl"}

func startApache(t *testing.T, addr string) *proxy {
	program := needPeer(t, "apache2")
	dir := t.TempDir()
	p := &proxy{https: fmt.Sprintf("127.0.0.1:%d", quietPort(t))}
	certificate, key := p.writeCertificate(t, dir)
	var text strings.Builder
	for _, m := range apacheModules {
		fmt.Fprintf(&text, "LoadModule %s_module /usr/lib/apache2/modules/mod_%s.so\n", m, m)
	}
	if os.Getuid() == 0 { // Apache refuses to have workers of root
		text.WriteString("User nobody\nGroup nogroup\n")
	}
	fmt.Fprintf(&text, `ServerRoot %[1]s
DefaultRuntimeDir %[1]s
PidFile %[1]s/apache.pid
ServerName localhost
ErrorLog /dev/stderr
LogLevel warn
StartServers 1
ServerLimit 2
ThreadsPerChild 16
MaxRequestWorkers 32
SSLSessionCache none
GracefulShutdownTimeout 5
Listen %[2]s https
%[3]s`, dir, p.https, fence(t, "apache",
		"*:443", p.https,
		"/etc/ssl/shop.pem", certificate,
		"/etc/ssl/shop.key", key,
		"127.0.0.1:5000", addr))
	file := filepath.Join(dir, "apache.conf")
	if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	c := startChild(t, exec.Command(program, "-D", "FOREGROUND", "-f", file))
	c.ask = syscall.SIGWINCH // on SIGTERM it closes sockets under its own threads, and sometimes waits ten seconds for one
	c.awaitPort(p.https)
	return p
}

// writeCertificate makes a certificate for shop.example.org and returns its files.
func (p *proxy) writeCertificate(t *testing.T, dir string) (certificate, key string) {
	t.Helper()
	cert, err := selfsigned.New("shop.example.org")
	if err != nil {
		t.Fatal(err)
	}
	p.authority = selfsigned.Pool(cert)
	certificate, key, err = selfsigned.Write(dir, cert)
	if err != nil {
		t.Fatal(err)
	}
	return certificate, key
}

// clientAddress is where the tests' clients come from. It is not the proxy's address, and nobody's proxy.
const clientAddress = "127.0.0.5"

// client makes requests for shop.example.org through the proxy.
func (p *proxy) client(t *testing.T) *http.Client {
	c := clientFrom(t, clientAddress, &http.Transport{TLSClientConfig: &tls.Config{RootCAs: p.authority}})
	transport := c.Transport.(*http.Transport)
	dial := transport.DialContext
	transport.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		to := p.http
		if strings.HasSuffix(addr, ":443") {
			to = p.https
		}
		return dial(ctx, network, to)
	}
	return c
}

// schemes are those that the proxy has an endpoint for.
func (p *proxy) schemes() []string {
	if p.http == "" {
		return []string{"https"}
	}
	return []string{"https", "http"}
}

// askSeen asks the application what it sees of a request with these fields.
func askSeen(t *testing.T, c *http.Client, url string, fields map[string]string) seen {
	t.Helper()
	req, err := http.NewRequest("GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range fields {
		req.Header.Set(name, value)
	}
	resp, body := receive(t, c, req)
	var s seen
	if err := json.Unmarshal([]byte(body), &s); err != nil {
		t.Fatalf("%s: %s: %q", url, resp.Status, body)
	}
	return s
}

// forged is what a client would write to be somebody else.
var forged = map[string]string{
	"X-Forwarded-For": "203.0.113.9, 127.0.0.1", "X-Forwarded-Proto": "gopher", "X-Forwarded-Host": "evil.example",
	"X-Original-For": "203.0.113.9:1",
}

const outOfProcessHosting = "hosted as a process"

// proxiedApplications are the ways in which the application behind the proxy is served.
var proxiedApplications = map[string]func(t *testing.T) (addr string){
	"kestrel alone":     func(t *testing.T) string { return startKestrel(t, "proxied", t.TempDir()) },
	"hosted in-process": func(t *testing.T) string { return addrOf(startHost(t, proxiedSite("inprocess"))) },
	outOfProcessHosting: func(t *testing.T) string { return addrOf(startHost(t, proxiedSite("outofprocess"))) },
}

func proxiedSite(hosting string) string {
	return strings.NewReplacer("LANNER_E2E_PROGRAM: app", "LANNER_E2E_PROGRAM: proxied", "hosting: inprocess", "hosting: "+hosting).Replace(inProcessSite)
}

func TestTheApplicationBehindAProxySeesTheClient(t *testing.T) {
	for name, start := range proxies {
		for hosting, serve := range proxiedApplications {
			if hosting == outOfProcessHosting {
				continue // the host believes no proxy in front of it, and forwards its own peer
			}
			t.Run(name+"/"+hosting, func(t *testing.T) {
				p := start(t, serve(t))
				for _, scheme := range p.schemes() {
					for what, fields := range map[string]map[string]string{"an honest client": nil, "a client that forges": forged} {
						got := askSeen(t, p.client(t), scheme+"://shop.example.org/seen", fields)
						if host, _, _ := net.SplitHostPort(got.Remote); host != clientAddress {
							t.Errorf("%s by %s comes from %s, want the client's own address %s", what, scheme, got.Remote, clientAddress)
						}
						if got.Scheme != scheme {
							t.Errorf("%s by %s: the application sees %q", what, scheme, got.Scheme)
						}
						if got.Host != "shop.example.org" {
							t.Errorf("%s by %s: host %q, want the one that was asked for", what, scheme, got.Host)
						}
						if from := got.Header.Get("X-Original-For"); strings.HasPrefix(from, "203.") {
							t.Errorf("%s: X-Original-For %q, want what the middleware writes", what, from)
						}
					}
				}
			})
		}
	}
}

func TestTheApplicationBehindAProxyOnAUnixSocketSeesTheClient(t *testing.T) {
	dir := t.TempDir()
	p := startNginx(t, startKestrelAt(t, "http://unix:"+dir+"/web.sock", "proxied", dir))
	got := askSeen(t, p.client(t), "https://shop.example.org/seen", forged)
	if host, _, _ := net.SplitHostPort(got.Remote); host != clientAddress || got.Scheme != "https" {
		t.Errorf("the application sees %s by %s, want %s by https", got.Remote, got.Scheme, clientAddress)
	}
}

func TestAClientThatPassesByTheProxyIsNotBelieved(t *testing.T) {
	addr := startKestrel(t, "proxied", t.TempDir())
	got := askSeen(t, clientFrom(t, clientAddress, &http.Transport{}), "http://"+addr+"/seen", forged)
	if host, _, _ := net.SplitHostPort(got.Remote); host != clientAddress || got.Scheme != "http" || got.Host != addr {
		t.Errorf("the application believes %s://%s from %s, but only 127.0.0.1 is a known proxy", got.Scheme, got.Host, got.Remote)
	}
}

func TestAProxyKeepsItsConnectionsToTheApplication(t *testing.T) {
	for name, start := range proxies {
		t.Run(name, func(t *testing.T) {
			p := start(t, startKestrel(t, "proxied", t.TempDir()))
			connections := make(map[string]bool)
			for range 20 {
				c := p.client(t) // a connection of its own
				connections[askSeen(t, c, "https://shop.example.org/seen", nil).Connection] = true
				c.CloseIdleConnections()
			}
			// Each worker has its own, and Apache may hand a client to another thread before the last one has let go.
			if len(connections) > 3 {
				t.Errorf("20 requests one after the other came by %d connections: they are not kept alive", len(connections))
			}
		})
	}
}

func TestUploadsAndDownloadsPassThroughAProxy(t *testing.T) {
	const size = 20 << 20
	for name, start := range proxies {
		for hosting, serve := range proxiedApplications {
			t.Run(name+"/"+hosting, func(t *testing.T) {
				p := start(t, serve(t))
				c := p.client(t)
				for how, length := range map[string]int64{"with Content-Length": size, "chunked": -1} {
					req, err := http.NewRequest("POST", "https://shop.example.org/sum", io.NopCloser(newPattern(size)))
					if err != nil {
						t.Fatal(err)
					}
					req.ContentLength = length
					if resp, body := receive(t, c, req); resp.StatusCode != 200 || body != patternSum(size) {
						t.Errorf("an upload %s: %s %q, want %q", how, resp.Status, body, patternSum(size))
					}
				}
				resp, err := c.Get(fmt.Sprintf("https://shop.example.org/pattern?n=%d", size))
				if err != nil {
					t.Fatal(err)
				}
				defer resp.Body.Close()
				want, _ := io.ReadAll(newPattern(size))
				if got, err := io.ReadAll(resp.Body); err != nil || !bytes.Equal(got, want) {
					t.Errorf("a download: %d octets, %v; want %d unchanged", len(got), err, size)
				}
			})
		}
	}
}

func TestWebSocketsPassThroughAProxy(t *testing.T) {
	for name, start := range proxies {
		for hosting, serve := range proxiedApplications {
			t.Run(name+"/"+hosting, func(t *testing.T) {
				p := start(t, serve(t))
				wantEcho(t, "https://shop.example.org/ws", &websocket.DialOptions{HTTPClient: p.client(t)})
			})
		}
	}
}
