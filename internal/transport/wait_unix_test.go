//go:build unix

package transport

import (
	"io"
	"slices"
	"testing"
	"time"
)

func TestWaitMarksBeforeAByteCanHaveBeenTaken(t *testing.T) {
	server, client := loopback(t)
	h := NewHeartbeat(nil)
	defer h.Stop()
	c := NewConn(server, h, Reasons{})
	defer c.Close()
	marks := make(chan bool, 100)
	c.Mark(func(reading bool) { marks <- reading })

	ended := make(chan error)
	wait := func() {
		_, err := c.Wait(make([]byte, 10), never)
		ended <- err
	}
	drain := func() (all []bool) {
		for len(marks) > 0 {
			all = append(all, <-marks)
		}
		return all
	}
	go wait()
	for first := range 2 { // the attempt before the wait: there may be a byte, then there is none
		if reading := <-marks; reading != (first == 0) {
			t.Fatalf("mark %d is %v", first, reading)
		}
	}
	time.AfterFunc(0, c.Interrupt)
	if err := <-ended; err != ErrInterrupted {
		t.Fatalf("wait %v, want ErrInterrupted", err)
	}
	if got := drain(); slices.Contains(got, true) {
		t.Errorf("marks %v of an interrupted wait, want none that says that a byte was taken", got)
	}
	go wait()
	if _, err := io.WriteString(client, "x"); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if got := drain(); len(got) == 0 || !got[len(got)-1] {
		t.Errorf("marks %v, want the last to say that a byte was taken", got)
	}
	client.Close()
	if _, err := c.Wait(make([]byte, 10), never); err != io.EOF {
		t.Errorf("wait %v, want io.EOF", err)
	}
}
