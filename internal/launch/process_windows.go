package launch

import (
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"
)

// tree is the program and what it started, held by a job that ends with us. Ctrl-C goes from the console to every program
// on it, so there is nothing to pass on.
type tree struct {
	cmd  *exec.Cmd
	mu   sync.Mutex
	job  windows.Handle
	over bool
}

func startTree(cmd *exec.Cmd, _ bool) (*tree, error) {
	job, err := windows.CreateJobObject(nil, nil)
	if err != nil {
		return nil, err
	}
	info := windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION{
		BasicLimitInformation: windows.JOBOBJECT_BASIC_LIMIT_INFORMATION{LimitFlags: windows.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE},
	}
	_, err = windows.SetInformationJobObject(job, windows.JobObjectExtendedLimitInformation,
		uintptr(unsafe.Pointer(&info)), uint32(unsafe.Sizeof(info)))
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		windows.CloseHandle(job)
		return nil, err
	}
	t := &tree{cmd: cmd, job: job}
	if err := t.adopt(); err != nil {
		t.kill()
		t.wait()
		return nil, err
	}
	return t, nil
}

func (t *tree) adopt() error {
	p, err := windows.OpenProcess(windows.PROCESS_SET_QUOTA|windows.PROCESS_TERMINATE, false, uint32(t.cmd.Process.Pid))
	if err != nil {
		return err
	}
	defer windows.CloseHandle(p)
	return windows.AssignProcessToJobObject(t.job, p)
}

// signal ends the program unless the console has told it already.
func (t *tree) signal(sig os.Signal) {
	if sig != os.Interrupt {
		t.kill()
	}
}

func (t *tree) kill() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.over {
		windows.TerminateJobObject(t.job, 1)
		t.cmd.Process.Kill() // it may not be in the job yet
	}
}

// wait waits for the end of the program and ends what it left running.
func (t *tree) wait() error {
	err := t.cmd.Wait()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.over = true
	windows.CloseHandle(t.job)
	return err
}

func sharesTerminal(io.Reader) bool { return true }

func separate(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: windows.CREATE_NEW_PROCESS_GROUP}
}

func interruptGroup(p *os.Process) error { return p.Kill() }
