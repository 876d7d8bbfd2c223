package transport

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lannerhq/lanner/internal/memnet"
)

// pair is a Conn and the other end.
func pair(t *testing.T) (*Conn, *memnet.Conn) {
	client, server := memnet.Pipe(1 << 16)
	h := NewHeartbeat(nil)
	c := NewConn(server, h, Reasons{ReadRate: readRate, WriteRate: writeRate})
	t.Cleanup(func() {
		client.Close()
		c.Close()
		h.Stop()
	})
	return c, client
}

func never() bool  { return false }
func always() bool { return true }

// wantRead reads and compares.
func wantRead(t *testing.T, why string, c *Conn, want string) {
	t.Helper()
	got := make([]byte, len(want))
	for n := 0; n < len(got); {
		m, err := c.Read(got[n:])
		if err != nil {
			t.Fatalf("want %s: %q, got %q and %v", why, want, got[:n], err)
		}
		n += m
	}
	if string(got) != want {
		t.Fatalf("want %s: %q, got %q", why, want, got)
	}
}

func TestADeadlineEndsAReadAndIsRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := pair(t)
		c.SetTimeout(idle, 3*time.Second)
		start := time.Now()
		if _, err := c.Read(make([]byte, 1)); err != ErrExpired || c.Expired() != idle {
			t.Errorf("read %v, expired %d, want ErrExpired with the reason", err, c.Expired())
		}
		if d := time.Since(start); d < 3*time.Second || d > 5*time.Second {
			t.Errorf("after %v, want 3 s, at most two beats late", d)
		}
		if _, err := c.Read(make([]byte, 1)); err != ErrExpired {
			t.Errorf("the next read: %v, want ErrExpired", err)
		}
		if err := c.Writev([]byte("408"), nil); err != nil {
			t.Errorf("writing the answer to that: %v, want nil", err)
		}
	})
}

func TestADeadlineSetByAnotherDoesNotHideOneThatHasPassed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := pair(t)
		c.SetTimeout(idle, 2*time.Second)
		read := make(chan error)
		go func() {
			_, err := c.Read(make([]byte, 1))
			read <- err
		}()
		time.Sleep(4 * time.Second) // the beat that ends it comes now; package net retries a read whose deadline has moved
		c.SetReadDeadline(time.Now().Add(time.Hour))
		select {
		case err := <-read:
			if err != ErrExpired {
				t.Errorf("read %v, want ErrExpired", err)
			}
		case <-time.After(3 * time.Second):
			t.Error("the read goes on although its deadline has passed")
		}
	})
}

func TestInterruptEndsAWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, client := pair(t)
		waited := make(chan error)
		go func() {
			_, err := c.Wait(make([]byte, 1), never)
			waited <- err
		}()
		synctest.Wait()
		c.Interrupt()
		if err := <-waited; err != ErrInterrupted {
			t.Errorf("wait %v, want ErrInterrupted", err)
		}
		io.WriteString(client, "x")
		wantRead(t, "the connection usable as before: no deadline is left", c, "x")
	})
}

func TestInterruptBeforeAWaitIsSeenByStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, client := pair(t)
		c.Interrupt() // busy: nothing to interrupt
		if _, err := c.Wait(make([]byte, 1), always); err != ErrInterrupted {
			t.Errorf("wait %v, want ErrInterrupted since stop said so", err)
		}
		io.WriteString(client, "x")
		if n, err := c.Wait(make([]byte, 1), never); n != 1 || err != nil {
			t.Errorf("wait %d, %v, want the byte: an interruption is for one wait", n, err)
		}
	})
}

func TestAByteThatComesWithAnInterruptIsNotLost(t *testing.T) {
	// On real time, since the race is the point: the byte and the interruption come together.
	for range 200 {
		client, server := memnet.Pipe(1 << 10)
		h := NewHeartbeat(nil)
		c := NewConn(server, h, Reasons{})
		type result struct {
			n   int
			err error
		}
		waited := make(chan result)
		go func() {
			n, err := c.Wait(make([]byte, 1), never)
			waited <- result{n, err}
		}()
		go io.WriteString(client, "x")
		c.Interrupt()
		client.CloseWrite()
		r := <-waited
		if r.err == ErrInterrupted {
			r.n, r.err = c.Read(make([]byte, 1))
		}
		if r.n != 1 && r.err != io.EOF {
			t.Fatalf("%d bytes and %v, want the byte from the wait or from the read after it", r.n, r.err)
		}
		c.Close()
		h.Stop()
	}
}

