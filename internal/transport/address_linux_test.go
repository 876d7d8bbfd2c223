package transport

import (
	"net"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

func TestTheAddressOfAnAcceptedSocketIsThatOfPackageNet(t *testing.T) {
	dir := t.TempDir()
	for _, tt := range []struct{ network, listen, from string }{
		{"tcp4", "127.0.0.1:0", "127.0.0.1:0"},
		{"tcp6", "[::1]:0", "[::1]:0"},
		{"tcp", ":0", ""}, // an IPv4 client on an IPv6 socket
		{"unix", filepath.Join(dir, "s"), ""},
		{"unix", filepath.Join(dir, "t"), filepath.Join(dir, "client")},
		{"unix", filepath.Join(dir, "u"), "@lanner-address-test"},
	} {
		l, err := net.Listen(tt.network, tt.listen)
		if err != nil {
			t.Skipf("%s is not there: %v", tt.network, err)
		}
		defer l.Close()
		fd, err := duplicate(l)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(fd)
		var d net.Dialer
		target := l.Addr().String()
		if tt.network == "unix" {
			if tt.from != "" {
				d.LocalAddr = &net.UnixAddr{Name: tt.from, Net: "unix"}
			}
		} else if tt.network == "tcp" {
			_, port, _ := net.SplitHostPort(target)
			target = net.JoinHostPort("127.0.0.1", port)
		}
		client, err := d.Dial(tt.network, target)
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		var accepted int
		var remote address
		for errno := unix.EAGAIN; errno == unix.EAGAIN; {
			accepted, remote, errno = accept(fd)
		}
		defer unix.Close(accepted)
		want := client.LocalAddr().String()
		if got := remote.net(); got == nil || got.String() != want || got.Network() != client.LocalAddr().Network() {
			t.Errorf("%s from %q: the remote address is %v, want %s", tt.network, tt.from, got, want)
		}
		slow := addressOf(unix.SYS_GETPEERNAME, accepted)
		if slow.net() == nil || slow.net().String() != remote.net().String() {
			t.Errorf("%s from %q: asked later it is %v, at the accept %v", tt.network, tt.from, slow.net(), remote.net())
		}
	}
}
