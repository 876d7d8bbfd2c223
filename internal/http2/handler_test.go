package http2

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lannerhq/lanner/internal/httpcommon"
)

func TestAHandlerThatEndsItsGoroutine(t *testing.T) {
	for _, elsewhere := range []bool{false, true} {
		for _, started := range []bool{false, true} {
			bubble(t, func(t *testing.T) {
				completed := 0
				r := connect(t, paths{"/goexit": func(s *Stream) error {
					s.Response().OnCompleted(func() { completed++ })
					if started {
						s.Response().Flush()
					}
					runtime.Goexit()
					return nil
				}}.serve, nil)
				r.elsewhere = elsewhere
				r.send(r.request(1, 0, "POST", "/goexit"), r.get(3, "/"), data(1, flagEndStream, "x"), r.get(5, "/"))
				got := strings.Join(r.frames(), "\n")
				for _, want := range []string{"RST_STREAM 1 INTERNAL_ERROR", `DATA 3 "ok" end`, `DATA 5 "ok" end`} {
					if !strings.Contains(got, want) {
						t.Errorf("elsewhere %v, started %v: the client reads\n%s\nwant %s in it", elsewhere, started, got, want)
					}
				}
				if completed != 1 {
					t.Errorf("OnCompleted is called %d times", completed)
				}
				r.wantEvents("nothing wrong")
				r.end()
				if len(r.reports) != 3 {
					t.Errorf("%d exchanges have ended, want 3", len(r.reports))
				}
			})
		}
	}
}

func TestCallbacksRunInTheirOrder(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var order []string
		r := connect(t, func(s *Stream) error {
			for i := range 3 {
				s.Response().OnStarting(func() {
					order = append(order, fmt.Sprint("starting ", i, s.Response().Started()))
					s.Response().Header().Add("X-Order", fmt.Sprint(i))
				})
				s.Response().OnCompleted(func() { order = append(order, fmt.Sprint("completed ", i, s.Response().Started())) })
			}
			return answer("ok")(s)
		}, nil)
		r.send(r.get(1, "/"))
		r.want("fields of OnStarting", "HEADERS 1 :status=200 x-order=2 x-order=1 x-order=0 content-length=2", `DATA 1 "ok" end`)
		if want := "[starting 2 false starting 1 false starting 0 false completed 2 true completed 1 true completed 0 true]"; fmt.Sprint(order) != want {
			t.Errorf("called in the order %v, want %s", order, want)
		}
		r.end()
	})
}

func TestPanicsInCallbacksCostOneRequest(t *testing.T) {
	bubble(t, func(t *testing.T) {
		starting := func(s *Stream) error {
			s.Response().OnStarting(func() { panic("starting") })
			return answer("ok")(s)
		}
		flushed := func(s *Stream) error {
			s.Response().OnStarting(func() { panic("starting") })
			return s.Response().Flush()
		}
		completed := func(s *Stream) error {
			s.Response().OnCompleted(func() { panic("first") })
			s.Response().OnCompleted(func() { panic("second") })
			return answer("ok")(s)
		}
		r := connect(t, paths{"/starting": starting, "/flushed": flushed, "/completed": completed}.serve, nil)
		for _, r.elsewhere = range []bool{false, true} {
			id := r.conn.lastID + 2 - (r.conn.lastID+1)%2
			r.send(r.get(id, "/starting"))
			r.want("500", fmt.Sprintf("HEADERS %d :status=500 content-length=0 end", id))
			id += 2
			r.send(r.get(id, "/flushed"))
			r.want("500", fmt.Sprintf("HEADERS %d :status=500 content-length=0 end", id))
			id += 2
			r.send(r.get(id, "/completed"))
			r.want("the answer", fmt.Sprintf("HEADERS %d :status=200 content-length=2", id), fmt.Sprintf("DATA %d \"ok\" end", id))
			id += 2
			r.send(r.get(id, "/"))
			r.want("the next answer", fmt.Sprintf("HEADERS %d :status=200 content-length=2", id), fmt.Sprintf("DATA %d \"ok\" end", id))
		}
		var said []any
		for _, err := range r.failures {
			var p *httpcommon.PanicError
			if !errors.As(err, &p) {
				t.Fatalf("told of %v", err)
			}
			said = append(said, p.Value)
		}
		if want := "[starting starting second first starting starting second first]"; fmt.Sprint(said) != want {
			t.Errorf("told of %v, want %s", said, want)
		}
		r.end()
	})
}

