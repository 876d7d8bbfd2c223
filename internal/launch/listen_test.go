package launch

import (
	"net"
	"testing"
)

// listen accepts connections on a free port until the test ends, in the place of a program that listens.
func listen(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.Addr().String()
}
