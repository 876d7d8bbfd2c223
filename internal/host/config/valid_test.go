package config

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// mustParse reads a text that has to be right. Its relative paths start from /etc/lanner.
func mustParse(t *testing.T, text string) *Config {
	t.Helper()
	cfg, err := parse("/etc/lanner/lanner.yaml", []byte(text), testSystem())
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// mustFail reads a text that has to be wrong and returns its problems.
func mustFail(t *testing.T, text string) []Problem {
	t.Helper()
	_, err := parse("/etc/lanner/lanner.yaml", []byte(text), testSystem())
	errs, ok := err.(*Errors)
	if !ok {
		t.Fatalf("got %v, want *Errors", err)
	}
	return errs.Problems
}

func readValid(t *testing.T, name string) *Config {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata/valid", name))
	if err != nil {
		t.Fatal(err)
	}
	return mustParse(t, string(data))
}

// want compares and says why it should be so.
func want(t *testing.T, why string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(Config{})); diff != "" {
		t.Errorf("%s (-want +got):\n%s", why, diff)
	}
}

const minimal = `
sites:
  web:
    bindings: [http://127.0.0.1:8080]
    applications:
      - hosting: outofprocess
        command: node server.js
`

func defaultPool(name string) *Pool {
	return &Pool{
		Name: name, StartMode: OnDemand, IdleTimeout: 20 * time.Minute, QueueLength: 1000, MaxProcesses: 1,
		StartupTimeLimit: 120 * time.Second, ShutdownTimeLimit: 30 * time.Second,
		RapidFail: RapidFail{Failures: 5, Window: 5 * time.Minute, FirstDelay: time.Second, MaxDelay: time.Minute},
		Recycling: Recycling{Time: 29 * time.Hour},
	}
}

func TestEveryKeyLeftOutGetsItsDocumentedDefault(t *testing.T) {
	own := defaultPool("web/")
	own.Own = true
	want(t, "the defaults are those of the doc comments", mustParse(t, minimal), &Config{
		File:  "/etc/lanner/lanner.yaml",
		Pools: map[string]*Pool{"web/": own},
		Sites: map[string]*Site{"web": {
			Name:     "web",
			Bindings: []Binding{{Protocol: HTTP, Address: "127.0.0.1", Port: 8080}},
			Applications: []Application{{
				Path: "/", Pool: "web/", Hosting: OutOfProcess, Command: []string{"node", "server.js"}, Directory: "/etc/lanner",
				Stdout:         Stdout{File: "/home/user/.local/state/lanner/logs/web.log", MaxSize: 10 << 20, MaxFiles: 5},
				RequestTimeout: 2 * time.Minute, ForwardedHeaders: true, AppOffline: true, WebSockets: true, Protocol: HTTP,
			}},
			AutoStart: true,
			Limits: Limits{
				MaxRequestBodySize: 30_000_000, MaxRequestLineSize: 8192, MaxRequestHeadersTotalSize: 32768, MaxRequestHeaderCount: 100,
				MaxConnections: Unlimited, KeepAliveTimeout: 130 * time.Second, RequestHeadersTimeout: 30 * time.Second,
				MinRequestBodyDataRate: 240, MinResponseDataRate: 240,
			},
		}},
		Control:           Control{Socket: "/run/user/1000/lanner/admin.sock"},
		Log:               Log{Level: slog.LevelInfo, Format: LogAuto},
		ShutdownTimeLimit: 30 * time.Second,
		Logs:              "/home/user/.local/state/lanner/logs",
	})
}

