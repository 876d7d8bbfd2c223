package module

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestPortRangesOfTheKernelAreRead(t *testing.T) {
	opt := cmp.AllowUnexported(portRange{})
	if d := cmp.Diff([]portRange{{32768, 60999}}, parseLocalRange("32768\t60999\n"), opt); d != "" {
		t.Errorf("local range: %s", d)
	}
	if d := cmp.Diff([]portRange{{8080, 8080}, {1024, 2048}}, parseReserved("8080,1024-2048\n"), opt); d != "" {
		t.Errorf("reserved: %s", d)
	}
	for _, bad := range []string{"", "\n", "x", "5-1", "1-99999"} {
		if got := append(parseReserved(bad), parseLocalRange(bad)...); len(got) != 0 {
			t.Errorf("%q gives %v", bad, got)
		}
	}
}

const tableTCP = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 111 1 0000000000000000 100 0 0 10 0
   1: 00000000:0050 0100007F:1234 03 00000000:00000000 00:00000000 00000000     0        0 0 1 0000000000000000 100 0 0 10 0
   2: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 222 1 0000000000000000 100 0 0 10 0
   3: 0100007F:1F90 0100007F:A1B2 01 00000000:00000000 00:00000000 00000000  1000        0 333 1 0000000000000000 20 4 30 10 -1
   4: 0100007F:2222 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 444 1 0000000000000000 100 0 0 10 0
`

const tableTCP6 = `  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000000000000000000001000000:1F90 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 555 1 0000000000000000 100 0 0 10 0
   1: 0000000000000000FFFF00000100007F:0051 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 666 1 0000000000000000 100 0 0 10 0
   2: 00000000000000000000000000000000:0052 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 777 1 0000000000000000 100 0 0 10 0
`

func TestListenersAreReadFromTheKernelsTables(t *testing.T) {
	v4, err := readListeners(strings.NewReader(tableTCP))
	if err != nil {
		t.Fatal(err)
	}
	v6, err := readListeners(strings.NewReader(tableTCP6))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"127.0.0.1:8080 111", "0.0.0.0:80 222", // the table is not read beyond the first connection
		"[::1]:8080 555", "[::ffff:127.0.0.1]:81 666", "[::]:82 777",
	}
	var got []string
	for _, l := range append(v4, v6...) {
		got = append(got, fmt.Sprint(l.addr, " ", l.inode))
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("listeners (-want +got):\n%s", d)
	}
}

func TestKernelsChoiceOfListenerIsFollowed(t *testing.T) {
	at := func(addr string, inode uint64) listener { return listener{netip.MustParseAddrPort(addr), inode} }
	all := []listener{
		at("[::1]:80", 1), at("[::]:80", 2), at("0.0.0.0:80", 3), at("127.0.0.1:80", 4), at("192.0.2.1:80", 5),
		at("[::ffff:127.0.0.1]:81", 6), at("[::]:81", 7), at("0.0.0.0:82", 8), at("0.0.0.0:82", 9), at("[::]:82", 10),
		at("[::1]:83", 11), at("127.0.0.2:83", 12),
	}
	cases := []struct {
		why  string
		port int
		want []uint64
	}{
		{"the exact address before all", 80, []uint64{4}},
		{"an IPv4 address on an IPv6 socket is one", 81, []uint64{6}},
		{"both that share a port", 82, []uint64{8, 9}},
		{"only addresses that 127.0.0.1 does not reach", 83, nil},
		{"another port", 84, nil},
	}
	for _, c := range cases {
		var got []uint64
		for _, l := range bestFor(all, c.port) {
			got = append(got, l.inode)
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", c.why, d)
		}
	}
}

func TestOwnSocketsAreFound(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	all, err := listeners()
	if err != nil {
		t.Fatal(err)
	}
	best := bestFor(all, l.Addr().(*net.TCPAddr).Port)
	if len(best) != 1 || sockets([]int{os.Getpid()})[best[0].inode] != os.Getpid() {
		t.Errorf("the socket of this process is found by its inode: %v", best)
	}
	if sockets([]int{1 << 30})[best[0].inode] != 0 {
		t.Error("a process that is gone holds nothing")
	}
}

func TestIPv6OnlyWildcardIsNoListener(t *testing.T) {
	h := newHarness(t, "serve", "-network", "tcp6", "-addr", "[::]:%ASPNETCORE_PORT%")
	e := h.notReady()
	if e.Reason != ReasonTimeout || !strings.Contains(e.Error(), "the host connects to 127.0.0.1") {
		t.Errorf("a socket that takes IPv6 only is not reached: %v", e)
	}
}

func TestWatcherTellsTheEndOfAnyProcess(t *testing.T) {
	cmd := exec.Command("/bin/sh", "-c", "read x")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w := watch(cmd.Process.Pid)
	early := watch(cmd.Process.Pid)
	early.close() // before the end, without waiting for it
	select {
	case <-w.ended:
		t.Error("the process is still there")
	default:
	}
	in.Close()
	select {
	case <-w.ended:
	case <-time.After(patience):
		t.Error("the end was not told")
	}
	w.close()
	cmd.Wait()
	gone := watch(cmd.Process.Pid)
	defer gone.close()
	select {
	case <-gone.ended:
	default:
		t.Error("a process that is gone has ended")
	}
}

func FuzzReadListeners(f *testing.F) {
	f.Add(tableTCP)
	f.Add(tableTCP6)
	f.Add("x\n1: 2 3 4 5 6 7 8 9 10\n")
	f.Fuzz(func(t *testing.T, s string) {
		all, err := readListeners(strings.NewReader(s))
		if err != nil {
			return
		}
		for _, l := range all {
			if !l.addr.IsValid() {
				t.Errorf("%q gives %v", s, l)
			}
		}
	})
}
