package devcert

import (
	"context"
	"crypto/x509"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestTheFirstUseCreatesACertificateAndTheSecondFindsIt(t *testing.T) {
	m, _ := newManager(t)
	if s, err := m.State(); err != nil || s.Valid() || !strings.Contains(s.Problem, "there is no ") {
		t.Errorf("before the first use there is none: %+v, %v", s, err)
	}
	if _, err := os.Stat(m.dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("asking for the state leaves no trace: %v", err)
	}
	first := ensure(t, m, Created, "first use")
	second := ensure(t, m, Unchanged, "second use")
	if !first.leaf.cert.Equal(second.leaf.cert) || !first.root.cert.Equal(second.root.cert) {
		t.Error("the second use returns another certificate")
	}
	s, err := m.State()
	if err != nil || !s.Valid() || s.Fingerprint != fingerprint(first.leaf.cert) || s.Paths != m.Paths() {
		t.Errorf("the state describes it: %+v, %v", s, err)
	}
	if want := "localhost *.localhost *.dev.localhost 127.0.0.1 ::1"; strings.Join(s.Names, " ") != want {
		t.Errorf("names %v, want %s", s.Names, want)
	}
}

func TestTheCertificateKeepsToTheRulesOfItsKind(t *testing.T) {
	m, _ := newManager(t)
	p := ensure(t, m, Created, "first use")
	leaf, root := p.leaf.cert, p.root.cert
	if life := leaf.NotAfter.Sub(leaf.NotBefore) + time.Second; life > 397*24*time.Hour {
		t.Errorf("the certificate is valid for %s, more than 397 days", life)
	}
	if life := root.NotAfter.Sub(root.NotBefore) + time.Second; life > 5*365*24*time.Hour {
		t.Errorf("the authority is valid for %s, more than five years", life)
	}
	if len(leaf.SubjectKeyId) == 0 || string(leaf.AuthorityKeyId) != string(root.SubjectKeyId) {
		t.Errorf("key identifiers link the certificate to its authority: %x, %x", leaf.AuthorityKeyId, root.SubjectKeyId)
	}
	if !root.MaxPathLenZero || !root.PermittedDNSDomainsCritical {
		t.Error("the authority signs no other authorities, and its constraints are critical")
	}
	if got := leaf.Subject.String(); got != "CN=localhost,O=Lanner development certificate" {
		t.Errorf("subject %s", got)
	}
}

func TestKeysAreTheirUsersAlone(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no permission bits; the folder is in the user's profile")
	}
	m, _ := newManager(t)
	ensure(t, m, Created, "first use")
	if err := os.Chmod(m.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	ensure(t, m, Unchanged, "the folder is open to others")
	for name, want := range map[string]fs.FileMode{"": 0o700, rootKey: 0o600, leafKey: 0o600, lockName: 0o600, rootCert: 0o644, leafCert: 0o644} {
		info, err := os.Stat(m.file(name))
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%q has mode %v, want %v; %v", name, info.Mode().Perm(), want, err)
		}
	}
	if left, _ := filepath.Glob(m.file(".*")); len(left) > 0 {
		t.Errorf("unfinished files are left: %v", left)
	}
}

func TestTheCertificateIsRenewedThirtyDaysBeforeItsEnd(t *testing.T) {
	m, now := newManager(t)
	first := ensure(t, m, Created, "first use")
	*now = first.leaf.cert.NotAfter.Add(-renewal)
	ensure(t, m, Unchanged, "30 days are left")
	*now = now.Add(time.Second)
	if s, _ := m.State(); s.Valid() || s.Problem != "the certificate ends on "+day(first.leaf.cert.NotAfter) {
		t.Errorf("less than 30 days are left, which the state says: %+v", s)
	}
	second := ensure(t, m, Renewed, "less than 30 days are left")
	if !second.root.cert.Equal(first.root.cert) {
		t.Error("the authority stays, and with it the trust in it")
	}
	if !second.leaf.key.Equal(first.leaf.key) {
		t.Error("the key stays: one rename replaces the certificate")
	}
	if !second.leaf.cert.NotAfter.After(first.leaf.cert.NotAfter) {
		t.Error("the new certificate lasts longer")
	}
}

func TestTheAuthorityIsReplacedBeforeItsEndAndRemembered(t *testing.T) {
	m, now := newManager(t)
	first := ensure(t, m, Created, "first use")
	*now = first.root.cert.NotAfter.Add(-renewal - time.Hour)
	last := ensure(t, m, Renewed, "the certificate has long ended")
	if !last.leaf.cert.NotAfter.Equal(first.root.cert.NotAfter) {
		t.Errorf("a certificate does not outlive its authority: %s, %s", last.leaf.cert.NotAfter, first.root.cert.NotAfter)
	}
	ensure(t, m, Unchanged, "a certificate cut short is not renewed again and again")
	*now = now.Add(2 * time.Hour)
	second := ensure(t, m, Created, "the authority is about to end")
	if second.root.cert.Equal(first.root.cert) || second.leaf.key.Equal(first.leaf.key) {
		t.Error("a new authority has a certificate with a key of its own")
	}
	for _, former := range m.retired() {
		if !former.Equal(first.root.cert) {
			t.Error("another authority is remembered")
		}
	}
	if len(m.retired()) != 1 {
		t.Errorf("the former authority is remembered, so that its trust can be removed: %v", m.retired())
	}
}

