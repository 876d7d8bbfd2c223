package servertest

import (
	"errors"
	"slices"
	"testing"

	"github.com/lannerhq/lanner/server"
)

var hookChecks = []check{
	{"OnStartingRunsLastFirstAndMayChangeTheResponse", func(t *testing.T, s suite) {
		for _, how := range []string{"write", "flush", "return"} {
			order := make(chan []string, 1)
			r := s.start(t, func(f *server.Features) error {
				var ran []string
				res := need[server.ResponseFeature](t, f)
				for _, name := range []string{"first", "second", "third"} {
					res.OnStarting(func() {
						if res.Started() {
							t.Error("Started() is true in OnStarting: the header section must not be fixed yet")
						}
						ran = append(ran, name)
						res.Header().Set("X-Last", name)
						res.SetStatus(203)
					})
				}
				res.OnCompleted(func() { order <- ran })
				switch how {
				case "write":
					return respond(f, 200, "hello")
				case "flush":
					return res.Flush()
				}
				return nil
			})
			a := r.get("the status set by OnStarting", "/", 203)
			if a.Header.Get("X-Last") != "first" {
				t.Errorf("X-Last is %q, want what the hook that ran last set (the response started by %s)", a.Header.Get("X-Last"), how)
			}
			if ran := receive(t, order, "OnCompleted runs"); !slices.Equal(ran, []string{"third", "second", "first"}) {
				t.Errorf("OnStarting ran in the order %q, want each once, the last registered first (started by %s)", ran, how)
			}
		}
	}},
	{"OnCompletedRunsLastFirstHoweverTheRequestEnds", func(t *testing.T, s suite) {
		for _, how := range []string{"return", "error", "panic", "late error"} {
			order := make(chan string, 8)
			r := s.start(t, func(f *server.Features) error {
				res := need[server.ResponseFeature](t, f)
				for _, name := range []string{"first", "second"} {
					res.OnCompleted(func() { order <- name })
				}
				if len(order) > 0 {
					t.Error("OnCompleted ran before the application returned")
				}
				switch how {
				case "error":
					return errors.New("servertest: an error before the response started")
				case "panic":
					panic("servertest: a panic before the response started")
				case "late error":
					if err := res.Flush(); err != nil {
						return err
					}
					return errors.New("servertest: an error after the response started")
				}
				return respond(f, 200, "hello")
			})
			c := r.dial()
			c.send("GET / HTTP/1.1", "Host: a", "Connection: close", "")
			first := receive(t, order, "OnCompleted runs after "+how)
			second := receive(t, order, "the other OnCompleted runs after "+how)
			if first != "second" || second != "first" {
				t.Errorf("OnCompleted ran in the order %s, %s after %s, want the last registered first", first, second, how)
			}
			if err := r.stop(patience); err != nil {
				t.Errorf("Stop: %v", err)
			}
			if len(order) > 0 {
				t.Errorf("OnCompleted ran more than once after %s", how)
			}
		}
	}},
}
