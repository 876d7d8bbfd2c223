package httpconn

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lannerhq/lanner/internal/memnet"
	"github.com/lannerhq/lanner/internal/transport"
	"github.com/lannerhq/lanner/server"
)

var update = flag.Bool("update", false, "write the generated part of the reference")

const (
	eventsFile  = "../../docs/reference/log-events.md"
	eventsBegin = "<!-- events: written by go test ./internal/httpconn -run Reference -update -->\n"
	eventsEnd   = "<!-- end of events -->\n"
)

// described is an event as events.go says it.
type described struct {
	id                      int
	name, msg, level, about string
	keys                    []string
	rates                   []string // keys that it has besides for a data rate
}

// events reads events.go.
func events(t *testing.T) (out []described) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "events.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 {
			return true
		}
		call, ok := spec.Values[0].(*ast.CallExpr)
		if !ok || call.Fun.(*ast.Ident).Name != "newEvent" {
			return true
		}
		var args []string
		for _, a := range call.Args {
			text := a.(*ast.BasicLit).Value
			if unquoted, err := strconv.Unquote(text); err == nil {
				text = unquoted
			}
			args = append(args, text)
		}
		e := described{name: args[1], msg: args[2]}
		e.id, _ = strconv.Atoi(args[0])
		level, rest, ok := strings.Cut(strings.Join(strings.Fields(spec.Doc.Text()), " "), ": ")
		about, keys, ok2 := strings.Cut(rest, ". Keys: ")
		keys, rates, measures := strings.Cut(keys, ". For a data rate also: ")
		if !ok || !ok2 {
			t.Errorf("the comment of %s must be: level, colon, what happened, full stop, Keys: and the keys", e.name)
		}
		e.level, e.about, e.keys = level, about, strings.Split(strings.TrimSuffix(keys, "."), ", ")
		if measures {
			e.rates = strings.Split(strings.TrimSuffix(rates, "."), ", ")
		}
		out = append(out, e)
		return true
	})
	slices.SortFunc(out, func(a, b described) int { return cmp.Compare(a.id, b.id) })
	return out
}

func TestTheReferenceListsEveryEvent(t *testing.T) {
	var b strings.Builder
	b.WriteString("| id | name | level | message | when | keys |\n|---|---|---|---|---|---|\n")
	for _, e := range events(t) {
		fmt.Fprintf(&b, "| %d | %s | %s | %s | %s | `%s`", e.id, e.name, e.level, e.msg, e.about, strings.Join(e.keys, "`, `"))
		if e.rates != nil {
			fmt.Fprintf(&b, "; for a data rate also `%s`", strings.Join(e.rates, "`, `"))
		}
		b.WriteString(" |\n")
	}
	data, err := os.ReadFile(eventsFile)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(data), eventsBegin)
	_, after, ok2 := strings.Cut(rest, eventsEnd)
	if !ok || !ok2 {
		t.Fatalf("%s has lost the marks around its generated part", eventsFile)
	}
	switch want := before + eventsBegin + b.String() + eventsEnd + after; {
	case *update:
		if err := os.WriteFile(eventsFile, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	case want != string(data):
		t.Errorf("%s does not list the events as they are: go test ./internal/httpconn -run Reference -update writes it. Want\n%s", eventsFile, b.String())
	}
}

// told returns the records of an event, and holds each to its level and keys.
func (s *testServer) told(e event) (out []slog.Record) {
	s.t.Helper()
	i := slices.IndexFunc(events(s.t), func(d described) bool { return d.msg == e.msg })
	want := events(s.t)[i]
	levels := map[string]slog.Level{"Trace (-8)": levelTrace, "Debug": slog.LevelDebug, "Warning": slog.LevelWarn, "Error": slog.LevelError}
	s.logged.mu.Lock()
	defer s.logged.mu.Unlock()
	for _, r := range s.logged.records {
		if r.Message != e.msg {
			continue
		}
		out = append(out, r)
		var keys []string
		r.Attrs(func(a slog.Attr) bool {
			if a.Key != "event" {
				keys = append(keys, a.Key)
			}
			return true
		})
		expected := want.keys
		if want.rates != nil && slices.Contains(keys, want.rates[0]) {
			expected = slices.Concat(want.keys, want.rates)
		}
		slices.Sort(keys)
		slices.Sort(expected)
		if level, ok := levels[want.level]; !ok || level != r.Level || !slices.Equal(keys, expected) {
			s.t.Errorf("%s is logged at %v with %q, want %s and %q", want.name, r.Level, keys, want.level, expected)
		}
	}
	return out
}

func attr(r slog.Record, key string) (out slog.Value) {
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == key {
			out = a.Value
		}
		return true
	})
	return out
}

