package http2

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/lannerhq/lanner/internal/muxcommon"
)

func rated(c *Config) {
	c.RequestRate = &Rate{BytesPerSecond: 100, Grace: 5 * time.Second}
	c.ResponseRate = &Rate{BytesPerSecond: 100, Grace: 5 * time.Second}
}

// pass lets seconds pass, with what happens in each.
func (r *rig) pass(seconds int, each func()) {
	for range seconds {
		time.Sleep(time.Second)
		if each != nil && !r.ended {
			each()
		}
		r.conn.Tick(r.conn.now + int64(time.Second))
		r.send()
	}
}

func TestABodyThatComesTooSlowlyEndsTheConnection(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := connect(t, echo, rated)
		r.send(r.request(1, 0, "POST", "/"))
		r.pass(4, func() { r.send(data(1, 0, "x")) })
		if r.ended {
			t.Fatalf("it ends in the grace period: %q", r.events)
		}
		r.pass(3, func() { r.send(data(1, 0, "x")) })
		r.wantEvents("the rate's end", "failed: "+errBodyTimeout.Error()+" (min_request_body_data_rate)")
		r.want("a GOAWAY", "GOAWAY 1 INTERNAL_ERROR")
		r.wantOver(Close)
		if len(r.reports) != 1 || r.reports[0].Err == nil {
			t.Errorf("reported %+v", r.reports)
		}
	})
}

func TestBodiesAtTheRateGoOn(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := connect(t, echo, rated)
		r.send(r.request(1, 0, "POST", "/"), r.request(3, 0, "POST", "/"))
		r.pass(60, func() { r.send(data(3, 0, strings.Repeat("x", 110))) }) // the streams of a connection are measured together
		if r.ended {
			t.Fatalf("it ends: %q", r.events)
		}
		r.end()
	})
}

func TestABodyThatNobodyWaitsForIsNotMeasured(t *testing.T) {
	for _, unmetered := range []bool{false, true} {
		bubble(t, func(t *testing.T) {
			r := connect(t, func(s *Stream) error {
				if unmetered {
					s.Unmeter()
					return echo(s)
				}
				time.Sleep(time.Minute)
				return nil
			}, rated)
			r.elsewhere = true
			r.send(r.request(1, 0, "POST", "/"))
			r.pass(30, nil)
			if r.ended {
				t.Errorf("unmetered %v: it ends: %q", unmetered, r.events)
			}
			r.leave(io.EOF)
			pause(time.Minute)
			r.wantOver(Abort)
		})
	}
}

func TestAnAnswerThatIsNotTakenEndsTheConnection(t *testing.T) {
	for _, tt := range []struct {
		name  string
		stall func(r *rig)
	}{
		{"the socket", func(r *rig) { r.take(0) }},
		{"the window", func(r *rig) { r.send(settings(settingInitialWindowSize, 0)); r.drop() }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := connect(t, answer(strings.Repeat("x", 1500)), rated)
				tt.stall(r)
				r.send(r.get(1, "/"))
				r.pass(14, nil) // 1500 bytes at 100 a second
				if r.ended {
					t.Fatalf("it ends before its time: %q", r.events)
				}
				r.pass(5, nil)
				r.wantEvents("the rate's end", "failed: "+errResponseTimeout.Error()+" (min_response_data_rate)")
				r.wantOver(Close)
			})
		})
	}
}

func TestAnAnswerThatIsTakenInTimeGoesOn(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := connect(t, func(s *Stream) error {
			for range 20 {
				s.Response().Write(make([]byte, 100))
				if err := s.Response().Flush(); err != nil {
					return err
				}
			}
			return nil
		}, rated)
		r.send(settings(settingInitialWindowSize, 0), r.get(1, "/"))
		r.pass(20, func() { r.send(appendWindowUpdate(nil, 1, 100)) })
		if r.ended || r.conn.meter.writes != 0 {
			t.Errorf("ended %v with %q, %d are waited for", r.ended, r.events, r.conn.meter.writes)
		}
		r.end()
	})
}

// Many answers are not given the grace period each, and a large one is given the time of its next part only.
func TestAnswersThatAreNotTakenDoNotAddUpTheirGrace(t *testing.T) {
	for _, tt := range []struct{ streams, size, before int }{{50, 20, 6 + 50/5 + 1}, {1, 10 << 20, 656 + 2}, {3, 100_000, 3*656 + 2}} {
		bubble(t, func(t *testing.T) {
			r := connect(t, answer(strings.Repeat("x", tt.size)), rated)
			r.elsewhere = true
			r.send(settings(settingInitialWindowSize, 0))
			for i := range tt.streams {
				r.send(r.get(odd(i), "/"))
			}
			r.pass(tt.before, nil)
			if !r.ended {
				t.Errorf("%d answers of %d bytes have more than %d seconds, before any is taken", tt.streams, tt.size, tt.before)
				r.end()
				return
			}
			r.wantOver(Close)
		})
	}
}

