package lanner

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lannerhq/lanner/kestrel"
	"github.com/lannerhq/lanner/server"
)

func writeConfig(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestOptionsComeFromTheFileTheEnvironmentAndCode(t *testing.T) {
	file := filepath.Join(t.TempDir(), "app.json")
	writeConfig(t, file, `{"Kestrel": {"Endpoints": {"Public": {"Url": "http://127.0.0.1:1"}}, "ServerHeader": "file", "Limits": {"MaxRequestBodySize": 1, "MaxRequestLineSize": 1000}}}`)
	variable := environment("LANNER_CONFIG", file, "Kestrel__Limits__MaxRequestLineSize", "2000")
	module := environment("LANNER_CONFIG", file, "ASPNETCORE_PORT", "6", "ASPNETCORE_APPL_PATH", "/", "ASPNETCORE_TOKEN", "secret")
	for _, tt := range []struct {
		why  string
		opts []Option
		want []string // of what is printed
		not  string
	}{
		{"the file of LANNER_CONFIG, and a variable over it", []Option{variable},
			[]string{`"Url": "http://127.0.0.1:1"`, `"MaxRequestBodySize": 1,`, `"MaxRequestLineSize": 2000`,
				`"Limits.MaxRequestBodySize": "` + file + `:1:`, `"Limits.MaxRequestLineSize": "environment variable Kestrel__Limits__MaxRequestLineSize"`}, ""},
		{"code over both", []Option{variable, WithKestrel(kestrel.Options{Limits: kestrel.Limits{MaxRequestLineSize: 3000}})},
			[]string{`"MaxRequestLineSize": 3000`, `"Limits.MaxRequestLineSize": "code"`, `"MaxRequestBodySize": 1,`}, ""},
		{"--config over LANNER_CONFIG", []Option{environment("LANNER_CONFIG", "/nowhere"), WithArgs([]string{"--config", file, "-print-config"})},
			[]string{`"ServerHeader": "file"`}, ""},
		{"--urls replaces the endpoints, not the limits", []Option{variable, WithArgs([]string{"--print-config", "--urls=http://127.0.0.1:9"})},
			[]string{`"Endpoints.http://127.0.0.1:9.Url": "--urls"`, `"MaxRequestBodySize": 1,`}, "Public"},
		{"so does LANNER_URLS", []Option{environment("LANNER_CONFIG", file, "LANNER_URLS", "http://127.0.0.1:9")},
			[]string{`"Endpoints.http://127.0.0.1:9.Url": "environment variable LANNER_URLS"`}, "Public"},
		{"PORT does not", []Option{environment("LANNER_CONFIG", file, "PORT", "9")}, []string{`"Endpoints.Public.Url": "` + file}, `:9"`},
		{"without a file nothing is read", []Option{environment()}, []string{`"Endpoints.http://localhost:5000.Url": "default"`, `"MaxRequestBodySize": 30000000`}, "file"},
		{"lanner host's own file is not", []Option{environment("LANNER_CONFIG", "/nowhere/lanner.yaml")}, []string{`"MaxRequestBodySize": 30000000`}, ""},
		{"behind the module the endpoint is the module's, the limits hold", []Option{module}, []string{`"Url": "http://127.0.0.1:6"`, `"the module"`, `"MaxRequestBodySize": 1,`}, "Public"},
	} {
		var out bytes.Buffer
		stdout := func(o *options) { o.stdout = &out }
		a := New(server.HTTP(hello), append([]Option{quiet, WithArgs([]string{"--print-config"}), stdout}, tt.opts...)...)
		if err := a.Run(t.Context()); err != nil {
			t.Errorf("%s: %v", tt.why, err)
			continue
		}
		for _, want := range tt.want {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%s: want %s in\n%s", tt.why, want, &out)
			}
		}
		if tt.not != "" && strings.Contains(out.String(), tt.not) {
			t.Errorf("%s: want no %s in\n%s", tt.why, tt.not, &out)
		}
		if _, err := kestrel.ParseOptions("printed", out.Bytes()); err != nil {
			t.Errorf("%s: what is printed is no configuration: %v", tt.why, err)
		}
	}
}

