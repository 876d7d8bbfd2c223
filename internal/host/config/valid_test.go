package config

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
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
		Control: Control{Socket: "/run/user/1000/lanner/admin.sock"},
		Log:     Log{Level: slog.LevelInfo, Format: LogAuto},
		ACME: ACME{
			Directory: "https://acme-v02.api.letsencrypt.org/directory", Folder: "/home/user/.local/state/lanner/acme",
			Challenges: []Challenge{HTTP01, TLSALPN01}, HTTPPort: 80, TLSPort: 443,
		},
		ShutdownTimeLimit: 30 * time.Second,
		Logs:              "/home/user/.local/state/lanner/logs",
		State:             "/home/user/.local/state/lanner",
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

const secured = `
sites:
  web:
    bindings: [{protocol: https, port: 8443, host: a.example.org, certificate: {path: cert.pem}}]
    applications: [{hosting: inprocess, command: a}]
`

func TestABindingForHTTPSHasItsCertificate(t *testing.T) {
	want(t, "one file may hold both the certificate and the key", mustParse(t, secured).Sites["web"].Bindings[0], Binding{
		Protocol: HTTPS, Address: "*", Port: 8443, Host: "a.example.org",
		Certificate: &Certificate{Path: "/etc/lanner/cert.pem", KeyPath: "/etc/lanner/cert.pem"},
	})
	all := mustParse(t, strings.Replace(secured, "{path: cert.pem}",
		"{path: cert.pfx, password: '${env:SECRET}', directory: live}, clientCertificate: {mode: required, authorities: ca.pem}", 1))
	b := all.Sites["web"].Bindings[0]
	want(t, "every key of a certificate", b.Certificate,
		&Certificate{Path: "/etc/lanner/cert.pfx", KeyPath: "/etc/lanner/cert.pfx", Password: "hunter2", Directory: "/etc/lanner/live"})
	want(t, "what is asked of clients", b.ClientCertificate, &ClientCertificate{Mode: ClientCertificateRequired, Authorities: "/etc/lanner/ca.pem"})
	folder := mustParse(t, strings.Replace(secured, "path: cert.pem", "directory: /etc/letsencrypt/live", 1))
	want(t, "a folder alone has no file", folder.Sites["web"].Bindings[0].Certificate, &Certificate{Directory: "/etc/letsencrypt/live"})
}

func TestAnAutomaticCertificateIsForTheHostOfItsBinding(t *testing.T) {
	cfg := mustParse(t, strings.Replace(secured, "{path: cert.pem}", "{acme: true}", 1)+`
acme: {agreeToTerms: true, email: ops@example.org, directory: "https://ca.example.org/acme", roots: ca.pem, profile: shortlived, folder: issued,
  challenges: [tls-alpn-01], tlsPort: 8443, externalAccount: {keyId: kid-1, macKey: "${env:SECRET}"}}
state: /srv/state
`)
	want(t, "the binding", cfg.Sites["web"].Bindings[0].Certificate, &Certificate{ACME: true})
	want(t, "every key of acme", cfg.ACME, ACME{
		AgreeToTerms: true, Email: "ops@example.org", Directory: "https://ca.example.org/acme", Roots: "/etc/lanner/ca.pem", Profile: "shortlived", Folder: "/etc/lanner/issued",
		Challenges: []Challenge{TLSALPN01}, HTTPPort: 80, TLSPort: 8443, ExternalAccount: &ExternalAccount{KeyID: "kid-1", MACKey: "hunter2"},
	})
	for _, o := range []ShowOptions{{}, {JSON: true}} {
		var b strings.Builder
		if err := Show(&b, cfg, o); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(b.String(), "hunter2") || !strings.Contains(b.String(), "macKey") {
			t.Errorf("the key of the account is shown:\n%s", b.String())
		}
	}
	same := mustParse(t, secured+"\nstate: /srv/state\n")
	want(t, "the folder is beside the other state", same.ACME.Folder, "/srv/state/acme")
	if d := Diff(same, cfg); len(d.Settings) != 1 || d.Settings[0] != "acme" {
		t.Errorf("the difference is %+v, want the setting acme", d)
	}
	literal := strings.Replace(secured, "{path: cert.pem}", "{acme: true}", 1) + "\nacme: {agreeToTerms: true, externalAccount: {keyId: kid-1, macKey: hunter2}}\n"
	var b strings.Builder
	if err := Show(&b, mustParse(t, literal), ShowOptions{}); err != nil || strings.Contains(b.String(), "hunter2") {
		t.Errorf("%v, a key that stands in the file is shown:\n%s", err, b.String())
	}
	for _, p := range mustFail(t, literal+"bindings: 1\n") {
		if strings.Contains(p.String(), "hunter2") {
			t.Errorf("a mistake shows it:\n%s", p)
		}
	}
	for _, p := range mustFail(t, strings.Replace(literal, "keyId: kid-1, ", "", 1)) {
		if strings.Contains(p.String(), "hunter2") {
			t.Errorf("a mistake in its line shows it:\n%s", p)
		}
	}
}

