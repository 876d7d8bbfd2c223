//go:build linux

package e2e

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/lannerhq/lanner/test/selfsigned"
)

// http2Server is a process of the program "http2", served by kestrel alone.
type http2Server struct {
	*child
	dir         string
	certificate string // a PEM file
	leaf        *x509.Certificate
	plain       string // http://127.0.0.1:PORT
	secure      string // https://127.0.0.1:PORT
	client      *http.Client
}

var listeningOnURL = regexp.MustCompile(`Now listening on: (https?)(://[^\s"]+)`)

// startHTTP2 starts it. env are further variables.
func startHTTP2(t *testing.T, env ...string) *http2Server {
	t.Helper()
	s := &http2Server{dir: t.TempDir()}
	cert, err := selfsigned.New("127.0.0.1", "localhost")
	if err != nil {
		t.Fatal(err)
	}
	path, key, err := selfsigned.Write(s.dir, cert)
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s.certificate, s.leaf = path, cert.Leaf
	cmd := exec.Command(self)
	cmd.Dir = s.dir
	cmd.Env = append(os.Environ(), "LANNER_E2E_PROGRAM=http2", "Kestrel__Endpoints__Plain__Url=http://127.0.0.1:0", "Kestrel__Endpoints__Secure__Url=https://127.0.0.1:0",
		"Kestrel__Endpoints__Secure__Certificate__Path="+path, "Kestrel__Endpoints__Secure__Certificate__KeyPath="+key)
	cmd.Env = append(cmd.Env, env...)
	s.child = startChild(t, cmd)
	eventually(t, "kestrel listens on both addresses", func() bool {
		for _, m := range listeningOnURL.FindAllStringSubmatch(s.log.String(), -1) {
			if m[1] == "https" {
				s.secure = m[1] + m[2]
			} else {
				s.plain = m[1] + m[2]
			}
		}
		return s.plain != "" && s.secure != ""
	})
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	t.Cleanup(transport.CloseIdleConnections)
	s.client = &http.Client{Transport: transport, Timeout: peerTimeout}
	return s
}

// both runs a test by h2c and by h2.
func (s *http2Server) both(t *testing.T, test func(t *testing.T, url string)) {
	t.Run("h2c", func(t *testing.T) { test(t, s.plain) })
	t.Run("h2", func(t *testing.T) { test(t, s.secure) })
}

// counts returns what the server has seen so far.
func (s *http2Server) counts(t *testing.T) (c *counts) {
	t.Helper()
	req, err := http.NewRequest("GET", s.plain+"/counts", nil)
	if err != nil {
		t.Fatal(err)
	}
	_, body := receive(t, s.client, req)
	if err := json.Unmarshal([]byte(body), &c); err != nil {
		t.Fatalf("%q: %v", body, err)
	}
	return c
}

// peerOutput runs a program that ends by itself, and returns what it prints and what it tells.
func peerOutput(t *testing.T, program string, args ...string) (out, told string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), peerTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	var log strings.Builder
	cmd.Stderr = &log
	data, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s\n%s", filepath.Base(program), strings.Join(args, " "), err, firstWords(string(data)), log.String())
	}
	return string(data), log.String()
}

// curl runs curl with HTTP/2 on a path: by prior knowledge, or by ALPN.
func (s *http2Server) curl(t *testing.T, url string, args ...string) (out, told string) {
	t.Helper()
	version := "--http2-prior-knowledge"
	if strings.HasPrefix(url, "https") {
		version = "--http2"
	}
	fixed := []string{"-q", "--silent", "--show-error", "--verbose", "--noproxy", "*", version, "--cacert", s.certificate}
	return peerOutput(t, needPeer(t, "curl"), slices.Concat(fixed, args, []string{url})...)
}

func TestCurlOnHTTP2(t *testing.T) {
	const size = 10 << 20
	s := startHTTP2(t)
	file := filepath.Join(s.dir, "upload")
	writePattern(t, file, size)
	s.both(t, func(t *testing.T, url string) {
		out, told := s.curl(t, url+"/seen", "-H", "X-One: a", "-H", "Cookie: a=b; c=d", "--include")
		if !strings.HasPrefix(out, "HTTP/2 200 ") || !strings.Contains(out, `"Protocol":"HTTP/2.0"`) || !strings.Contains(out, `"Cookie":["a=b; c=d"]`) {
			t.Errorf("GET: %s\n%s", out, told)
		}
		if out, told := s.curl(t, url+"/sum", "--data-binary", "@"+file); out != patternSum(size) {
			t.Errorf("POST of 10 MiB: %q, want %q\n%s", out, patternSum(size), told)
		}
		if out, _ := s.curl(t, url+"/sum", "--upload-file", file); out != patternSum(size) {
			t.Errorf("PUT of a file: %q", out)
		}
		if out, told := s.curl(t, url+"/sum", "-H", "Expect: 100-continue", "--data-binary", "@"+file); out != patternSum(size) || !strings.Contains(told, "< HTTP/2 100") {
			t.Errorf("an upload that expects 100-continue: %q\n%s", out, told)
		}
		downloaded := filepath.Join(t.TempDir(), "download")
		s.curl(t, fmt.Sprintf("%s/pattern?n=%d", url, size), "--output", downloaded)
		if sum := fileSum(t, downloaded); sum != patternSum(size) {
			t.Errorf("GET of 10 MiB: %q, want %q", sum, patternSum(size))
		}
		out, told = s.curl(t, fmt.Sprintf("%s/pattern?n=%d", url, size), "--head")
		if !strings.HasPrefix(out, "HTTP/2 200 ") || !strings.Contains(out, "content-length: 10485760\r\n") || strings.Contains(told, "Excess found") {
			t.Errorf("HEAD: %q\n%s", out, told)
		}
		if out, told = s.curl(t, url+"/trailers", "--data-binary", "hello"); out != "hello" || !strings.Contains(told, "< x-count: 5 <nil>") {
			t.Errorf("trailers: %q\n%s", out, told)
		}
	})
}