func TestAConfigurationThatIsWrongKeepsTheProgramFromStarting(t *testing.T) {
	file := filepath.Join(t.TempDir(), "app.json")
	writeConfig(t, file, "{\"Kestrel\": {\n  \"Limit\": {}}}")
	a := New(server.HTTP(hello), quiet, environment("Kestrel__Exec", "maybe"), WithArgs([]string{"--config=" + file}))
	err := a.Run(t.Context())
	for _, want := range []string{file + `:2:3: unknown key "Limit"`, "environment variable Kestrel__Exec"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: want %s", err, want)
		}
	}
	a = New(server.HTTP(hello), quiet, environment(), WithArgs([]string{"--config", file + ".gone"}))
	if err := a.Run(t.Context()); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "--config") {
		t.Errorf("%v: want the file that is missing, and who names it", err)
	}
	a = New(server.HTTP(hello), quiet, environment("LANNER_CONFIG", file), WithArgs([]string{"--print-config"}), WithServer(kestrel.New(kestrel.Options{})))
	if err := a.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "--print-config") {
		t.Errorf("%v: want that there is nothing to print", err)
	}
}

// messages hands on what is logged.
type messages chan string

func (messages) Enabled(context.Context, slog.Level) bool { return true }
func (m messages) WithAttrs([]slog.Attr) slog.Handler     { return m }
func (m messages) WithGroup(string) slog.Handler          { return m }
func (m messages) Handle(_ context.Context, r slog.Record) error {
	text := r.Level.String() + " " + r.Message
	r.Attrs(func(a slog.Attr) bool { text += " " + a.String(); return true })
	m <- text
	return nil
}

// until waits for a message that has all parts.
func (m messages) until(t *testing.T, parts ...string) {
	t.Helper()
	late := time.After(30 * time.Second)
next:
	for {
		select {
		case text := <-m:
			for _, part := range parts {
				if !strings.Contains(text, part) {
					continue next
				}
			}
			return
		case <-late:
			t.Fatalf("no message with %q", parts)
		}
	}
}

// reloading starts an App that reads file, and returns its first address and how to have it read again.
func reloading(t *testing.T, file string, log messages, again func(a *App)) (a *App, url string, reload func()) {
	t.Helper()
	a = New(server.HTTP(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {})), WithLogger(slog.New(log)), environment(), WithArgs([]string{"--config", file}))
	url, stop := run(t, a)
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Errorf("Run returned %v", err)
		}
	})
	return a, url, func() { again(a) }
}

const served = `{"Kestrel": {"Endpoints": {"A": {"Url": "http://127.0.0.1:0"}EXTRA}, "Limits": {"MaxRequestHeaderCount": COUNT}}}`

func TestTheFileIsReadAgainWhileItServes(t *testing.T) {
	file := filepath.Join(t.TempDir(), "app.json")
	text := func(extra, count string) string {
		return strings.NewReplacer("EXTRA", extra, "COUNT", count).Replace(served)
	}
	writeConfig(t, file, text("", "100"))
	log := make(messages, 100)
	a, url, reload := reloading(t, file, log, hangUp(t))
	if status, _ := get(t, url, "X-A", "1"); status != 200 {
		t.Fatalf("got %d before", status)
	}
	writeConfig(t, file, text("", "oops"))
	reload()
	log.until(t, "ERROR", "the one from before holds", file, "1:101: this is not JSON")
	if status, _ := get(t, url, "X-A", "1"); status != 200 {
		t.Errorf("got %d after a file that is wrong, want what held before", status)
	}
	writeConfig(t, file, text(`, "B": {"Url": "http://127.0.0.1:0"}`, "1"))
	reload()
	log.until(t, "INFO", "Configuration reloaded")
	addresses, _ := server.Get[server.ServerAddressesFeature](a.Server().Features())
	urls := addresses.Addresses()
	if len(urls) != 2 || urls[0] != url {
		t.Fatalf("addresses %q, want another one beside %s", urls, url)
	}
	for _, url := range urls {
		if status, _ := get(t, url, "X-A", "1"); status != 431 {
			t.Errorf("got %d at %s, want the new limit", status, url)
		}
	}
}
