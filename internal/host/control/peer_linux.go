package control

import (
	"fmt"
	"net"
	"os"
	"slices"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// readPeer asks the kernel who connected: SO_PEERCRED gives user and process, SO_PEERGROUPS all groups, both as they were
// at the time of connect (unix(7), socket(7)).
func readPeer(conn *net.UnixConn) (peer, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return peer{}, err
	}
	var cred *unix.Ucred
	var groups []int
	var sysErr error
	err = raw.Control(func(fd uintptr) {
		if cred, sysErr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); sysErr == nil {
			groups = peerGroups(fd)
		}
	})
	if err == nil {
		err = sysErr
	}
	if err != nil {
		return peer{}, fmt.Errorf("cannot tell who connected: %w", err)
	}
	return peer{known: true, uid: int(cred.Uid), pid: int(cred.Pid), groups: append(groups, int(cred.Gid))}, nil
}

// peerGroups returns the supplementary groups; none before Linux 4.13, which does not tell them.
func peerGroups(fd uintptr) []int {
	gids := make([]uint32, 64)
	for {
		size := uint32(len(gids) * 4)
		_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, fd, unix.SOL_SOCKET, unix.SO_PEERGROUPS,
			uintptr(unsafe.Pointer(&gids[0])), uintptr(unsafe.Pointer(&size)), 0)
		if errno == unix.ERANGE && int(size)/4 > len(gids) { // size now says how many there are
			gids = make([]uint32, size/4)
			continue
		}
		if errno != 0 {
			return nil
		}
		groups := make([]int, 0, size/4)
		for _, gid := range gids[:size/4] {
			groups = append(groups, int(gid))
		}
		return groups
	}
}

// allowed reports whether the peer may use the API: root, the host's own user, or a member of the group the socket file
// belongs to, as long as its mode lets the group in. The mode alone would do, but it can be changed by mistake.
func (p peer) allowed(path string) bool {
	if p.uid == 0 || p.uid == os.Geteuid() {
		return true
	}
	st, err := os.Lstat(path)
	if err != nil {
		return false
	}
	sys, ok := st.Sys().(*syscall.Stat_t)
	return ok && st.Mode().Perm()&0o020 != 0 && slices.Contains(p.groups, int(sys.Gid))
}
