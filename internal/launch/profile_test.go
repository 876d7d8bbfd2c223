package launch

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const settings = "\xef\xbb\xbf" + `{
	// a comment with "quotes" and a trailing comma
	"iisSettings": { "iisExpress": { "sslPort": 44300 } },
	"profiles": {
		"IIS Express": { "commandName": "IISExpress", "launchBrowser": true },
		"shop": {
			"commandName": "Project", /* another
			one */
			"commandLineArgs": "--name \"a b\" C:\\dir",
			"launchBrowser": true,
			"launchUrl": "swagger",
			"applicationUrl": "https://localhost:5001;http://localhost:5000",
			"dotnetRunMessages": true,
			"environmentVariables": {
				"SHOP_URL": "http://not-a-comment/*",
				"SHOP_FACE": "\uD83D\uDE00\t\\uD83D",
				"SHOP_N": 3,
			},
		},
		"second": { "commandName": "Project" },
	},
}
`

func TestLaunchSettingsOfDotnetAreRead(t *testing.T) {
	got, err := parseProfiles("launchSettings.json", []byte(settings))
	if err != nil {
		t.Fatal(err)
	}
	want := []profile{
		{name: "IIS Express", commandName: "IISExpress", launchBrowser: true},
		{name: "shop", commandName: "Project", commandLine: `--name "a b" C:\dir`, launchBrowser: true, launchURL: "swagger",
			applicationURL: "https://localhost:5001;http://localhost:5000",
			environment:    []string{"SHOP_URL=http://not-a-comment/*", "SHOP_FACE=😀\t\\uD83D", "SHOP_N=3"}},
		{name: "second", commandName: "Project"},
	}
	if diff := cmp.Diff(want, got.list, cmp.AllowUnexported(profile{})); diff != "" {
		t.Errorf("comments, trailing commas, tabs and keys of other programs do no harm (-want +got):\n%s", diff)
	}
}

func TestOwnFileOfLaunchProfilesIsRead(t *testing.T) {
	got, err := parseProfiles("lanner.launch.yaml", []byte(`
profiles:
  http:
    commandLineArgs: [--name, a b]
    applicationUrl: http://localhost:8080
    workingDirectory: data
    environmentVariables: {SHOP_N: 3, SHOP_EMPTY: }
`))
	if err != nil {
		t.Fatal(err)
	}
	want := []profile{{name: "http", commandName: "Project", arguments: []string{"--name", "a b"},
		applicationURL: "http://localhost:8080", workingDirectory: "data", environment: []string{"SHOP_N=3", "SHOP_EMPTY="}}}
	if diff := cmp.Diff(want, got.list, cmp.AllowUnexported(profile{})); diff != "" {
		t.Errorf("commandName need not be said in a file that is for nothing else (-want +got):\n%s", diff)
	}
}

func TestMistakesInAFileOfLaunchProfilesHaveAPosition(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"f.yaml", "", `f.yaml:1:1: the file has no content; begin with "profiles:"`},
		{"f.yaml", "profile: {}", `f.yaml:1:1: unknown key "profile" in the file; the keys are profiles`},
		{"f.yaml", "- a", `f.yaml:1:1: the file must be a mapping`},
		{"f.yaml", "profiles:\n  a:\n    env: {}", `f.yaml:3:5: unknown key "env" in profile "a"; the keys are ` +
			`commandName, commandLineArgs, applicationUrl, environmentVariables, launchBrowser, launchUrl, workingDirectory`},
		{"f.yaml", "profiles:\n  a: {}\n  A: {}", `f.yaml:3:6: profile "A" differs from "a" only by case, which does not count; rename one`},
		{"f.yaml", "profiles:\n  a: {}\n  a: {}", `f.yaml:3:3: "a" is there twice; remove one`},
		{"f.yaml", "profiles:\n  a: {launchBrowser: perhaps}", `f.yaml:2:22: launchBrowser must be true or false`},
		{"f.yaml", "profiles:\n  a: {applicationUrl: [x]}", `f.yaml:2:23: applicationUrl must be a text`},
		{"f.yaml", "profiles:\n  a: {environmentVariables: {A=B: x}}", `f.yaml:2:35: "A=B" cannot be the name of a variable`},
		{"f.json", "{\n\t\"profiles\": {\n", `f.json:3:1: while parsing a flow node did not find expected node content; check the brackets, quotes and indentation around this place`},
		{"f.json", "{\n\t/* c */ \"profiles\": []}", `f.json:2:22: profiles must be a mapping`},
	} {
		_, err := parseProfiles(c.name, []byte(c.text))
		if _, ok := errors.AsType[*FileError](err); !ok || err.Error() != c.want {
			t.Errorf("%q\n got %v\nwant %s", c.text, err, c.want)
		}
	}
}

func TestProfileIsFoundByNameOrAsTheFirstThatCanRun(t *testing.T) {
	p, err := parseProfiles("launchSettings.json", []byte(settings))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"": "shop", "SECOND": "second",
		"IIS express": `cannot launch profile "IIS express" of launchSettings.json: its commandName is "IISExpress"; only profiles with commandName Project can be launched here`,
		"shpo":        `there is no launch profile "shpo" in launchSettings.json, which has shop, second`,
	} {
		chosen, err := p.choose(name)
		got := ""
		if chosen != nil {
			got = chosen.name
		}
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("--profile %q: %s, want %s", name, got, want)
		}
	}
	if chosen, err := (profiles{}).choose(""); chosen != nil || err != nil {
		t.Errorf("without a file there is no profile, and that is fine: %v, %v", chosen, err)
	}
	if _, err := (profiles{}).choose("x"); err == nil {
		t.Error("a profile that was asked for must be there")
	}
}

func TestProfilesAreLookedForUpToTheModule(t *testing.T) {
	root := t.TempDir()
	home := filepath.Join(root, "cmd", "web")
	write(t, filepath.Join(root, "lanner.launch.yaml"), "profiles: {up: {}}")
	write(t, filepath.Join(home, "main.go"), "package main")
	for _, c := range []struct{ root, want string }{{root, "up"}, {home, ""}} {
		found, err := findProfiles(home, c.root)
		if err != nil {
			t.Fatal(err)
		}
		chosen, _ := found.choose("")
		if got := chosen != nil; got != (c.want != "") {
			t.Errorf("up to %s: found %v, want %q", c.root, got, c.want)
		}
	}
	write(t, filepath.Join(home, "Properties", "launchSettings.json"), `{"profiles": {"near": {"commandName": "Project"}}}`)
	found, err := findProfiles(home, root)
	if err != nil || len(found.list) != 1 || found.list[0].name != "near" {
		t.Errorf("the nearest file counts: %+v, %v", found, err)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