// A large answer that is taken at the rate goes on, however long.
func TestALargeAnswerAtTheRateGoesOn(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := connect(t, answer(strings.Repeat("x", 500_000)), rated)
		r.send(settings(settingInitialWindowSize, 0), appendWindowUpdate(nil, 0, 1<<20), r.get(1, "/"))
		r.pass(4500, func() { r.send(appendWindowUpdate(nil, 1, 110)) })
		if r.ended {
			t.Errorf("it ends: %q", r.events)
		}
		r.pass(500, func() { r.send(appendWindowUpdate(nil, 1, 110)) })
		if got := r.frames(); !strings.HasSuffix(got[len(got)-1], "end") || r.conn.meter.writes != 0 || r.ended {
			t.Errorf("it ends with %s, ended %v", got[len(got)-1], r.ended)
		}
		r.end()
	})
}

func TestAStalledServerDoesNotBlameItsClients(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := connect(t, echo, rated)
		r.send(r.request(1, 0, "POST", "/"))
		r.conn.Tick(int64(time.Second))
		r.conn.Tick(int64(time.Minute))
		r.send()
		if r.ended {
			t.Errorf("a tick after a minute counts for more than a second: %q", r.events)
		}
		r.send(data(1, flagEndStream, "x"))
		r.end()
	})
}

func TestRatesOfAnySizeAreArithmetic(t *testing.T) {
	for _, rate := range []float64{1e-300, 1, 1e300} {
		c := &Conn{cfg: &Config{ResponseRate: &Rate{BytesPerSecond: rate}}}
		for range 3 {
			c.writingLocked(maxWindow)
		}
		if c.meter.writeBy <= 0 {
			t.Errorf("at %g bytes a second the end of time is %d", rate, c.meter.writeBy)
		}
		for range 3 {
			c.wroteLocked()
		}
		if c.meter != (meter{}) {
			t.Errorf("left: %+v", c.meter)
		}
	}
}

// What was received is counted as the application will be told.
func TestReportsSayWhatHappened(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := connect(t, echo, nil)
		r.send(r.request(1, 0, "POST", "/"), data(1, flagEndStream, "hello"))
		r.send(r.request(3, flagEndStream, "HEAD", "/"))
		r.app = func(s *Stream) error {
			s.Response().Write(make([]byte, 100_000))
			return io.ErrUnexpectedEOF
		}
		r.send(r.request(5, flagEndStream, "HEAD", "/"))
		if len(r.reports) != 3 {
			t.Fatalf("%d reports", len(r.reports))
		}
		if got := r.reports[0]; got.Status != 200 || got.RequestBody != 5 || got.ResponseBody != 5 || got.RequestHead == 0 || got.ResponseHead == 0 || got.Err != nil {
			t.Errorf("reported %+v", got)
		}
		if got := fmt.Sprint(r.reports[1].ResponseBody, r.reports[2].Swallowed, " ", r.reports[2].Status); got != "0 100000 200" {
			t.Errorf("HEAD has a body, or swallowed none: %s", got)
		}
		r.end()
	})
}

// A client that takes answers at the rate goes on though there are always more of them.
func TestAConnectionThatIsAlwaysFullGoesOn(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := connect(t, answer(strings.Repeat("x", 300)), rated)
		r.take(0)
		i := 0
		r.pass(60, func() {
			for range 10 {
				r.send(r.get(odd(i), "/"))
				i++
			}
			r.send(appendWindowUpdate(nil, 0, 2000))
			r.take(2000)
		})
		if r.ended {
			t.Errorf("it ends: %q", r.events)
		}
		r.pass(1500, nil)
		r.wantEvents("the end of one that takes nothing", "failed: "+errStalled.Error()+" (min_response_data_rate)")
		r.wantOver(Close)
	})
}

func TestAClientThatTakesNoneOfManyAnswersIsEndedSoon(t *testing.T) {
	for streams, want := range map[int]string{muxcommon.MaxStalled: "", muxcommon.MaxStalled + 1: "failed: " + errStalled.Error() + " (min_response_data_rate)"} {
		for _, drip := range []uint32{0, 2} {
			t.Run(fmt.Sprint(streams, " streams, ", drip, " bytes a second"), func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					r := connect(t, answer(strings.Repeat("x", 1500)), rated)
					r.send(settings(settingInitialWindowSize, 0))
					for i := range streams {
						r.send(r.get(odd(i), "/"))
					}
					r.drop()
					r.pass(14, func() {
						if drip > 0 {
							r.send(appendWindowUpdate(nil, 1, drip))
						}
					})
					if r.ended != (want != "") {
						t.Errorf("ended %v after 14 s with %q", r.ended, r.events)
					}
					if want != "" {
						r.wantEvents("the end of one that takes nothing", want)
						r.wantOver(Close)
						return
					}
					r.end()
				})
			})
		}
	}
}
