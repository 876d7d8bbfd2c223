//go:build unix

package handover

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// startWorker starts this test binary as a worker process in the given role.
func startWorker(t *testing.T, role string) (*Channel, *exec.Cmd) {
	t.Helper()
	host, file, err := Socketpair()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), workerRole+"="+role, ControlVariable+"=3")
	cmd.ExtraFiles = []*os.File{file}
	cmd.Stderr = os.Stderr
	err = cmd.Start()
	file.Close()
	if err != nil {
		host.Close()
		t.Fatal(err)
	}
	t.Cleanup(func() {
		host.Close()
		cmd.Process.Kill()
		cmd.Wait()
	})
	return host, cmd
}

// playWorker is the worker process.
func playWorker(role string) {
	c, err := FromEnvironment()
	if err != nil {
		fmt.Fprintln(os.Stderr, "worker:", err)
		os.Exit(1)
	}
	switch role {
	case "serve":
		err = serveUntilKilled(c)
	case "inherit":
		err = reportInheritance(c)
	}
	fmt.Fprintln(os.Stderr, "worker:", err)
	os.Exit(1)
}

// serveUntilKilled takes two connections, marks the first as running and the
// second as idle, and waits.
func serveUntilKilled(c *Channel) error {
	var table *StatusTable
	state := Running
	for {
		m, err := c.Receive()
		if errors.Is(err, ErrClosed) {
			os.Exit(0)
		}
		if err != nil {
			return err
		}
		switch m := m.(type) {
		case *Hello:
			if m.StatusTable != nil {
				if table, err = OpenStatusTable(m.StatusTable); err != nil {
					return err
				}
			}
			err = c.Send(&Ready{PID: os.Getpid()})
		case *Conn:
			table.Slot(m.Slot).Set(state)
			state = Idle
			err = c.Send(&Accepted{ID: m.ID})
		default:
			Discard(m)
		}
		if err != nil {
			return err
		}
	}
}

// reportInheritance tells what a process sees that the worker starts.
func reportInheritance(c *Channel) error {
	out, err := exec.Command("/bin/sh", "-c", `echo "variable=$`+ControlVariable+`"; test -e /dev/fd/3 && echo "descriptor 3"; exit 0`).CombinedOutput()
	if err != nil {
		return err
	}
	if err := c.Send(&Failed{Reason: string(out)}); err != nil {
		return err
	}
	_, err = c.Receive()
	return err
}

func TestAKilledWorkerLeavesItsConnectionsToTheHost(t *testing.T) {
	noDescriptorLeaks(t)
	table, err := NewStatusTable(16)
	if err != nil {
		t.Fatal(err)
	}
	defer table.Close()
	hello := &Hello{Site: "main"}
	if table.Available() {
		if hello.StatusTable, err = table.Descriptor(); err != nil {
			t.Fatal(err)
		}
	}
	host, worker := startWorker(t, "serve")
	send(t, host, hello)
	if ready := receive[*Ready](t, host); ready.PID != worker.Process.Pid {
		t.Errorf("process %d is ready, want the one that was started, %d", ready.PID, worker.Process.Pid)
	}

	kept := map[uint64]*Descriptor{}
	slots := map[uint64]uint32{}
	for id := uint64(1); id <= 2; id++ {
		client, accepted := tcpPair(t)
		if kept[id], err = Detach(accepted); err != nil {
			t.Fatal(err)
		}
		defer kept[id].Close()
		slot, ok := table.Alloc()
		if !ok {
			t.Fatal("the table is full, want room for 8 connections of the host")
		}
		slots[id] = slot
		send(t, host, &Conn{ID: id, Slot: slot, Descriptor: kept[id]})
		if m := receive[*Accepted](t, host); m.ID != id {
			t.Errorf("connection %d was accepted, want %d", m.ID, id)
		}
		defer wantAnswer(t, kept[id], client)
	}

	worker.Process.Kill()
	_, err = host.Receive()
	wantClosed(t, "the worker was killed", err)
	if !table.Available() {
		return
	}
	for id, want := range map[uint64]State{1: Running, 2: Idle} {
		if got := table.Slot(slots[id]).Get(); got != want {
			t.Errorf("the dead worker left connection %d %s, want %s: the host decides by it", id, got, want)
		}
	}
}

// wantAnswer answers on the host's copy of a connection.
func wantAnswer(t *testing.T, kept *Descriptor, client interface {
	Read([]byte) (int, error)
}) {
	conn, err := kept.Conn()
	if err != nil {
		t.Error(err)
		return
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	fmt.Fprint(conn, "HTTP/1.1 502")
	wantText(t, "the host answers on a dead worker's connection", client, "HTTP/1.1 502")
}

func TestProcessesThatAWorkerStartsDoNotInheritTheChannel(t *testing.T) {
	noDescriptorLeaks(t)
	host, _ := startWorker(t, "inherit")
	if got := receive[*Failed](t, host).Reason; got != "variable=\n" {
		t.Errorf("a process that the worker started sees %q, want neither the variable nor the descriptor", got)
	}
}

func TestAWrongControlDescriptorIsExplained(t *testing.T) {
	noDescriptorLeaks(t)
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	_, accepted := tcpPair(t)
	l := listen(t)
	number := func(v any) string {
		text := ""
		if err := borrow(t, v).control(func(fd int) { text = fmt.Sprint(fd) }); err != nil {
			t.Fatal(err)
		}
		return text
	}
	tests := []struct{ why, value, want string }{
		{"not a number", "three", "not a descriptor number"},
		{"empty", "", "not a descriptor number"},
		{"standard error", "2", "not a descriptor number"},
		{"not open", "1000000", "fstat"},
		{"a file", number(null), "it is not a socket"},
		{"a TCP connection", number(accepted), "not a unix stream socket"},
		{"a listening socket, as systemd passes", number(l), "getpeername"},
	}
	for _, tt := range tests {
		t.Setenv(ControlVariable, tt.value)
		_, err := FromEnvironment()
		if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), ControlVariable) {
			t.Errorf("%s: got %v, want an error with %q that names %s", tt.why, err, tt.want, ControlVariable)
		}
		if value, ok := os.LookupEnv(ControlVariable); ok {
			t.Errorf("%s: the variable is still %q", tt.why, value)
		}
	}
}
