//go:build linux

package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// curlAgainst starts kestrel and returns a function that runs curl on a path there. It returns what curl prints, with the
// response's head when asked by -i or -I, and what it tells by -v.
func curlAgainst(t *testing.T) (dir string, curl func(path string, args ...string) (out, told string)) {
	t.Helper()
	program, dir := needPeer(t, "curl"), t.TempDir()
	addr := startKestrel(t, "peer", dir)
	return dir, func(path string, args ...string) (string, string) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), peerTimeout)
		defer cancel()
		args = append([]string{"-q", "--silent", "--show-error", "--verbose", "--noproxy", "*"}, append(args, "http://"+addr+path)...)
		cmd := exec.CommandContext(ctx, program, args...)
		var told strings.Builder
		cmd.Stderr = &told
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("curl %s: %v\n%s", strings.Join(args, " "), err, told.String())
		}
		return string(out), told.String()
	}
}

func TestCurlUploads(t *testing.T) {
	const size = 5 << 20
	dir, curl := curlAgainst(t)
	file := filepath.Join(dir, "upload")
	data, _ := io.ReadAll(newPattern(size))
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	want := patternSum(size)

	// curl would wait half a minute for the 100, and say so.
	out, told := curl("/sum", "-H", "Expect: 100-continue", "--expect100-timeout", "30", "--data-binary", "@"+file)
	if out != want || !strings.Contains(told, "< HTTP/1.1 100 Continue") || strings.Contains(told, "Done waiting for 100-continue") {
		t.Errorf("an upload that expects 100-continue: %q\n%s", out, told)
	}
	out, told = curl("/sum", "-H", "Transfer-Encoding: chunked", "-H", "Expect:", "--data-binary", "@"+file)
	if out != want || !strings.Contains(told, "> Transfer-Encoding: chunked") || strings.Contains(told, "> Content-Length") {
		t.Errorf("a chunked upload: %q\n%s", out, told)
	}
	if out, _ := curl("/sum", "--upload-file", file); out != want {
		t.Errorf("PUT of a file: %q, want %q", out, want)
	}
}

func TestCurlSpeaksHTTP10(t *testing.T) {
	_, curl := curlAgainst(t)
	out, told := curl("/seen", "--http1.0", "--include")
	if !strings.Contains(out, `"Protocol":"HTTP/1.0"`) || strings.Contains(out, "chunked") {
		t.Errorf("an HTTP/1.0 client knows no chunks: %q", out)
	}
	if !strings.HasPrefix(out, "HTTP/1.1 200 OK\r\n") {
		t.Errorf("a server answers with its own version (RFC 9110 §2.5): %q", out)
	}
	if !strings.Contains(told, "Closing connection") {
		t.Errorf("without keep-alive the connection ends:\n%s", told)
	}
	// 100,000 octets are more than the response buffer: their length is not known when the head is sent.
	out, _ = curl("/echo", "--http1.0", "--data-binary", strings.Repeat("0123456789", 10_000))
	if out != strings.Repeat("0123456789", 10_000) {
		t.Errorf("a body that ends with the connection: %d octets", len(out))
	}
}