func TestTheWatchSeesThePeerGo(t *testing.T) {
	for name, leave := range map[string]func(*memnet.Conn){
		"end":   func(c *memnet.Conn) { c.CloseWrite() },
		"reset": func(c *memnet.Conn) { c.Reset() },
	} {
		synctest.Test(t, func(t *testing.T) {
			c, client := pair(t)
			var gone error
			c.Watch(func(err error) { gone = err })
			synctest.Wait()
			leave(client)
			synctest.Wait()
			if gone == nil {
				t.Errorf("%s: nothing was told", name)
			}
			c.Unwatch()
		})
	}
}

func TestUnwatchEndsTheWatchQuietly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, client := pair(t)
		for range 3 {
			c.Watch(func(err error) { t.Errorf("told %v, though the peer is there", err) })
			synctest.Wait()
			c.Unwatch()
			c.Unwatch() // again, as after a takeover
		}
		io.WriteString(client, "ab")
		wantRead(t, "all bytes: no deadline is left", c, "ab")
		if err := c.Writev([]byte("a"), []byte("b")); err != nil {
			t.Errorf("writing: %v", err)
		}
	})
}

func TestAByteThatTheWatchReadsComesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, client := pair(t)
		for range 3 {
			c.Watch(func(err error) { t.Errorf("told %v, though the peer is there", err) })
			io.WriteString(client, "abc")
			synctest.Wait()
			c.Unwatch()
			wantRead(t, "what the watch read and what came after", c, "abc")
		}
		c.Watch(func(error) {})
		io.WriteString(client, "xy")
		synctest.Wait()
		c.Unwatch()
		buf := make([]byte, 8)
		if n, err := c.Wait(buf, never); err != nil || buf[0] != 'x' || n < 1 {
			t.Errorf("wait %q, %v, want the byte of the watch first", buf[:n], err)
		}
	})
}

// Pipelined requests that are in the engine's buffer already are served without a Read between their watches.
func TestAWatchAfterAWatchThatReadAByteLosesNone(t *testing.T) {
	for name, sent := range map[string]string{"more has come": "bc", "nothing more has come": ""} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, peer := pair(t)
				for _, more := range []string{"a", sent} {
					c.Watch(func(err error) { t.Errorf("told %v, though the peer is there", err) })
					io.WriteString(peer, more)
					synctest.Wait()
					c.Unwatch()
				}
				io.WriteString(peer, "z")
				c.SetReadDeadline(time.Now().Add(time.Second))
				wantRead(t, "all that was sent, in its order", c, "a"+sent+"z")
			})
		})
	}
}

func TestDetachHandsOverTheByteOfTheWatchAndNoDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, client := pair(t)
		c.SetReadDeadline(time.Now().Add(time.Second))
		c.SetTimeout(idle, time.Second)
		c.Watch(func(error) {})
		io.WriteString(client, "a")
		synctest.Wait()
		c.Unwatch()
		nc, first := c.Detach()
		if string(first) != "a" {
			t.Errorf("first is %q, want the byte that the watch read", first)
		}
		time.Sleep(time.Minute)
		io.WriteString(client, "b")
		if n, err := nc.Read(make([]byte, 1)); n != 1 || err != nil {
			t.Errorf("reading from the detached connection: %v, want no deadline of ours", err)
		}
	})
}

func TestCutEndsReadsAndWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := pair(t)
		ended := make(chan error, 2)
		go func() {
			_, err := c.Read(make([]byte, 1))
			ended <- err
		}()
		go func() { ended <- c.Writev(make([]byte, 1<<20), nil) }() // more than fits
		synctest.Wait()
		c.Cut()
		for range 2 {
			if err := <-ended; !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("ended with %v", err)
			}
		}
	})
}

func TestASlowPeerIsCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := pair(t)
		c.SetRates(&Rates{Write: &Rate{BytesPerSecond: 1 << 20, Grace: 2 * time.Second}})
		start := time.Now()
		if err := c.Writev(make([]byte, 1<<20), nil); err == nil || c.Expired() != writeRate {
			t.Errorf("write %v, expired %d, want it given up", err, c.Expired())
		}
		if d := time.Since(start); d > 5*time.Second {
			t.Errorf("after %v, want the grace period of 2 s and at most two beats", d)
		}
		if err := c.Writev([]byte("x"), nil); err != ErrExpired {
			t.Errorf("the next write: %v, want ErrExpired", err)
		}
	})
}

func TestWritevWritesBothParts(t *testing.T) {
	for _, parts := range [][2]string{{"a", "b"}, {"ab", ""}, {"", "ab"}} {
		synctest.Test(t, func(t *testing.T) {
			c, client := pair(t)
			if err := c.Writev([]byte(parts[0]), []byte(parts[1])); err != nil {
				t.Fatal(err)
			}
			got := make([]byte, 2)
			if _, err := io.ReadFull(client, got); err != nil || string(got) != "ab" {
				t.Errorf("got %q, %v, want ab", got, err)
			}
		})
	}
}

