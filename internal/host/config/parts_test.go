package config

import (
	"strings"
	"testing"
	"time"
)

func TestACommandIsSplitAsAShellSplitsIt(t *testing.T) {
	for _, test := range []struct {
		text string
		want []string
	}{
		{"node server.js", []string{"node", "server.js"}},
		{"  a\t b\n", []string{"a", "b"}},
		{`'a b' "c d" e\ f`, []string{"a b", "c d", "e f"}},
		{`a"b"'c'd`, []string{"abcd"}},
		{`"" ''`, []string{"", ""}},
		{`"a \" \\ \n"`, []string{`a " \ \n`}},
		{`'a \ "'`, []string{`a \ "`}},
		{`a '&& | $X'`, []string{"a", "&& | $X"}},
		{`a "b & c"`, []string{"a", "b & c"}},
		{`a ${env:X Y}z`, []string{"a", "${env:X Y}z"}},
		{`a "${env:X} b"`, []string{"a", "${env:X} b"}},
		{`'${x}' \${x} $${x}`, []string{"$${x}", "$${x}", "$${x}"}},
		{`5$ $5`, []string{"5$", "$5"}},
		{"é ☃", []string{"é", "☃"}},
		{"", nil},
	} {
		got, wrong, _ := splitWords(test.text)
		if wrong != nil {
			t.Errorf("%q: %s", test.text, wrong.problem)
		}
		want(t, test.text, got, test.want)
	}
}

func TestDurationsAndSizesAreWrittenShort(t *testing.T) {
	for text, v := range map[string]time.Duration{
		"0": 0, "20m": 20 * time.Minute, "1h30m": 90 * time.Minute, "29h": 29 * time.Hour, "1m30s": 90 * time.Second,
		"10s": 10 * time.Second, "1h0m10s": time.Hour + 10*time.Second, "500ms": 500 * time.Millisecond,
	} {
		want(t, "a duration", formatDuration(v), text)
		back, err := time.ParseDuration(text)
		want(t, "it can be read again", []any{back, err}, []any{v, nil})
	}
	for text, v := range map[string]int64{"0": 0, "1": 1, "1KiB": 1024, "30000000": 30_000_000, "3GiB": 3 << 30, "1536KiB": 3 << 19, "2TiB": 2 << 40} {
		want(t, "a size", formatSize(v), text)
		back, wrong := parseSize(text)
		if back != v || wrong != nil {
			t.Errorf("%s is read as %d, %v; want %d", text, back, wrong, v)
		}
	}
}

func TestTheNearestNameIsSuggested(t *testing.T) {
	names := []string{"command", "hosting", "environment", "requestTimeout", "path", "pool", "websockets"}
	for word, name := range map[string]string{
		"comand": "command", "COMMAND": "command", "host-ing": "hosting", "enviroment": "environment", "request_timeout": "requestTimeout",
		"reqestTimout": "requestTimeout", "pol": "pool", "paht": "path", "websocket": "websockets", "reqTimeout": "requestTimeout",
		"xyz": "", "": "", "color": "", "timeoutOfTheRequest": "",
	} {
		want(t, "for "+word, nearest(word, names), name)
	}
}

func TestTheOutputFilesOfTwoApplicationsAreNeverTheSame(t *testing.T) {
	seen := map[string]string{}
	for _, app := range [][2]string{{"a", "/"}, {"a", "/b"}, {"a", "/b/c"}, {"a", "/b~c"}, {"a", "/b-c"}, {"a-b", "/"}, {"a.b", "/"}, {"a", "/b.log"}, {"a", "/é"}} {
		name := logName(app[0], app[1])
		if first, ok := seen[name]; ok || strings.ContainsAny(name, "/\\") {
			t.Errorf("%v and %s share %s", app, first, name)
		}
		seen[name] = app[0] + app[1]
	}
}

func TestABindingIsPrintedAsAURL(t *testing.T) {
	for text, b := range map[string]Binding{
		"http://*:80":       {Protocol: HTTP, Address: "*", Port: 80},
		"http://[::1]:80":   {Protocol: HTTP, Address: "::1", Port: 80},
		"http://*.a.org:80": {Protocol: HTTP, Address: "*", Port: 80, Host: "*.a.org"},
		"https://127.0.0.1:443 for host www.a.org":   {Protocol: HTTPS, Address: "127.0.0.1", Port: 443, Host: "www.a.org"},
		"http://unix:/run/a.sock":                    {Protocol: HTTP, Address: "unix:/run/a.sock"},
		"http://unix:/run/a.sock for host www.a.org": {Protocol: HTTP, Address: "unix:/run/a.sock", Host: "www.a.org"},
	} {
		want(t, "a binding", b.String(), text)
	}
}

func TestAddressesAreBroughtIntoOneForm(t *testing.T) {
	for text, address := range map[string]string{
		"http://[0:0:0:0:0:0:0:1]:80": "::1", "http://[::ffff:127.0.0.1]": "127.0.0.1", "http://LOCALHOST": "*", "http://0.0.0.0": "0.0.0.0",
	} {
		b, wrong, _ := parseBindingURL(text)
		if wrong != nil {
			t.Fatal(text, wrong.problem)
		}
		want(t, text, b.Address, address)
	}
}

func TestPort0IsNeverBoundTwice(t *testing.T) {
	cfg := mustParse(t, strings.Replace(minimal, "[http://127.0.0.1:8080]", "[http://127.0.0.1:0, http://127.0.0.1:0]", 1))
	want(t, "the system gives each a port of its own", len(cfg.Sites["web"].Bindings), 2)
}

func TestOneAddressMayServeManyHostNames(t *testing.T) {
	mustParse(t, twoSites+`
  a:
    bindings: [http://a.example.org:8080, http://*.example.org:8080, {address: 127.0.0.1, port: 8080, host: a.example.org}, "http://[::1]:8080"]
    applications: [{hosting: inprocess, command: a}]
`)
}
