//go:build unix

package module

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func settings() Settings {
	return Settings{Port: 12345, Token: TokenFrom("secret"), ApplPath: "/sub", Site: "shop", Worker: "3"}
}

// moduleVars is what the child gets with the settings above and nothing else.
var moduleVars = []string{
	"ASPNETCORE_PORT=12345",
	"ASPNETCORE_APPL_PATH=/sub",
	"ASPNETCORE_TOKEN=secret",
	"ASPNETCORE_IIS_HTTPAUTH=anonymous;",
	"ASPNETCORE_IIS_WEBSOCKETS_SUPPORTED=true",
	"ASPNETCORE_URLS=http://127.0.0.1:12345",
	"PORT=12345",
	"HTTP_PLATFORM_PORT=12345",
	"LANNER_SITE=shop",
	"LANNER_WORKER=3",
	"LANNER_APPL_PATH=/sub",
	"ASPNETCORE_HOSTINGSTARTUPASSEMBLIES=Microsoft.AspNetCore.Server.IISIntegration",
}

func TestModuleVariablesAreTheProtocol(t *testing.T) {
	env, ignored, err := Environment(nil, nil, settings())
	if err != nil || len(ignored) != 0 {
		t.Fatalf("%v, ignored %v", err, ignored)
	}
	if d := cmp.Diff(moduleVars, env); d != "" {
		t.Errorf("environment (-want +got):\n%s", d)
	}
}

func TestLaterLayersWinAndTheModuleWinsOverAll(t *testing.T) {
	cases := []struct {
		why     string
		base    []string
		vars    []Variable
		change  func(*Settings)
		want    []string // must be there
		absent  []string // no variable of that name
		ignored []string
	}{
		{
			why: "pool over host, application over pool", base: []string{"A=host", "B=host", "C=host"},
			vars: []Variable{{"B", "pool"}, {"C", "pool"}, {"C", "app"}},
			want: []string{"A=host", "B=pool", "C=app"},
		},
		{
			why: "names are compared exactly", base: []string{"Path=1", "PATH=2"}, vars: []Variable{{"path", "3"}},
			want: []string{"Path=1", "PATH=2", "path=3"},
		},
		{
			why: "what the module must set, it sets", // an-192
			vars: []Variable{
				{"ASPNETCORE_IIS_HTTPAUTH", "windows;"}, {"ASPNETCORE_IIS_WEBSOCKETS_SUPPORTED", "false"},
				{"ASPNETCORE_APPL_PATH", "/other"}, {"ASPNETCORE_URLS", "http://*:80"}, {"PORT", ""},
			},
			want:    moduleVars,
			ignored: []string{"ASPNETCORE_APPL_PATH", "ASPNETCORE_IIS_HTTPAUTH", "ASPNETCORE_IIS_WEBSOCKETS_SUPPORTED", "ASPNETCORE_URLS"},
		},
		{
			why:  "start-up assemblies that were inherited are added to",
			base: []string{"ASPNETCORE_HOSTINGSTARTUPASSEMBLIES=Mine"},
			want: []string{"ASPNETCORE_HOSTINGSTARTUPASSEMBLIES=Mine;Microsoft.AspNetCore.Server.IISIntegration"},
		},
		{
			why:  "start-up assemblies that the application sets are left alone",
			vars: []Variable{{"ASPNETCORE_HOSTINGSTARTUPASSEMBLIES", "Mine"}},
			want: []string{"ASPNETCORE_HOSTINGSTARTUPASSEMBLIES=Mine"},
		},
		{
			why: "one https port", change: func(s *Settings) { s.HTTPSPorts = []int{443, 443} }, // an-208
			want: []string{"ASPNETCORE_ANCM_HTTPS_PORT=443"},
		},
		{
			why: "two https ports", change: func(s *Settings) { s.HTTPSPorts = []int{443, 8443} }, // an-210
			absent: []string{"ASPNETCORE_ANCM_HTTPS_PORT"},
		},
		{
			why: "the user's https port wins", change: func(s *Settings) { s.HTTPSPorts = []int{443} }, // an-209
			vars: []Variable{{"ASPNETCORE_ANCM_HTTPS_PORT", "123"}},
			want: []string{"ASPNETCORE_ANCM_HTTPS_PORT=123"},
		},
		{
			why:    "forwarded headers are not trusted unless asked",
			absent: []string{"ASPNETCORE_FORWARDEDHEADERS_ENABLED"},
		},
		{
			why: "forwarded headers on request", change: func(s *Settings) { s.ForwardedHeaders = true },
			want: []string{"ASPNETCORE_FORWARDEDHEADERS_ENABLED=true"},
		},
		{
			why:  "the port in values, in any case; other names stay", // 1.3
			vars: []Variable{{"A", "-p %HTTP_PLATFORM_PORT%"}, {"B", "%aspnetcore_port%%PORT%%"}},
			want: []string{"A=-p 12345", "B=12345%PORT%%"},
		},
		{
			why: "the working directory", change: func(s *Settings) { s.Dir = "/srv/app" },
			want: []string{"PWD=/srv/app"},
		},
		{
			why: "a long value and an empty one", vars: []Variable{{"LONG", strings.Repeat("x", 10000)}, {"EMPTY", ""}}, // an-191
			want: []string{"LONG=" + strings.Repeat("x", 10000), "EMPTY="},
		},
	}
	for _, c := range cases {
		t.Run(c.why, func(t *testing.T) {
			s := settings()
			if c.change != nil {
				c.change(&s)
			}
			env, ignored, err := Environment(c.base, c.vars, s)
			if err != nil {
				t.Fatal(err)
			}
			names := make(map[string]bool)
			for _, kv := range env {
				name, _, _ := strings.Cut(kv, "=")
				if names[name] {
					t.Errorf("%s is there twice", name)
				}
				names[name] = true
			}
			for _, kv := range c.want {
				if !slices.Contains(env, kv) {
					t.Errorf("no %q in %q", kv, env)
				}
			}
			for _, name := range c.absent {
				if names[name] {
					t.Errorf("%s must not be set", name)
				}
			}
			slices.Sort(ignored)
			if d := cmp.Diff(c.ignored, ignored); d != "" {
				t.Errorf("ignored (-want +got):\n%s", d)
			}
		})
	}
}

