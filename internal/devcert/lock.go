package devcert

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lannerhq/lanner/internal/filelock"
)

const lockName = "lock"

// lockPoll is how often a lock that is held is tried. It is held for milliseconds, but by Trust and Clean for longer.
const lockPoll = 20 * time.Millisecond

// lockRaces bounds how often Clean in other processes may remove the folder between our creating it and using it.
const lockRaces = 100

// lock waits for the right to change the folder, which it creates.
func (m *Manager) lock(ctx context.Context) (unlock func(), err error) {
	for races := 0; ; {
		err := m.makeFolder()
		if err == nil {
			f, lockErr := filelock.Open(m.file(lockName))
			if lockErr == nil {
				return func() { f.Close() }, nil // closing unlocks
			}
			err = fmt.Errorf("cannot lock the folder of the development certificate: %w", lockErr)
		}
		if isMissing(err) && races < lockRaces {
			races++
		} else if !errors.Is(err, filelock.ErrLocked) {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("another process holds %s: %w", m.file(lockName), context.Cause(ctx))
		case <-time.After(lockPoll):
		}
	}
}
