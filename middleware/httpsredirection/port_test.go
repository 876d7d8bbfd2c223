package httpsredirection

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/lannerhq/lanner/server"
)

func TestThePortIsTheOptionsThenTheEnvironmentsThenTheServers(t *testing.T) {
	const address = "https://localhost:5001"
	for _, tt := range []struct {
		why       string
		option    int
		env       map[string]string
		addresses []string
		want      string // the Location; "" when the request passes
	}{
		{"nothing says a port", 0, nil, nil, ""},
		{"the option wins", 8443, map[string]string{"LANNER_HTTPS_PORT": "1"}, []string{address}, "https://example.com:8443/"},
		{"a variable", 0, map[string]string{"LANNER_HTTPS_PORT": "1"}, []string{address}, "https://example.com:1/"},
		{"ASP.NET's variable", 0, map[string]string{"ASPNETCORE_HTTPS_PORT": "443"}, []string{address}, "https://example.com/"},
		{"without a prefix", 0, map[string]string{"HTTPS_PORT": " 65535 "}, nil, "https://example.com:65535/"},
		{"the host's", 0, map[string]string{"ASPNETCORE_ANCM_HTTPS_PORT": "8443"}, []string{"http://127.0.0.1:5"}, "https://example.com:8443/"},
		{"the user's wins over the host's", 0, map[string]string{"ASPNETCORE_HTTPS_PORT": "123", "ASPNETCORE_ANCM_HTTPS_PORT": "443"}, nil, "https://example.com:123/"},
		{"an empty one is none", 0, map[string]string{"LANNER_HTTPS_PORT": "", "HTTPS_PORT": "2"}, nil, "https://example.com:2/"},
		{"the server's address", 0, nil, []string{"http://localhost:5000", address}, "https://example.com:5001/"},
		{"without a port it is 443", 0, nil, []string{"https://example.com"}, "https://example.com/"},
		{"two addresses with one port", 0, nil, []string{"https://127.0.0.1:5001", "https://[::1]:5001"}, "https://example.com:5001/"},
		{"two ports", 0, nil, []string{address, "https://localhost:5002"}, ""},
		{"two ports, one by default", 0, nil, []string{address, "https://*/"}, ""},
		{"http only", 0, nil, []string{"http://localhost:443"}, ""},
		{"a unix socket has no port", 0, nil, []string{"https://unix:/run/a.sock"}, ""},
		{"a unix socket besides", 0, nil, []string{"https://unix:/run/a:1.sock", address}, "https://example.com:5001/"},
		{"a mounted application", 0, nil, []string{"https://www.example.com:8443/sub"}, "https://example.com:8443/"},
	} {
		for form, build := range forms {
			if form == "plain net/http" && tt.option == 0 && tt.env == nil {
				continue // it knows no addresses
			}
			var out bytes.Buffer
			h, err := build(Options{HTTPSPort: tt.option, Getenv: func(name string) string { return tt.env[name] }, Logger: debugLog(&out)}, tt.addresses...)
			if err != nil {
				t.Fatal(err)
			}
			for range 3 {
				if got := ask(t, h, "GET", "/", "example.com").Header().Get("Location"); got != tt.want {
					t.Errorf("%s, %s: %q, want %q", tt.why, form, got, tt.want)
				}
			}
			warnings := 0
			if tt.want == "" {
				warnings = 1
			}
			if got := strings.Count(out.String(), "level=WARN"); got != warnings {
				t.Errorf("%s, %s: %d warnings after three requests, want %d:\n%s", tt.why, form, got, warnings, out.String())
			}
		}
	}
}

func TestPlainNetHTTPWithoutAPortPassesRequestsAndWarnsOnce(t *testing.T) {
	var out bytes.Buffer
	h, err := forms["plain net/http"](Options{Getenv: none, Logger: debugLog(&out)})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if w := ask(t, h, "GET", "/", "example.com"); w.Code != 200 {
			t.Errorf("%d, want the handler's answer", w.Code)
		}
	}
	if got := out.String(); strings.Count(got, "level=WARN") != 1 || !strings.Contains(got, "HTTPSPort") {
		t.Errorf("the log is %q, want one warning that names the way out", got)
	}
}

func TestAVariableThatIsNoPortIsAnErrorThatNamesIt(t *testing.T) {
	for _, value := range []string{"x", "0", "65536", "-1", "+1", "1e3", "443;8443"} {
		for _, name := range portVariables {
			getenv := func(n string) string {
				if n == name {
					return value
				}
				return ""
			}
			for form, build := range forms {
				_, err := build(Options{Getenv: getenv})
				if err == nil || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), value) {
					t.Errorf("%s: %s=%s: %v, want an error that names both", form, name, value, err)
				}
			}
		}
	}
}

func TestAddressesThatChangeAreFollowed(t *testing.T) {
	addresses := server.NewAddresses("http://localhost:80")
	m, err := New(Options{Getenv: none, Logger: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	app := server.HTTP(m(http.HandlerFunc(passed)))
	h := server.Handler(server.ApplicationFunc(func(f *server.Features) error {
		server.Set[server.ServerAddressesFeature](f, addresses)
		return app.Process(f)
	}))
	for _, tt := range []struct{ url, want string }{
		{"http://localhost:80", ""}, {"https://localhost:1", "https://example.com:1/"}, {"https://localhost:443", "https://example.com/"}, {"http://localhost:80", ""},
	} {
		addresses.Bind(tt.url)
		if got := ask(t, h, "GET", "/", "example.com").Header().Get("Location"); got != tt.want {
			t.Errorf("at %s: %q, want %q", tt.url, got, tt.want)
		}
	}
}