func TestAFailureIs500OrAReset(t *testing.T) {
	bubble(t, func(t *testing.T) {
		broken := errors.New("broken")
		r := connect(t, paths{
			"/early": func(s *Stream) error {
				s.Response().Header().Add("X-Lost", "1")
				s.Response().SetStatus(201)
				s.Response().Write([]byte("lost"))
				return broken
			},
			"/late":  func(s *Stream) error { s.Response().Write([]byte("x")); s.Response().Flush(); return broken },
			"/less":  func(s *Stream) error { s.Response().Header().Add("Content-Length", "3"); return answer("12")(s) },
			"/short": func(s *Stream) error { s.Response().Header().Add("Content-Length", "3"); return nil },
			"/more":  func(s *Stream) error { s.Response().Header().Add("Content-Length", "3"); return answer("1234")(s) },
			"/field": func(s *Stream) error { s.Response().Header().Add("X", "a\r\nb"); return nil },
			"/status": func(s *Stream) error {
				s.Response().SetStatus(99)
				return nil
			},
			"/fault": func(s *Stream) error {
				return &httpcommon.BadRequestError{Status: 405, Reason: "x", Detail: "y", Allow: "GET"}
			},
		}.serve, nil)
		for i, tt := range []struct{ path, want string }{
			{"/early", "HEADERS # :status=500 content-length=0 end"},
			{"/late", "HEADERS # :status=200\nDATA # \"x\"\nRST_STREAM # INTERNAL_ERROR"},
			{"/less", "HEADERS # :status=200 content-length=3\nRST_STREAM # INTERNAL_ERROR"},
			{"/short", "HEADERS # :status=500 content-length=0 end"},
			{"/more", "HEADERS # :status=500 content-length=0 end"},
			{"/field", "HEADERS # :status=500 content-length=0 end"},
			{"/status", "HEADERS # :status=500 content-length=0 end"},
			{"/fault", "HEADERS # :status=405 allow=GET content-length=0 end"},
		} {
			r.send(r.get(odd(i), tt.path))
			r.want(tt.path, strings.Split(strings.ReplaceAll(tt.want, "#", fmt.Sprint(odd(i))), "\n")...)
		}
		r.end()
	})
}

// A handler that is about to block lets somebody else read on: all that wait are in the middle of their requests at once.
func TestAHandlerThatBlocksLetsOthersGoOn(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := connect(t, echo, nil)
		for i := range 50 {
			r.send(r.request(odd(i), 0, "POST", "/"), data(odd(i), 0, "a"))
		}
		if r.goOns != 50 || r.conn.running != 50 {
			t.Fatalf("%d have handed the reader over, %d run, want 50", r.goOns, r.conn.running)
		}
		r.drop()
		for i := range 50 {
			r.send(data(odd(49-i), flagEndStream, "b"))
			r.want("the answer", fmt.Sprintf("HEADERS %d :status=200 content-length=2", odd(49-i)), fmt.Sprintf("DATA %d \"ab\" end", odd(49-i)))
		}
		r.end()
	})
}

// The same when it does so in a write: answers before it have gone, those behind it come.
func TestAHandlerThatBlocksInAWriteLetsOthersGoOn(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := connect(t, sized, nil)
		r.send(settings(settingInitialWindowSize, 100), r.get(1, "/10"), r.get(3, "/70000"), r.get(5, "/10"))
		if got := strings.Join(r.frames(), " "); !strings.Contains(got, "DATA 5") || r.conn.running != 1 {
			t.Errorf("the client reads %s, %d run", got, r.conn.running)
		}
		r.send(appendWindowUpdate(nil, 3, 70000), appendWindowUpdate(nil, 0, 70000))
		if got := r.sent(3); len(got) != 69900 {
			t.Errorf("then %d bytes come, want 69900", len(got))
		}
		r.end()
	})
}