func TestEveryKeyIsRead(t *testing.T) {
	cfg := readValid(t, "full.yaml")
	want(t, "a pool with every key", cfg.Pools["web"], &Pool{
		Name: "web", StartMode: AlwaysRunning, IdleTimeout: 0, QueueLength: 500, MaxProcesses: 2,
		StartupTimeLimit: time.Minute, ShutdownTimeLimit: 0,
		RapidFail:                   RapidFail{Failures: 3, Window: time.Minute, FirstDelay: 500 * time.Millisecond, MaxDelay: 90 * time.Second},
		Recycling:                   Recycling{Requests: 100_000, Memory: 512 << 20, Schedule: []TimeOfDay{180, 930}},
		DisallowOverlappingRotation: true,
		Environment:                 map[string]string{"GOMEMLIMIT": "400MiB", "WORKERS": "4", "VERBOSE": "true"},
	})
	shop := cfg.Sites["shop"]
	want(t, "both forms of a binding", shop.Bindings, []Binding{
		{Protocol: HTTP, Address: "*", Port: 8080, Host: "shop.example.org"},
		{Protocol: HTTP, Address: "*", Port: 8080, Host: "*.shop.example.org"},
		{Protocol: HTTP, Address: "::1", Port: 8081},
		{Protocol: HTTP, Address: "localhost"},
		{Protocol: HTTP, Address: "unix:/run/shop.sock"},
		{Protocol: HTTP, Address: "127.0.0.1", Port: 8080, Host: "shop.example.org"},
		{Protocol: HTTP, Address: "unix:/run/shop-api.sock", Host: "api.example.org"},
	})
	want(t, "an in-process application", shop.Applications[0].Environment, map[string]string{
		"PASSWORD": "hunter2", "GREETING": "costs ${5}", "MODE": "live", "EMPTY": "",
	})
	want(t, "a word with a blank stays one word", shop.Applications[0].Command, []string{"./shop", "-log", "two words", "x"})
	want(t, "directories start from the folder of the file", shop.Applications[0].Directory, "/etc/lanner/shop")
	api := shop.Applications[1]
	want(t, "a value put into a command is not split again", api.Command, []string{"node", "my server.js", "--words", "two words", `say "hi"`})
	want(t, "an output file of its own", api.Stdout, Stdout{File: "/etc/lanner/logs/api.log", MaxSize: 1_000_000, MaxFiles: 2})
	want(t, "a health check takes its other defaults", api.HealthCheck, &HealthCheck{Path: "/healthz?full=1", Interval: 30 * time.Second, Timeout: 5 * time.Second})
	want(t, "switches", []bool{api.ForwardedHeaders, api.AppOffline, api.WebSockets, shop.AutoStart}, []bool{false, false, false, false})
	want(t, "0 means no limit", api.RequestTimeout, time.Duration(0))
	pool := defaultPool("shop/api/v1")
	pool.Own, pool.IdleTimeout, pool.Environment = true, 5*time.Minute, map[string]string{"A": "b"}
	want(t, "a pool written in place is the application's own", cfg.Pools[api.Pool], pool)
	want(t, "limits", []int64{shop.Limits.MaxRequestBodySize, shop.Limits.MaxRequestLineSize, int64(shop.Limits.MaxConnections), int64(shop.Limits.MinResponseDataRate)},
		[]int64{Unlimited, 4096, 10, Unlimited})
	want(t, "the output file of an application is named after its site and path, in the folder of the file",
		cfg.Sites["blog.example.org"].Applications[0].Stdout.File, "/etc/lanner/logs/blog.example.org.log")
	want(t, "control", cfg.Control.Socket, "/etc/lanner/run/admin.sock")
	want(t, "log", cfg.Log, Log{Level: slog.LevelDebug, Format: LogJSON})
}

func TestAJSONDocumentIsReadByTheSameParser(t *testing.T) {
	cfg := readValid(t, "document.json")
	shop := cfg.Sites["shop"]
	want(t, "an escaped slash", shop.Bindings[0], Binding{Protocol: HTTP, Address: "127.0.0.1", Port: 8080})
	want(t, "a wildcard", shop.Bindings[1], Binding{Protocol: HTTP, Address: "*", Port: 8081, Host: "*.example.org"})
	want(t, "an escaped letter", shop.Applications[0].Command, []string{"./shop", "café"})
	want(t, "numbers and truth values of an environment are taken as they are written", shop.Applications[1].Environment,
		map[string]string{"PORT_BASE": "3000", "DEBUG": "false"})
	want(t, "a size as a number", cfg.Pools["web"].Recycling.Memory, int64(512<<20))
	want(t, "a word for no limit", shop.Limits.MaxConnections, Unlimited)
}

