package iisintegration

import "syscall"

// closeHandle closes a handle of this process. A handle that is none is not our concern.
func closeHandle(handle uint64) { _ = syscall.CloseHandle(syscall.Handle(handle)) }
