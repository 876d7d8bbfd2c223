package http2

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/lannerhq/lanner/internal/httpcommon"
)

func TestBodiesArriveWhole(t *testing.T) {
	for _, elsewhere := range []bool{false, true} {
		bubble(t, func(t *testing.T) {
			r := connect(t, echo, nil)
			r.elsewhere = elsewhere
			r.send(appendWindowUpdate(nil, 0, 1<<28), settings(settingInitialWindowSize, 1<<28))
			random := rand.New(rand.NewPCG(5, 6))
			for i := range 20 {
				id := odd(i)
				var body []byte
				r.send(r.request(id, 0, "POST", "/"))
				for range random.IntN(20) {
					part := bytes.Repeat([]byte{byte('a' + random.IntN(26))}, random.IntN(16000))
					body = append(body, part...)
					pad := random.IntN(50)
					if random.IntN(2) == 0 {
						r.send(aFrame(frameData, flagPadded, id, append(append([]byte{byte(pad)}, part...), make([]byte, pad)...)))
					} else {
						r.send(data(id, 0, string(part)))
					}
				}
				if random.IntN(2) == 0 {
					r.send(data(id, flagEndStream, ""))
				} else {
					r.send(aFrame(frameHeaders, flagEndHeaders|flagEndStream, id, r.encode("x-sum", "1")))
				}
				if got := r.sent(id); !bytes.Equal(got, body) {
					t.Fatalf("elsewhere %v: %d bytes came back of stream %d, want %d", elsewhere, len(got), id, len(body))
				}
			}
			r.wantEvents("nothing wrong")
			r.end()
		})
	}
}

// sent is the content of the DATA frames of a stream.
func (r *rig) sent(id uint32) (body []byte) {
	b := bytes.Clone(r.out.Bytes())
	r.frames()
	for len(b) >= frameHeaderSize {
		f := frameHead(b)
		if f.kind == frameData && f.stream == id {
			body = append(body, b[frameHeaderSize:frameHeaderSize+f.length]...)
		}
		b = b[frameHeaderSize+f.length:]
	}
	return body
}

// The client may send as much as was taken, in all and on each stream, and padding costs it nothing.
func TestWindowsAreGivenBackAsBodiesAreTaken(t *testing.T) {
	bubble(t, func(t *testing.T) {
		step := make(chan int)
		r := connect(t, func(s *Stream) error {
			for n := range step {
				io.CopyN(io.Discard, s.Request().Body(), int64(n))
			}
			return nil
		}, func(c *Config) { c.Limits.StreamWindow, c.Limits.ConnectionWindow = 1000, 1600 })
		r.elsewhere = true
		r.send(r.request(1, 0, "POST", "/"), data(1, 0, strings.Repeat("x", 1000)))
		r.want("nothing before it is read")
		step <- 499
		r.send()
		r.want("nothing below half a window")
		step <- 1
		r.send()
		r.want("half of the stream's", "WINDOW_UPDATE 1 500")
		step <- 300
		r.send()
		r.want("half of the connection's", "WINDOW_UPDATE 0 800")
		r.send(aFrame(frameData, flagPadded, 1, append([]byte{250}, make([]byte, 250)...)))
		r.want("the padding's at once, with the rest", "WINDOW_UPDATE 1 551")
		close(step)
		r.send()
		r.want("the end, and the connection's share of what was not read", "HEADERS 1 :status=200 content-length=0 end", "RST_STREAM 1 NO_ERROR")
		if r.conn.recvWindow+r.conn.consumed != 1600 {
			t.Errorf("the connection's window is %d and %d to give back, want 1600 in all", r.conn.recvWindow, r.conn.consumed)
		}
		r.end()
	})
}