func TestCurlAsksForHeadsAndRanges(t *testing.T) {
	dir, curl := curlAgainst(t)
	const text = "0123456789abcdef"
	if err := os.WriteFile(filepath.Join(dir, "file.txt"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	out, told := curl("/file", "--head")
	if !strings.HasPrefix(out, "HTTP/1.1 200 OK\r\n") || !strings.Contains(out, "Content-Length: 16\r\n") || !strings.HasSuffix(out, "\r\n\r\n") {
		t.Errorf("HEAD: the head of GET and no body: %q", out)
	}
	if strings.Contains(told, "Excess found") {
		t.Errorf("HEAD: octets after the head:\n%s", told)
	}
	for asked, want := range map[string]struct{ body, head string }{
		"2-5":     {"2345", "Content-Range: bytes 2-5/16\r\n"},
		"-3":      {"def", "Content-Range: bytes 13-15/16\r\n"},
		"10-":     {"abcdef", "Content-Range: bytes 10-15/16\r\n"},
		"0-0,2-3": {"\r\n0\r\n", "Content-Type: multipart/byteranges; boundary="},
	} {
		out, _ := curl("/file", "--range", asked, "--include")
		head, body, _ := strings.Cut(out, "\r\n\r\n")
		if !strings.HasPrefix(out, "HTTP/1.1 206 ") || !strings.Contains(head+"\r\n", want.head) || !strings.Contains(body, want.body) {
			t.Errorf("range %s: %q, want %q with %q", asked, out, want.body, want.head)
		}
	}
	if out, _ := curl("/file", "--range", "99-", "--include"); !strings.HasPrefix(out, "HTTP/1.1 416 ") {
		t.Errorf("a range beyond the file: %q, want 416", out)
	}
}

func TestDotSegmentsFromCurlAreResolvedBeforeAnyDecision(t *testing.T) {
	_, curl := curlAgainst(t)
	ask := func(path string, args ...string) seen {
		t.Helper()
		out, told := curl(path, append(args, "--path-as-is", "-H", showField+": yes")...)
		if !strings.Contains(told, "GET "+path+" HTTP/1.1") {
			t.Fatalf("curl has changed the path:\n%s", told)
		}
		var s seen
		if err := json.Unmarshal([]byte(out), &s); err != nil {
			t.Fatalf("%s: %q", path, out)
		}
		return s
	}
	for path, want := range map[string]string{
		"/a/../b":          "/b",
		"/a/./b/../../c":   "/c",
		"/../../b":         "/b", // above the root is the root
		"/a/%2e%2e/b":      "/b", // an encoded dot is a dot
		"/a/%2E/../b?x=..": "/b",
		"/a%2F..%2Fb":      "/a%2F..%2Fb", // an encoded slash is none
	} {
		got := ask(path)
		if got.Path != want {
			t.Errorf("%s: the request's path is %q, want %q", path, got.Path, want)
		}
		raw, _, _ := strings.Cut(path, "?")
		if asSent, err := url.PathUnescape(raw); err != nil || got.URLPath != asSent {
			t.Errorf("%s: a handler of net/http sees %q, want %q as sent", path, got.URLPath, asSent)
		}
	}
}

func TestTheHostChoosesTheApplicationByTheResolvedPath(t *testing.T) {
	program, h := needPeer(t, "curl"), startLanner(t, bothModels)
	for path, want := range map[string]string{
		"/x/../out/y": "out", "/x/%2e%2e/out": "out", "/./out/": "out", "/out/../x": "in", "/out/%2E%2E/x": "in", "/out%2Fx": "in",
	} {
		out, err := exec.Command(program, "-q", "--silent", "--noproxy", "*", "--path-as-is", "-H", showField+": yes", h.url(path)).Output()
		var got seen
		if err := errors.Join(err, json.Unmarshal(out, &got)); err != nil {
			t.Fatalf("%s: %v: %q", path, err, out)
		}
		if got.Name != want {
			t.Errorf("%s is answered by %q, want %q", path, got.Name, want)
		}
	}
}

func TestCurlKeepsItsConnection(t *testing.T) {
	program := needPeer(t, "curl")
	addr := startKestrel(t, "peer", t.TempDir())
	out, err := exec.Command(program, "-q", "--silent", "--noproxy", "*", "--output", "/dev/null", "--write-out", "%{http_code} %{num_connects}\n",
		"http://"+addr+"/", "http://"+addr+"/seen", "http://"+addr+"/missing").Output()
	// Only the first URL's body goes to /dev/null; the others are printed before their line.
	lines := regexp.MustCompile(`(?m)(\d+) (\d+)$`).FindAllString(string(out), -1)
	if err != nil || strings.Join(lines, "|") != "200 1|200 0|200 0" {
		t.Errorf("three requests: %q, %v; want one connection for all of them", lines, err)
	}
}
