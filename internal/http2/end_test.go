package http2

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lannerhq/lanner/internal/httpcommon"
)

func TestDrainLetsWhatIsOnItsWayFinish(t *testing.T) {
	bubble(t, func(t *testing.T) {
		release := make(chan struct{})
		r := connect(t, func(s *Stream) error { <-release; return nil }, nil)
		r.elsewhere = true
		r.send(r.get(1, "/"))
		r.conn.Drain()
		r.conn.Drain()
		r.send()
		r.want("the first GOAWAY", "GOAWAY 2147483647 NO_ERROR")
		r.send(r.get(3, "/"))
		if r.conn.running != 2 {
			t.Fatal("a request that was on its way is not served")
		}
		r.pass(1, nil)
		r.want("nothing in the first second")
		r.pass(1, nil)
		r.want("the last GOAWAY", "GOAWAY 3 NO_ERROR")
		r.send(r.get(5, "/"))
		r.want("nothing: it is ignored") // RFC 9113 §6.8
		release <- struct{}{}
		r.send()
		release <- struct{}{}
		r.send()
		r.want("the answers", "HEADERS 1 :status=200 content-length=0 end", "HEADERS 3 :status=200 content-length=0 end")
		r.wantOver(Close)
	})
}

func TestDrainEndsAnIdleConnectionAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := connect(t, answer("ok"), nil)
		r.send(r.get(1, "/"))
		r.drop()
		r.conn.Drain()
		synctest.Wait()
		r.want("both", "GOAWAY 2147483647 NO_ERROR", "GOAWAY 1 NO_ERROR")
		r.wantOver(Close)
		r.conn.Drain()
		r.conn.Lose(io.EOF)
		r.conn.Tick(1 << 40)
		r.want("nothing any more")
	})
}

// Answers that the client has not taken yet are part of what runs.
func TestDrainWaitsUntilAnswersAreTaken(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := connect(t, answer(strings.Repeat("x", 1000)), nil)
		r.take(0)
		r.send(r.get(1, "/"))
		r.conn.Drain()
		synctest.Wait()
		if r.ended {
			t.Fatal("it ends though nothing was taken")
		}
		r.take(-1)
		r.send()
		r.want("all", "HEADERS 1 :status=200 content-length=1000", "DATA 1 (1000 bytes) end", "GOAWAY 2147483647 NO_ERROR", "GOAWAY 1 NO_ERROR")
		r.wantOver(Close)
	})
}

func TestAClientsGoAwayEndsTheConnectionAfterTheLastStream(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := connect(t, func(s *Stream) error { time.Sleep(time.Second); return nil }, nil)
		r.elsewhere = true
		r.send(r.get(1, "/"), appendGoAway(nil, 0, NoError))
		r.want("nothing yet")
		pause(time.Second)
		r.want("the answer, and the end", "HEADERS 1 :status=200 content-length=0 end", "GOAWAY 1 NO_ERROR")
		r.wantOver(Close)
	})
}

func TestLoseEndsEveryRequestWithTheCause(t *testing.T) {
	bubble(t, func(t *testing.T) {
		why := errors.New("shutdown")
		var causes []error
		r := connect(t, paths{"/write": func(s *Stream) error {
			_, err := s.Response().Write(make([]byte, 100_000))
			causes = append(causes, err, s.Cause())
			return err
		}, "/read": func(s *Stream) error {
			_, err := io.ReadAll(s.Request().Body())
			causes = append(causes, err)
			return err
		}}.serve, nil)
		r.send(r.get(1, "/write"))
		r.send(r.request(3, 0, "POST", "/read"))
		r.drop()
		r.conn.Lose(why)
		r.conn.Lose(io.EOF)
		synctest.Wait()
		for _, cause := range causes {
			if cause != why {
				t.Errorf("a handler hears %v", cause)
			}
		}
		if len(causes) != 3 || r.conn.Ended() != why {
			t.Errorf("%d causes, and the connection ended with %v", len(causes), r.conn.Ended())
		}
		r.send()
		r.want("nothing is written any more")
		r.wantOver(Abort)
	})
}

// A connection that breaks a rule tells its handlers so.
func TestABrokenRuleIsTheFaultOfTheClient(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var got error
		r := connect(t, func(s *Stream) error { _, got = io.ReadAll(s.Request().Body()); return got }, nil)
		r.send(r.request(1, 0, "POST", "/"), aFrame(framePushPromise, 0, 1, nil))
		if bad, ok := httpcommon.AsBadRequest(got); !ok || bad.Reason != errPushPromise.Reason {
			t.Errorf("the handler hears %v", got)
		}
		r.want("the code", "GOAWAY 1 PROTOCOL_ERROR")
		r.wantOver(Close)
	})
}

