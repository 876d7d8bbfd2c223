package devcert

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// asEnsure makes the test binary be a program that asks for its user's certificate and prints which it is.
const asEnsure = "DEVCERT_TEST_AS_ENSURE"

func TestMain(m *testing.M) {
	if os.Getenv(asEnsure) != "" {
		cert, paths, err := Ensure(context.Background())
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println(fingerprint(cert.Leaf), paths.Dir)
		return
	}
	goleak.VerifyTestMain(m)
}

// start is when the clock of the tests begins.
var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// newManager returns one with a folder and a clock of its own, on a computer without stores.
func newManager(t *testing.T) (*Manager, *time.Time) {
	t.Helper()
	now := start
	m := New(t.TempDir() + "/lanner/dev-certs")
	m.now = func() time.Time { return now }
	m.machine = &machine{home: t.TempDir(), getenv: func(string) string { return "" }, base: t.TempDir()}
	return m, &now
}

// ensure wants a certificate and what had to be done for it.
func ensure(t *testing.T, m *Manager, want Change, why string) pairs {
	t.Helper()
	cert, change, err := m.Ensure(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if change != want {
		t.Errorf("%s: change %q, want %q", why, change, want)
	}
	root, err := m.load(rootCert, rootKey)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := m.load(leafCert, leafKey)
	if err != nil {
		t.Fatal(err)
	}
	if !leaf.cert.Equal(cert.Leaf) || !leaf.key.Equal(cert.PrivateKey) {
		t.Error("the files hold another certificate than was returned")
	}
	if err := checkLeaf(leaf.cert, root.cert, m.now()); err != nil {
		t.Errorf("%s: the certificate is not valid: %v", why, err)
	}
	return pairs{root, leaf}
}