func TestEventsOfAConnectionAreLogged(t *testing.T) {
	rate := &transport.Rate{BytesPerSecond: 100, Grace: 2 * time.Second}
	post := "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n"
	readAll := func(w http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body) }
	for name, tt := range map[string]struct {
		send string
		app  http.HandlerFunc
		want []event
		not  []event
	}{
		"a request": {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", hello,
			[]event{eventConnectionAccepted, eventConnectionStart, eventConnectionKeepAlive, eventConnectionDisconnect, eventConnectionStop},
			[]event{eventRequestBodyStart, eventRequestBodyNotEntirelyRead, eventHeadResponseBodyWrite}},
		"a body":          {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx", readAll, []event{eventRequestBodyStart, eventRequestBodyDone}, nil},
		"a body for HEAD": {"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", hello, []event{eventHeadResponseBodyWrite}, nil},
		"a length for 204": {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "0")
			w.WriteHeader(204)
		}, []event{eventInvalidResponseHeaderRemoved}, nil},
		"a slow body":              {post, readAll, []event{eventMinRequestRate, eventBadRequest}, nil},
		"an unread body":           {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx", hello, []event{eventRequestBodyNotEntirelyRead, eventConnectionKeepAlive}, nil},
		"a body that does not end": {post, hello, []event{eventRequestBodyNotEntirelyRead, eventRequestBodyDrainTimedOut}, []event{eventConnectionKeepAlive}},
		"an abort": {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", func(w http.ResponseWriter, r *http.Request) {
			f, _ := server.From[server.RequestLifetimeFeature](r.Context())
			f.Abort(nil)
		}, []event{eventApplicationAborted, eventConnectionStop}, nil},
		"an abort by a panic": {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
			[]event{eventApplicationAborted}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				s := serve(t, Config{MinRequestBodyRate: rate}, httpApp(tt.app))
				if name == "a body that does not end" {
					s.m.engine(s.ep).rates = transport.Rates{} // the rest of a body has a time, and no rate
				}
				c := s.dial()
				c.write(tt.send)
				time.Sleep(20 * time.Second)
				c.Close()
				time.Sleep(2 * time.Second)
				for _, e := range tt.want {
					if n := len(s.told(e)); n != 1 {
						t.Errorf("%q was logged %d times, want once", e.msg, n)
					}
				}
				for _, e := range tt.not {
					if n := len(s.told(e)); n != 0 {
						t.Errorf("%q was logged %d times, want none", e.msg, n)
					}
				}
				if got := s.logged.above(); len(got) > 0 {
					t.Errorf("logged %q above Debug: clients could fill the log", got)
				}
			})
		})
	}
}

func TestTheRateThatWasMeasuredIsLogged(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := serve(t, Config{MinRequestBodyRate: &transport.Rate{BytesPerSecond: 100, Grace: 2 * time.Second}},
			httpApp(func(w http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body) }))
		c := s.dial()
		c.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n")
		synctest.Wait()
		c.write("0123456789")
		time.Sleep(10 * time.Second)
		r := s.told(eventMinRequestRate)
		if len(r) != 1 {
			t.Fatalf("logged %d times, want once", len(r))
		}
		bytes, over, rate := attr(r[0], "bytes").Int64(), attr(r[0], "over").Duration(), attr(r[0], "rate").Float64()
		if bytes != 10 || over != 3*time.Second || rate != 10/3.0 || attr(r[0], "limit").Float64() != 100 {
			t.Errorf("%d bytes over %v, %v/s: want 10 over 3 s", bytes, over, rate)
		}
	})
}

func TestTheRateOfAResponseThatWasMeasuredIsLogged(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := serve(t, Config{MinResponseRate: &transport.Rate{BytesPerSecond: 1000, Grace: 2 * time.Second}},
			httpApp(func(w http.ResponseWriter, r *http.Request) { w.Write(make([]byte, 100_000)) }))
		s.size = 1000
		c := s.dial()
		c.get("/")
		time.Sleep(5 * time.Minute)
		r := s.told(eventMinResponseRate)
		if len(r) != 1 {
			t.Fatalf("logged %d times, want once", len(r))
		}
		bytes, over := attr(r[0], "bytes").Int64(), attr(r[0], "over").Duration()
		if bytes != 1000 || over < 100*time.Second || over > 101*time.Second || attr(r[0], "limit").Float64() != 1000 {
			t.Errorf("%d bytes over %v: want the 1000 that had room, over the 100 s that it was allowed", bytes, over)
		}
	})
}

func TestALateHeartbeatIsLogged(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := serve(t, Config{}, httpApp(hello))
		time.Sleep(10 * time.Second)
		if got := s.told(eventHeartbeatSlow); len(got) != 0 {
			t.Errorf("logged %d times while it was in time", len(got))
		}
		if err := s.stop(time.Second); err != nil {
			t.Fatal(err)
		}
		s.m.beat(s.m.lastBeat.Add(3 * time.Second)) // as if the process had been stopped
		if got := s.told(eventHeartbeatSlow); len(got) != 1 || attr(got[0], "after").Duration() != 3*time.Second {
			t.Errorf("logged %v, want 3 s", got)
		}
	})
}

func TestNothingIsAskedOfALogThatTakesNoDebug(t *testing.T) {
	bubble(t, func(t *testing.T) {
		quiet := &levels{logged: &logged{}}
		m := New(Config{App: httpApp(hello), Logger: slog.New(quiet)})
		defer m.Stop(context.Background())
		near, far := memnet.Pipe(1 << 16)
		defer near.Close()
		m.Serve(far, &Endpoint{Name: "test", Scheme: "http"}, Options{})
		asked := quiet.asked.Load() // by the first beat
		for range 3 {
			io.WriteString(near, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
			synctest.Wait()
		}
		if n := m.Stats().Requests; n != 3 || quiet.asked.Load() != asked {
			t.Errorf("the log was asked %d times for %d requests, want never for three", quiet.asked.Load()-asked, n)
		}
	})
}

// levels takes Info and counts how often it is asked.
type levels struct {
	*logged
	asked atomic.Int32
}

func (l *levels) Enabled(_ context.Context, level slog.Level) bool {
	l.asked.Add(1)
	return level >= slog.LevelInfo
}
