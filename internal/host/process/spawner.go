package process

import "runtime"

// spawner is the one operating system thread that forks.
//
// Linux sends Pdeathsig when the THREAD that forked ends, not when the process
// does (prctl(2), PR_SET_PDEATHSIG: "the 'parent' in this case is considered to
// be the thread that created this process"). The Go runtime ends idle threads as
// it likes, so forking from an ordinary goroutine would kill workers at random.
// This goroutine locks its thread and keeps it until stop.
type spawner struct {
	work chan func()
	done chan struct{}
}

func newSpawner() *spawner {
	s := &spawner{work: make(chan func()), done: make(chan struct{})}
	go s.loop()
	return s
}

func (s *spawner) loop() {
	defer close(s.done)
	// Never unlocked: when the goroutine returns, the runtime ends the thread, and
	// with it whatever was forked here.
	runtime.LockOSThread()
	for f := range s.work {
		f()
	}
}

// do runs f on the spawner's thread and waits for it. It must not be called
// after stop.
func (s *spawner) do(f func() error) error {
	result := make(chan error, 1)
	s.work <- func() { result <- f() }
	return <-result
}

// stop ends the thread. Everything forked by it must have ended before.
func (s *spawner) stop() {
	close(s.work)
	<-s.done
}
