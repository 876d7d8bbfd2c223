package accesslog

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
)

// sink is a writer whose behaviour a test decides.
type sink struct {
	mu    sync.Mutex
	got   bytes.Buffer
	calls int
	room  int           // how many bytes are taken before err; used while err is set
	err   error         // nil takes everything
	block chan struct{} // each call waits for it to be closed, when set
}

func (s *sink) Write(p []byte) (int, error) {
	s.mu.Lock()
	block := s.block
	s.mu.Unlock()
	if block != nil {
		<-block
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	if s.err != nil {
		n := min(s.room, len(p))
		s.room -= n
		s.got.Write(p[:n])
		return n, s.err
	}
	return s.got.Write(p)
}

func (s *sink) set(err error, room int) {
	s.mu.Lock()
	s.err, s.room = err, room
	s.mu.Unlock()
}

func (s *sink) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.got.String()
}

func (s *sink) want(t *testing.T, why string, calls int, targets ...string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.calls != calls {
		t.Errorf("%s: the writer was called %d times, want %d", why, s.calls, calls)
	}
	wantTargets(t, why, s.got.String(), targets...)
}

// visit is an exchange of which a test only looks at the target.
func visit(target string) *Entry {
	return &Entry{Time: begun, RemoteAddr: "203.0.113.7:1", Method: "GET", Target: target, Protocol: "HTTP/1.1", Status: 200}
}

// visits are targets of equal length, a to z and on.
func visits(n int) (targets []string) {
	for i := range n {
		targets = append(targets, fmt.Sprintf("/%05d", i))
	}
	return
}

// visitSize is the length of the line of one of visits.
var visitSize = len(CLF.Append(nil, visit("/00000")))

// wantTargets compares the targets of the lines of CLF with those wanted, and that all lines are whole.
func wantTargets(t *testing.T, why, text string, targets ...string) {
	t.Helper()
	var got []string
	for line := range strings.Lines(text) {
		if !clfLine.MatchString(line) {
			t.Fatalf("%s: not a whole line: %q", why, line)
		}
		got = append(got, strings.Fields(line)[6])
	}
	if !slices.Equal(got, targets) {
		t.Errorf("%s: %d lines are written, want %d: %v, want %v", why, len(got), len(targets), got, targets)
	}
}

// journal is a logger that keeps messages and the number of dropped entries.
type journal struct {
	slog.Handler
	mu    sync.Mutex
	lines []string
}

func newJournal() (*slog.Logger, *journal) {
	j := &journal{Handler: slog.DiscardHandler}
	return slog.New(j), j
}

func (j *journal) Enabled(context.Context, slog.Level) bool { return true }

func (j *journal) Handle(_ context.Context, r slog.Record) error {
	line := r.Level.String() + " " + r.Message
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "dropped" {
			line += " " + a.String()
		}
		return true
	})
	j.mu.Lock()
	j.lines = append(j.lines, line)
	j.mu.Unlock()
	return nil
}

func (j *journal) want(t *testing.T, lines ...string) {
	t.Helper()
	j.mu.Lock()
	defer j.mu.Unlock()
	if !slices.Equal(j.lines, lines) {
		t.Errorf("the logger was told\n%s\nwant\n%s", strings.Join(j.lines, "\n"), strings.Join(lines, "\n"))
	}
}
