package devcert

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func pool(p pairs) *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(p.root.cert)
	return pool
}

func TestTheCertificateIsForLoopbackAndNothingElse(t *testing.T) {
	m, now := newManager(t)
	p := ensure(t, m, Created, "first use")
	for name, good := range map[string]bool{
		"localhost": true, "app.localhost": true, "shop.dev.localhost": true, "127.0.0.1": true, "::1": true,
		"example.com": false, "localhost.example.com": false, "127.0.0.2": false, "10.0.0.1": false,
	} {
		_, err := p.leaf.cert.Verify(x509.VerifyOptions{Roots: pool(p), DNSName: name, CurrentTime: *now})
		if (err == nil) != good {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// foreign is a certificate that somebody with the authority's key has signed for other names.
func foreign(t *testing.T, p pairs, change func(*x509.Certificate)) *x509.Certificate {
	t.Helper()
	template := *p.leaf.cert
	template.DNSNames, template.IPAddresses = nil, nil
	change(&template)
	cert, err := sign(&template, p.root.cert, p.leaf.key, p.root.key)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func TestTheAuthorityCannotSignForTheRestOfTheWorld(t *testing.T) {
	m, now := newManager(t)
	p := ensure(t, m, Created, "first use")
	for _, c := range []struct {
		name   string
		change func(*x509.Certificate)
		good   bool
	}{
		{"below.localhost", func(c *x509.Certificate) { c.DNSNames = []string{"below.localhost"} }, true},
		{"127.9.9.9", func(c *x509.Certificate) { c.IPAddresses = []net.IP{net.IPv4(127, 9, 9, 9)} }, true},
		{"example.com", func(c *x509.Certificate) { c.DNSNames = []string{"example.com"} }, false},
		{"notlocalhost", func(c *x509.Certificate) { c.DNSNames = []string{"notlocalhost"} }, false},
		{"192.0.2.1", func(c *x509.Certificate) { c.IPAddresses = []net.IP{net.IPv4(192, 0, 2, 1)} }, false},
		{"2001:db8::1", func(c *x509.Certificate) { c.IPAddresses = []net.IP{net.ParseIP("2001:db8::1")} }, false},
	} {
		cert := foreign(t, p, c.change)
		_, err := cert.Verify(x509.VerifyOptions{Roots: pool(p), DNSName: c.name, CurrentTime: *now})
		if (err == nil) != c.good {
			t.Errorf("crypto/x509 and a certificate for %s: %v", c.name, err)
		}
		openssl, found := lookTool(t, "openssl")
		if !found {
			continue
		}
		dir := t.TempDir()
		path := filepath.Join(dir, "leaf.pem")
		if err := os.WriteFile(path, encodeCerts(cert), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(openssl, "verify", "-purpose", "sslserver", "-attime", unixTime(*now), "-CAfile", m.file(rootCert), path).CombinedOutput()
		if (err == nil) != c.good || !c.good && !strings.Contains(string(out), "permitted subtree violation") {
			t.Errorf("openssl and a certificate for %s: %v, %s", c.name, err, out)
		}
	}
	forClients := foreign(t, p, func(c *x509.Certificate) {
		c.DNSNames, c.ExtKeyUsage = []string{"localhost"}, []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	})
	if _, err := forClients.Verify(x509.VerifyOptions{Roots: pool(p), CurrentTime: *now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}); err == nil {
		t.Error("the authority is for servers only")
	}
}

func TestAClientThatKnowsTheAuthorityConnects(t *testing.T) {
	m, _ := newManager(t)
	m.now = time.Now
	cert, _, err := m.Ensure(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{*cert}})
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan struct{})
	go func() { // answers two connections: the second client does not know the authority
		defer close(served)
		for range 2 {
			c, err := l.Accept()
			if err != nil {
				return
			}
			io.WriteString(c, "hello")
			c.Close()
		}
	}()
	defer func() { l.Close(); <-served }()

	root, err := m.readCert(rootCert)
	if err != nil {
		t.Fatal(err)
	}
	c, err := tls.Dial("tcp", l.Addr().String(), &tls.Config{RootCAs: pool(pairs{root: pair{cert: root}}), ServerName: "localhost"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if got, err := io.ReadAll(c); string(got) != "hello" {
		t.Errorf("read %q, %v", got, err)
	}
	if _, err := tls.Dial("tcp", l.Addr().String(), &tls.Config{RootCAs: x509.NewCertPool(), ServerName: "localhost"}); err == nil {
		t.Error("a client that does not know the authority refuses")
	}
}
