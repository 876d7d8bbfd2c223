package memnet

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestBytesArriveInOrderThroughASmallBuffer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := Pipe(7)
		want := bytes.Repeat([]byte("0123456789"), 1000)
		go func() {
			client.Write(want)
			client.CloseWrite()
		}()
		if got, err := io.ReadAll(server); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d bytes and %v, want %d and the end", len(got), err, len(want))
		}
		if _, err := server.Write([]byte("back")); err != nil {
			t.Errorf("writing after the other end has half-closed: %v", err)
		}
	})
}

func TestAWriteBlocksWhenTheBufferIsFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := Pipe(10)
		written := 0
		go func() {
			for range 5 {
				n, _ := client.Write(make([]byte, 4))
				written += n
			}
		}()
		synctest.Wait()
		if written != 8 {
			t.Errorf("%d bytes are written, want two writes done and the third waiting", written)
		}
		io.ReadFull(server, make([]byte, 20))
		synctest.Wait()
		if written != 20 {
			t.Errorf("%d bytes are written, want all after the reader has made room", written)
		}
	})
}

func TestDeadlinesEndWhatWaitsAndCanBeTakenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := Pipe(10)
		server.SetReadDeadline(time.Now().Add(3 * time.Second))
		start := time.Now()
		if _, err := server.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != 3*time.Second {
			t.Errorf("read %v after %v", err, time.Since(start))
		}
		server.SetDeadline(time.Time{})
		client.Write([]byte("x"))
		if _, err := server.Read(make([]byte, 1)); err != nil {
			t.Errorf("read %v after the deadline was taken back", err)
		}
		client.SetWriteDeadline(time.Now().Add(time.Second))
		if n, err := client.Write(make([]byte, 20)); n != 10 || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("wrote %d, %v, want what fits and the deadline", n, err)
		}
	})
}

func TestCloseAndResetAreSeenByTheOtherEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := Pipe(10)
		client.Write([]byte("last"))
		client.Close()
		if b, err := io.ReadAll(server); string(b) != "last" || err != nil {
			t.Errorf("%q, %v, want what was sent before the close", b, err)
		}
		if _, err := server.Write([]byte("x")); !errors.Is(err, syscall.EPIPE) {
			t.Errorf("write %v, want EPIPE", err)
		}
		if _, err := client.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
			t.Errorf("read on the closed end %v, want net.ErrClosed", err)
		}

		client, server = Pipe(10)
		client.Write([]byte("lost"))
		client.Reset()
		if _, err := server.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("read %v, want ECONNRESET", err)
		}
	})
}

func TestAListenerRefusesAfterItIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := Listen(10)
		go l.Accept()
		if _, err := l.Dial(); err != nil {
			t.Fatal(err)
		}
		l.Close()
		l.Close()
		if _, err := l.Dial(); err == nil {
			t.Error("a closed listener takes connections")
		}
		if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("accept %v, want net.ErrClosed", err)
		}
	})
}