func TestABindingForThisComputerNeedsNoCertificate(t *testing.T) {
	for binding, want := range map[string]bool{
		"https://127.0.0.1:8443": true, "https://127.1.2.3:8443": true, "'https://[::1]:8443'": true, "https://localhost:8443": true,
		"https://shop.localhost:8443": true, "{protocol: https, address: localhost, host: '*.dev.localhost'}": true,
		"https://*:8443": false, "https://192.0.2.1:8443": false, "https://localhost.example.org:8443": false, "https://unix:/run/a.sock": false,
		"{protocol: https, address: 127.0.0.1, host: www.example.org}": false, "{protocol: https, address: 192.0.2.1, host: localhost}": false,
	} {
		text := strings.Replace(secured, "{protocol: https, port: 8443, host: a.example.org, certificate: {path: cert.pem}}", binding, 1)
		cfg, err := parse("/etc/lanner/lanner.yaml", []byte(text), testSystem())
		switch {
		case (err == nil) != want:
			t.Errorf("%s: %v, want it to be accepted: %v", binding, err, want)
		case want && cfg.Sites["web"].Bindings[0].Certificate != nil:
			t.Errorf("%s has the certificate %+v, want none", binding, cfg.Sites["web"].Bindings[0].Certificate)
		}
	}
}

func TestAPasswordIsNotShown(t *testing.T) {
	for _, text := range []string{"hunter2", "${env:SECRET}", "${file:/run/secret}"} {
		cfg := mustParse(t, strings.Replace(secured, "{path: cert.pem}", "{path: cert.pfx, password: '"+text+"'}", 1))
		var b strings.Builder
		if err := Show(&b, cfg, ShowOptions{}); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(b.String(), "hunter2") || !strings.Contains(b.String(), "password: ") {
			t.Errorf("%s is shown as\n%s", text, b.String())
		}
	}
	for _, p := range mustFail(t, strings.Replace(secured, "{path: cert.pem}", "{password: hunter2}", 1)) {
		if strings.Contains(p.String(), "hunter2") {
			t.Errorf("a mistake shows it:\n%s", p)
		}
	}
}

func TestAnAddressSpeaksOneProtocol(t *testing.T) {
	other := "  shop:\n    bindings: [BINDING]\n    applications: [{hosting: inprocess, command: a}]\n"
	for binding, message := range map[string]string{
		"http://b.example.org:8443": `*:8443 is http here and https in the site "web", line 4`,
		"http://127.0.0.1:8443":     `127.0.0.1:8443 is http here and https in the site "web", line 4`,
		"https://192.0.2.1:9443":    "https without a certificate",
		"http://b.example.org:8444": "",
	} {
		_, err := parse("/etc/lanner/lanner.yaml", []byte(secured+strings.Replace(other, "BINDING", binding, 1)), testSystem())
		switch errs, ok := err.(*Errors); {
		case message == "" && err != nil, message != "" && !ok:
			t.Errorf("%s: %v", binding, err)
		case ok:
			want(t, binding, errs.Problems[0].Message, message)
		}
	}
	alone := strings.Replace(secured, "port: 8443, host: a.example.org", "port: 8443, address: 127.0.0.1", 1)
	want(t, "the address for all comes later", mustFail(t, alone+strings.Replace(other, "BINDING", "http://*:8443", 1))[0].Message,
		`*:8443 is http here and https in the site "web", line 4`)
}

func TestAProblemFoundLaterHasItsPlace(t *testing.T) {
	cfg := mustParse(t, secured)
	errs := cfg.Refuse(Problem{Path: "sites.web.bindings[0].certificate", Message: "it has expired", Hint: "renew it"},
		Problem{Path: "sites.web.bindings[0].certificate.password", Message: "it is wrong"})
	want(t, "the value", []any{errs.Problems[0].Line, errs.Problems[0].Column}, []any{4, 80})
	want(t, "a value that is not there stands where it would", errs.Problems[1].Line, 4)
	if text := errs.Error(); !strings.Contains(text, "lanner.yaml:4:80: it has expired\n") || !strings.Contains(text, "help: renew it") {
		t.Errorf("the error is\n%s", text)
	}
}