func TestAClientThatLeaves(t *testing.T) {
	for _, tt := range []struct {
		name    string
		err     error
		running bool
		next    Next
		frames  []string
	}{
		{"well", io.EOF, false, Close, []string{"GOAWAY 1 NO_ERROR"}},
		{"with a request under way", io.EOF, true, Abort, nil},
		{"lost", errors.New("reset"), false, Abort, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				var got error
				r := connect(t, func(s *Stream) error { _, got = io.ReadAll(s.Request().Body()); return got }, nil)
				if tt.running {
					r.send(r.request(1, 0, "POST", "/"))
				} else {
					r.send(r.get(1, "/"))
				}
				r.drop()
				r.leave(tt.err)
				r.want("the end", tt.frames...)
				r.wantOver(tt.next)
				if tt.running && !errors.Is(got, httpcommon.ErrClientDisconnected) {
					t.Errorf("the handler hears %v", got)
				}
			})
		})
	}
}

func TestTheLastHandlerEndsTheConnection(t *testing.T) {
	bubble(t, func(t *testing.T) {
		release := make(chan struct{})
		r := connect(t, func(s *Stream) error { <-release; return nil }, nil)
		r.elsewhere = true
		for i := range 10 {
			r.send(r.get(odd(i), "/"))
		}
		r.leave(io.ErrUnexpectedEOF)
		if r.last != 0 {
			t.Error("over while handlers run")
		}
		for range 10 {
			release <- struct{}{}
		}
		r.wantOver(Abort)
	})
}

func TestKeepAlivePings(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := connect(t, answer("ok"), func(c *Config) { c.Limits.KeepAlivePingDelay = 5 * time.Second })
		r.pass(5, nil)
		r.want("nothing yet")
		r.pass(2, nil)
		r.want("a PING", `PING "lanner\x00\x01" ack=false`)
		r.send(aFrame(framePing, flagAck, 0, []byte("lanner\x00\x01")))
		r.pass(5, nil)
		r.want("nothing: it was answered")
		r.pass(3, nil)
		r.want("the next", `PING "lanner\x00\x01" ack=false`)
		r.pass(22, nil)
		r.want("the end without an answer", "GOAWAY 0 INTERNAL_ERROR")
		r.wantEvents("the reason", "failed: "+errKeepAlivePing.Error()+" (keep_alive_ping_timeout)")
		r.wantOver(Close)
	})
}

func TestWhatIsNoHTTP2(t *testing.T) {
	for _, tt := range []struct {
		name, bytes string
		want        *connError
	}{
		{"another protocol", "GET / HTTP/1.1\r\n\r\n", errPreface},
		{"a wrong end of the preface", Preface[:len(Preface)-1] + "x", errPreface},
		{"no SETTINGS", Preface + string(aFrame(framePing, 0, 0, make([]byte, 8))), errFirstFrame},
		{"an acknowledgement first", Preface + string(aFrame(frameSettings, flagAck, 0, nil)), errFirstFrame},
		{"a frame too large", Preface + string(appendFrameHead(nil, 16385, frameSettings, 0, 0)), errFrameTooLarge},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := newRig(t, answer("ok"), nil)
				r.send([]byte(tt.bytes))
				r.wantEvents("the rule", "failed: "+tt.want.Error()+" ("+tt.want.Reason+")")
				r.wantOver(Close)
			})
		})
	}
}

func TestAWeakConnectionIsRefused(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, answer("ok"), nil)
		if next := r.conn.Refuse(); next != Close || !r.conn.Finished() {
			t.Errorf("next is %d", next)
		}
		if got := r.frames(); got[len(got)-1] != "GOAWAY 0 INADEQUATE_SECURITY" {
			t.Errorf("the client reads %q", got)
		}
	})
}

// RFC 9113 §6.8: what the client had sent on streams beyond the last of a GOAWAY is discarded. It must not end those that are still served, nor
// may a later GOAWAY name a higher stream.
func TestStreamsBeyondTheLastOfAGoAwayAreDiscarded(t *testing.T) {
	bubble(t, func(t *testing.T) {
		release := make(chan struct{})
		r := connect(t, func(*Stream) error { <-release; return nil }, nil)
		r.elsewhere = true
		r.send(r.get(1, "/"))
		r.conn.Drain()
		r.pass(3, nil)
		r.want("two GOAWAY", "GOAWAY 2147483647 NO_ERROR", "GOAWAY 1 NO_ERROR")
		r.send(r.request(3, 0, "POST", "/"), data(3, 0, "a"), appendWindowUpdate(nil, 3, 1<<16), data(3, flagEndStream, "b"))
		r.send(r.request(5, 0, "POST", "/"), appendRST(nil, 5, Cancel), data(3, 0, ""))
		if r.ended || len(r.events) > 0 {
			t.Fatalf("the connection ends: %q", r.events)
		}
		close(release)
		r.send()
		r.want("the answer to what is served", "HEADERS 1 :status=200 content-length=0 end")
		r.wantOver(Close)
	})
	bubble(t, func(t *testing.T) {
		release := make(chan struct{})
		r := connect(t, func(*Stream) error { <-release; return nil }, nil)
		r.elsewhere = true
		r.send(r.get(1, "/"))
		r.conn.Drain()
		r.pass(3, nil)
		r.drop()
		for i := range 2000 {
			r.send(r.get(odd(i+1), "/"))
		}
		r.want("a flood of them ends the connection", "GOAWAY 1 ENHANCE_YOUR_CALM")
		close(release)
		r.wantOver(Close)
	})
}