// TestCurlAsksInParallelOnOneConnection is by TLS: with prior knowledge curl 7.88 fails by itself, at any server (CURLE_HTTP2).
func TestCurlAsksInParallelOnOneConnection(t *testing.T) {
	s, dir := startHTTP2(t), t.TempDir()
	out, _ := s.curl(t, s.secure+"/pattern?n=[100001-100200]", "--parallel", "--parallel-max", "80", "--output", filepath.Join(dir, "#1"),
		"--write-out", "%{http_code} %{http_version} %{num_connects}\n")
	connections := strings.Count(out, "200 2 1\n")
	if all := connections + strings.Count(out, "200 2 0\n"); all != 200 || connections == 0 || connections > 5 {
		t.Errorf("200 requests: %d answers with 200 by HTTP/2 on %d connections, want all on few:\n%s", all, connections, firstWords(out))
	}
	for n := int64(100001); n <= 100200; n++ {
		if got := fileSum(t, filepath.Join(dir, itoa(int(n)))); got != patternSum(n) {
			t.Errorf("answer %d: %q, want %q", n, got, patternSum(n))
		}
	}
}

// TestCurlIsNotUpgradedToHTTP2: RFC 9113 §3.1 has taken the Upgrade of HTTP/1.1 to h2c back, and a server may ignore it.
func TestCurlIsNotUpgradedToHTTP2(t *testing.T) {
	s := startHTTP2(t)
	out, told := peerOutput(t, needPeer(t, "curl"), "-q", "--silent", "--verbose", "--noproxy", "*", "--http2", "--include", s.plain+"/seen")
	if !strings.Contains(told, "> Upgrade: h2c") || !strings.HasPrefix(out, "HTTP/1.1 200 OK") || !strings.Contains(out, `"Protocol":"HTTP/1.1"`) {
		t.Errorf("curl asks for an upgrade to h2c: %s\n%s", out, told)
	}
}

func TestNghttpSeesStreamsAndPriorities(t *testing.T) {
	program := needPeer(t, "nghttp")
	s := startHTTP2(t)
	s.both(t, func(t *testing.T, url string) {
		// Without --no-dep nghttp sends the priorities of RFC 7540 on idle streams; the server takes no notice (RFC 9113 §5.3.2).
		out, _ := peerOutput(t, program, "-nv", "--multiply=20", "--weight=200", "--trailer=x-sent: yes", "--header=priority: u=1, i", "--data="+s.certificate,
			url+"/trailers", url+"/sum")
		if got := strings.Count(out, ":status: 200"); got != 40 {
			t.Errorf("%d answers with 200, want 40", got)
		}
		if !strings.Contains(out, "send PRIORITY frame") || !strings.Contains(out, "x-count: ") || !strings.Contains(out, "<nil> yes") || !strings.Contains(out, "(0x08):1]") {
			t.Errorf("priorities were sent, trailers came and went, extended CONNECT is announced:\n%s", out)
		}
		for _, bad := range []string{"recv RST_STREAM", "recv GOAWAY", "error_code=PROTOCOL_ERROR", "[ERROR]"} {
			if strings.Contains(out, bad) {
				t.Errorf("nghttp says %q:\n%s", bad, out)
			}
		}
		out, _ = peerOutput(t, program, "-ns", "--no-dep", "--window-bits=16", "--connection-window-bits=16", "--multiply=30", "--header-table-size=0", url+"/bytes?n=300000")
		if got := strings.Count(out, " 200 "); got != 30 {
			t.Errorf("small windows and no header table: %d answers with 200, want 30:\n%s", got, out)
		}
	})
}

func TestH2loadSeesNoFailure(t *testing.T) {
	program := needPeer(t, "h2load")
	s := startHTTP2(t)
	s.both(t, func(t *testing.T, url string) {
		for path, n := range map[string]int{"/": 10_000, "/bytes?n=100000": 1000} {
			out, _ := peerOutput(t, program, "-n", itoa(n), "-c", "8", "-m", "100", url+path)
			for _, want := range []string{fmt.Sprintf("%[1]d total, %[1]d started, %[1]d done, %[1]d succeeded, 0 failed, 0 errored, 0 timeout", n), fmt.Sprintf("%d 2xx, 0 3xx, 0 4xx, 0 5xx", n)} {
				if !strings.Contains(out, want) {
					t.Errorf("%s: h2load does not say %q:\n%s", path, want, out)
				}
			}
		}
	})
	if c := s.counts(t); len(c.Protocols) != 1 || c.Protocols["HTTP/2.0"] < 22_000 {
		t.Errorf("the server has seen %v, want HTTP/2 alone", c.Protocols)
	}
}
