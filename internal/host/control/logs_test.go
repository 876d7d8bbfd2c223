package control

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func line(n int) LogLine {
	return LogLine{Time: since, Site: "shop", Application: "/", Worker: 2, PID: 4712, Stream: "stdout",
		Text: fmt.Sprintf("line %d <&>\x1b[1m", n)}
}

func TestLogLinesArriveInOrderAndUnchanged(t *testing.T) {
	host := newFakeHost()
	var asked LogQuery
	host.logs = func(_ context.Context, q LogQuery, emit func(LogLine) error) error {
		asked = q
		for n := range 3 {
			if err := emit(line(n)); err != nil {
				return err
			}
		}
		return nil
	}
	_, c := start(t, host)
	want := LogQuery{Site: "shop", Application: "/", Tail: TailAll}
	var got []LogLine
	err := c.Logs(t.Context(), want, func(l LogLine) error { got = append(got, l); return nil })
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Errorf("the host is asked what the client was asked (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]LogLine{line(0), line(1), line(2)}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// endless emits one line and then follows until ctx ends, which it reports.
func endless(ended chan error) func(context.Context, LogQuery, func(LogLine) error) error {
	return func(ctx context.Context, _ LogQuery, emit func(LogLine) error) error {
		if err := emit(line(0)); err != nil {
			return err
		}
		<-ctx.Done()
		ended <- context.Cause(ctx)
		return nil
	}
}

func TestFollowedLineArrivesAtOnceAndTheHostLearnsThatTheClientHasGone(t *testing.T) {
	host, ended := newFakeHost(), make(chan error, 1)
	host.logs = endless(ended)
	_, c := start(t, host)
	ctx, cancel := context.WithCancel(t.Context())
	err := c.Logs(ctx, LogQuery{Site: "shop", Follow: true}, func(LogLine) error { cancel(); return nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("the caller's own cancellation comes back: %v", err)
	}
	<-ended
}

func TestStopEndsFollowersCleanly(t *testing.T) {
	host, ended := newFakeHost(), make(chan error, 1)
	host.logs = endless(ended)
	s, c := start(t, host)
	first, done := make(chan struct{}), make(chan error, 1)
	go func() {
		done <- c.Logs(t.Context(), LogQuery{Site: "shop", Follow: true}, func(LogLine) error { close(first); return nil })
	}()
	<-first
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := s.socketStop(ctx); err != nil {
		t.Error(err)
	}
	if ctx.Err() != nil {
		t.Error("a follower does not hold the stop up to its limit")
	}
	if err := <-done; err != nil {
		t.Errorf("the stream ends, it does not break: %v", err)
	}
	if err := <-ended; !errors.Is(err, errStopping) {
		t.Errorf("the host is told why: %v", err)
	}
}

// socketStop stops without removing the socket, so that the clean-up of start can do that.
func (s *Server) socketStop(ctx context.Context) error {
	s.endStreams(errStopping)
	return s.http.Shutdown(ctx)
}

func TestFailureInTheMiddleOfAStreamIsTold(t *testing.T) {
	host := newFakeHost()
	host.logs = func(_ context.Context, _ LogQuery, emit func(LogLine) error) error {
		if err := emit(line(0)); err != nil {
			return err
		}
		return errors.New("cannot read /var/log/lanner/shop.log: input/output error")
	}
	_, c := start(t, host)
	n := 0
	err := c.Logs(t.Context(), LogQuery{Site: "shop"}, func(LogLine) error { n++; return nil })
	if n != 1 || err == nil || err.Error() != "cannot read /var/log/lanner/shop.log: input/output error" {
		t.Errorf("one line and then the reason: %d lines, %v", n, err)
	}
}

func TestEmitEndsTheStreamWithItsError(t *testing.T) {
	host, ended := newFakeHost(), make(chan error, 1)
	host.logs = endless(ended)
	_, c := start(t, host)
	pipe := errors.New("broken pipe")
	err := c.Logs(t.Context(), LogQuery{Site: "shop", Follow: true}, func(LogLine) error { return pipe })
	if !errors.Is(err, pipe) {
		t.Errorf("the reader's error comes back: %v", err)
	}
	<-ended
}
