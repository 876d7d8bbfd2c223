//go:build unix

package module

import (
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// fakePorts picks in order, and everything is free.
func fakePorts(from, to int) *Ports {
	p := NewPorts()
	p.candidates = func() []portRange { return []portRange{{from, to}} }
	p.intn = func(n int) int { return 0 }
	p.bind = func(int) error { return nil }
	return p
}

func TestPortsAreRandomInTheRangeAndFree(t *testing.T) {
	p := NewPorts()
	seen := make(map[int]bool)
	for range 20 {
		port, err := p.Pick()
		if err != nil {
			t.Fatal(err)
		}
		if port < minRandomPort || port > maxPort || seen[port] {
			t.Errorf("port %d: outside of the range, or given twice", port)
		}
		seen[port] = true
	}
}

func TestPortInUseIsPassedOver(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	used := l.Addr().(*net.TCPAddr).Port
	p := fakePorts(used, used)
	p.bind = tryBind
	if _, err := p.Pick(); !errors.Is(err, errNoPort) || !strings.Contains(err.Error(), "in use") {
		t.Errorf("error %v: no port, and why", err)
	}
}

func TestPortRestsAfterItWasGivenBack(t *testing.T) {
	p := fakePorts(20000, 20001)
	now := time.Unix(1000, 0)
	p.now = func() time.Time { return now }
	calls := 0
	p.intn = func(n int) int { calls++; return calls % n }
	first, _ := p.Pick()
	second, _ := p.Pick()
	if first == second {
		t.Fatal("a held port is not given twice")
	}
	if _, err := p.Pick(); !errors.Is(err, errNoPort) {
		t.Errorf("both are held: %v", err)
	}
	p.Release(first)
	p.Release(12) // never picked
	if _, err := p.Pick(); !errors.Is(err, errNoPort) {
		t.Errorf("a port rests for a while: %v", err)
	}
	now = now.Add(portRest)
	if again, err := p.Pick(); err != nil || again != first {
		t.Errorf("after its rest it is used again: %d, %v", again, err)
	}
}

func TestSystemsOwnPortsAreLeftOut(t *testing.T) {
	all := []portRange{{minRandomPort, maxPort}}
	cases := []struct {
		why   string
		taken []portRange
		want  []portRange
	}{
		{"nothing", nil, all},
		{"Linux's default", []portRange{{32768, 60999}}, []portRange{{10000, 32767}}},
		{"a hole", []portRange{{20000, 20009}}, []portRange{{10000, 19999}, {20010, 48000}}},
		{"beyond both ends", []portRange{{1, 10999}, {40000, 40000}, {47000, 65535}}, []portRange{{11000, 39999}, {40001, 46999}}},
		{"elsewhere", []portRange{{49152, 65535}}, all},
		{"everything: better a port of the system's than none", []portRange{{1024, 65535}}, all},
		{"nearly everything", []portRange{{10000, 47500}}, all},
	}
	for _, c := range cases {
		got := outside(c.taken)
		if d := cmp.Diff(c.want, got, cmp.AllowUnexported(portRange{})); d != "" {
			t.Errorf("%s (-want +got):\n%s", c.why, d)
		}
		if n := count(got); nth(got, 0) != got[0].from || nth(got, n-1) != got[len(got)-1].to {
			t.Errorf("%s: the first and the last port can be chosen", c.why)
		}
	}
}
