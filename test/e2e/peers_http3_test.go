//go:build linux

package e2e

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
)

func TestCurlOnHTTP3(t *testing.T) {
	const size = 10 << 20
	curl := needPeer(t, "curl")
	if features, _ := exec.Command(curl, "--version").Output(); !regexp.MustCompile(`(?m)^Features:.*\bHTTP3\b`).Match(features) {
		t.Skip("this curl is built without HTTP/3, as Debian's is: curl --version does not name it")
	}
	s := startHTTP3(t)
	fixed := []string{"-q", "--silent", "--show-error", "--verbose", "--noproxy", "*", "--http3-only", "--cacert", s.certificate}
	out, told := peerOutput(t, curl, append(fixed, "--include", s.secure+"/seen")...)
	if !strings.HasPrefix(out, "HTTP/3 200") || !strings.Contains(out, `"Protocol":"HTTP/3.0"`) {
		t.Errorf("GET: %s\n%s", out, told)
	}
	if out, told = peerOutput(t, curl, append(fixed, "--data-binary", "hello", s.secure+"/trailers")...); out != "hello" || !strings.Contains(told, "< x-count: 5 <nil>") {
		t.Errorf("trailers: %q\n%s", out, told)
	}
	hash := sha256.New()
	out, _ = peerOutput(t, curl, append(fixed, fmt.Sprintf("%s/pattern?n=%d", s.secure, size))...)
	io.WriteString(hash, out)
	if got := fmt.Sprintf("%d %x\n", len(out), hash.Sum(nil)); got != patternSum(size) {
		t.Errorf("GET of 10 MiB: %q, want %q", got, patternSum(size))
	}
}

// quicGrowth is what a server's memory may grow by, in bytes, while bulk data passes by HTTP/3: the windows and QUIC's buffers, and garbage of
// the packets between two collections.
const quicGrowth = 64 << 20

func TestBulkDataPassesByHTTP3InFlatMemory(t *testing.T) {
	if testing.Short() || slowBuild() {
		t.Skip("2 GiB by HTTP/3: not with -short, nor with the race detector")
	}
	const size = 1 << 30
	s := startHTTP3(t, "Kestrel__Limits__MaxRequestBodySize=null")
	want := patternSum(size)
	_, hash, _ := strings.Cut(strings.TrimSpace(want), " ")
	transport := &http3.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
		QUICConfig:      &quic.Config{MaxStreamReceiveWindow: 6 << 20, MaxConnectionReceiveWindow: 8 << 20},
	}
	defer transport.Close()
	client := &http.Client{Transport: transport, Timeout: 5 * time.Minute}
	for range 2 { // what buffers and the runtime take once is no growth
		req, err := http.NewRequest("POST", s.secure+"/sum", io.LimitReader(newPattern(size), 32<<20))
		if err != nil {
			t.Fatal(err)
		}
		receive(t, client, req)
	}
	t.Run("upload", func(t *testing.T) {
		defer watchGrowth(t, s.cmd.Process.Pid, quicGrowth)()
		req, err := http.NewRequest("POST", s.secure+"/sum", io.NopCloser(newPattern(size)))
		if err != nil {
			t.Fatal(err)
		}
		if resp, body := receive(t, client, req); resp.StatusCode != 200 || resp.ProtoMajor != 3 || body != want {
			t.Errorf("the application got %s %q by %s, want %q", resp.Status, body, resp.Proto, want)
		}
	})
	t.Run("download", func(t *testing.T) {
		defer watchGrowth(t, s.cmd.Process.Pid, quicGrowth)()
		resp, err := client.Get(fmt.Sprintf("%s/pattern?n=%d", s.secure, size))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		got := sha256.New()
		n, err := io.Copy(got, resp.Body)
		if err != nil || n != size || hex.EncodeToString(got.Sum(nil)) != hash || resp.ProtoMajor != 3 {
			t.Errorf("the client got %d octets by %s, %v; want %d unchanged", n, resp.Proto, err, size)
		}
	})
}
