package http2

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/http2/hpack"
)

// blockingWire is one whose Write waits for the client, as the portable transport's does.
type blockingWire struct {
	*rig
	open chan struct{} // closed or received from by each Write
	cut  chan struct{}
}

func (w *blockingWire) Write(p []byte) (int, error) {
	select {
	case <-w.open:
		return w.rig.Write(p)
	case <-w.cut:
		return 0, errors.New("closed")
	}
}

func blocking(t *testing.T, app func(*Stream) error) *blockingWire {
	r := newRig(t, app, nil)
	w := &blockingWire{r, make(chan struct{}), make(chan struct{})}
	r.conn = NewConn(r.cfg, w, r, 0, true)
	r.elsewhere = true
	r.send([]byte(Preface), settings())
	return w
}

// One goroutine writes, and neither the reader nor the handlers wait for it.
func TestAWriteThatBlocksHoldsUpNobody(t *testing.T) {
	bubble(t, func(t *testing.T) {
		served := 0
		w := blocking(t, func(s *Stream) error { served++; return answer("ok")(s) })
		for i := range 20 {
			w.send(w.get(odd(i), "/"))
		}
		w.want("nothing")
		if served != 20 || w.conn.running != 0 {
			t.Fatalf("%d were served, %d run on", served, w.conn.running)
		}
		close(w.open)
		synctest.Wait()
		got := strings.Join(w.frames(), "\n")
		for i := range 20 {
			if !strings.Contains(got, fmt.Sprintf("DATA %d \"ok\" end", odd(i))) {
				t.Errorf("no answer %d in\n%s", odd(i), got)
			}
		}
		w.end()
	})
}

// Content that is written from where it lies stays as it is until it has gone, and the handler with it.
func TestABlockedWriteKeepsItsContent(t *testing.T) {
	bubble(t, func(t *testing.T) {
		body := bytes.Repeat([]byte("content;"), 3750)
		w := blocking(t, func(s *Stream) error {
			own := bytes.Clone(body)
			_, err := s.Response().Write(own)
			s.Response().Flush()
			clear(own)
			return err
		})
		w.send(w.get(1, "/"))
		w.send(w.get(3, "/"))
		close(w.open)
		synctest.Wait()
		all := bytes.Clone(w.out.Bytes())
		for _, id := range []uint32{1, 3} {
			w.out.Reset()
			w.out.Write(all)
			w.decoder = hpack.NewDecoder(4096, nil)
			if got := w.sent(id); !bytes.Equal(got, body) {
				t.Errorf("of stream %d %d bytes came, %.40q", id, len(got), got)
			}
		}
		w.end()
	})
}

// The end of the connection waits for the write, which fails, and for the handlers.
func TestTheEndOfAConnectionWaitsForItsWriter(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := blocking(t, func(s *Stream) error {
			_, err := s.Response().Write(make([]byte, 200_000))
			return err
		})
		w.send(w.get(1, "/"))
		w.conn.Lose(errors.New("stop"))
		w.send()
		if w.last != 0 {
			t.Error("it is over while a write is under way")
		}
		close(w.cut)
		synctest.Wait()
		w.wantOver(Abort)
	})
}

// slowWire is one whose Writev takes a while, but not for the client's sake: the memory that it is given is in use meanwhile.
type slowWire struct {
	*rig
	began, open chan struct{}
}

func (w *slowWire) Writev(bufs [][]byte) (int, error) {
	w.began <- struct{}{}
	<-w.open
	return w.rig.Writev(bufs)
}

// A handler gets its memory back when the write is over, whatever becomes of the stream meanwhile.
func TestMemoryThatIsBeingWrittenIsNotGivenBack(t *testing.T) {
	for _, tt := range []struct {
		name string
		end  func(w *slowWire)
	}{
		{"nothing", func(*slowWire) {}},
		{"the client resets", func(w *slowWire) { w.send(appendRST(nil, 1, Cancel)) }},
		{"the connection is lost", func(w *slowWire) { w.conn.Lose(errors.New("lost")) }},
		{"the deadline passes", func(*slowWire) { pause(2 * time.Second) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				returned := false
				body := bytes.Repeat([]byte("content;"), 2500)
				r := newRig(t, func(s *Stream) error {
					own := bytes.Clone(body)
					s.SetWriteDeadline(time.Now().Add(time.Second))
					s.Response().Flush()
					_, err := s.Response().Write(own)
					returned = true
					clear(own)
					return err
				}, nil)
				r.elsewhere = true
				w := &slowWire{r, make(chan struct{}, 10), make(chan struct{})}
				r.conn = NewConn(r.cfg, w, r, 0, false)
				r.send([]byte(Preface), settings(), r.get(1, "/"))
				<-w.began
				tt.end(w)
				synctest.Wait()
				if returned {
					t.Error("the handler's Write returns while its memory is being written")
				}
				close(w.open)
				synctest.Wait()
				if !returned {
					t.Fatal("the handler's Write does not return")
				}
				if got := r.sent(1); !bytes.HasPrefix(body, got) || len(got) == 0 {
					t.Errorf("%d bytes were written, %.40q", len(got), got)
				}
				r.end()
			})
		})
	}
}
