package devcert

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

const lockName = "lock"

// errLocked is what tryLock returns when another process, or another part of this one, holds the lock.
var errLocked = errors.New("locked")

// lockPoll is how often a lock that is held is tried. It is held for milliseconds, but by Trust and Clean for longer.
const lockPoll = 20 * time.Millisecond

// lockRaces bounds how often Clean in other processes may remove the folder between our creating it and using it.
const lockRaces = 100

// lock waits for the right to change the folder, which it creates.
func (m *Manager) lock(ctx context.Context) (unlock func(), err error) {
	for races := 0; ; {
		err := m.makeFolder()
		if err == nil {
			f, lockErr := m.tryLock()
			if lockErr == nil {
				return func() { f.Close() }, nil // closing unlocks
			}
			err = fmt.Errorf("cannot lock the folder of the development certificate: %w", lockErr)
		}
		if isMissing(err) && races < lockRaces {
			races++
		} else if !errors.Is(err, errLocked) {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("another process holds %s: %w", m.file(lockName), context.Cause(ctx))
		case <-time.After(lockPoll):
		}
	}
}

// tryLock takes the lock if it is free. Clean removes its file, so the file that is locked may be the path's no longer.
func (m *Manager) tryLock() (*os.File, error) {
	f, err := os.OpenFile(m.file(lockName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := lockFile(f); err != nil {
		f.Close()
		return nil, err
	}
	held, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, err
	}
	if now, err := os.Stat(m.file(lockName)); err != nil || !os.SameFile(held, now) {
		f.Close()
		return nil, errLocked
	}
	return f, nil
}
