package transport

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// numbered makes a file whose bytes tell their place.
func numbered(t *testing.T, size int) (*os.File, []byte) {
	t.Helper()
	data := make([]byte, size)
	for i := range data {
		data[i] = byte(i ^ i>>8 ^ i>>16)
	}
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f, data
}

func TestFilesAreSentWholeOrInPart(t *testing.T) {
	f, data := numbered(t, 3<<20)
	for _, tt := range []struct {
		name   string
		n      int64
		reader func() io.Reader
		want   []byte
	}{
		{"all", 3 << 20, func() io.Reader { return f }, data},
		{"the first part", 1000, func() io.Reader { return f }, data[:1000]},
		{"within a limit, as http.ServeContent", 3 << 20, func() io.Reader { return &io.LimitedReader{R: f, N: 1 << 20} }, data[:1<<20]},
		{"within two limits", 3 << 20, func() io.Reader { return io.LimitReader(&io.LimitedReader{R: f, N: 5000}, 1<<20) }, data[:5000]},
		{"less than was asked for", 9 << 20, func() io.Reader { return f }, data},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := f.Seek(0, io.SeekStart); err != nil {
				t.Fatal(err)
			}
			server, client := loopback(t)
			h := NewHeartbeat(nil)
			defer h.Stop()
			c := NewConn(server, h, Reasons{WriteRate: writeRate})
			defer c.Close()
			got := make(chan []byte)
			go func() {
				b, _ := io.ReadAll(client)
				got <- b
			}()
			r := tt.reader()
			n, ok, err := c.SendFrom(r, tt.n)
			if n != int64(len(tt.want)) || !ok || err != nil {
				t.Errorf("sent %d, %v, %v, want %d bytes by the kernel", n, ok, err, len(tt.want))
			}
			if limit, limited := r.(*io.LimitedReader); limited && limit.N != 0 && limit.R == io.Reader(f) {
				t.Errorf("the limit has %d left, want what was sent taken off", limit.N)
			}
			c.Close()
			if b := <-got; !bytes.Equal(b, tt.want) {
				t.Errorf("the peer reads %d bytes, want the %d of the file", len(b), len(tt.want))
			}
		})
	}
}

func TestWhatTheKernelCannotSendIsLeftAlone(t *testing.T) {
	server, _ := loopback(t)
	h := NewHeartbeat(nil)
	defer h.Stop()
	c := NewConn(server, h, Reasons{})
	defer c.Close()
	r := strings.NewReader("text")
	if n, ok, err := c.SendFrom(io.LimitReader(r, 3), 4); n != 0 || ok || err != nil || r.Len() != 4 {
		t.Errorf("sent %d, %v, %v with %d left, want nothing touched", n, ok, err, r.Len())
	}
}

func TestALimitDoesNotHideAFileFromTheKernel(t *testing.T) {
	// Package net looks through one limit only; two would turn sendfile(2) into a copy.
	f, _ := numbered(t, 1)
	source, limits := unwrap(io.LimitReader(io.LimitReader(f, 2), 3))
	if source != io.Reader(f) || len(limits) != 2 {
		t.Errorf("found %T behind %d limits, want the file behind two", source, len(limits))
	}
}

func TestAPeerThatStopsReadingAFileIsCutOff(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds: the kernel's time cannot be faked")
	}
	f, _ := numbered(t, 32<<20)
	server, _ := loopback(t)
	h := NewHeartbeat(nil)
	defer h.Stop()
	c := NewConn(server, h, Reasons{WriteRate: writeRate})
	defer c.Close()
	c.SetRates(&Rates{Write: &Rate{BytesPerSecond: 1 << 20, Grace: time.Second}})
	if _, ok, err := c.SendFrom(f, 32<<20); !ok || err == nil || c.Expired() != writeRate {
		t.Errorf("sent by the kernel %v, %v, expired %d, want it given up: each piece has its own time", ok, err, c.Expired())
	}
}
