package acme

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/caddyserver/certmagic"
	"github.com/lannerhq/lanner/internal/filelock"
)

// storage is certmagic's storage in files, but for its locks. Certmagic's are files with a time in them, which a goroutine keeps fresh
// for up to five seconds after they are released, and which outlive a process that is killed. These are locks of the operating system: a
// process that ends has none, and processes that share a folder exclude each other all the same.
type storage struct {
	certmagic.FileStorage

	mu   sync.Mutex
	held map[string]*os.File
}

var (
	_ certmagic.Storage   = (*storage)(nil)
	_ certmagic.TryLocker = (*storage)(nil)
)

func newStorage(folder string) *storage {
	return &storage{FileStorage: certmagic.FileStorage{Path: folder}, held: make(map[string]*os.File)}
}

// lockPoll is how often a lock that somebody has is tried for. Blocking in the system call could not be given up.
const lockPoll = 100 * time.Millisecond

// Lock waits for the lock of this name, until ctx is done.
func (s *storage) Lock(ctx context.Context, name string) error {
	for {
		if ok, err := s.TryLock(ctx, name); ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(lockPoll):
		}
	}
}

// TryLock takes the lock of this name if nobody has it.
func (s *storage) TryLock(_ context.Context, name string) (bool, error) {
	path := filepath.Join(s.Path, "locks", certmagic.StorageKeys.Safe(name)+".lock")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return false, fmt.Errorf("cannot make the folder of locks: %w", err)
	}
	f, err := filelock.Open(path)
	switch {
	case errors.Is(err, filelock.ErrLocked):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("cannot take a lock: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held[name] = f
	return true, nil
}

// Unlock releases a lock. Its file stays: if it were removed, those who wait would have one file and those who come another.
func (s *storage) Unlock(_ context.Context, name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.held[name]
	if f == nil {
		return fmt.Errorf("the lock %q is not held", name)
	}
	delete(s.held, name)
	return f.Close()
}

// staples is the storage as the upkeep of OCSP responses sees it: it has responses and nothing else. Certmagic would order a
// replacement for a certificate that was revoked, with retries that nobody could stop; that is left to the Manager. As it cannot, it takes
// the certificate out of its cache.
type staples struct{ certmagic.Storage }

var errStaplesOnly = errors.New("the upkeep of OCSP responses orders no certificates")

func isStaple(key string) bool { return strings.HasPrefix(key, "ocsp/") }

func (s staples) Store(ctx context.Context, key string, value []byte) error {
	if !isStaple(key) {
		return errStaplesOnly
	}
	return s.Storage.Store(ctx, key, value)
}

func (s staples) Delete(ctx context.Context, key string) error {
	if !isStaple(key) {
		return errStaplesOnly
	}
	return s.Storage.Delete(ctx, key)
}

func (s staples) Load(ctx context.Context, key string) ([]byte, error) {
	if !isStaple(key) {
		return nil, fmt.Errorf("%w: %w", errStaplesOnly, fs.ErrNotExist)
	}
	return s.Storage.Load(ctx, key)
}

func (s staples) Exists(ctx context.Context, key string) bool {
	return isStaple(key) && s.Storage.Exists(ctx, key)
}

func (s staples) Lock(context.Context, string) error   { return errStaplesOnly }
func (s staples) Unlock(context.Context, string) error { return errStaplesOnly }

// notThere reports whether err says that storage does not have a thing.
func notThere(err error) bool { return errors.Is(err, fs.ErrNotExist) }
