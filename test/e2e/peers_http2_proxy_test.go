//go:build linux

package e2e

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

const nginxWithGRPC = `daemon off;
worker_processes 1;
error_log stderr warn;
pid DIR/nginx.pid;
lock_file DIR/nginx.lock;
events { worker_connections 128; }
http {
	client_body_temp_path DIR/body;
	proxy_temp_path DIR/proxy;
	fastcgi_temp_path DIR/fastcgi;
	uwsgi_temp_path DIR/uwsgi;
	scgi_temp_path DIR/scgi;
	access_log off;
	client_max_body_size 0;
	upstream lanner { server PLAIN; keepalive 4; }
	server {
		listen LISTEN ssl http2;
		ssl_certificate CERTIFICATE;
		ssl_certificate_key KEY;
		location /plain/ { grpc_pass grpc://lanner; rewrite ^/plain(/.*)$ $1 break; }
		location /secure/ { grpc_pass grpcs://SECURE; rewrite ^/secure(/.*)$ $1 break; }
	}
}
`

// startNginxInFront starts nginx with HTTP/2 by TLS in front of s: it goes on by HTTP/2, without
// TLS and with it. grpc_pass is how nginx speaks HTTP/2 to servers. It returns nginx's origin.
func startNginxInFront(t *testing.T, s *http2Server) string {
	t.Helper()
	program, dir := needPeer(t, "nginx"), t.TempDir()
	addr := fmt.Sprintf("127.0.0.1:%d", quietPort(t))
	user := ""
	if os.Getuid() == 0 { // workers could not enter a test's folder as somebody else
		user = "user root root;\n"
	}
	_, plain, _ := strings.Cut(s.plain, "://")
	_, secure, _ := strings.Cut(s.secure, "://")
	text := user + strings.NewReplacer("DIR", dir, "LISTEN", addr, "CERTIFICATE", s.certificate, "KEY", filepath.Join(s.dir, "key.pem"),
		"PLAIN", plain, "SECURE", secure).Replace(nginxWithGRPC)
	file := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	startChild(t, exec.Command(program, "-p", dir, "-c", file)).awaitPort(addr)
	return "https://" + addr
}

func TestNginxSpeaksHTTP2ToKestrel(t *testing.T) {
	s := startHTTP2(t)
	front := startNginxInFront(t, s)
	transport := &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: peerTimeout}
	for _, path := range []string{"/plain/trailers", "/secure/trailers"} {
		t.Run(path, func(t *testing.T) {
			var all sync.WaitGroup
			for n := range 20 {
				all.Go(func() {
					content, _ := io.ReadAll(newPattern(int64(n * 50_000)))
					req, err := http.NewRequest("POST", front+path, bytes.NewReader(content))
					if err != nil {
						t.Error(err)
						return
					}
					req.Header.Set("Content-Type", "application/grpc")
					req.Header.Set("TE", "trailers")
					resp, err := client.Do(req)
					if err != nil {
						t.Errorf("call %d: %v", n, err)
						return
					}
					defer resp.Body.Close()
					body, err := io.ReadAll(resp.Body)
					if err != nil || resp.StatusCode != 200 || resp.ProtoMajor != 2 || !bytes.Equal(body, content) {
						t.Errorf("call %d: %s by %s with %d octets, %v, want %d", n, resp.Status, resp.Proto, len(body), err, len(content))
					}
					if count, want := resp.Trailer.Get("X-Count"), fmt.Sprintf("%d <nil>", len(content)); resp.Trailer.Get("Grpc-Status") != "0" || strings.TrimSpace(count) != want {
						t.Errorf("call %d: the trailers are %v, want status 0 and %q", n, resp.Trailer, want)
					}
				})
			}
			all.Wait()
		})
	}
	if c := s.counts(t); len(c.Protocols) != 1 || c.Protocols["HTTP/2.0"] != 40 {
		t.Errorf("the server has seen %v, want 40 calls by HTTP/2", c.Protocols)
	}
}
