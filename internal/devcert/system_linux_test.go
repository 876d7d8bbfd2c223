package devcert

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
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
