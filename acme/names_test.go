package acme

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
)

func options(t *testing.T) Options {
	return Options{Names: []string{"one.test"}, AgreeToTerms: true, Folder: t.TempDir() + "/acme", Logger: slog.New(slog.DiscardHandler)}
}

func TestSetNamesReplacesWhatIsManaged(t *testing.T) {
	opts := options(t)
	opts.Names = []string{"one.test", "two.test"}
	m, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	names := func() string {
		var list []string
		for _, c := range m.Certificates() {
			list = append(list, c.Name)
		}
		return strings.Join(list, " ")
	}
	if err := m.SetNames([]string{"two.test", "THREE.test.", "three.test"}); err != nil || names() != "three.test two.test" {
		t.Errorf("%v, managed are %q, want three.test two.test", err, names())
	}
	err = m.SetNames([]string{"four.test", "not a name", "*.test.example"})
	if err == nil || !strings.Contains(err.Error(), `"not a name"`) || !strings.Contains(err.Error(), "*.test.example") || names() != "three.test two.test" {
		t.Errorf("%v, managed are %q, want every mistake and no change", err, names())
	}
	if err := m.SetNames(nil); err != nil || names() != "" {
		t.Errorf("%v, managed are %q, want none", err, names())
	}
}

// A name whose order is under way cannot be forgotten before that has ended, and may be wanted again by then.
func TestANameThatIsDroppedWhileItIsOrderedIsForgottenAfterwards(t *testing.T) {
	m, err := New(options(t))
	if err != nil {
		t.Fatal(err)
	}
	running := func(name string) *attempt {
		a := &attempt{entry: m.entries[name], done: make(chan struct{})}
		a.entry.running = a
		return a
	}
	if err := m.SetNames([]string{"one.test", "two.test"}); err != nil {
		t.Fatal(err)
	}
	one, two := running("one.test"), running("two.test")
	if err := m.SetNames(nil); err != nil || len(m.Certificates()) != 0 || m.manages("one.test") {
		t.Errorf("%v, a name that is dropped is listed or managed", err)
	}
	if err := m.SetNames([]string{"two.test"}); err != nil || !m.manages("two.test") || m.entries["two.test"].running != two {
		t.Errorf("%v, a name that is wanted again has another entry", err)
	}
	m.finish(one, result{err: errors.New("the authority is away")})
	if m.entries["one.test"] != nil || m.entries["two.test"] == nil {
		t.Errorf("left are %v, want two.test alone", m.entries)
	}
}

func TestOnlyOpenChallengesOfManagedNamesAreAnswered(t *testing.T) {
	opts := options(t)
	opts.Names = []string{"one.test"}
	m, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := m.ChallengeResponse("one.test", challengePath+"abc"); ok {
		t.Error("a challenge was answered before Start")
	}
	if c := m.Served("one.test"); c != nil {
		t.Errorf("%v is served before Start", c)
	}
}