// overTLS is as a tls.Conn: what it writes are records, what it closes says so first.
type overTLS struct {
	net.Conn
	writes []string
}

func (o *overTLS) NetConn() net.Conn { return o.Conn }

func (o *overTLS) Write(p []byte) (int, error) {
	o.writes = append(o.writes, string(p))
	return o.Conn.Write(p)
}

func (o *overTLS) Close() error {
	o.Write([]byte("bye"))
	return o.Conn.Close()
}

func TestOverTLSWhatFitsIsOneRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHeartbeat(nil)
		defer h.Stop()
		client, server := memnet.Pipe(1 << 20)
		defer client.Close()
		nc := &overTLS{Conn: server}
		c := NewConn(nc, h, Reasons{})
		defer c.Close()
		head := []byte("head")
		for _, body := range []int{1, recordSize - len(head), recordSize - len(head) + 1} {
			nc.writes = nil
			if err := c.Writev(head, bytes.Repeat([]byte("b"), body)); err != nil {
				t.Fatal(err)
			}
			want := 1
			if len(head)+body > recordSize {
				want = 2
			}
			if all := strings.Join(nc.writes, ""); len(nc.writes) != want || all != "head"+strings.Repeat("b", body) {
				t.Errorf("a body of %d bytes makes %d writes of %d bytes in all, want %d", body, len(nc.writes), len(all), want)
			}
		}
	})
}

func TestOverTLSOnlyACloseSaysThatItIsTheEnd(t *testing.T) {
	for name, end := range map[string]struct {
		end  func(c *Conn)
		want string
	}{
		"Close": {(*Conn).Close, "bye"},
		"Abort": {(*Conn).Abort, ""},
		"Sever": {(*Conn).Sever, ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			h := NewHeartbeat(nil)
			defer h.Stop()
			client, server := memnet.Pipe(1 << 10)
			defer client.Close()
			c := NewConn(&overTLS{Conn: server}, h, Reasons{})
			end.end(c)
			client.SetReadDeadline(time.Now().Add(time.Hour))
			if b, err := io.ReadAll(client); string(b) != end.want || err != nil {
				t.Errorf("%s: the peer reads %q, %v, want %q and the end", name, b, err, end.want)
			}
			c.Abort()
		})
	}
}

func TestALingeringCloseLetsThePeerReadTheLastAnswer(t *testing.T) {
	server, client := loopback(t)
	h := NewHeartbeat(nil)
	defer h.Stop()
	c := NewConn(server, h, Reasons{})
	if _, err := client.Write(make([]byte, 100_000)); err != nil {
		t.Fatal(err)
	}
	if err := c.Writev([]byte("413"), nil); err != nil {
		t.Fatal(err)
	}
	done := make(chan bool)
	go func() {
		c.CloseLingering()
		close(done)
	}()
	if got, err := io.ReadAll(client); string(got) != "413" || err != nil {
		t.Errorf("the peer reads %q and %v, want the answer and the end, no reset (RFC 9112 §9.6)", got, err)
	}
	client.Close()
	<-done
}

func TestALingeringCloseGivesAPeerThatSendsALotTheTimeToReadItsAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, client := pair(t)
		var peer sync.WaitGroup
		peer.Go(func() { _, _ = client.Write(make([]byte, 2*lingerSize)) }) // more than is read of it: it fails in the end
		start := time.Now()
		c.CloseLingering()
		if d := time.Since(start); d != lingerFor {
			t.Errorf("closed with unread input after %v, want %v: the reset can destroy an answer not yet read (RFC 9112 §9.6)", d, lingerFor)
		}
		peer.Wait()
	})
}

func TestALingeringCloseEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, client := pair(t)
		var peer sync.WaitGroup
		peer.Go(func() {
			for { // a peer that never stops
				if _, err := client.Write(make([]byte, 1000)); err != nil {
					return
				}
				time.Sleep(10 * time.Millisecond)
			}
		})
		start := time.Now()
		c.CloseLingering()
		if d := time.Since(start); d > lingerFor {
			t.Errorf("after %v, want %v at most", d, lingerFor)
		}
		peer.Wait()
	})
}

func TestAbortResetsTheConnection(t *testing.T) {
	server, client := loopback(t)
	h := NewHeartbeat(nil)
	defer h.Stop()
	NewConn(server, h, Reasons{}).Abort()
	client.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := client.Read(make([]byte, 1)); err == nil || err == io.EOF {
		t.Errorf("the peer reads %v, want a reset: it must see that the response was cut", err)
	}
}

// loopback is a real connection.
func loopback(t *testing.T) (server, client *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	nc, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	peer, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close(); peer.Close() })
	return peer.(*net.TCPConn), nc.(*net.TCPConn)
}
