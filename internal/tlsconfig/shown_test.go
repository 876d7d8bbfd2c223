package tlsconfig

import (
	"crypto/tls"
	"testing"
	"testing/synctest"
	"time"
)

// elsewhere is a server that makes handshakes by what a Store shows, as another process would.
func elsewhere(t *testing.T, s *Store, name string) *tls.Config {
	t.Helper()
	shown := s.Shown(name)
	if shown == nil {
		t.Fatalf("nothing is shown for %q", name)
	}
	cfg := &tls.Config{MinVersion: shown.Config.MinVersion, NextProtos: shown.Config.NextProtos}
	for _, c := range shown.Certificates {
		cfg.Certificates = append(cfg.Certificates, *c)
	}
	keys, _ := shown.Tickets()
	cfg.SetSessionTicketKeys(keys)
	return cfg
}

func TestSomebodyElseMakesTheSameHandshakes(t *testing.T) {
	root, dir := newAuthority(t), t.TempDir()
	a, b := writePair(t, dir, "a", issue(t, root, "a")), writePair(t, dir, "b", issue(t, root, "*.b"))
	s := open(t, Options{Names: map[string]Name{"a": {Sources: []Source{a}, Owner: "one"}, "*.b": {Sources: []Source{b}, Owner: "two"}}})
	c := remembers(client(root, "a"))
	if resumed(t, s, c) {
		t.Error("the first handshake resumes something")
	}
	state, err := shake(elsewhere(t, s, "a"), c)
	if err != nil || !state.DidResume {
		t.Errorf("with somebody else: %v, resumed %v, want the Store's ticket to be taken", err, state.DidResume)
	}
	if state, err := shake(elsewhere(t, s, "x.b"), client(root, "x.b")); err != nil || state.DidResume {
		t.Errorf("another name: %v, resumed %v", err, state.DidResume)
	}
	if owner := s.Shown("x.b").Owner; owner != "two" {
		t.Errorf("what is shown for x.b is %q's", owner)
	}
	if s.Shown("c") != nil {
		t.Error("something is shown for a name that handshakes are refused for")
	}
	if one, two := s.Shown("a"), s.Shown("x.b"); one.Same(two) || one.Label == two.Label || !one.Same(s.Shown("A")) {
		t.Error("two names are taken for one, or one for two")
	}
}

func TestTicketsOfANameDifferByItsOwner(t *testing.T) {
	root, dir := newAuthority(t), t.TempDir()
	pair, keys := writePair(t, dir, "a", issue(t, root, "a")), openTickets(t, TicketOptions{})
	of := func(owner string) *Store {
		return open(t, Options{Names: map[string]Name{"a": {Sources: []Source{pair}, Owner: owner}}, Tickets: keys})
	}
	one, two := of("one"), of("two")
	c := remembers(client(root, "a"))
	if resumed(t, one, c) || !resumed(t, of("one"), c) {
		t.Error("the same owner does not take its ticket")
	}
	if resumed(t, two, c) {
		t.Error("another owner of the name takes the ticket")
	}
	mine, _ := one.Shown("a").Tickets()
	theirs, _ := two.Shown("a").Tickets()
	if mine[0] == theirs[0] {
		t.Error("two owners have one key")
	}
}

func TestShownTellsOfOtherCertificatesAndKeys(t *testing.T) {
	root, dir := newAuthority(t), t.TempDir()
	pair := writePair(t, dir, "a", issue(t, root, "a"))
	synctest.Test(t, func(t *testing.T) {
		opts := only(pair)
		opts.Tickets = openTickets(t, TicketOptions{Rotation: time.Hour})
		opts.Tickets.Start()
		s := open(t, opts)
		before := s.Shown("a")
		_, version := before.Tickets()
		if !before.Same(s.Shown("a")) || before.TicketsVersion() != version {
			t.Error("something has changed by itself")
		}
		time.Sleep(2 * time.Hour)
		if before.TicketsVersion() == version || !before.Same(s.Shown("a")) {
			t.Error("rotated keys are not told of, or taken for another certificate")
		}
		replacePair(t, dir, "a", issue(t, root, "a"))
		if err := s.Reload(); err != nil {
			t.Fatal(err)
		}
		if before.Same(s.Shown("a")) {
			t.Error("another certificate is taken for the same")
		}
		opts.Tickets.Close()
	})
}

func TestNothingIsShownThatAFunctionDecides(t *testing.T) {
	root := newAuthority(t)
	opts := only(writePair(t, t.TempDir(), "a", issue(t, root, "a")))
	opts.Base = &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return nil, nil }}
	if open(t, opts).Shown("a") != nil {
		t.Error("somebody else would make handshakes that the function has a say in")
	}
}