func TestABodyBeyondTheWindowEndsTheConnection(t *testing.T) {
	for _, streams := range []int{1, 2} {
		bubble(t, func(t *testing.T) {
			r := connect(t, func(s *Stream) error { time.Sleep(time.Hour); return nil }, func(c *Config) { c.Limits.StreamWindow, c.Limits.ConnectionWindow = 1000, 1000*streams-1+2-streams })
			r.elsewhere = true
			for i := range streams {
				r.send(r.request(odd(i), 0, "POST", "/"), data(odd(i), 0, strings.Repeat("x", 1000)))
			}
			if streams == 1 {
				r.send(data(1, 0, "x"))
			}
			r.wantEvents("flow control", "failed: "+errWindowExceeded.Error()+" (flow_control_window_exceeded)")
			pause(time.Hour)
			r.wantOver(Close)
		})
	}
}

func TestContentLengthIsHeld(t *testing.T) {
	for _, tt := range []struct {
		name   string
		frames func(r *rig) [][]byte
		want   string
	}{
		{"more", func(r *rig) [][]byte { return [][]byte{data(1, 0, "123456")} }, httpcommon.ErrMoreThanLength.Detail},
		{"less", func(r *rig) [][]byte { return [][]byte{data(1, flagEndStream, "1234")} }, httpcommon.ErrLessThanLength.Detail},
		{"less, before trailers", func(r *rig) [][]byte {
			return [][]byte{data(1, 0, "1234"), aFrame(frameHeaders, flagEndHeaders|flagEndStream, 1, r.encode("x", "y"))}
		}, httpcommon.ErrLessThanLength.Detail},
		{"as much", func(r *rig) [][]byte { return [][]byte{data(1, 0, "123"), data(1, flagEndStream, "45")} }, ""},
	} {
		bubble(t, func(t *testing.T) {
			var got error
			r := connect(t, func(s *Stream) error {
				_, got = io.ReadAll(s.Request().Body())
				return got
			}, nil)
			r.send(r.request(1, 0, "POST", "/", "content-length", "5"))
			r.send(tt.frames(r)...)
			bad, _ := httpcommon.AsBadRequest(got)
			if tt.want == "" && got != nil || tt.want != "" && (bad == nil || bad.Detail != tt.want) {
				t.Errorf("%s: the handler reads %v", tt.name, got)
			}
			want := "RST_STREAM 1 PROTOCOL_ERROR"
			if tt.want == "" {
				want = "HEADERS 1 :status=200 content-length=0 end"
			}
			r.want(tt.name, want)
			r.end()
		})
	}
}

func TestMaxRequestBodySizeIsHeld(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := connect(t, echo, func(c *Config) { c.Limits.MaxRequestBodySize = 5 })
		r.send(r.request(1, 0, "POST", "/", "content-length", "6"))
		r.want("413 without reading", "HEADERS 1 :status=413 content-length=0 end", "RST_STREAM 1 NO_ERROR")
		r.send(r.request(3, 0, "POST", "/"), data(3, 0, "12345"))
		r.want("nothing yet")
		r.send(data(3, 0, "6"))
		r.want("413", "HEADERS 3 :status=413 content-length=0 end", "RST_STREAM 3 NO_ERROR")
		r.app = func(s *Stream) error {
			if !s.body.SetLimit(-1) || s.body.Limit() != -1 {
				t.Error("the limit cannot be lifted")
			}
			err := echo(s)
			if s.body.SetLimit(1) {
				t.Error("the limit can be set after reading has begun")
			}
			return err
		}
		r.send(r.request(5, 0, "POST", "/"), data(5, flagEndStream, "123456"))
		r.want("the body", "HEADERS 5 :status=200 content-length=6", `DATA 5 "123456" end`)
		r.send(data(3, 0, "is ignored"))
		r.end()
	})
}

