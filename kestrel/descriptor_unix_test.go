//go:build unix

package kestrel

import (
	"fmt"
	"net"
	"syscall"
	"testing"
)

func TestADescriptorCanBeAnEndpoint(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f, err := l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	fd, err := syscall.Dup(int(f.Fd())) // the server closes it: no os.File may own it too
	f.Close()
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, Options{Endpoints: []Endpoint{{URL: fmt.Sprintf("http://fd:%d", fd)}}}, hello)
	if got := s.Addresses(); len(got) != 1 || got[0] != "http://"+address {
		t.Errorf("addresses %q, want that of the socket", got)
	}
	wantHello(t, "an answer", newClient(t, nil), "http://"+address)
	for _, bad := range []string{"http://fd:9999", "http://fd:x"} {
		if err := New(Options{Endpoints: []Endpoint{{URL: bad}}, Logger: discard}).Start(t.Context(), hello); err == nil {
			t.Errorf("%s: started, want an error", bad)
		}
	}
}
