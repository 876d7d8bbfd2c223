package servertest

import (
	"context"
	"errors"
	"testing"

	"github.com/lannerhq/lanner/server"
)

// startCheck comes first: all others need it.
var startCheck = check{"StartBindsAndPublishesItsAddresses", func(t *testing.T, s suite) {
	r := s.start(t, hello)
	c := r.dial()
	c.send("GET / HTTP/1.1", "Host: a", "")
	c.wantBody("the application's answer at the published address", 200, "hello")
}}

var lifecycleChecks = []check{
	{"TheAddressesAreThoseSetThenThoseBound", func(t *testing.T, s suite) {
		srv := s.newServer()
		addresses, ok := server.Get[server.ServerAddressesFeature](srv.Features())
		if !ok {
			t.Skip("this server chooses its addresses by itself")
		}
		addresses.SetAddresses([]string{"http://127.0.0.1:0"})
		if got := addresses.Addresses(); len(got) != 1 || got[0] != "http://127.0.0.1:0" {
			t.Errorf("Addresses() before Start = %q, want what was set", got)
		}
		addresses.SetPreferHostingURLs(true)
		if !addresses.PreferHostingURLs() {
			t.Error("PreferHostingURLs() is false after it was set")
		}
		r := s.startServer(t, srv, server.ApplicationFunc(hello))
		if got := addresses.Addresses(); len(got) != 1 {
			t.Errorf("Addresses() after Start = %q, want one for the one that was set", got)
		}
		addresses.SetAddresses([]string{"http://127.0.0.1:1"})
		if got := addresses.Addresses(); len(got) != 1 || got[0] != "http://"+r.addr {
			t.Errorf("Addresses() = %q after a SetAddresses that came too late, want what is bound", got)
		}
		r.get("an answer", "/", 200)
	}},
	{"AnAddressThatCannotBeBoundFailsTheStart", func(t *testing.T, s suite) {
		first := s.start(t, hello)
		second := s.newServer()
		addresses, ok := server.Get[server.ServerAddressesFeature](second.Features())
		if !ok {
			t.Skip("this server chooses its addresses by itself")
		}
		addresses.SetAddresses([]string{"http://" + first.addr})
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		if err := second.Start(ctx, server.ApplicationFunc(hello)); err == nil {
			t.Errorf("Start on %s, which another server has bound, returned nil: want an error", first.addr)
		}
		if err := second.Stop(ctx); err != nil {
			t.Errorf("Stop after a Start that failed: %v, want nil", err)
		}
		first.get("the first server is not disturbed", "/", 200)
	}},
	{"StartTwiceIsErrStarted", func(t *testing.T, s suite) {
		r := s.start(t, hello)
		if err := r.srv.Start(t.Context(), server.ApplicationFunc(hello)); !errors.Is(err, server.ErrStarted) {
			t.Errorf("the second Start returned %v, want server.ErrStarted", err)
		}
		r.get("the server goes on to serve", "/", 200)
	}},
	{"StartAfterStopIsErrStopped", func(t *testing.T, s suite) {
		r := s.start(t, hello)
		if err := r.stop(patience); err != nil {
			t.Errorf("Stop with no request running: %v, want nil", err)
		}
		if err := r.srv.Start(t.Context(), server.ApplicationFunc(hello)); !errors.Is(err, server.ErrStopped) {
			t.Errorf("Start after Stop returned %v, want server.ErrStopped", err)
		}
	}},
	{"StopBeforeStartIsFineAndFinal", func(t *testing.T, s suite) {
		srv := s.newServer()
		askForAnyPort(srv)
		if err := srv.Stop(t.Context()); err != nil {
			t.Errorf("Stop of a server that was never started: %v, want nil since no request is aborted", err)
		}
		if err := srv.Start(t.Context(), server.ApplicationFunc(hello)); !errors.Is(err, server.ErrStopped) {
			t.Errorf("Start after Stop returned %v, want server.ErrStopped", err)
		}
	}},
	{"TheContextOfStartDoesNotEndTheServer", func(t *testing.T, s suite) {
		srv := s.newServer()
		askForAnyPort(srv)
		ctx, cancel := context.WithCancel(t.Context())
		if err := srv.Start(ctx, server.ApplicationFunc(hello)); err != nil {
			t.Fatalf("Start: %v", err)
		}
		r := &running{t: t, srv: srv, addr: boundAddress(t, srv)}
		t.Cleanup(r.cleanup)
		cancel()
		r.get("the server goes on to serve: the context bounds the start alone", "/", 200)
	}},
}
