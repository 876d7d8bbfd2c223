package servertest

import (
	"testing"
	"time"

	"go.uber.org/goleak"
)

// goroutines remembers which goroutines were there before.
type goroutines struct {
	before goleak.Option
}

func watchGoroutines() goroutines { return goroutines{goleak.IgnoreCurrent()} }

// check fails the test when goroutines that were not there before do not end. It looks again until patience has run out,
// since a goroutine that was told to stop may not have got the processor yet.
func (g goroutines) check(t *testing.T) {
	var err error
	for start := time.Now(); time.Since(start) < patience; {
		if err = goleak.Find(g.before); err == nil { // it waits a little by itself
			return
		}
	}
	t.Errorf("after every server was stopped, goroutines are left: who starts one must stop it and wait for it\n%v", err)
}
