package process

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
)

// RunGuard makes this program the guard if it was started as one, and then does
// not return. Call it first in main; see Options.Guard.
func RunGuard() {
	if !guardSupported || os.Getenv(guardVariable) == "" {
		return
	}
	guardSignals()
	if _, err := os.Stdout.WriteString(guardReady); err != nil {
		os.Exit(1)
	}
	guardTrees(os.Stdin)
	os.Exit(0)
}

// guardTrees keeps the list until the host's end of the pipe is gone, and then
// ends what is left on it.
func guardTrees(control io.Reader) {
	trees := make(map[string]*tree)
	sc := bufio.NewScanner(control)
	for sc.Scan() {
		m, err := parseGuardMessage(sc.Text())
		if err != nil {
			continue // the host died while it wrote
		}
		if m.verb == guardEnded {
			delete(trees, m.tree.tag)
			continue
		}
		trees[m.tree.tag] = &m.tree
	}
	var all sync.WaitGroup
	for _, t := range trees {
		all.Go(func() {
			place := t.place()
			if t.kill() == nil && t.release() == nil && place != "" {
				os.Remove(filepath.Dir(place)) // the last one succeeds
			}
		})
	}
	all.Wait()
}

type guardVerb string

const (
	guardExpect  guardVerb = "expect"
	guardStarted guardVerb = "started"
	guardEnded   guardVerb = "ended"
)

// guardMessage is one line of the pipe: verb, tag, process id, start time, and
// the quoted cgroup.
type guardMessage struct {
	verb guardVerb
	tree tree
}

func (m guardMessage) String() string {
	return fmt.Sprintf("%s %s %d %d %q\n", m.verb, m.tree.tag, m.tree.pid, m.tree.start, m.tree.place())
}

var errGuardMessage = errors.New("malformed guard message")

// parseGuardMessage is strict, because what it yields is killed: a tag must be
// there, and a process id above 1 or none.
func parseGuardMessage(line string) (guardMessage, error) {
	f := strings.SplitN(line, " ", 5)
	if len(f) != 5 {
		return guardMessage{}, errGuardMessage
	}
	m := guardMessage{verb: guardVerb(f[0]), tree: tree{tag: f[1]}}
	pid, err1 := strconv.ParseUint(f[2], 10, 31)
	start, err2 := strconv.ParseUint(f[3], 10, 64)
	place, err3 := strconv.Unquote(f[4])
	known := m.verb == guardExpect || m.verb == guardStarted || m.verb == guardEnded
	if errors.Join(err1, err2, err3) != nil || !known || len(m.tree.tag) < 16 || pid == 1 {
		return guardMessage{}, errGuardMessage
	}
	m.tree.pid, m.tree.start = int(pid), start
	m.tree.setPlace(place)
	return m, nil
}