func TestDeadlines(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := connect(t, func(s *Stream) error {
			b := make([]byte, 10)
			s.SetReadDeadline(time.Now().Add(time.Second))
			began := time.Now()
			if _, err := s.Request().Body().Read(b); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(began) != time.Second {
				t.Errorf("a read returns %v after %v", err, time.Since(began))
			}
			s.SetReadDeadline(time.Now().Add(-time.Second))
			if _, err := s.Request().Body().Read(b); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("past the deadline a read returns %v", err)
			}
			s.SetReadDeadline(time.Time{})
			if n, err := s.Request().Body().Read(b); err != nil || string(b[:n]) != "late" {
				t.Errorf("without a deadline a read returns %q, %v", b[:n], err)
			}
			s.SetReadDeadline(time.Now().Add(time.Hour))
			s.SetWriteDeadline(time.Now().Add(time.Second))
			if _, err := s.Response().Write(make([]byte, 100_000)); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("a write that the client does not take returns %v", err)
			}
			if _, err := s.Response().Write([]byte("x")); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("then a write returns %v: some of the body is missing", err)
			}
			return nil
		}, nil)
		r.send(r.request(1, 0, "POST", "/"))
		pause(5 * time.Second)
		r.send(data(1, 0, "late"))
		pause(5 * time.Second)
		got := r.frames()
		if last := got[len(got)-1]; last != "RST_STREAM 1 INTERNAL_ERROR" {
			t.Errorf("the client reads %q, want the stream reset", got)
		}
		r.end()
		time.Sleep(2 * time.Hour) // no timer is left
	})
}

func TestExpectContinueIsAnsweredWhenTheBodyIsRead(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := connect(t, echo, nil)
		r.send(r.request(1, 0, "POST", "/", "expect", "100-continue"))
		r.want("an invitation", "HEADERS 1 :status=100")
		r.send(data(1, flagEndStream, "x"))
		r.want("the answer", "HEADERS 1 :status=200 content-length=1", `DATA 1 "x" end`)
		r.app = answer("no")
		r.send(r.request(3, 0, "POST", "/", "expect", "100-continue"))
		r.want("no invitation", "HEADERS 3 :status=200 content-length=2", `DATA 3 "no" end`, "RST_STREAM 3 NO_ERROR")
		r.end()
	})
}

func TestTrailersAreThoseOfTheirRequest(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var got string
		r := connect(t, func(s *Stream) error {
			if n := s.Request().Trailers().Len(); n != 0 {
				t.Errorf("%d trailers before the body was read", n)
			}
			err := echo(s)
			got = ""
			for name, value := range s.Request().Trailers().All() {
				got += name + "=" + value + ";"
			}
			return err
		}, nil)
		r.send(r.request(1, 0, "POST", "/"), data(1, 0, "x"))
		r.send(aFrame(frameHeaders, flagEndHeaders|flagEndStream, 1, r.encode("x-sum", "42", "content-length", "3", "x-end", "yes")))
		if got != "x-sum=42;x-end=yes;" {
			t.Errorf("the trailers are %q, want those that may be trailers", got)
		}
		r.send(r.request(3, 0, "POST", "/"), data(3, flagEndStream, "x"))
		if got != "" {
			t.Errorf("the next request has trailers: %q", got)
		}
		r.end()
	})
}

func TestAClientThatResetsIsNoticed(t *testing.T) {
	for _, elsewhere := range []bool{false, true} {
		bubble(t, func(t *testing.T) {
			var read, told error
			r := connect(t, func(s *Stream) error {
				s.OnAborted(func(cause error) { told = cause })
				_, read = io.ReadAll(s.Request().Body())
				return read
			}, nil)
			r.elsewhere = elsewhere
			r.send(r.request(1, 0, "POST", "/"), data(1, 0, "x"))
			r.send(appendRST(nil, 1, Cancel))
			for _, err := range []error{read, told} {
				var reset *ResetError
				if !errors.As(err, &reset) || !reset.Remote || reset.Code != Cancel || !errors.Is(err, httpcommon.ErrClientDisconnected) {
					t.Errorf("elsewhere %v: the handler hears %v", elsewhere, err)
				}
			}
			r.want("nothing: the stream is over")
			if got := fmt.Sprint(r.reports[0].Err); got != read.Error() {
				t.Errorf("reported %s", got)
			}
			r.send(data(1, 0, "y"))
			r.wantEvents("a broken rule: no frame may follow", "failed: "+errStreamClosed.Error()+" (frame_after_stream_close)")
			r.wantOver(Close)
		})
	}
}
