//go:build linux

package e2e

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// streamGrowth is what a server's memory may grow by, in bytes, while bulk data passes on one stream.
const streamGrowth = 30 << 20

func TestBulkDataPassesOnOneStreamInFlatMemory(t *testing.T) {
	if testing.Short() || slowBuild() {
		t.Skip("2 GiB on HTTP/2, twice: not with -short, nor with the race detector")
	}
	s := startHTTP2(t, "Kestrel__Limits__MaxRequestBodySize=null")
	s.both(t, func(t *testing.T, url string) {
		transport := &http.Transport{Protocols: new(http.Protocols), TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
		transport.Protocols.SetUnencryptedHTTP2(true)
		transport.Protocols.SetHTTP2(true)
		defer transport.CloseIdleConnections()
		s.passBulk(t, transport, url, 2, streamGrowth)
	})
}

// passBulk sends 1 GiB up and down by a version of HTTP, while the server's memory grows by no more than growth, in bytes.
func (s *http2Server) passBulk(t *testing.T, transport http.RoundTripper, url string, version int, growth int64) {
	const size = 1 << 30
	want := patternSum(size)
	_, hash, _ := strings.Cut(strings.TrimSpace(want), " ")
	client := &http.Client{Transport: transport, Timeout: 5 * time.Minute}
	for range 2 { // what buffers and the runtime take once is no growth
		req, err := http.NewRequest("POST", url+"/sum", io.LimitReader(newPattern(size), 32<<20))
		if err != nil {
			t.Fatal(err)
		}
		receive(t, client, req)
	}
	t.Run("upload", func(t *testing.T) {
		defer watchGrowth(t, s.cmd.Process.Pid, growth)()
		req, err := http.NewRequest("POST", url+"/sum", io.NopCloser(newPattern(size)))
		if err != nil {
			t.Fatal(err)
		}
		if resp, body := receive(t, client, req); resp.StatusCode != 200 || resp.ProtoMajor != version || body != want {
			t.Errorf("the application got %s %q by %s, want %q", resp.Status, body, resp.Proto, want)
		}
	})
	t.Run("download", func(t *testing.T) {
		defer watchGrowth(t, s.cmd.Process.Pid, growth)()
		resp, err := client.Get(fmt.Sprintf("%s/pattern?n=%d", url, size))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		got := sha256.New()
		n, err := io.Copy(got, resp.Body)
		if err != nil || n != size || hex.EncodeToString(got.Sum(nil)) != hash || resp.ProtoMajor != version {
			t.Errorf("the client got %d octets by %s, %v; want %d unchanged", n, resp.Proto, err, size)
		}
	})
}