func TestEnvironmentRefusesWhatCannotBe(t *testing.T) {
	s := settings()
	for _, v := range []Variable{{"", "x"}, {"A=B", "x"}, {"A", "x\x00y"}, {"A\x00", "x"}} {
		if _, _, err := Environment(nil, []Variable{v}, s); err == nil {
			t.Errorf("variable %q must be refused", v)
		}
	}
	s.ApplPath = "sub"
	if _, _, err := Environment(nil, nil, s); err == nil {
		t.Error("the application throws at start when its path does not begin with /")
	}
}

func TestHostsOwnVariablesStayWithTheHost(t *testing.T) {
	in := []string{
		"PATH=/bin", "HOME=/root", "LANNER_ENV=Production", "ASPNETCORE_ENVIRONMENT=Development", "EMPTY=",
		"LANNER_TOKEN=x", "LANNER_CONFIG=x", "DB_PASSWORD=x", "NOTIFY_SOCKET=x", "LISTEN_FDS=1", "JOURNAL_STREAM=x",
		"CREDENTIALS_DIRECTORY=x", "PORT=80", "ASPNETCORE_PORT=80", "ASPNETCORE_TOKEN=x", "ASPNETCORE_IIS_SITE_NAME=x",
		"ASPNETCORE_URLS=x", "ASPNETCORE_HTTP_PORTS=8080", "PWD=/", "novalue", "=x",
	}
	want := []string{"PATH=/bin", "HOME=/root", "LANNER_ENV=Production", "ASPNETCORE_ENVIRONMENT=Development", "EMPTY="}
	if d := cmp.Diff(want, Inherit(in, []string{"DB_PASSWORD"})); d != "" {
		t.Errorf("inherited (-want +got):\n%s", d)
	}
}

func TestTokenIsRandomAndNeverPrinted(t *testing.T) {
	a, b := NewToken(), NewToken()
	if a == b || len(a.Reveal()) != 32 {
		t.Errorf("128 random bits as hexadecimal digits: %q", a.Reveal())
	}
	var log strings.Builder
	l := slog.New(slog.NewJSONHandler(&log, nil))
	l.Info("x", "token", a, "child", struct{ Token Token }{a})
	j, err := json.Marshal(map[string]Token{"t": a})
	if err != nil {
		t.Fatal(err)
	}
	printed := log.String() + string(j)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%T %[1]v"} {
		printed += fmt.Sprintf(verb, a) + fmt.Sprintf(verb, &a) + fmt.Sprintf(verb, struct{ T Token }{a})
	}
	if strings.Contains(printed, a.Reveal()) || strings.Contains(printed, fmt.Sprintf("%x", a.Reveal())) {
		t.Errorf("the token shows in %s", printed)
	}
	if !a.Equal(a.Reveal()) || a.Equal(b.Reveal()) || a.Equal("") || (Token{}).Equal("") {
		t.Error("a token equals itself only, and no token equals nothing")
	}
}

func TestExpandReplacesKnownNamesOnce(t *testing.T) {
	value := func(name string) (string, bool) {
		v, ok := map[string]string{"A": "1", "B": "%A%", "E": ""}[name]
		return v, ok
	}
	cases := map[string]string{
		"": "", "plain": "plain", "%A%": "1", "x%A%y%A%z": "x1y1z", "%B%": "%A%", "%E%": "", "%%": "%%",
		"100%": "100%", "%NO%": "%NO%", "%NO%A%": "%NO1", "%A": "%A", "%%A%": "%1", "50% of %A%": "50% of 1",
	}
	for in, want := range cases {
		if got := expand(in, value); got != want {
			t.Errorf("expand(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzExpand(f *testing.F) {
	f.Add("a%HTTP_PLATFORM_PORT%b%%")
	f.Add("%%%ASPNETCORE_PORT%")
	f.Fuzz(func(t *testing.T, s string) {
		none := func(string) (string, bool) { return "", false }
		if got := expand(s, none); got != s {
			t.Errorf("without known names nothing changes: %q became %q", s, got)
		}
		expandPort(s, 1)
	})
}
