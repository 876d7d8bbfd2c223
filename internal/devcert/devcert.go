package devcert

import (
	"context"
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Ensure returns the user's certificate for localhost, ready to serve with, and its files. It makes or renews them when that is needed
// and asks nobody for anything: whether clients trust the certificate is another matter, see [Manager.Trust]. Processes that call it at
// once agree on one certificate. ctx bounds the wait for them.
func Ensure(ctx context.Context) (*tls.Certificate, Paths, error) {
	m, err := Default()
	if err != nil {
		return nil, Paths{}, err
	}
	cert, _, err := m.Ensure(ctx)
	return cert, m.Paths(), err
}

// Paths are the files of a certificate.
type Paths struct {
	Dir  string `json:"folder"`
	Root string `json:"authority"`   // certificate of the authority, PEM
	Cert string `json:"certificate"` // certificate for servers, PEM
	Key  string `json:"key"`         // its key, PEM, PKCS#8
}

// Manager keeps the certificate in one folder. Its methods may be called at the same time, by several processes too.
type Manager struct {
	dir     string
	now     func() time.Time
	machine *machine
}

// Default returns the manager of the user's certificate.
func Default() (*Manager, error) {
	config, err := os.UserConfigDir()
	if err != nil {
		return nil, fmt.Errorf("cannot find the folder for the development certificate: %w", err)
	}
	return New(filepath.Join(config, "lanner", "dev-certs")), nil
}

// New returns a manager of the certificate in a folder, which is created when it is needed.
func New(dir string) *Manager {
	return &Manager{dir: dir, now: time.Now, machine: thisMachine()}
}

// Paths returns where the files are, or will be.
func (m *Manager) Paths() Paths {
	return Paths{m.dir, m.file(rootCert), m.file(leafCert), m.file(leafKey)}
}

// The files, beside the lock.
const (
	rootCert = "root.pem"
	rootKey  = "root.key"
	leafCert = "localhost.pem"
	leafKey  = "localhost.key"

	retiredPrefix = "retired-"
)

func (m *Manager) file(name string) string { return filepath.Join(m.dir, name) }

// Change says what Ensure has done.
type Change string

const (
	Unchanged Change = ""
	Created   Change = "created" // a new authority, which nobody trusts yet, and a certificate by it
	Renewed   Change = "renewed" // a certificate by the same authority
)

// Ensure is [Ensure] for this folder, and says what it had to do.
func (m *Manager) Ensure(ctx context.Context) (*tls.Certificate, Change, error) {
	if p, err := m.current(); err == nil && m.isClosed() {
		return p.leaf.forServers(), Unchanged, nil // without the lock: the folder may be mounted read-only, or Trust be waiting for an answer
	}
	unlock, err := m.lock(ctx)
	if err != nil {
		return nil, Unchanged, err
	}
	defer unlock()
	p, change, err := m.ensureLocked()
	if err != nil {
		return nil, change, err
	}
	return p.leaf.forServers(), change, nil
}

// pair is a certificate with its key.
type pair struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func (p pair) forServers() *tls.Certificate {
	return &tls.Certificate{Certificate: [][]byte{p.cert.Raw}, PrivateKey: p.key, Leaf: p.cert}
}

type pairs struct{ root, leaf pair }

// current returns what is there, as far as it could be read. The error says why it is not to be used.
func (m *Manager) current() (p pairs, err error) {
	if p.root, err = m.load(rootCert, rootKey); err != nil {
		return p, err
	}
	if err := checkRoot(p.root.cert, m.now()); err != nil {
		return p, err
	}
	if p.leaf, err = m.load(leafCert, leafKey); err != nil {
		return p, err
	}
	return p, checkLeaf(p.leaf.cert, p.root.cert, m.now())
}

// ensureLocked makes what is missing, damaged or about to end.
func (m *Manager) ensureLocked() (p pairs, change Change, err error) {
	now := m.now()
	p.root, err = m.load(rootCert, rootKey)
	if err == nil {
		err = checkRoot(p.root.cert, now)
	}
	if _, unfit := errors.AsType[*unfitError](err); unfit {
		change = Created
		p.root, err = m.replaceRoot(now)
	}
	if err != nil {
		return p, Unchanged, err
	}
	p.leaf, err = m.load(leafCert, leafKey)
	if err == nil {
		err = checkLeaf(p.leaf.cert, p.root.cert, now)
	}
	if _, unfit := errors.AsType[*unfitError](err); unfit {
		if change == Unchanged {
			change = Renewed
		}
		p.leaf, err = m.replaceLeaf(p, change, now)
	}
	if err != nil {
		return p, Unchanged, err
	}
	return p, change, nil
}

// replaceRoot makes a new authority. The former one, whose trust may be left somewhere, is remembered.
func (m *Manager) replaceRoot(now time.Time) (pair, error) {
	if former, err := m.readCert(rootCert); err == nil {
		if err := m.retire(former); err != nil {
			return pair{}, err
		}
	}
	root, err := newRoot(now)
	if err != nil {
		return pair{}, err
	}
	return root, errors.Join(m.writeKey(rootKey, root.key), m.writeCert(rootCert, root.cert))
}

// replaceLeaf makes a new certificate, with the key of the former one if only it is renewed.
func (m *Manager) replaceLeaf(p pairs, change Change, now time.Time) (pair, error) {
	key := p.leaf.key
	if change == Created || key == nil {
		var err error
		if key, err = newKey(); err != nil {
			return pair{}, err
		}
		if err := m.writeKey(leafKey, key); err != nil {
			return pair{}, err
		}
	}
	cert, err := newLeaf(p.root, key, now)
	if err != nil {
		return pair{}, err
	}
	return pair{cert, key}, m.writeCert(leafCert, cert)
}

// State describes the certificate, without changing anything.
type State struct {
	Paths
	// Problem says why there is no valid certificate. It is empty if there is one.
	Problem string `json:"problem,omitempty"`
	// The following are zero if there is no certificate at all, or no authority for it.
	Names       []string  `json:"names,omitempty"`
	NotBefore   time.Time `json:"notBefore,omitzero"`
	NotAfter    time.Time `json:"notAfter,omitzero"`
	Fingerprint string    `json:"sha256,omitempty"` // of the certificate
	// AuthorityNotAfter is when trust will have to be given anew.
	AuthorityNotAfter time.Time `json:"authorityNotAfter,omitzero"`
}

// Valid reports whether there is a certificate that servers can use.
func (s *State) Valid() bool { return s.Problem == "" }

// State returns the state of the certificate. An error means that it cannot be known.
func (m *Manager) State() (State, error) {
	s := State{Paths: m.Paths()}
	p, err := m.current()
	if root := p.root.cert; root != nil {
		s.AuthorityNotAfter = root.NotAfter
	}
	if leaf := p.leaf.cert; leaf != nil {
		s.Names, s.NotBefore, s.NotAfter, s.Fingerprint = names(leaf), leaf.NotBefore, leaf.NotAfter, fingerprint(leaf)
	}
	_, unfit := errors.AsType[*unfitError](err)
	_, early := errors.AsType[*clockError](err)
	if unfit || early {
		s.Problem, err = err.Error(), nil
	}
	return s, err
}

// unfitError is why a certificate has to be made anew.
type unfitError struct{ why string }

func (e *unfitError) Error() string { return e.why }

func unfit(format string, args ...any) error { return &unfitError{fmt.Sprintf(format, args...)} }

// Find returns the files of the user's certificate, for a server to which no other was given. It changes nothing. A *[MissingError] says that
// there is none to use.
func Find() (Paths, error) {
	m, err := Default()
	if err != nil {
		return Paths{}, fmt.Errorf("https needs a certificate, and that for development cannot be looked for: %w", err)
	}
	state, err := m.State()
	switch {
	case err != nil:
		return Paths{}, fmt.Errorf("https needs a certificate, and that for development cannot be read: %w", err)
	case !state.Valid():
		return Paths{}, &MissingError{state.Problem}
	}
	return state.Paths, nil
}

// MissingError says that there is no certificate for development, and why.
type MissingError struct{ Problem string }

// Error names the way out.
func (e *MissingError) Error() string {
	return fmt.Sprintf("https needs a certificate: make one for development by \"lanner dev-certs https\" (%s)", e.Problem)
}

// isMissing reports an error that says there is no such file.
func isMissing(err error) bool { return errors.Is(err, fs.ErrNotExist) }
