package module

import (
	"os"

	"golang.org/x/sys/unix"
)

// watcher tells when a process ends that is not a child of this one.
type watcher struct {
	ended <-chan struct{} // nil if it cannot be told
	file  *os.File
	done  chan struct{}
}

// watch watches by pidfd, which becomes readable when the process ends, and so
// costs no thread and no polling: the file is in the runtime's poller.
func watch(pid int) *watcher {
	w := &watcher{done: make(chan struct{})}
	fd, err := unix.PidfdOpen(pid, unix.PIDFD_NONBLOCK)
	if err == unix.ESRCH {
		gone := make(chan struct{})
		close(gone)
		w.ended = gone
	}
	if err != nil { // before Linux 5.10
		close(w.done)
		return w
	}
	w.file = os.NewFile(uintptr(fd), "pidfd")
	ended := make(chan struct{})
	w.ended = ended
	go w.loop(ended)
	return w
}

func (w *watcher) loop(ended chan<- struct{}) {
	defer close(w.done)
	raw, err := w.file.SyscallConn()
	if err != nil {
		return
	}
	err = raw.Read(func(fd uintptr) bool {
		poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		n, err := unix.Poll(poll, 0)
		return err == nil && n > 0
	})
	if err == nil {
		close(ended)
	}
}

// close ends the watching and waits for its end.
func (w *watcher) close() {
	if w.file != nil {
		w.file.Close()
	}
	<-w.done
}