func TestDamageIsRepaired(t *testing.T) {
	for _, c := range []struct {
		name string
		want Change
		do   func(m *Manager) error
	}{
		{"no leaf", Renewed, func(m *Manager) error { return os.Remove(m.file(leafCert)) }},
		{"no leaf key", Renewed, func(m *Manager) error { return os.Remove(m.file(leafKey)) }},
		{"no root", Created, func(m *Manager) error { return os.Remove(m.file(rootCert)) }},
		{"no root key", Created, func(m *Manager) error { return os.Remove(m.file(rootKey)) }},
		{"empty leaf", Renewed, func(m *Manager) error { return os.Truncate(m.file(leafCert), 0) }},
		{"half a root", Created, func(m *Manager) error { return os.Truncate(m.file(rootCert), 300) }},
		{"a foreign key", Renewed, func(m *Manager) error {
			key, err := newKey()
			return errors.Join(err, m.writeKey(leafKey, key))
		}},
		{"a leaf of another authority", Renewed, func(m *Manager) error {
			root, err := newRoot(m.now())
			if err != nil {
				return err
			}
			leaf, err := m.load(leafCert, leafKey)
			if err != nil {
				return err
			}
			cert, err := newLeaf(root, leaf.key, m.now())
			return errors.Join(err, m.writeCert(leafCert, cert))
		}},
		{"a certificate for the key", Renewed, func(m *Manager) error {
			return m.writeCert(leafKey, mustRead(m, leafCert))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, _ := newManager(t)
			ensure(t, m, Created, "first use")
			if err := c.do(m); err != nil {
				t.Fatal(err)
			}
			if s, err := m.State(); err != nil || s.Valid() {
				t.Errorf("the state tells the damage: %+v, %v", s, err)
			}
			ensure(t, m, c.want, c.name)
			ensure(t, m, Unchanged, "repaired")
		})
	}
}

func mustRead(m *Manager, name string) *x509.Certificate {
	cert, err := m.readCert(name)
	if err != nil {
		panic(err)
	}
	return cert
}

func TestAClockThatIsBehindDoesNotCostTheTrust(t *testing.T) {
	m, now := newManager(t)
	first := ensure(t, m, Created, "first use")
	*now = now.Add(-48 * time.Hour)
	if _, _, err := m.Ensure(t.Context()); err == nil || !strings.Contains(err.Error(), "set the clock") {
		t.Errorf("the error names the clock: %v", err)
	}
	if s, err := m.State(); err != nil || s.Valid() {
		t.Errorf("the certificate is not valid yet: %+v, %v", s, err)
	}
	*now = start
	if p := ensure(t, m, Unchanged, "the clock is right again"); !p.root.cert.Equal(first.root.cert) {
		t.Error("the authority is another")
	}
}

func TestAFolderThatCannotBeIsAnErrorThatNamesIt(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := New(filepath.Join(file, "dev-certs")).Ensure(t.Context()); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("a file is where the folder should be: %v", err)
	}
}

func TestWaitingForTheLockEndsWithItsContext(t *testing.T) {
	m, _ := newManager(t)
	ensure(t, m, Created, "first use")
	unlock, err := m.lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	ensure(t, m, Unchanged, "a certificate that is there needs no lock")
	if err := os.Remove(m.file(leafCert)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("enough")
	cancel(why)
	if _, _, err := m.Ensure(ctx); !errors.Is(err, why) || !strings.Contains(err.Error(), m.file(lockName)) {
		t.Errorf("the error has the cause and names the lock: %v", err)
	}
}

func TestGoroutinesAgreeWhileTheFolderIsCleaned(t *testing.T) {
	m, _ := newManager(t)
	var all sync.WaitGroup
	for i := range 12 {
		all.Go(func() {
			if i%4 == 3 {
				if _, err := m.Clean(t.Context()); err != nil {
					t.Error(err)
				}
				return
			}
			cert, _, err := m.Ensure(t.Context())
			if err != nil || cert.Leaf.Subject.CommonName != "localhost" {
				t.Errorf("a certificate, whoever cleans meanwhile: %v", err)
			}
		})
	}
	all.Wait()
}

func TestProcessesThatBeginAtOnceAgreeOnOneCertificate(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	var all sync.WaitGroup
	answers := make([]string, 6)
	for i := range answers {
		cmd := exec.Command(self)
		cmd.Env = append(os.Environ(), asEnsure+"=1", "HOME="+home, "XDG_CONFIG_HOME="+filepath.Join(home, "config"), "AppData="+home)
		all.Go(func() {
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Errorf("%v: %s", err, out)
			}
			answers[i] = string(out)
		})
	}
	all.Wait()
	for _, answer := range answers {
		if answer != answers[0] || !strings.Contains(answer, filepath.Join("lanner", "dev-certs")) {
			t.Errorf("one process has %q, another %q", answers[0], answer)
		}
	}
}
