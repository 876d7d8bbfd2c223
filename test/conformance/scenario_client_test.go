package conformance

import (
	"bytes"
	"errors"
	"io"
	"net/textproto"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"testing/synctest"
	"time"

	"github.com/lannerhq/lanner/internal/memnet"
)

// actor is one connection of the client.
type actor struct {
	*memnet.Conn
	got     []byte // received and not yet matched
	total   int
	written chan struct{} // closed when nothing is written in the background
	sent    atomic.Int64  // of what is written in the background
}

func (s *stage) steps(steps []step) {
	for i, st := range steps {
		s.step(st, steps[i+1:])
		synctest.Wait()
		if s.t.Failed() {
			s.t.Logf("at step %d: %+v", i, st)
			return
		}
	}
}

// current is the connection that steps are about: the last one that was opened.
func (s *stage) current() *actor {
	if len(s.conns) == 0 {
		s.dial()
	}
	return s.conns[len(s.conns)-1]
}

func (s *stage) dial() {
	nc, err := s.listener.Dial()
	if err != nil {
		s.t.Fatal(err)
	}
	written := make(chan struct{})
	close(written)
	s.conns = append(s.conns, &actor{Conn: nc, written: written})
	synctest.Wait()
}

func (s *stage) step(st step, later []step) {
	switch {
	case st.Repeat > 0:
		for range st.Repeat {
			s.steps(st.Steps)
		}
	case st.NewConn:
		s.dial()
	case st.Send != nil:
		io.WriteString(s.current(), *st.Send) // the server may have closed: the next step tells
	case st.ForEachByte != nil:
		for i := range len(*st.ForEachByte) {
			io.WriteString(s.current(), (*st.ForEachByte)[i:i+1])
			s.advance(st.ThenAdvance)
		}
	case st.Advance != nil:
		s.current() // a row may begin with it: the connection is there and sends nothing
		s.advance(*st.Advance)
	case st.App != nil:
		s.issue()
	case st.RecvPrefix != nil:
		if strings.HasPrefix(*st.RecvPrefix, "HTTP/1.1 100") && len(later) > 0 {
			s.issueAhead() // the invitation comes when the application reads, which the row tells after it
		}
		s.receive(*st.RecvPrefix)
	case st.Client != nil:
		s.client(*st.Client)
	case st.ClientPaused != nil:
		s.paused(*st.ClientPaused)
	case st.ClientFin:
		s.current().CloseWrite()
	case st.ClientRst:
		s.current().Reset()
	case st.Close:
		s.current().Close()
	case st.CounterIsFree:
		s.dial()
		io.WriteString(s.current(), "GET / HTTP/1.1\r\nHost:\r\n\r\n")
		s.receive("HTTP/1.1 200")
	case st.Aborted:
		s.aborted()
	case st.Closed != nil:
		s.closed(*st.Closed, st.NoBytes)
	default:
		s.t.Fatalf("a step of a kind that the runner does not know: %+v", st)
	}
}

func (s *stage) advance(sec float64) {
	time.Sleep(time.Duration(sec * float64(time.Second)))
	synctest.Wait()
}

// more reads what comes within d and reports whether the connection has ended.
func (c *actor) more(d time.Duration) (ended bool) {
	c.SetReadDeadline(time.Now().Add(d))
	b, err := io.ReadAll(c)
	c.got = append(c.got, b...)
	c.total += len(b)
	return !errors.Is(err, os.ErrDeadlineExceeded)
}

// receive wants a prefix. One that begins a response skips what is left of the last, and takes the whole head and a body
// whose length is announced.
func (s *stage) receive(prefix string) {
	s.t.Helper()
	c := s.current()
	c.more(time.Millisecond)
	if len(c.got) < len(prefix) {
		c.more(time.Second) // a timeout acts at the beat after it
	}
	response := strings.HasPrefix(prefix, "HTTP/1.1")
	if at := bytes.Index(c.got, []byte("HTTP/1.1")); response && at > 0 {
		c.got = c.got[at:]
	}
	if !bytes.HasPrefix(c.got, []byte(prefix)) {
		s.t.Fatalf("want %q, got %q", prefix, c.got[:min(len(c.got), 200)])
	}
	if response {
		c.got = c.got[messageSize(c.got):]
	} else {
		c.got = c.got[len(prefix):]
	}
}

// messageSize is the size of the head at the start of b, and of its body when that has a length.
func messageSize(b []byte) int {
	head := bytes.Index(b, []byte("\r\n\r\n")) + 4
	if head < 4 {
		return len(b)
	}
	for line := range strings.SplitSeq(string(b[:head]), "\r\n") {
		name, value, _ := strings.Cut(line, ":")
		if textproto.CanonicalMIMEHeaderKey(name) == "Content-Length" {
			n, _ := strconv.Atoi(strings.TrimSpace(value))
			head = min(head+n, len(b))
		}
	}
	return head
}

// closed wants the connection closed, at the latest at the beat after now and the end of a lingering close.
func (s *stage) closed(want, noBytes bool) {
	s.t.Helper()
	c := s.current()
	wait := time.Millisecond
	if want {
		wait = 2 * time.Second
	}
	before := len(c.got)
	if got := c.more(wait); got != want {
		s.t.Errorf("connection closed: %v, want %v; received %q", got, want, c.got)
	}
	if noBytes && c.total > 0 {
		s.t.Errorf("received %q, want not a byte", c.got)
	}
	if want && len(c.got) > before {
		s.t.Errorf("received %q before the end, want nothing more", c.got)
	}
}

// aborted wants the connection cut in the middle of a response, after the time for its rate.
func (s *stage) aborted() {
	time.Sleep(10 * time.Second)
	synctest.Wait()
	c := s.current()
	if !c.more(time.Second) {
		s.t.Error("the connection is open, want it cut")
	}
	if bytes.HasSuffix(c.got, []byte("0\r\n\r\n")) {
		s.t.Error("the response ends well")
	}
}

func (s *stage) client(what string) {
	c := s.current()
	switch what {
	case "does not read":
	case "reads slowly but above rate":
		buf := make([]byte, 64<<10)
		for {
			c.SetReadDeadline(time.Now().Add(time.Second))
			n, err := c.Read(buf)
			c.got = append(c.got, buf[:n]...)
			if err != nil {
				return
			}
			time.Sleep(100 * time.Millisecond)
		}
	case "sends 40 MiB while the app does not read":
		c.written = make(chan struct{})
		go func() {
			defer close(c.written)
			block := make([]byte, 64<<10)
			for range 40 << 20 / len(block) {
				n, err := c.Write(block)
				c.sent.Add(int64(n))
				if err != nil {
					return
				}
			}
		}()
	default:
		s.t.Fatalf("the client %s, which the runner does not know", what)
	}
}

// paused says whether the client is stopped by back-pressure. Kestrel reads a body ahead of its application up to
// MaxRequestBufferSize; Lanner leaves it in the kernel, so its clients are always paused by an application that does not
// read. What it does read is received.
func (s *stage) paused(bool) {
	synctest.Wait()
	c := s.current()
	select {
	case <-c.written:
		s.t.Error("the whole body was taken although the application reads nothing: where is it kept?")
		return
	default:
	}
	if n := c.sent.Load(); n > 256<<10 {
		s.t.Errorf("%d bytes were taken although the application reads nothing", n)
	}
	s.requests[0].issue <- "reading"
	<-c.written
	s.receive("HTTP/1.1 200")
}
