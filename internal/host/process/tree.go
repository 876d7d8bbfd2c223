package process

import (
	"crypto/rand"
	"errors"
	"fmt"
	"time"
)

// TagVariable is set in the environment of every process the supervisor starts,
// to a random value of its own. Whatever that process starts inherits it, so
// that a program which left its process group and its parent (a daemon) is still
// known to belong to the tree.
const TagVariable = "LANNER_PROCESS_TAG"

func newTag() string { return rand.Text() }

// tree names the root of a process tree and everything by which its members are
// recognised. It is used by the host and by the guard, which knows it only by
// hearsay.
type tree struct {
	tag   string
	pid   int    // of the root, also its process group; 0 while not started
	start uint64 // when the root started, in ticks after boot; 0 if unknown
	treePlatform
}

// killLimit bounds how long a killed tree may take to vanish. A process in an
// uninterruptible wait (a dead network disk) ignores even SIGKILL.
const killLimit = 5 * time.Second

// kill ends all members and returns when none is left. A tree may fork while it
// is being killed, so it looks again until it finds nobody.
func (t *tree) kill() error {
	deadline := time.Now().Add(killLimit)
	pause := 500 * time.Microsecond
	for {
		left, err := t.killOnce()
		if err == nil && len(left) == 0 {
			return nil
		}
		if time.Now().After(deadline) {
			return errors.Join(err, survivors(left))
		}
		time.Sleep(pause)
		pause = min(2*pause, 50*time.Millisecond)
	}
}

func survivors(pids []int) error {
	if len(pids) == 0 {
		return nil
	}
	return fmt.Errorf("processes %v are still there %v after SIGKILL: look at their state with ps (D means that they wait for a device)", pids, killLimit)
}
