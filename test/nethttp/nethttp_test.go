package main

import (
	"io"
	"os"
	"slices"
	"strings"
	"testing"
)

// TestGosOwnTestsRunOnKestrel runs a few tests for each way a test can end.
func TestGosOwnTestsRunOnKestrel(t *testing.T) {
	const (
		passes   = "TestServerContentTypeSniff"
		fails    = "TestFileServerNullByte"
		skipped  = "TestServerContexts"
		noServer = "TestDetectContentType"
	)
	rep, err := suiteReport(t.Context(), options{run: "^(" + strings.Join([]string{passes, fails, skipped, noServer}, "|") + ")$"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	s := rep.Packages[0]
	for _, want := range []struct {
		what, test string
		got        []string
	}{
		{"passed on kestrel", passes, s.Passed},
		{"failed", fails, s.Failed},
		{"skipped by the table", skipped, s.Skipped["Server.BaseContext and ConnContext"]},
		{"passed without kestrel", noServer, s.Elsewhere},
	} {
		if !slices.Equal(want.got, []string{want.test}) {
			t.Errorf("%s: %q, want %q", want.what, want.got, want.test)
		}
	}
	if !rep.ok() || len(s.Expected) != 1 || s.Expected[0].Test != fails+"/h1" {
		t.Errorf("ok is %v and the expected failures are %v, want true and %s/h1", rep.ok(), s.Expected, fails)
	}
}

func TestAFailureThatIsNotOnTheListIsReported(t *testing.T) {
	all := results{
		"TestA":      {action: "fail", connections: 1},
		"TestA/h1":   {action: "fail", output: []string{"it broke\n"}},
		"TestB":      {action: "pass", connections: 1},
		"TestC":      {action: "fail", connections: 1},
		"TestC/h1":   {action: "fail"},
		"TestOnTime": {action: "pass", connections: 1},
	}
	known := &tables{expected: map[string]map[string]expectation{"p": {
		"TestB/h1":   {Reason: "it was so"},
		"TestC/h1":   {Reason: "it is so"},
		"TestOnTime": {Reason: "it may be so", Sometimes: true},
		"TestNotRun": {Reason: "it was not asked for"},
	}}}
	s := compare("p", all, known)
	if len(s.Unexpected) != 1 || s.Unexpected[0].Test != "TestA/h1" {
		t.Errorf("unexpected failures %v, want the innermost one alone, TestA/h1", s.Unexpected)
	}
	if want := []string{"TestB/h1"}; !slices.Equal(s.Unfailing, want) {
		t.Errorf("on the list and passed: %q, want %q: the list must shrink with each fix", s.Unfailing, want)
	}
	rep := &report{Packages: []*section{s}}
	var out strings.Builder
	if err := rep.write(&out, false); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"FAILS: p TestA/h1\n    it broke\n", "PASSES: p TestB/h1 ", "fails as expected: p TestC/h1\n    it is so\n"} {
		if !strings.Contains(out.String(), text) {
			t.Errorf("the report does not say %q:\n%s", text, out.String())
		}
	}
	if rep.ok() {
		t.Error("the report is fine with that")
	}
	all.replace("TestA", results{"TestA": {action: "pass", connections: 1}, "TestA/h1": {action: "pass"}, "TestB": {action: "fail"}})
	if s := compare("p", all, known); len(s.Unexpected) > 0 || !slices.Contains(s.Passed, "TestA") || !slices.Contains(s.Passed, "TestB") {
		t.Errorf("after a second run of TestA alone: unexpected %v, passed %q, want TestA passed and the others as they were", s.Unexpected, s.Passed)
	}
}

func TestAnUnknownLayoutOfGoIsAnErrorThatSaysWhatToDo(t *testing.T) {
	for name, src := range map[string]string{
		"another method": "package http\nfunc (s *Server) ServeAll() {}\n",
		"another body":   "package http\nfunc (s *Server) Serve() { other := 1 }\n",
		"no source":      "package",
	} {
		if _, err := patchServer("server.go", []byte(src)); err == nil || !strings.Contains(err.Error(), "server.go") {
			t.Errorf("%s: %v, want an error that names the file", name, err)
		}
	}
	if _, _, _, err := patchTests("x_test.go", []byte("package x\nfunc run(t T) {}\n")); err == nil || !strings.Contains(err.Error(), "x_test.go") {
		t.Errorf("a function run without modes: %v, want an error that names the file", err)
	}
}

func TestTestsAreAdapted(t *testing.T) {
	const src = "package x_test\n\nimport \"testing\"\n\n" +
		"func TestA(t *testing.T) { t.Log(1); t.Parallel() }\nfunc TestMain(m *testing.M) {}\nfunc Testing(t *testing.T) {}\nfunc TestB(*testing.T) {}\n" +
		"func run(t T) { t.Run(string(mode), func(t T) { f(t, mode) }) }\n"
	pkg, adapted, names, err := patchTests("x_test.go", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	if pkg != "x_test" || !slices.Equal(names, []string{"TestA"}) {
		t.Errorf("package %s with tests %q, want x_test with TestA: the others are no tests, or cannot be asked", pkg, names)
	}
	want := strings.NewReplacer("T) { t.Log", "T) { lannerBegin(t);  t.Log", "t.Parallel()", "if false { t.Parallel() }", "{ f(t", "{ lannerMode(t, string(mode));  f(t").Replace(src)
	if string(adapted) != want {
		t.Errorf("adapted to\n%s\nwant\n%s", adapted, want)
	}
}

// TestTheReferenceNamesEveryTestOfTheTables keeps the tables for users and those for the command the same.
func TestTheReferenceNamesEveryTestOfTheTables(t *testing.T) {
	known, err := loadTables(true)
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("../../docs/reference/nethttp-compat.md")
	if err != nil {
		t.Fatal(err)
	}
	for path := range known.expected {
		for name, why := range known.expected[path] {
			top, _, _ := strings.Cut(name, "/")
			if !strings.Contains(string(page), top) || !strings.Contains(string(page), why.Reason) {
				t.Errorf("the reference does not give %s, or not with the reason %q", top, why.Reason)
			}
		}
	}
	for path := range known.skipped {
		for _, g := range known.skipped[path] {
			if !strings.Contains(string(page), g.Group) || !strings.Contains(string(page), g.Reason) {
				t.Errorf("the reference does not give the group %q with the reason %q", g.Group, g.Reason)
			}
		}
	}
}
