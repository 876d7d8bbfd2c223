package devcert

import (
	"context"
	"crypto/x509"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// script writes a command that only this test's computer has.
func script(t *testing.T, m *Manager, name, text string) {
	t.Helper()
	dir := filepath.Join(m.machine.base, "bin")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\nset -eu\n"+text), 0o700); err != nil {
		t.Fatal(err)
	}
	m.machine.path = []string{dir}
}

// makeSystem gives the test's computer a store, whose command makes the bundle of all anchors as the real one does.
func makeSystem(t *testing.T, m *Manager, d distribution) (anchors string) {
	t.Helper()
	anchors = m.machine.base + d.anchors
	for _, dir := range []string{anchors, m.machine.base + filepath.Dir(d.bundle)} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	script(t, m, d.update[0], `cat '`+anchors+`'/*`+d.suffix+` /dev/null 2>/dev/null >'`+m.machine.base+d.bundle+`' || true
echo "$*" >>'`+m.machine.base+`/calls'
`)
	return anchors
}

func calls(m *Manager) string {
	text, _ := os.ReadFile(m.machine.base + "/calls")
	return string(text)
}

func TestEverySystemStoreIsTrustedAndCleanedByItsOwnCommand(t *testing.T) {
	for _, d := range distributions {
		t.Run(d.anchors, func(t *testing.T) {
			m, _ := newManager(t)
			anchors := makeSystem(t, m, d)
			change, stores, err := m.Trust(t.Context())
			if err != nil || change != Created || len(stores) != 1 || !stores[0].Trusted || !stores[0].Changed || stores[0].Place != anchors {
				t.Fatalf("trust: %s, %+v, %v", change, stores, err)
			}
			if got, want := calls(m), strings.Join(d.update[1:], " ")+"\n"; got != want {
				t.Errorf("the command was called with %q, want %q", got, want)
			}
			_, stores, err = m.Trust(t.Context())
			if err != nil || !stores[0].Trusted || stores[0].Changed {
				t.Errorf("the second time there is nothing to do: %+v, %v", stores, err)
			}
			if stores, err := m.Trusted(t.Context(), System); err != nil || !trustedEverywhere(stores) {
				t.Errorf("it is trusted: %+v, %v", stores, err)
			}
			if stores, err = m.Clean(t.Context()); err != nil || !stores[0].Changed || stores[0].Trusted {
				t.Errorf("clean: %+v, %v", stores, err)
			}
			if got, want := calls(m), strings.Join(d.update[1:], " ")+"\n"+strings.Join(d.clean[1:], " ")+"\n"; got != want {
				t.Errorf("the command was called with %q, want %q", got, want)
			}
			wantNothing(t, anchors)
			wantNothing(t, filepath.Dir(filepath.Dir(m.dir)))
		})
	}
}

func trustedEverywhere(stores []Trust) bool {
	for _, s := range stores {
		if !s.Trusted {
			return false
		}
	}
	return len(stores) > 0
}

func wantNothing(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) > 0 {
		t.Errorf("something is left in %s: %v, %v", dir, entries, err)
	}
}

func TestWithoutRightsNothingHappensAndTheCommandIsNamed(t *testing.T) {
	m, _ := newManager(t)
	anchors := makeSystem(t, m, distributions[3])
	m.machine.euid = 1000
	_, stores, err := m.Trust(t.Context())
	if !errors.Is(err, ErrIncomplete) || stores[0].Trusted || stores[0].Problem != "only root can change the system's authorities" {
		t.Fatalf("trust: %+v, %v", stores, err)
	}
	wantNothing(t, anchors)
	hint, ok := strings.CutPrefix(stores[0].Hint, "sudo ")
	if !ok {
		t.Fatalf("hint %q", stores[0].Hint)
	}
	runHint(t, m, hint)
	if stores, err := m.Trusted(t.Context()); err != nil || !trustedEverywhere(stores) {
		t.Errorf("after the command of the hint it is trusted: %+v, %v", stores, err)
	}

	stores, err = m.Clean(t.Context())
	if !errors.Is(err, ErrIncomplete) || !stores[0].Trusted {
		t.Fatalf("clean: %+v, %v", stores, err)
	}
	for _, name := range []string{rootKey, leafKey, rootCert, leafCert} {
		if _, err := os.Stat(m.file(name)); !isMissing(err) {
			t.Errorf("keys go at once; %s: %v", name, err)
		}
	}
	runHint(t, m, strings.TrimPrefix(stores[0].Hint, "sudo "))
	wantNothing(t, anchors)
	if _, err := m.Clean(t.Context()); err != nil {
		t.Errorf("the second time all is done: %v", err)
	}
	wantNothing(t, filepath.Dir(filepath.Dir(m.dir)))
}

// runHint does what a hint says, as root would.
func runHint(t *testing.T, m *Manager, hint string) {
	t.Helper()
	cmd := exec.Command("/bin/sh", "-ec", strings.ReplaceAll(hint, "sudo ", ""))
	cmd.Env = append(os.Environ(), "PATH="+m.machine.path[0]+":"+os.Getenv("PATH"))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v, %s", hint, err, out)
	}
}

func TestAFailingCommandIsQuoted(t *testing.T) {
	m, _ := newManager(t)
	makeSystem(t, m, distributions[3])
	script(t, m, "update-ca-certificates", "echo 'the disk is full' >&2; exit 3\n")
	_, stores, err := m.Trust(t.Context())
	if !errors.Is(err, ErrIncomplete) || stores[0].Problem != "update-ca-certificates: exit status 3: the disk is full" {
		t.Errorf("%+v, %v", stores, err)
	}
}

func TestATrustThatDoesNotTakeIsNotReportedAsOne(t *testing.T) {
	m, _ := newManager(t)
	makeSystem(t, m, distributions[3])
	script(t, m, "update-ca-certificates", "exit 0\n")
	_, stores, err := m.Trust(t.Context())
	if !errors.Is(err, ErrIncomplete) || stores[0].Problem != "the store took the authority, and does not trust it" {
		t.Errorf("%+v, %v", stores, err)
	}
}

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

func TestAComputerWithoutBrowsersNeedsNoCertutil(t *testing.T) {
	m, _ := newManager(t)
	if _, stores, err := m.Trust(t.Context()); err != nil || len(stores) != 0 {
		t.Errorf("there is no store: %+v, %v", stores, err)
	}
}

func TestACommandEndsWithItsContext(t *testing.T) {
	m, _ := newManager(t)
	script(t, m, "forever", "exec sleep 60\n")
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("enough")
	cancel(why)
	if _, err := m.machine.run(ctx, m.machine.path[0]+"/forever"); !errors.Is(err, why) {
		t.Errorf("the error is the cause: %v", err)
	}
}

func TestPathsAreQuotedForShells(t *testing.T) {
	for _, path := range []string{"/a/b.pem", "/a b/c'd.pem", "/$(x)"} {
		out, err := exec.Command("/bin/sh", "-c", "printf %s "+quote(path)).Output()
		if err != nil || string(out) != path {
			t.Errorf("%s is to a shell %q, %v", path, out, err)
		}
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