func TestAHandlerThatTakesLongIsSeized(t *testing.T) {
	bubble(t, func(t *testing.T) {
		release := make(chan struct{})
		r := connect(t, paths{"/long": func(s *Stream) error { <-release; return answer("long")(s) }}.serve, nil)
		r.send(r.get(1, "/long"), r.get(3, "/"))
		r.want("nothing: the reader is in the handler")
		if r.conn.Seized(func() bool { return false }) {
			t.Error("a stale word makes a goroutine the reader")
		}
		if !r.conn.Seized(func() bool { return true }) {
			t.Fatal("nobody becomes the reader")
		}
		if r.conn.Seized(func() bool { return true }) {
			t.Error("two are the reader")
		}
		go r.read(r.conn.Resume)
		synctest.Wait()
		r.want("the other's answer", "HEADERS 3 :status=200 content-length=2", `DATA 3 "ok" end`)
		close(release)
		r.send()
		r.want("its own", "HEADERS 1 :status=200 content-length=4", `DATA 1 "long" end`)
		r.end()
	})
}

func TestARequestRunsElsewhereWhenTheReaderWasLeft(t *testing.T) {
	bubble(t, func(t *testing.T) {
		release := make(chan struct{})
		r := connect(t, paths{"/long": func(s *Stream) error { <-release; return nil }}.serve, nil)
		r.left = true
		r.send(r.get(1, "/long"), r.get(3, "/"))
		r.want("the other's answer", "HEADERS 3 :status=200 content-length=2", `DATA 3 "ok" end`)
		if r.goOns != 0 {
			t.Error("the reader was handed over")
		}
		close(release)
		r.end()
	})
}

func TestAnswersOfHandlersElsewhereArriveWhileTheReaderWaits(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := connect(t, func(s *Stream) error {
			for range 3 {
				time.Sleep(time.Second)
				s.Response().Write([]byte("x"))
				s.Response().Flush()
			}
			return nil
		}, nil)
		r.elsewhere = true
		r.send(r.get(1, "/"))
		r.want("nothing yet")
		pause(time.Second)
		r.want("the first", "HEADERS 1 :status=200", `DATA 1 "x"`)
		pause(time.Second)
		r.want("the second", `DATA 1 "x"`)
		pause(time.Second)
		r.want("the last", `DATA 1 "x"`, `DATA 1 "" end`)
		r.end()
	})
}

// Who is told looks at the request: the stream must not have become another's.
func TestAStreamIsNotUsedAgainWhileItsHandlerIsTold(t *testing.T) {
	bubble(t, func(t *testing.T) {
		leave, told, goOn := make(chan struct{}), make(chan struct{}), make(chan struct{})
		r := connect(t, paths{"/told": func(s *Stream) error {
			s.OnAborted(func(error) { close(told); <-goOn })
			<-leave
			return nil
		}}.serve, nil)
		r.elsewhere = true
		r.send(r.get(1, "/told"))
		r.send(appendRST(nil, 1, Cancel))
		<-told
		close(leave)
		synctest.Wait()
		if n := len(r.reports); n != 0 {
			t.Errorf("%d exchanges have ended before the handler was told", n)
		}
		close(goOn)
		synctest.Wait()
		if n := len(r.reports); n != 1 {
			t.Errorf("%d exchanges have ended, want the one", n)
		}
		r.end()
	})
}

func TestOnAbortedIsCalledOnceOrNever(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var calls atomic.Int32
		release := make(chan struct{})
		r := connect(t, func(s *Stream) error {
			s.OnAborted(func(error) { calls.Add(1) })
			<-release
			return nil
		}, nil)
		r.elsewhere = true
		r.send(r.get(1, "/"), r.get(3, "/"))
		r.send(appendRST(nil, 1, Cancel), appendRST(nil, 1, Cancel))
		if calls.Load() != 1 {
			t.Errorf("called %d times, want once", calls.Load())
		}
		close(release)
		r.send()
		r.end()
		if calls.Load() != 1 {
			t.Errorf("called %d times once the handlers have returned", calls.Load())
		}
	})
}

func TestAPanicOfWhoIsToldOfTheEndCostsNothingElse(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := connect(t, paths{"/panic": func(s *Stream) error {
			s.OnAborted(func(error) { panic("told") })
			_, err := io.ReadAll(s.Request().Body())
			return err
		}}.serve, nil)
		r.elsewhere = true
		r.send(r.request(1, 0, "POST", "/panic"))
		r.send(appendRST(nil, 1, Cancel), r.get(3, "/"))
		r.want("the other's answer", "HEADERS 3 :status=200 content-length=2", `DATA 3 "ok" end`)
		var p *httpcommon.PanicError
		if len(r.failures) != 1 || !errors.As(r.failures[0], &p) || p.Value != "told" {
			t.Errorf("told of %v", r.failures)
		}
		r.end()
	})
}

