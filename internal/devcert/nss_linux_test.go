package devcert

import (
	"crypto/x509"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// withNSS gives the test's computer the real certutil, and a Chromium that has not run yet.
func withNSS(t *testing.T) *Manager {
	t.Helper()
	certutil, found := lookTool(t, "certutil")
	if !found {
		t.Skip()
	}
	m, _ := newManager(t)
	script(t, m, "chromium", "exit 0\n")
	m.machine.path = append(m.machine.path, filepath.Dir(certutil))
	return m
}

func TestBrowsersTrustTheAuthorityAndNothingIsLeftBehind(t *testing.T) {
	m := withNSS(t)
	profile := filepath.Join(m.machine.home, ".mozilla/firefox/abc.default [1]")
	makeDatabase(t, m, profile)
	before := listDatabase(t, m, profile)

	if stores, err := m.Trusted(t.Context()); err != nil || len(stores) != 2 || stores[0].Trusted || stores[1].Trusted {
		t.Errorf("nobody trusts what is not there: %+v, %v", stores, err)
	}
	_, stores, err := m.Trust(t.Context(), Browsers)
	if err != nil || len(stores) != 2 || !trustedEverywhere(stores) {
		t.Fatalf("trust: %+v, %v", stores, err)
	}
	if stores[0].Place != profile || stores[1].Place != filepath.Join(m.machine.home, ".pki/nssdb") {
		t.Errorf("Firefox's profile, and Chromium's database: %+v", stores)
	}
	_, stores, err = m.Trust(t.Context())
	if err != nil || !trustedEverywhere(stores) || stores[0].Changed || stores[1].Changed {
		t.Errorf("the second time there is nothing to do: %+v, %v", stores, err)
	}
	if stores, err := m.Trusted(t.Context(), System); err != nil || len(stores) != 0 {
		t.Errorf("this computer has no store of the system: %+v, %v", stores, err)
	}
	if _, err := m.Clean(t.Context()); err != nil {
		t.Fatal(err)
	}
	if after := listDatabase(t, m, profile); after != before {
		t.Errorf("the profile is as it was:\n%s", after)
	}
	if _, err := os.Stat(filepath.Join(m.machine.home, ".pki")); !isMissing(err) {
		t.Errorf("the database that Trust created is gone: %v", err)
	}
	if stores, err := m.Clean(t.Context()); err != nil || len(stores) != 0 {
		t.Errorf("the second time there is nothing to do: %+v, %v", stores, err)
	}
}

func makeDatabase(t *testing.T, m *Manager, dir string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := (&nss{m.machine, dir}).certutil(t.Context(), "-N", "--empty-password"); err != nil {
		t.Fatal(err)
	}
}

func listDatabase(t *testing.T, m *Manager, dir string) string {
	t.Helper()
	out, err := (&nss{m.machine, dir}).certutil(t.Context(), "-L")
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func TestADatabaseThatSomebodyHasUsedStays(t *testing.T) {
	m := withNSS(t)
	if _, _, err := m.Trust(t.Context()); err != nil {
		t.Fatal(err)
	}
	other, err := newRoot(start)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "other.pem")
	if err := writeFile(path, encodeCerts(other.cert), 0o600); err != nil {
		t.Fatal(err)
	}
	db := &nss{m.machine, filepath.Join(m.machine.home, ".pki/nssdb")}
	if _, err := db.certutil(t.Context(), "-A", "-t", ",,", "-n", "somebody else's", "-i", path); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Clean(t.Context()); err != nil {
		t.Fatal(err)
	}
	if list := listDatabase(t, m, db.dir); !strings.Contains(list, "somebody else's") || strings.Contains(list, purpose) {
		t.Errorf("only ours is gone:\n%s", list)
	}
}

func TestTrustTakesTheTrustFromTheFormerAuthority(t *testing.T) {
	m := withNSS(t)
	if _, _, err := m.Trust(t.Context()); err != nil {
		t.Fatal(err)
	}
	former, err := m.readCert(rootCert)
	if err != nil {
		t.Fatal(err)
	}
	m.now = func() time.Time { return former.NotAfter.Add(-renewal + 1) }
	change, stores, err := m.Trust(t.Context())
	if err != nil || change != Created || !trustedEverywhere(stores) {
		t.Fatalf("trust: %s, %+v, %v", change, stores, err)
	}
	db := &nss{m.machine, filepath.Join(m.machine.home, ".pki/nssdb")}
	if p, err := db.look(t.Context(), former, ""); err != nil || p != absent {
		t.Errorf("the former authority is not trusted any more: %v, %v", p, err)
	}
	if len(m.retired()) != 0 {
		t.Errorf("nor remembered: %v", m.retired())
	}
}

func TestTrustThatWasTakenAwayIsSeenAndGivenAgain(t *testing.T) {
	m := withNSS(t)
	if _, _, err := m.Trust(t.Context()); err != nil {
		t.Fatal(err)
	}
	root, err := m.readCert(rootCert)
	if err != nil {
		t.Fatal(err)
	}
	db := &nss{m.machine, filepath.Join(m.machine.home, ".pki/nssdb")}
	if _, err := db.certutil(t.Context(), "-M", "-t", ",,", "-n", nickname(root)); err != nil {
		t.Fatal(err)
	}
	if stores, err := m.Trusted(t.Context()); err != nil || trustedEverywhere(stores) {
		t.Errorf("it is not trusted: %+v, %v", stores, err)
	}
	if _, stores, err := m.Trust(t.Context()); err != nil || !trustedEverywhere(stores) || !stores[0].Changed {
		t.Errorf("it is trusted again: %+v, %v", stores, err)
	}
}

func TestAMissingCertutilIsNamedWithThePackageThatHasIt(t *testing.T) {
	for tool, want := range map[string]string{
		"apt-get": "sudo apt-get install libnss3-tools", "dnf": "sudo dnf install nss-tools", "pacman": "sudo pacman -S nss",
		"nothing": "install certutil, which Debian has in libnss3-tools and Fedora in nss-tools",
	} {
		m, _ := newManager(t)
		script(t, m, tool, "exit 1\n")
		script(t, m, "chromium", "exit 1\n")
		_, stores, err := m.Trust(t.Context())
		if !errors.Is(err, ErrIncomplete) || len(stores) != 1 || !strings.HasPrefix(stores[0].Problem, "certutil of NSS is not installed") || stores[0].Hint != want {
			t.Errorf("with %s: %+v, %v", tool, stores, err)
		}
		wantNothing(t, m.machine.home)
	}
}

func FuzzListed(f *testing.F) {
	title := "\nCertificate Nickname                                         Trust Attributes\n                      SSL,S/MIME,JAR/XPI\n\n"
	f.Add(title, "Lanner x")
	f.Add(title+"Lanner x                    C,,  \n", "Lanner x")
	f.Add(title+"Lanner x                    ,,   \n", "Lanner x")
	f.Add("Lanner x", "Lanner x")
	f.Fuzz(func(t *testing.T, out, nickname string) {
		if strings.Contains(title, nickname) {
			t.Skip()
		}
		if p := listed(out, nickname); p != absent && !strings.Contains(out, nickname) {
			t.Errorf("%q is not in %q", nickname, out)
		}
		line := nickname + "      CT,c,u  \n"
		if !strings.Contains(nickname, "\n") && listed(title+line, nickname) != trusted {
			t.Errorf("%q is trusted in %q", nickname, line)
		}
	})
}

func TestNSSHoldsTheAuthorityToItsNames(t *testing.T) {
	m := withNSS(t)
	m.now = time.Now
	if _, _, err := m.Trust(t.Context()); err != nil {
		t.Fatal(err)
	}
	p := ensure(t, m, Unchanged, "trusted")
	db := &nss{m.machine, filepath.Join(m.machine.home, ".pki/nssdb")}
	for name, good := range map[string]bool{"below.localhost": true, "example.com": false} {
		path := filepath.Join(t.TempDir(), "leaf.pem")
		cert := foreign(t, p, func(c *x509.Certificate) { c.DNSNames = []string{name} })
		if err := writeFile(path, encodeCerts(cert), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := db.certutil(t.Context(), "-A", "-t", ",,", "-n", name, "-i", path); err != nil {
			t.Fatal(err)
		}
		_, err := db.certutil(t.Context(), "-V", "-u", "V", "-n", name)
		if (err == nil) != good || !good && !strings.Contains(err.Error(), "not permitted to issue a certificate with this name") {
			t.Errorf("a certificate for %s: %v", name, err)
		}
		if _, err := db.certutil(t.Context(), "-D", "-n", name); err != nil { // both have one subject, and would share a name
			t.Fatal(err)
		}
	}
}