func TestAnchorsAndMergeKeysShareSettings(t *testing.T) {
	cfg := readValid(t, "anchors.yaml")
	want(t, "what a mapping says itself wins over what it merges", cfg.Pools["web"].QueueLength, 70)
	want(t, "the rest is merged", []any{cfg.Pools["web"].Recycling.Time, cfg.Pools["jobs"].QueueLength}, []any{time.Duration(0), 50})
	apps := cfg.Sites["web"].Applications
	want(t, "a whole application is merged", []any{apps[1].Path, apps[1].Pool, apps[1].Command}, []any{"/b", "web", []string{"node", "server.js"}})
	want(t, "an environment is merged key by key", apps[1].Environment, map[string]string{"A": "a", "B": "other"})
	want(t, "an alias stands for a list", apps[2].Command, []string{"node", "server.js"})
}

func TestAByteOrderMarkAndWindowsLineEndsAreAccepted(t *testing.T) {
	data, err := os.ReadFile("testdata/valid/minimal.yaml")
	if err != nil {
		t.Fatal(err)
	}
	text := byteOrderMark
	for _, r := range string(data) {
		if r == '\n' {
			text += "\r"
		}
		text += string(r)
	}
	cfg := mustParse(t, text)
	o, _ := cfg.Origin("sites.web.bindings[0]")
	want(t, "lines are counted as an editor does", o.Line, 3)
}

func TestTheOriginOfAValueIsKnown(t *testing.T) {
	cfg := mustParse(t, minimal+"        requestTimeout: ${env:EMPTY:-5m}\n        environment: {MODE: '${env:MODE}'}\nlogs: ${file:/run/logs}\n")
	for path, text := range map[string]string{
		"sites.web.autoStart":                        "default",
		"sites.web.applications[0].hosting":          "/etc/lanner/lanner.yaml:6",
		"sites.web.applications[0].requestTimeout":   "/etc/lanner/lanner.yaml:8",
		"sites.web.applications[0].environment.MODE": "/etc/lanner/lanner.yaml:9, env MODE",
		"logs": "/etc/lanner/lanner.yaml:10, file /run/logs",
	} {
		o, _ := cfg.Origin(path)
		want(t, path, o.String(), text)
	}
}

func TestTLSIsRefusedUntilTheHostHasIt(t *testing.T) {
	text := `
sites:
  web:
    bindings: [{protocol: https, port: 8443, host: a.example.org, certificate: {path: cert.pem}}]
    applications: [{hosting: inprocess, command: a}]
`
	want(t, "https is refused", mustFail(t, text)[0].Message, "https is not available yet")
	TLSAvailable = true
	t.Cleanup(func() { TLSAvailable = false })
	cfg := mustParse(t, text)
	want(t, "one file may hold both the certificate and the key", cfg.Sites["web"].Bindings[0], Binding{
		Protocol: HTTPS, Address: "*", Port: 8443, Host: "a.example.org",
		Certificate: &Certificate{Path: "/etc/lanner/cert.pem", KeyPath: "/etc/lanner/cert.pem"},
	})
	other := "  shop:\n    bindings: [http://b.example.org:8443, https://127.0.0.1:9443]\n    applications: [{hosting: inprocess, command: a}]\n"
	problems := mustFail(t, text+other)
	want(t, "a port speaks one protocol", problems[0].Message, `*:8443 is http here and https in the site "web", line 4`)
	want(t, "a URL has no place for a certificate", problems[1].Message, "https without a certificate")
	want(t, "the way out is the other form", problems[1].Hint, `write {protocol: https, address: "127.0.0.1", port: 9443, certificate: {path: cert.pem, keyPath: key.pem}}`)
}