// Who is told of the end may still use the stream, though its handler has returned meanwhile.
func TestAStreamIsNotUsedAgainWhileSomebodyIsToldOfItsEnd(t *testing.T) {
	bubble(t, func(t *testing.T) {
		tell, release := make(chan struct{}), make(chan struct{})
		var path string
		r := connect(t, paths{"/slow": func(s *Stream) error {
			s.OnAborted(func(error) {
				<-tell
				path = s.Request().Path()
			})
			<-release
			return nil
		}}.serve, nil)
		r.elsewhere = true
		r.send(r.get(1, "/slow"))
		go r.conn.Lose(io.EOF)
		synctest.Wait()
		close(release)
		r.send()
		if len(r.reports) != 0 || r.last != 0 || !r.ended {
			t.Errorf("%d requests have ended, the connection %d times, while somebody is told", len(r.reports), r.last)
		}
		close(tell)
		r.wantOver(Abort)
		if path != "/slow" || len(r.reports) != 1 {
			t.Errorf("then the path is %q, %d have ended", path, len(r.reports))
		}
	})
}

func TestAbortTellsTheClientAndTheHandler(t *testing.T) {
	bubble(t, func(t *testing.T) {
		why := errors.New("why")
		var told error
		r := connect(t, func(s *Stream) error {
			s.OnAborted(func(cause error) { told = cause })
			s.Abort(EnhanceYourCalm, why)
			s.Abort(Cancel, nil)
			if _, err := s.Request().Body().Read(make([]byte, 1)); err != why {
				t.Errorf("a read returns %v", err)
			}
			if _, err := s.Response().Write(make([]byte, 100_000)); err != why {
				t.Errorf("a write returns %v", err)
			}
			return nil
		}, nil)
		r.send(r.request(1, 0, "POST", "/"), data(1, 0, "is ignored"), aFrame(frameHeaders, flagEndHeaders|flagEndStream, 1, r.encode("x", "y")))
		r.want("the reset, once", "RST_STREAM 1 ENHANCE_YOUR_CALM")
		if told != why || s0(r).Err != why {
			t.Errorf("told of %v, reported %v", told, s0(r).Err)
		}
		r.end()
	})
}

func s0(r *rig) Report { return r.reports[0] }

func TestInterimResponses(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := connect(t, func(s *Stream) error {
			h := &httpcommon.Headers{}
			h.Add("Link", "</a>")
			h.Add("Connection", "close")
			h.Add("Content-Length", "1")
			h.Add("a name", "no token")
			h.Add("X", "no\r\nvalue")
			for _, status := range []int{103, 99, 200, 101} {
				if err := s.Response().SendInterim(status, h); err != nil {
					t.Error(err)
				}
			}
			s.Response().Flush()
			if err := s.Response().SendInterim(103, nil); err != httpcommon.ErrStarted {
				t.Errorf("after the start: %v", err)
			}
			return nil
		}, nil)
		r.send(r.get(1, "/"))
		r.want("one interim response", "HEADERS 1 :status=103 link=</a>", "HEADERS 1 :status=200", `DATA 1 "" end`)
		r.end()
	})
}

func TestSendFromAndHEAD(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := connect(t, func(s *Stream) error {
			n, err := s.Response().SendFrom(strings.NewReader(strings.Repeat("x", 200_000)))
			if n != 200_000 || err != nil {
				t.Errorf("sent %d, %v", n, err)
			}
			return err
		}, nil)
		r.send(appendWindowUpdate(nil, 0, 1<<20), settings(settingInitialWindowSize, 1<<20), r.get(1, "/"))
		if got := len(r.sent(1)); got != 200_000 {
			t.Errorf("%d bytes came", got)
		}
		r.send(r.request(3, flagEndStream, "HEAD", "/"))
		r.want("no body", "HEADERS 3 :status=200", `DATA 3 "" end`)
		r.app = func(s *Stream) error {
			_, err := s.Response().SendFrom(io.MultiReader(strings.NewReader("x"), errReader{}))
			return err
		}
		r.send(r.get(5, "/"))
		r.want("a failure of the source is the application's", "HEADERS 5 :status=500 content-length=0 end")
		r.end()
	})
}

type errReader struct{}

func (errReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
