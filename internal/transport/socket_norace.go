//go:build linux && !race

package transport

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The three calls below are raw: the scheduler need not know of them, since they cannot block. MSG_DONTWAIT sees to that
// even if another process that has a copy of the socket switches O_NONBLOCK off.

func recv(fd int, p []byte) (int, syscall.Errno) {
	n, _, errno := syscall.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(min(len(p), maxRaw)), unix.MSG_DONTWAIT, 0, 0)
	return int(n), errno
}

func send(fd int, p []byte) (int, syscall.Errno) {
	n, _, errno := syscall.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(min(len(p), maxRaw)), unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, 0, 0)
	return int(n), errno
}

func sendBoth(fd int, a, b []byte) (int, syscall.Errno) {
	var vec [2]unix.Iovec
	vec[0].Base = unsafe.SliceData(a)
	vec[0].SetLen(min(len(a), maxRaw))
	vec[1].Base = unsafe.SliceData(b)
	vec[1].SetLen(min(len(b), maxRaw))
	msg := unix.Msghdr{Iov: &vec[0]}
	msg.SetIovlen(2)
	if len(a) > maxRaw {
		msg.SetIovlen(1)
	}
	n, _, errno := syscall.RawSyscall(unix.SYS_SENDMSG, uintptr(fd), uintptr(unsafe.Pointer(&msg)), unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
	return int(n), errno
}

// sendAll sends as many of the buffers as one call takes, at most maxVec of them.
func sendAll(fd int, bufs [][]byte) (int, syscall.Errno) {
	var vec [maxVec]unix.Iovec
	n, total := 0, 0
	for _, b := range bufs {
		if n == maxVec || total+len(b) > maxRaw && n > 0 {
			break
		}
		b = b[:min(len(b), maxRaw)]
		vec[n].Base = unsafe.SliceData(b)
		vec[n].SetLen(len(b))
		n++
		total += len(b)
	}
	msg := unix.Msghdr{Iov: &vec[0]}
	msg.SetIovlen(n)
	sent, _, errno := syscall.RawSyscall(unix.SYS_SENDMSG, uintptr(fd), uintptr(unsafe.Pointer(&msg)), unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
	return int(sent), errno
}
