package conformance

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lannerhq/lanner/internal/memnet"
	"github.com/lannerhq/lanner/kestrel"
	"github.com/lannerhq/lanner/server"
)

// scenario is a row of kestrel-h1-scenarios.jsonl: steps of a client, of the application and of the clock.
type scenario struct {
	Name, Group, Note string
	Config            map[string]any
	Steps             []step
}

// step is one of the kinds below; which one, the field that is set says.
type step struct {
	Send          *string  `json:"send"`
	ForEachByte   *string  `json:"for_each_byte"`
	ThenAdvance   float64  `json:"then_advance_clock_s"`
	RecvPrefix    *string  `json:"recv_prefix"`
	RecvHex       *string  `json:"recv_hex"`
	Advance       *float64 `json:"advance_clock_s"`
	Closed        *bool    `json:"closed"`
	NoBytes       bool     `json:"no_bytes"`
	Aborted       bool     `json:"aborted"`
	App           *string  `json:"app"`
	Client        *string  `json:"client"`
	ClientPaused  *bool    `json:"client_paused"`
	ClientFin     bool     `json:"client_fin"`
	ClientRst     bool     `json:"client_rst"`
	Close         bool     `json:"close"`
	NewConn       bool     `json:"new_conn"`
	CounterIsFree bool     `json:"counter_released"`
	Repeat        int      `json:"repeat"`
	Steps         []step   `json:"steps"`
}

// skipped says why a row is not run, or "".
func (s *scenario) skipped() string {
	switch protocols := s.Config["Protocols"]; protocols {
	case nil, "Http1", "Http1AndHttp2": // cleartext with both is HTTP/1
		return ""
	case "None":
		return "an endpoint without protocols cannot be configured"
	default:
		return fmt.Sprint("an endpoint of HTTP/1.1 has no ", protocols)
	}
}

func TestScenariosOfKestrelHappenOnItsClock(t *testing.T) {
	data, err := os.ReadFile("testdata/kestrel-h1-scenarios.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		var s scenario
		if err := json.Unmarshal([]byte(line), &s); err != nil {
			t.Fatal(err)
		}
		t.Run(s.Name, func(t *testing.T) {
			if why := s.skipped(); why != "" {
				t.Skip(why)
			}
			synctest.Test(t, func(t *testing.T) { newStage(t, s).play() })
		})
	}
}

// stage is a scenario being played.
type stage struct {
	t        *testing.T
	row      scenario
	listener *memnet.Listener
	conns    []*actor
	logged   logged

	mu       sync.Mutex
	requests []*request // in the order of the row
	begun    int        // how many of them the application has seen
	issued   int        // commands that have been issued
}

// request is one request of a row and what the application does with it.
type request struct {
	head     string
	commands []string
	issue    chan string
}

func newStage(t *testing.T, row scenario) *stage {
	s := &stage{t: t, row: row, listener: memnet.Listen(64 << 10)}
	s.collect(row.Steps)
	return s
}

var requestLine = regexp.MustCompile(`^[A-Z]+ \S+ HTTP/`)

// collect finds the requests in the steps, and the commands that follow each.
func (s *stage) collect(steps []step) {
	for _, st := range steps {
		switch {
		case st.Send != nil && requestLine.MatchString(*st.Send):
			s.requests = append(s.requests, &request{head: *st.Send, issue: make(chan string, 100)})
		case st.App != nil && len(s.requests) > 0:
			r := s.requests[len(s.requests)-1]
			r.commands = append(r.commands, *st.App)
		}
		for range st.Repeat {
			s.collect(st.Steps)
		}
	}
}

// next is the request that the application sees next. On connections that are open at once, requests come in the row's
// order, since the client waits for each step.
func (s *stage) next() *request {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.begun >= len(s.requests) {
		return &request{}
	}
	s.begun++
	return s.requests[s.begun-1]
}

func (s *stage) play() {
	srv := kestrel.New(s.options())
	if err := srv.Start(s.t.Context(), server.ContextHandler(s.serve)); err != nil {
		s.t.Fatal(err)
	}
	time.Sleep(500 * time.Millisecond) // between two beats, so that the order of a step and a beat is certain
	s.steps(s.row.Steps)
	for _, r := range s.requests {
		close(r.issue) // a handler that still waits returns
	}
	for _, c := range s.conns {
		c.Close()
		<-c.written
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := srv.Stop(ctx); err != nil {
		s.t.Errorf("stop: %v", err)
	}
	if strings.Contains(s.row.Note, "Debug only") && s.logged.above > 0 {
		s.t.Errorf("%d records above Debug, want none", s.logged.above)
	}
}

func (s *stage) options() kestrel.Options {
	o := kestrel.Options{Endpoints: []kestrel.Endpoint{{Listener: s.listener}}, Logger: slog.New(&s.logged)}
	l := &o.Limits
	for key, value := range s.row.Config {
		switch key {
		case "KeepAliveTimeout_s":
			l.KeepAliveTimeout = seconds(value)
		case "RequestHeadersTimeout_s":
			l.RequestHeadersTimeout = seconds(value)
		case "MinRequestBodyDataRate":
			l.MinRequestBodyDataRate = rate(value)
		case "MinResponseDataRate":
			l.MinResponseDataRate = rate(value)
		case "MaxConcurrentConnections":
			l.MaxConcurrentConnections = int64(value.(float64))
		case "MaxConcurrentUpgradedConnections":
			l.MaxConcurrentUpgradedConnections = int64(value.(float64))
		case "MaxRequestBufferSize":
			s.requestBuffer(l, value)
		case "per_request_MinRequestBodyDataRate", "Protocols":
		default:
			s.t.Fatalf("the row sets %s, which the runner does not know", key)
		}
	}
	return o
}

// requestBuffer sets the size and, as Kestrel's tests do, limits of the head that fit it.
func (s *stage) requestBuffer(l *kestrel.Limits, value any) {
	l.MaxRequestBodySize = kestrel.None
	l.MaxRequestBufferSize = kestrel.None
	if size, ok := value.(float64); ok {
		l.MaxRequestBufferSize = int64(min(size, math.MaxInt64/2))
		l.MaxRequestLineSize = int(min(size, 8192))
		l.MaxRequestHeadersTotalSize = int(min(size, 32768))
	}
}

func seconds(value any) time.Duration { return time.Duration(value.(float64) * float64(time.Second)) }

// rate reads a data rate; null means none.
func rate(value any) server.DataRate {
	m, ok := value.(map[string]any)
	if !ok {
		return server.DataRate{BytesPerSecond: -1}
	}
	return server.DataRate{BytesPerSecond: m["bytesPerSecond"].(float64), Grace: seconds(m["grace_s"])}
}

// logged counts records above Debug.
type logged struct {
	mu    sync.Mutex
	above int
}

func (l *logged) Enabled(_ context.Context, level slog.Level) bool { return level > slog.LevelDebug }
func (l *logged) WithAttrs([]slog.Attr) slog.Handler               { return l }
func (l *logged) WithGroup(string) slog.Handler                    { return l }
func (l *logged) Handle(context.Context, slog.Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.above++
	return nil
}
