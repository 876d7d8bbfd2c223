package launch

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCommandLineIsSplitByTheRulesOfWindows(t *testing.T) {
	for line, want := range map[string][]string{
		"":                     nil,
		"  a  b\tc\n":          {"a", "b", "c"},
		`"a b" c`:              {"a b", "c"},
		`a""b ""`:              {"ab", ""},
		`C:\dir\ x`:            {`C:\dir\`, "x"},
		`"C:\my dir\\" x`:      {`C:\my dir\`, "x"},
		`say \"hi\"`:           {"say", `"hi"`},
		`\\server\share`:       {`\\server\share`},
		`a\\\"b "c\\" 'd e'`:   {`a\"b`, `c\`, "'d", "e'"},
		`--url="http://x/?a b`: {"--url=http://x/?a b"},
	} {
		if diff := cmp.Diff(want, splitArguments(line)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", line, diff)
		}
	}
}

func TestVariablesAreExpandedAndUnknownOnesStay(t *testing.T) {
	lookup := environment{"A=1", "B=%A%", "EMPTY="}.lookup
	for text, want := range map[string]string{
		"%A%/%A%": "1/1", "%B%": "%A%", "[%EMPTY%]": "[]", "%NONE%": "%NONE%", "100%": "100%", "%%A%%": "%1%",
		"5% of %A%": "5% of 1", "%": "%", "": "",
	} {
		if got := expand(text, lookup); got != want {
			t.Errorf("%q gives %q, want %q", text, got, want)
		}
	}
}

func TestCommandLineWinsOverProfileAndProfileOverEnvironment(t *testing.T) {
	p := &profile{name: "dev", applicationURL: "http://%HOST%:80;https://%HOST%",
		environment: []string{"SHOP=profile", "ONLY=%HOST%"}}
	got, err := compose([]string{"HOST=h", "SHOP=shell", "LANNER_URLS=http://shell"}, p, []string{"SHOP=given", "X=a=b"})
	if err != nil {
		t.Fatal(err)
	}
	want := environment{"HOST=h", "SHOP=given", "LANNER_URLS=http://h:80;https://h", "LANNER_ENV=Development", "ONLY=h",
		"LANNER_LAUNCH_PROFILE=dev", "X=a=b"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"http://h:80", "https://h"}, got.urls()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestEnvironmentOfTheCallerIsKeptAndDevelopmentIsTheDefault(t *testing.T) {
	got, err := compose([]string{"LANNER_ENV=Staging"}, nil, nil)
	if diff := cmp.Diff(environment{"LANNER_ENV=Staging"}, got); diff != "" || err != nil {
		t.Errorf("what the shell says is meant: %v\n%s", err, diff)
	}
	got, err = compose(nil, &profile{environment: []string{"LANNER_URLS=x"}, applicationURL: "y"}, nil)
	want := environment{"LANNER_ENV=Development", "LANNER_URLS=x", "LANNER_LAUNCH_PROFILE="}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("a variable of the profile wins over its applicationUrl: %v\n%s", err, diff)
	}
	for _, bad := range []string{"NAME", "=value", "A\x00=b"} {
		if _, err := compose(nil, nil, []string{bad}); err == nil || strings.Contains(err.Error(), "value\"") {
			t.Errorf("-e %q is refused without showing a value: %v", bad, err)
		}
	}
}

func TestPageIsTheLaunchURLUnderTheFirstAddress(t *testing.T) {
	for _, c := range []struct {
		urls      []string
		launchURL string
		want      string
	}{
		{[]string{"http://localhost:80", "https://x"}, "", "http://localhost:80/"},
		{[]string{"http://*:8080"}, "swagger?a=1", "http://localhost:8080/swagger?a=1"},
		{[]string{"http://[::]:8080"}, "/swagger", "http://localhost:8080/swagger"},
		{nil, "https://example.org/x", "https://example.org/x"},
		{nil, "", "cannot open a browser: no address is known; give the profile an applicationUrl"},
	} {
		got, err := page(c.urls, c.launchURL)
		if err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%v and %q: %s, want %s", c.urls, c.launchURL, got, c.want)
		}
	}
}

func FuzzLaunchProfiles(f *testing.F) {
	f.Add("a.json", []byte(settings))
	f.Add("a.yaml", []byte("profiles: {a: &a {launchUrl: x}, b: *a}"))
	f.Add("a.yaml", []byte("profiles: &a {b: *a}"))
	f.Add("a.json", []byte(`{"profiles": {"a": {"commandLineArgs": "\uD83D`))
	f.Add("a.json", []byte(`/*`))
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		p, err := parseProfiles(name, data)
		if err != nil {
			return
		}
		for _, one := range p.list {
			if chosen, err := p.choose(one.name); err == nil && chosen != nil && one.name != "" && !strings.EqualFold(chosen.name, one.name) {
				t.Errorf("%q is found as %q", one.name, chosen.name)
			}
			splitArguments(expand(one.commandLine, environment(one.environment).lookup))
		}
	})
}

func FuzzPlainJSONKeepsPositions(f *testing.F) {
	f.Add([]byte("{ // c\n\t\"a\": 1, /* x\ny */ }"))
	f.Fuzz(func(t *testing.T, data []byte) {
		got := plainJSON(data)
		want := strings.TrimPrefix(string(data), "\ufeff")
		if strings.Count(string(got), "\n") != strings.Count(want, "\n") {
			t.Errorf("a mistake must be reported in its line: %q became %q", data, got)
		}
	})
}
