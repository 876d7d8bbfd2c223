//go:build linux

package e2e

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"math/big"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lannerhq/lanner/test/selfsigned"
)

// devHome is a home folder with a development certificate in it.
type devHome struct {
	t   *testing.T
	env []string
	// What the command says.
	Authority, Certificate, Key string
	Trusted                     bool
}

func newDevHome(t *testing.T) *devHome {
	t.Helper()
	home := t.TempDir()
	h := &devHome{t: t, env: append(os.Environ(), "HOME="+home, "XDG_CONFIG_HOME=", "XDG_DATA_HOME=", "SUDO_UID=")}
	h.devCerts(0)
	if !strings.HasPrefix(h.Certificate, home) {
		t.Fatalf("the certificate is %s, not in %s", h.Certificate, home)
	}
	return h
}

// devCerts calls the command, and wants an exit code. Only the browsers' stores are touched: the system's is everybody's.
func (h *devHome) devCerts(wantCode int, args ...string) {
	h.t.Helper()
	cmd := exec.Command(lannerCommand(h.t), append([]string{"dev-certs", "https", "--json"}, args...)...)
	cmd.Env = h.env
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, _ := cmd.Output()
	if code := cmd.ProcessState.ExitCode(); code != wantCode {
		h.t.Fatalf("%v: exit code %d, want %d\n%s%s", args, code, wantCode, out, stderr.String())
	}
	if err := json.Unmarshal(out, h); err != nil {
		h.t.Fatalf("%v: %v\n%s", args, err, out)
	}
}

// serve serves with a certificate and returns the address of localhost.
func (h *devHome) serve(certificate, key string) (port string) {
	h.t.Helper()
	s := startHTTP2(h.t, "Kestrel__Endpoints__Secure__Certificate__Path="+certificate, "Kestrel__Endpoints__Secure__Certificate__KeyPath="+key)
	u, err := url.Parse(s.secure)
	if err != nil {
		h.t.Fatal(err)
	}
	return u.Port()
}

// opens reports whether the browser shows the page: behind a warning there is none.
func (h *devHome) opens(browser, url string, options ...string) bool {
	h.t.Helper()
	return strings.Contains(browseAs(h.t, h.env, browser, url, options...), "proto=HTTP/2.0")
}

func TestARealBrowserTrustsTheDevelopmentCertificateOnceItIsTold(t *testing.T) {
	browser := needPeer(t, "chromium")
	needPeer(t, "certutil")
	h := newDevHome(t)
	port := h.serve(h.Certificate, h.Key)
	if h.opens(browser, "https://localhost:"+port+"/") {
		t.Error("the browser opens the page before --trust")
	}
	h.devCerts(7, "--check", "--store", "browsers")
	h.devCerts(0, "--trust", "--store", "browsers")
	h.devCerts(0, "--check", "--store", "browsers")
	for _, host := range []string{"localhost", "127.0.0.1", "shop.dev.localhost"} {
		if !h.opens(browser, "https://"+host+":"+port+"/") {
			t.Errorf("the browser does not open https://%s after --trust", host)
		}
	}
	h.devCerts(0, "--clean")
	if h.opens(browser, "https://localhost:"+port+"/") {
		t.Error("the browser opens the page after --clean")
	}
	h.devCerts(6, "--check")
}

func TestARealBrowserHoldsTheDevelopmentAuthorityToLocalhost(t *testing.T) {
	browser := needPeer(t, "chromium")
	needPeer(t, "certutil")
	h := newDevHome(t)
	h.devCerts(0, "--trust", "--store", "browsers")
	for host, good := range map[string]bool{"other.dev.localhost": true, "example.com": false} {
		port := h.serve(h.sign(host))
		if got := h.opens(browser, "https://"+host+":"+port+"/", "--host-resolver-rules=MAP example.com 127.0.0.1"); got != good {
			t.Errorf("a certificate for %s by the trusted authority opens the page: %v, want %v", host, got, good)
		}
	}
}

// sign makes a certificate as somebody would who has taken the authority's key.
func (h *devHome) sign(host string) (path, keyPath string) {
	h.t.Helper()
	root, err := tls.LoadX509KeyPair(h.Authority, filepath.Join(filepath.Dir(h.Authority), "root.key"))
	if err != nil {
		h.t.Fatal(err)
	}
	cert, err := selfsigned.New(host) // signed by itself until now
	if err != nil {
		h.t.Fatal(err)
	}
	cert.Leaf.SerialNumber, cert.Leaf.NotBefore, cert.Leaf.NotAfter = big.NewInt(2), root.Leaf.NotBefore, root.Leaf.NotBefore.AddDate(0, 0, 90)
	der, err := x509.CreateCertificate(rand.Reader, cert.Leaf, root.Leaf, cert.PrivateKey.(*ecdsa.PrivateKey).Public(), root.PrivateKey)
	if err != nil {
		h.t.Fatal(err)
	}
	cert.Certificate[0] = der
	path, keyPath, err = selfsigned.Write(h.t.TempDir(), cert)
	if err != nil {
		h.t.Fatal(err)
	}
	return path, keyPath
}

func TestCurlAndOpenSSLTrustTheDevelopmentAuthorityTheyAreGiven(t *testing.T) {
	curl, openssl := needPeer(t, "curl"), needPeer(t, "openssl")
	h := newDevHome(t)
	port := h.serve(h.Certificate, h.Key)
	for _, host := range []string{"localhost", "127.0.0.1", "shop.dev.localhost"} {
		address := host + ":" + port
		out, err := exec.Command(curl, "-sS", "--resolve", "shop.dev.localhost:"+port+":127.0.0.1", "--cacert", h.Authority, "https://"+address+"/").CombinedOutput()
		if err != nil || !strings.Contains(string(out), "proto=HTTP/2.0") {
			t.Errorf("curl and %s: %v, %s", address, err, out)
		}
		names := []string{"-servername", host, "-verify_hostname", host}
		if host == "127.0.0.1" {
			names = []string{"-noservername", "-verify_ip", host}
		}
		cmd := exec.Command(openssl, append(names, "-connect", "127.0.0.1:"+port, "-CAfile", h.Authority, "-verify_return_error")...)
		cmd.Args = append([]string{cmd.Args[0], "s_client"}, cmd.Args[1:]...)
		if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "Verify return code: 0 (ok)") {
			t.Errorf("openssl and %s: %v, %s", address, err, out)
		}
	}
	cmd := exec.Command(curl, "-sS", "https://localhost:"+port+"/")
	if out, _ := cmd.CombinedOutput(); cmd.ProcessState.ExitCode() != 60 {
		t.Errorf("curl without the authority ends with %d, want 60 (not trusted): %s", cmd.ProcessState.ExitCode(), out)
	}
}
