package module

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// listener is a listening TCP socket.
type listener struct {
	addr  netip.AddrPort
	inode uint64
}

// TCP states in /proc/net/tcp (the kernel's tcp_states.h).
const (
	stateSynReceived = 0x03
	stateListen      = 0x0a
)

// listeners returns all listening sockets of this network namespace. The kernel
// prints them before all others, so that the cost does not grow with the number
// of connections.
func listeners() ([]listener, error) {
	var all []listener
	for _, name := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		f, err := os.Open(name)
		if errors.Is(err, os.ErrNotExist) && strings.HasSuffix(name, "6") {
			continue // a kernel without IPv6
		}
		if err != nil {
			return nil, err
		}
		found, err := readListeners(f)
		f.Close()
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", name, err)
		}
		all = append(all, found...)
	}
	return all, nil
}

func readListeners(r io.Reader) ([]listener, error) {
	var all []listener
	sc := bufio.NewScanner(r)
	sc.Scan() // the heading
	for sc.Scan() {
		l, state, err := parseSocket(sc.Bytes())
		if err != nil {
			return nil, err
		}
		if state == stateListen {
			all = append(all, l)
			continue
		}
		// Kernels before 4.4 print half-open connections among the listeners.
		if state != stateSynReceived {
			break
		}
	}
	return all, sc.Err()
}

var errSocketFormat = errors.New("unexpected format of a socket table")

// parseSocket reads one line of /proc/net/tcp or tcp6, see proc_pid_net(5):
// number, local address, remote address, state, ..., inode as the tenth field.
func parseSocket(line []byte) (listener, byte, error) {
	f := bytes.Fields(line)
	if len(f) < 10 {
		return listener{}, 0, errSocketFormat
	}
	addr, err := parseHexAddr(string(f[1]))
	if err != nil {
		return listener{}, 0, err
	}
	state, err1 := strconv.ParseUint(string(f[3]), 16, 8)
	inode, err2 := strconv.ParseUint(string(f[9]), 10, 64)
	if err1 != nil || err2 != nil {
		return listener{}, 0, errSocketFormat
	}
	return listener{addr, inode}, byte(state), nil
}

// parseHexAddr reads "0100007F:1F90". The address is printed as 32-bit numbers in
// the machine's byte order, the port as a number.
func parseHexAddr(s string) (netip.AddrPort, error) {
	host, port, ok := strings.Cut(s, ":")
	raw, err := hex.DecodeString(host)
	n, err2 := strconv.ParseUint(port, 16, 16)
	if !ok || err != nil || err2 != nil || len(raw) != 4 && len(raw) != 16 {
		return netip.AddrPort{}, errSocketFormat
	}
	for i := 0; i < len(raw); i += 4 {
		binary.NativeEndian.PutUint32(raw[i:], binary.BigEndian.Uint32(raw[i:]))
	}
	addr, _ := netip.AddrFromSlice(raw)
	return netip.AddrPortFrom(addr, uint16(n)), nil
}

// sockets returns which of the processes holds which socket. A socket held by
// several counts for the first. Processes that may not be looked into are left
// out.
func sockets(pids []int) map[uint64]int {
	held := make(map[uint64]int)
	for _, pid := range pids {
		dir := fmt.Sprintf("/proc/%d/fd", pid)
		d, err := os.Open(dir)
		if err != nil {
			continue
		}
		names, _ := d.Readdirnames(-1)
		d.Close()
		for _, name := range names {
			target, err := os.Readlink(filepath.Join(dir, name))
			if err != nil {
				continue
			}
			inode, ok := parseSocketLink(target)
			if _, seen := held[inode]; ok && !seen {
				held[inode] = pid
			}
		}
	}
	return held
}

// parseSocketLink reads "socket:[12345]".
func parseSocketLink(target string) (uint64, bool) {
	number, ok := strings.CutPrefix(target, "socket:[")
	number, ok2 := strings.CutSuffix(number, "]")
	inode, err := strconv.ParseUint(number, 10, 64)
	return inode, ok && ok2 && err == nil
}

// allPIDs lists every process that can be seen.
func allPIDs() []int {
	d, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer d.Close()
	names, _ := d.Readdirnames(-1)
	var ids []int
	for _, name := range names {
		if id, err := strconv.Atoi(name); err == nil {
			ids = append(ids, id)
		}
	}
	return ids
}
