package process

import (
	"errors"
	"os"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
)

// On Windows a tree is a job object with "kill on close": the kernel closes the
// host's handles when the host ends, however it ends, and with the job's last
// handle all its processes end. No guard is needed.
//
// The process is put into the job right after its start, not before its first
// instruction (os.StartProcess gives no suspended thread); what it starts within
// those microseconds is not in the job.

type treePlatform struct {
	job windows.Handle
}

func isExecFormat(error) bool { return false }

func newJob() (windows.Handle, error) {
	job, err := windows.CreateJobObject(nil, nil)
	if err != nil {
		return 0, os.NewSyscallError("CreateJobObject", err)
	}
	var info windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION
	info.BasicLimitInformation.LimitFlags = windows.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE
	_, err = windows.SetInformationJobObject(job, windows.JobObjectExtendedLimitInformation,
		uintptr(unsafe.Pointer(&info)), uint32(unsafe.Sizeof(info)))
	if err != nil {
		windows.CloseHandle(job)
		return 0, os.NewSyscallError("SetInformationJobObject", err)
	}
	return job, nil
}

func (s *Supervisor) launch(p *Process, argv []string, attr *os.ProcAttr) error {
	s.forkMu.Lock()
	defer s.forkMu.Unlock()
	job, err := newJob()
	if err != nil {
		return err
	}
	p.tree.job = job // closed by release
	attr.Sys = &syscall.SysProcAttr{
		HideWindow:    true,
		CreationFlags: windows.CREATE_NEW_PROCESS_GROUP,
	}
	err = s.spawn.do(func() (err error) {
		p.started = time.Now()
		p.proc, err = os.StartProcess(p.path, argv, attr)
		return err
	})
	if err != nil {
		return err
	}
	p.tree.pid = p.proc.Pid
	if err := assign(job, p.proc); err != nil {
		p.proc.Kill()
		p.proc.Wait()
		return os.NewSyscallError("AssignProcessToJobObject", err)
	}
	s.add(p)
	return nil
}

func assign(job windows.Handle, proc *os.Process) error {
	var inner error
	err := proc.WithHandle(func(h uintptr) {
		inner = windows.AssignProcessToJobObject(job, windows.Handle(h))
	})
	return errors.Join(err, inner)
}

// signalGroup sends CTRL_BREAK, the only console event that one group can get.
func (p *Process) signalGroup(sig os.Signal) error {
	if sig != os.Interrupt && sig != syscall.SIGTERM {
		return errors.ErrUnsupported
	}
	return os.NewSyscallError("GenerateConsoleCtrlEvent",
		windows.GenerateConsoleCtrlEvent(windows.CTRL_BREAK_EVENT, uint32(p.tree.pid)))
}

func (t *tree) killOnce() ([]int, error) {
	if t.job == 0 {
		return nil, nil
	}
	return nil, os.NewSyscallError("TerminateJobObject", windows.TerminateJobObject(t.job, 1))
}

func (t *tree) release() error {
	job := t.job
	t.job = 0
	if job == 0 {
		return nil
	}
	return os.NewSyscallError("CloseHandle", windows.CloseHandle(job))
}
