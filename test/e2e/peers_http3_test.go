//go:build linux

package e2e

import (
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"io"
	"os/exec"
	"regexp"
	"strings"
	"testing"

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
	s := startHTTP3(t, "Kestrel__Limits__MaxRequestBodySize=null")
	transport := &http3.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
		QUICConfig:      &quic.Config{MaxStreamReceiveWindow: 6 << 20, MaxConnectionReceiveWindow: 8 << 20},
	}
	defer transport.Close()
	s.passBulk(t, transport, s.secure, 3, quicGrowth)
}
