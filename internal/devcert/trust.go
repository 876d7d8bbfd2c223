package devcert

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// Kind is a kind of store in which programs look for authorities that they trust.
type Kind string

const (
	// System is the store of the operating system.
	System Kind = "system"
	// Browsers are the databases of NSS on Linux: one of Chromium and its kin, and one in each profile of Firefox. They do not look
	// into the system's store.
	Browsers Kind = "browsers"
)

// Kinds lists the kinds of stores.
var Kinds = []Kind{System, Browsers}

// Trust is the state of one store.
type Trust struct {
	Kind Kind `json:"kind"`
	// Place is a folder or another name of the store.
	Place string `json:"place"`
	// Trusted says whether programs that use the store trust the certificate.
	Trusted bool `json:"trusted"`
	// Changed says that Trust or Clean has changed the store.
	Changed bool `json:"changed,omitempty"`
	// Problem says why the store could not be looked at or changed, Hint the way out. Both are empty if it could.
	Problem string `json:"problem,omitempty"`
	Hint    string `json:"hint,omitempty"`
}

// store is one store. The path that comes with an authority is its certificate in PEM.
type store interface {
	kind() Kind
	place() string
	look(ctx context.Context, root *x509.Certificate, path string) (presence, error)
	add(ctx context.Context, root *x509.Certificate, path string) error
	remove(ctx context.Context, root *x509.Certificate, path string) error
}

// presence is what a store has of an authority.
type presence int

const (
	absent  presence = iota
	present          // and not trusted: someone has taken the trust away, or has not finished
	trusted
)

// HintError is a problem whose way out is known.
type HintError struct {
	Err  error
	Hint string
}

func (e *HintError) Error() string { return e.Err.Error() }
func (e *HintError) Unwrap() error { return e.Err }

// ErrIncomplete is what Trust and Clean return when not every store could be changed. What they return beside it says which, and why.
var ErrIncomplete = errors.New("not every store of authorities could be changed")

// Trusted returns where the authority is trusted, in the stores of the kinds given, or of all kinds. It changes nothing.
func (m *Manager) Trusted(ctx context.Context, kinds ...Kind) ([]Trust, error) {
	root, err := m.readCert(rootCert)
	if _, unfit := errors.AsType[*unfitError](err); unfit {
		root, err = nil, nil
	}
	if err != nil {
		return nil, err
	}
	return m.each(kinds, func(s store, t *Trust) error {
		if root == nil {
			return nil
		}
		p, err := s.look(ctx, root, m.file(rootCert))
		t.Trusted = p == trusted
		return err
	})
}

// Trust makes the certificate if it has to, and has its authority trusted by the stores of the kinds given, or of all kinds that this
// computer has. Former authorities lose their trust. It runs certutil of NSS, and as root the command that updates the system's store;
// it never asks to become root, but says in Hint what root would have to do. On macOS and Windows the system asks the user.
func (m *Manager) Trust(ctx context.Context, kinds ...Kind) (Change, []Trust, error) {
	unlock, err := m.lock(ctx)
	if err != nil {
		return Unchanged, nil, err
	}
	defer unlock()
	p, change, err := m.ensureLocked()
	if err != nil {
		return change, nil, err
	}
	former := m.retired()
	stores, err := m.each(kinds, func(s store, t *Trust) error {
		return errors.Join(m.removeFrom(ctx, s, former, t), m.addTo(ctx, s, p.root.cert, t))
	})
	if err == nil && len(kinds) == 0 {
		m.forget(former)
	}
	return change, stores, err
}

// Clean removes the authority and its predecessors from all stores, and the folder. What is left when a store could not be changed
// is the certificate of the authority, not its key, so that Clean can be called again.
func (m *Manager) Clean(ctx context.Context) ([]Trust, error) {
	if _, err := os.Stat(m.dir); isMissing(err) {
		return nil, nil
	}
	unlock, err := m.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if root, err := m.readCert(rootCert); err == nil {
		if err := m.retire(root); err != nil {
			return nil, err
		}
	}
	for _, name := range []string{rootKey, leafKey, leafCert, rootCert} {
		if err := os.Remove(m.file(name)); err != nil && !isMissing(err) {
			return nil, err
		}
	}
	m.removeUnfinished()
	former := m.retired()
	stores, err := m.each(nil, func(s store, t *Trust) error { return m.removeFrom(ctx, s, former, t) })
	if err != nil {
		return stores, err
	}
	m.forget(former)
	return stores, m.removeFolder(unlock)
}

// addTo has an authority trusted by a store.
func (m *Manager) addTo(ctx context.Context, s store, root *x509.Certificate, t *Trust) error {
	path := m.file(rootCert)
	if p, err := s.look(ctx, root, path); err != nil || p == trusted {
		t.Trusted = p == trusted
		return err
	}
	if err := s.add(ctx, root, path); err != nil {
		return err
	}
	t.Changed = true
	p, err := s.look(ctx, root, path)
	if t.Trusted = p == trusted; err == nil && !t.Trusted {
		err = errors.New("the store took the authority, and does not trust it")
	}
	return err
}

// removeFrom removes authorities from a store.
func (m *Manager) removeFrom(ctx context.Context, s store, former map[string]*x509.Certificate, t *Trust) error {
	var errs []error
	for name, root := range former {
		p, err := s.look(ctx, root, m.file(name))
		if p != absent && err == nil {
			err = s.remove(ctx, root, m.file(name))
			t.Changed = t.Changed || err == nil
			t.Trusted = t.Trusted || err != nil
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// forget ends the memory of former authorities, which nothing trusts any more.
func (m *Manager) forget(former map[string]*x509.Certificate) {
	for name := range former {
		os.Remove(m.file(name))
	}
}

// each calls f for the stores of some kinds. The error is ErrIncomplete if f failed for one of them.
func (m *Manager) each(kinds []Kind, f func(store, *Trust) error) ([]Trust, error) {
	list, incomplete := []Trust{}, false
	for _, s := range m.machine.stores() {
		if len(kinds) > 0 && !slices.Contains(kinds, s.kind()) {
			continue
		}
		t := Trust{Kind: s.kind(), Place: s.place()}
		if err := f(s, &t); err != nil {
			incomplete = true
			t.Problem = err.Error()
			if hint, ok := errors.AsType[*HintError](err); ok {
				t.Hint = hint.Hint
			}
		}
		list = append(list, t)
	}
	if incomplete {
		return list, ErrIncomplete
	}
	return list, nil
}

// removeFolder removes what Clean has left: the lock, which others may be waiting for, and the folders.
func (m *Manager) removeFolder(unlock func()) error {
	if !canRemoveOpenFiles {
		unlock()
	}
	if err := os.Remove(m.file(lockName)); err != nil && canRemoveOpenFiles {
		return fmt.Errorf("cannot remove the lock of the development certificate: %w", err)
	}
	os.Remove(m.dir) // stays if another process has begun anew, or if there is something that is not ours
	if parent := filepath.Dir(m.dir); filepath.Base(parent) == "lanner" {
		os.Remove(parent) // likewise
	}
	return nil
}
