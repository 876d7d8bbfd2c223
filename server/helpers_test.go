package server_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/lannerhq/lanner/server"
)

func TestCallTurnsAPanicIntoAnError(t *testing.T) {
	call := func(fn func() error) error {
		return server.Call(server.ApplicationFunc(func(*server.Features) error { return fn() }), nil)
	}
	if err := call(func() error { return nil }); err != nil {
		t.Errorf("Call of an application that succeeds: %v", err)
	}
	if err := call(func() error { return errBoom }); err != errBoom {
		t.Errorf("Call of an application that fails: %v, want its error as it is", err)
	}
	err := call(func() error { panic("on purpose") })
	if p := new(server.PanicError); !errors.As(err, &p) || p.Value != "on purpose" || !strings.Contains(string(p.Stack), "helpers_test.go") {
		t.Errorf("Call of an application that panics: %v, want a *PanicError with the value and where it was", err)
	}
	if err := call(func() error { panic(http.ErrAbortHandler) }); err != http.ErrAbortHandler {
		t.Errorf("Call of an application that panics with http.ErrAbortHandler: %v, want it as it is", err)
	}
}

func TestErrorStatusIsTheClientsOr500(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want int
	}{
		{errBoom, 500},
		{&server.BadRequestError{Status: 431}, 431},
		{fmt.Errorf("reading: %w", &server.BadRequestError{Status: 413}), 413},
		{&server.BadRequestError{}, 500},
	} {
		if got := server.ErrorStatus(tt.err); got != tt.want {
			t.Errorf("ErrorStatus(%v) = %d, want %d", tt.err, got, tt.want)
		}
	}
}

func TestResponseStateRunsHooksLastFirst(t *testing.T) {
	var s server.ResponseState
	var ran []string
	note := func(name string) func() { return func() { ran = append(ran, name) } }
	if s.Status() != 200 || s.Started() {
		t.Errorf("a new response has status %d, started %v", s.Status(), s.Started())
	}
	s.OnStarting(note("starting 1"))
	s.OnStarting(func() {
		note("starting 2")()
		s.SetStatus(201)
		s.OnStarting(note("starting 3"))
	})
	s.OnCompleted(note("completed 1"))
	s.OnCompleted(note("completed 2"))
	if !s.Start() || s.Start() {
		t.Error("Start reports something else than true, then false")
	}
	s.SetStatus(500)
	if s.Status() != 201 || !s.Started() {
		t.Errorf("status %d, started %v, want the status that the hook set, since SetStatus came too late", s.Status(), s.Started())
	}
	s.Complete()
	s.Complete()
	want := []string{"starting 2", "starting 3", "starting 1", "completed 2", "completed 1"}
	if !slices.Equal(ran, want) {
		t.Errorf("hooks ran in the order %q, want %q, each once", ran, want)
	}
}

func TestAHookThatWritesStartsTheResponseOnce(t *testing.T) {
	var s server.ResponseState
	inner := false
	s.OnStarting(func() { inner = s.Start() })
	if outer := s.Start(); outer == inner {
		t.Errorf("Start reports %v to the hook and %v outside, want true just once: fields must not be sent twice", inner, outer)
	}
}

func TestAddressesAreFixedOnceBound(t *testing.T) {
	a := server.NewAddresses("http://localhost:5000")
	given := []string{"http://127.0.0.1:0"}
	a.SetAddresses(given)
	given[0] = "changed"
	if got := a.Addresses(); !slices.Equal(got, []string{"http://127.0.0.1:0"}) {
		t.Errorf("Addresses() = %q, want a copy of what was set", got)
	}
	a.Bind("http://127.0.0.1:1234")
	a.SetAddresses([]string{"http://127.0.0.1:1"})
	if got := a.Addresses(); !slices.Equal(got, []string{"http://127.0.0.1:1234"}) {
		t.Errorf("Addresses() = %q, want what is bound", got)
	}
	if a.PreferHostingURLs() {
		t.Error("hosting addresses are preferred although nobody said so")
	}
	a.SetPreferHostingURLs(true)
	if !a.PreferHostingURLs() {
		t.Error("hosting addresses are not preferred although it was said")
	}
}
