package tlsconfig

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"

	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lannerhq/lanner/internal/memnet"
	"github.com/lannerhq/lanner/test/selfsigned"
)

func must[T any](t *testing.T, v T, err error) T {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func newAuthority(t *testing.T) *selfsigned.Authority {
	t.Helper()
	a, err := selfsigned.NewAuthority("Test Root")
	return must(t, a, err)
}

func issue(t *testing.T, a *selfsigned.Authority, names ...string) tls.Certificate {
	t.Helper()
	return issueSpec(t, a, selfsigned.Spec{Names: names})
}

func issueSpec(t *testing.T, a *selfsigned.Authority, spec selfsigned.Spec) tls.Certificate {
	t.Helper()
	c, err := a.Issue(spec)
	return must(t, c, err)
}

// rsaKey is slow to make.
var rsaKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

func write(t *testing.T, path string, data []byte) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// writePair writes name.pem and name.key.
func writePair(t *testing.T, dir, name string, cert tls.Certificate) Source {
	t.Helper()
	chain, key, err := selfsigned.PEM(cert)
	if err != nil {
		t.Fatal(err)
	}
	return Source{Path: write(t, filepath.Join(dir, name+".pem"), chain), KeyPath: write(t, filepath.Join(dir, name+".key"), key)}
}

// replacePair does what a careful program does: it renames new files to old ones, one after the other.
func replacePair(t *testing.T, dir, name string, cert tls.Certificate) {
	t.Helper()
	fresh := writePair(t, t.TempDir(), name, cert)
	for from, ext := range map[string]string{fresh.Path: ".pem", fresh.KeyPath: ".key"} {
		if err := os.Rename(from, filepath.Join(dir, name+ext)); err != nil {
			t.Fatal(err)
		}
	}
}

// only shows one source to everybody.
func only(sources ...Source) Options { return Options{Names: map[string]Name{"*": {Sources: sources}}} }

func open(t *testing.T, opts Options) *Store {
	t.Helper()
	s, err := Open(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// shake makes a handshake in memory, and one exchange by which the client gets its ticket.
func shake(server, client *tls.Config) (tls.ConnectionState, error) {
	c, s := memnet.Pipe(1 << 16) // with room: both may write at once
	deadline := time.Now().Add(time.Minute)
	c.SetDeadline(deadline)
	s.SetDeadline(deadline)
	served := make(chan error, 1)
	go func() {
		conn := tls.Server(s, server)
		_, err := conn.Write([]byte("x"))
		if err != nil {
			s.Close()
		}
		served <- err
	}()
	conn := tls.Client(c, client)
	_, err := conn.Read(make([]byte, 1))
	c.Close()
	if serr := <-served; err == nil {
		err = serr
	}
	s.Close()
	return conn.ConnectionState(), err
}

func client(a *selfsigned.Authority, name string) *tls.Config {
	return &tls.Config{ServerName: name, RootCAs: a.Pool()}
}

// shown is the certificate that a client gets.
func shown(t *testing.T, s *Store, cfg *tls.Config) *x509.Certificate {
	t.Helper()
	state, err := shake(s.Config(), cfg)
	if err != nil {
		t.Fatalf("a handshake for %q: %v", cfg.ServerName, err)
	}
	return state.PeerCertificates[0]
}

func wantError(t *testing.T, what string, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("%s: no error, want %q", what, parts)
		return
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%s: %q, want %q in it", what, err, part)
		}
	}
}
