//go:build unix

package module

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// folder makes an application's folder with the files named.
func folder(t *testing.T, files ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("#!/bin/sh\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func noEnv(string) (string, bool) { return "", false }

func envOf(kv ...string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		for i := 0; i < len(kv); i += 2 {
			if kv[i] == name {
				return kv[i+1], true
			}
		}
		return "", false
	}
}

// config wraps an aspNetCore element into a file.
func config(section string) string {
	return "<configuration>\n<system.webServer>\n" + section + "\n</system.webServer>\n</configuration>\n"
}

func TestPublishedFolderNeedsNoOtherConfiguration(t *testing.T) {
	text, err := os.ReadFile("testdata/published.web.config")
	if err != nil {
		t.Fatal(err)
	}
	dir := folder(t, "App.dll")
	if err := os.WriteFile(filepath.Join(dir, "web.config"), append([]byte("\xef\xbb\xbf"), text...), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := ReadWebConfig(dir, noEnv)
	if err != nil {
		t.Fatal(err)
	}
	want := &WebConfig{ // with the defaults of the module's schema
		Command: []string{"dotnet", "./App.dll"}, HostingModel: "inprocess",
		StartLimit: 120 * time.Second, StopLimit: 10 * time.Second, RapidFailsPerMinute: 10,
		RequestTimeout: 2 * time.Minute, ProcessesPerApplication: 1, ForwardWindowsAuthToken: true,
		HandlerSettings: map[string]string{},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("settings (-want +got):\n%s", d)
	}
}

func TestEverySettingIsRead(t *testing.T) {
	dir := folder(t, "bin/app")
	text := `<configuration>
  <location path="admin"><system.webServer><aspNetCore processPath="wrong" /></system.webServer></location>
  <system.webServer><aspNetCore processPath="wrong too" /></system.webServer>
  <location path="">
    <system.webServer>
      <aspNetCore processPath="bin\app.exe" arguments="--port %HTTP_PLATFORM_PORT% &quot;two words&quot; %WHO% %UNKNOWN%"
          hostingModel="OutOfProcess" startupTimeLimit="3600" shutdownTimeLimit="0" rapidFailsPerMinute="100"
          requestTimeout="360:00:00" stdoutLogEnabled="TRUE" stdoutLogFile="%WHO%\logs\out" processesPerApplication="4"
          forwardWindowsAuthToken="false" disableStartUpErrorPage="true">
        <environmentVariables>
          <environmentVariable name="ASPNETCORE_ENVIRONMENT" value="Development" />
          <environmentVariable name="EMPTY" value="" />
          <environmentVariable name="LISTEN" value="%ASPNETCORE_PORT% for %WHO%" />
        </environmentVariables>
        <handlerSettings><handlerSetting name="debugLevel" value="FILE,TRACE" /></handlerSettings>
        <recycleOnFileChange><file path="x" /></recycleOnFileChange>
      </aspNetCore>
      <security><requestFiltering><requestLimits maxAllowedContentLength="4294967295" /></requestFiltering></security>
    </system.webServer>
  </location>
</configuration>`
	got, err := parseWebConfig(filepath.Join(dir, "web.config"), []byte(text), envOf("WHO", "me"))
	if err != nil {
		t.Fatal(err)
	}
	want := &WebConfig{
		Command:      []string{dir + "/bin/app", "--port", "%HTTP_PLATFORM_PORT%", "two words", "me", "%UNKNOWN%"},
		HostingModel: "outofprocess", StartLimit: time.Hour, RapidFailsPerMinute: 100, RequestTimeout: 360 * time.Hour,
		StdoutLog: dir + "/me/logs/out", ProcessesPerApplication: 4, DisableStartUpErrorPage: true,
		Vars: []Variable{
			{"ASPNETCORE_ENVIRONMENT", "Development"}, {"EMPTY", ""}, {"LISTEN", "%ASPNETCORE_PORT% for me"},
		},
		HandlerSettings: map[string]string{"debuglevel": "FILE,TRACE"}, MaxRequestBody: 4294967295,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("settings (-want +got):\n%s", d)
	}
}

func TestProgramsAreFoundAsInTheOriginal(t *testing.T) {
	dir := folder(t, "app", "both", "both.exe", "sub dir/app", "App.dll", "bin/Ünicode App.dll")
	tools := folder(t, "dotnet")
	path := envOf("PATH", tools, "ANCM", "x")
	launcher := envOf("ANCM_LAUNCHER_PATH", "/usr/bin/debugger", "ANCM_LAUNCHER_ARGS", `-a "b c"`)
	cases := []struct {
		why, process, arguments string
		env                     func(string) (string, bool)
		want                    []string
	}{
		{"in the folder", `.\app`, "", path, []string{dir + "/app"}},
		{"in the folder, .exe dropped", `app.exe`, "", path, []string{dir + "/app"}}, // an-067
		{"with .exe if that is there", `both.exe`, "", path, []string{dir + "/both.exe"}},
		{"in a sub folder", `sub dir\app.EXE`, "", path, []string{dir + "/sub dir/app"}}, // an-088
		{"absolute", tools + "/dotnet", "", path, []string{tools + "/dotnet"}},           // an-062
		{"absolute, .exe dropped", tools + "/dotnet.exe", "", path, []string{tools + "/dotnet"}},
		{"by PATH", "dotnet", "", path, []string{"dotnet"}},                                                                                                               // an-064
		{"by PATH, .exe dropped", "dotnet.EXE", "", path, []string{"dotnet"}},                                                                                             // an-064
		{"nowhere: the start will say so", "bogus", "", path, []string{"bogus"}},                                                                                          // an-057
		{"a launcher wins", "dotnet", "App.dll", launcher, []string{"/usr/bin/debugger", "-a", "b c"}},                                                                    // an-095
		{"exec, quotes, more arguments", "dotnet", `exec "App.dll" extra arguments`, path, []string{"dotnet", "exec", "App.dll", "extra", "arguments"}},                   // an-082
		{"a folder with a blank, not ASCII", "dotnet", `".\bin\Ünicode App.dll" "extra arguments"`, path, []string{"dotnet", "./bin/Ünicode App.dll", "extra arguments"}}, // an-083
		{"a dll that is not there yet", "dotnet", `bin\Other.dll`, path, []string{"dotnet", "bin/Other.dll"}},
		{"a file that is there", "dotnet", `sub" "dir\app`, path, []string{"dotnet", "sub dir/app"}},
		{"what is no path keeps its backslashes", "dotnet", `App.dll --match \d+\w`, path, []string{"dotnet", "App.dll", "--match", `\d+\w`}},
	}
	for _, c := range cases {
		t.Run(c.why, func(t *testing.T) {
			section := `<aspNetCore processPath="` + c.process + `" arguments="` + strings.ReplaceAll(c.arguments, `"`, "&quot;") + `" />`
			got, err := parseWebConfig(filepath.Join(dir, "web.config"), []byte(config(section)), c.env)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(c.want, got.Command); d != "" {
				t.Errorf("command (-want +got):\n%s", d)
			}
		})
	}
}

func TestWebConfigErrorsNamePlaceAndReason(t *testing.T) {
	attr := func(s string) string { return config(`<aspNetCore processPath="app" ` + s + ` />`) }
	inner := func(s string) string { return config("<aspNetCore processPath=\"app\">\n" + s + "\n</aspNetCore>") }
	cases := []struct{ why, text, want string }{
		{"no program", config(`<aspNetCore arguments="x" />`), "web.config:3:1: Attribute 'processPath' is required."},
		{"an empty program", config(`<aspNetCore processPath="" />`), "Attribute 'processPath' is required."},                                                                                                                                         // an-079
		{"an unknown hosting model", attr(`hostingModel="bogus"`), `Unknown hosting model 'bogus'. Please specify either hostingModel="inprocess" or hostingModel="outofprocess"`},                                                                    // an-078, an-080
		{"<add> as in other sections", inner(`<environmentVariables><add name="A" value="b" /></environmentVariables>`), "Unable to get required configuration section 'system.webServer/aspNetCore'. Possible reason is web.config authoring error"}, // an-081
		{"an unknown element", inner(`<environment />`), "web.config:4:1: Unable to get"},
		{"an unknown attribute", attr(`processpath="x"`), "unrecognized attribute 'processpath'"},
		{"a variable without name", inner(`<environmentVariables><environmentVariable value="b" /></environmentVariables>`), "Attribute 'name' is required."},
		{"a variable without value", inner(`<environmentVariables><environmentVariable name="b" /></environmentVariables>`), "Attribute 'value' is required."},
		{"a variable that cannot be", inner(`<environmentVariables><environmentVariable name="a=b" value="" /></environmentVariables>`), "cannot hold ="},
		{"a variable twice", inner(`<environmentVariables><environmentVariable name="b" value="1" /><environmentVariable name="b" value="2" /></environmentVariables>`), "'b' is set twice"},
		{"a setting without value", inner(`<handlerSettings><handlerSetting name="b" /></handlerSettings>`), "'name' and 'value'"},
		{"a setting of another kind", inner(`<handlerSettings><add /></handlerSettings>`), "element 'add'"},
		{"a number out of range", attr(`startupTimeLimit="3601"`), "from 0 to 3600"},
		{"a number that is none", attr(`shutdownTimeLimit="ten"`), "from 0 to 600"},
		{"too few processes", attr(`processesPerApplication="0"`), "from 1 to 100"},
		{"too many failures", attr(`rapidFailsPerMinute="101"`), "from 0 to 100"},
		{"neither true nor false", attr(`stdoutLogEnabled="yes"`), "true or false"},
		{"60 seconds", attr(`requestTimeout="00:00:60"`), "hours:minutes:seconds"},
		{"no time", attr(`requestTimeout="120"`), "hours:minutes:seconds"},
		{"too long", attr(`requestTimeout="360:00:01"`), "at most 360:00:00"},
		{"a body limit that is none", "<configuration><system.webServer><aspNetCore processPath=\"a\"/><security><requestFiltering><requestLimits maxAllowedContentLength=\"30MB\"/></requestFiltering></security></system.webServer></configuration>", "maxAllowedContentLength"},
		{"a path of Windows", config(`<aspNetCore processPath="C:\Program Files\dotnet\dotnet.exe" />`), "a path of Windows"},
		{"the web.config of a project", config(`<aspNetCore processPath="%LAUNCHER_PATH%" arguments="%LAUNCHER_ARGS%" />`), "LAUNCHER_PATH is not set"},
		{"no section", config(""), "there is no section system.webServer/aspNetCore"},
		{"another folder's section only", `<configuration><location path="sub"><system.webServer><aspNetCore processPath="a"/></system.webServer></location></configuration>`, "there is no section"},
		{"an empty file", "", "there must be one root element"},
		{"torn off", "<configuration>\n<system.webServer>", "not a well-formed XML document"},
		{"another encoding", `<?xml version="1.0" encoding="utf-16"?><configuration/>`, "save the file as UTF-8"},
		{"nested without end", strings.Repeat("<a>", 100), "nested deeper"},
	}
	for _, c := range cases {
		t.Run(c.why, func(t *testing.T) {
			got, err := parseWebConfig("/srv/app/web.config", []byte(c.text), noEnv)
			if err == nil {
				t.Fatalf("it was read as %+v", got)
			}
			if _, ok := errors.AsType[*ConfigError](err); !ok || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "/srv/app/web.config:") {
				t.Errorf("error %q, want %q", err, c.want)
			}
		})
	}
}

func TestFilesThatCannotBeReadAreErrors(t *testing.T) {
	dir := t.TempDir()
	if _, err := ReadWebConfig(dir, noEnv); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "web.config"), make([]byte, maxWebConfig+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadWebConfig(dir, noEnv); err == nil || !strings.Contains(err.Error(), "larger") {
		t.Errorf("a huge file: %v", err)
	}
}

func TestLogFileIsNamedAsInTheOriginal(t *testing.T) { // an-104
	at := time.Date(2026, 10, 6, 2, 17, 9, 0, time.FixedZone("", 2*3600))
	if got := StdoutLogPath("/srv/logs/stdout", at, 42); got != "/srv/logs/stdout_20261006001709_42.log" {
		t.Errorf("prefix, time of the start in UTC, process id: %q", got)
	}
}

func TestCommandLinesAreSplitAsOnWindows(t *testing.T) {
	cases := []struct {
		line string
		want []string
	}{
		{``, nil},
		{`  `, nil},
		{`a  b	c`, []string{"a", "b", "c"}},
		{`"a b" c`, []string{"a b", "c"}},
		{`a" "b`, []string{"a b"}},
		{`""`, []string{""}},
		{`a "" b`, []string{"a", "", "b"}},
		{`"ab\"c" "\\" d`, []string{`ab"c`, `\`, "d"}},
		{`a\\\b d"e f"g h`, []string{`a\\\b`, "de fg", "h"}},
		{`a\\\"b c d`, []string{`a\"b`, "c", "d"}},
		{`a\\\\"b c" d e`, []string{`a\\b c`, "d", "e"}},
		{`a"b"" c d`, []string{`ab" c d`}},
		{`c:\dir\ x`, []string{`c:\dir\`, "x"}},
		{`"no end`, []string{"no end"}},
	}
	for _, c := range cases {
		if d := cmp.Diff(c.want, splitArguments(c.line)); d != "" {
			t.Errorf("%s (-want +got):\n%s", c.line, d)
		}
	}
}

func FuzzSplitArguments(f *testing.F) {
	f.Add(`exec "App.dll" a\\\"b ""`)
	f.Add(`"\\" x`)
	f.Fuzz(func(t *testing.T, line string) {
		args := splitArguments(line)
		// Quoted by Windows' rules, the arguments come back as they are.
		var b strings.Builder
		for _, arg := range args {
			b.WriteByte('"')
			slashes := 0
			for i := range len(arg) {
				switch arg[i] {
				case '\\':
					slashes++
				case '"':
					b.WriteString(strings.Repeat(`\`, slashes+1))
					slashes = 0
				default:
					slashes = 0
				}
				b.WriteByte(arg[i])
			}
			b.WriteString(strings.Repeat(`\`, slashes) + `" `)
		}
		if d := cmp.Diff(args, splitArguments(b.String())); d != "" {
			t.Errorf("%q quoted as %q (-want +got):\n%s", line, b.String(), d)
		}
	})
}

func FuzzWebConfig(f *testing.F) {
	text, err := os.ReadFile("testdata/published.web.config")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(text))
	f.Add(config(`<aspNetCore processPath="a" requestTimeout="1.00:00:00"><environmentVariables><clear/></environmentVariables></aspNetCore>`))
	f.Fuzz(func(t *testing.T, s string) {
		c, err := parseWebConfig("/nonexistent/web.config", []byte(s), noEnv)
		if err == nil && (len(c.Command) == 0 || c.Command[0] == "" || c.RequestTimeout < 0 || c.ProcessesPerApplication < 1) {
			t.Errorf("%q gives %+v", s, c)
		}
	})
}
