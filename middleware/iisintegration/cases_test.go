package iisintegration

import (
	"bufio"
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/lannerhq/lanner/middleware/forwardedheaders"
)

// eachLine calls fn with every line of a data file.
func eachLine(t *testing.T, file string, fn func(line []byte)) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		fn(lines.Bytes())
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
}

func TestEveryIISIntegrationCaseHolds(t *testing.T) {
	type row struct {
		ID, Kind, Group string
		Input           struct {
			BackendHeaders map[string]string
		}
		Expect struct {
			Scheme        string
			RemoteIP      string
			RemotePort    uint16
			Headers       map[string]string
			HeadersAbsent []string
		}
	}
	ran := 0
	eachLine(t, "testdata/ancm-forwarded-cases.jsonl", func(line []byte) {
		var kind struct{ Kind string }
		if err := json.Unmarshal(line, &kind); err != nil {
			t.Fatal(err)
		}
		if kind.Kind != "iis-integration" {
			return
		}
		var r row
		if err := json.Unmarshal(line, &r); err != nil {
			t.Fatal(err)
		}
		ran++
		for form, through := range forms {
			req := request("GET", "/")
			for name, value := range r.Input.BackendHeaders {
				req.Header.Set(name, value)
			}
			got, status, _ := through(pair(t, module("/")), nil, req)
			endpoint, ok := forwardedheaders.ParseEndpoint(got.remote)
			if status != 200 || !ok || endpoint.Addr().String() != r.Expect.RemoteIP || endpoint.Port() != r.Expect.RemotePort {
				t.Errorf("%s (%s) through %s: %d, remote %s, want %s port %d", r.ID, r.Group, form, status, got.remote, r.Expect.RemoteIP, r.Expect.RemotePort)
			}
			if r.Expect.Scheme != "" && got.scheme != r.Expect.Scheme {
				t.Errorf("%s (%s) through %s: scheme %s, want %s", r.ID, r.Group, form, got.scheme, r.Expect.Scheme)
			}
			for name, value := range r.Expect.Headers {
				if got.header.Get(name) != value {
					t.Errorf("%s (%s) through %s: %s is %q, want %q", r.ID, r.Group, form, name, got.header.Get(name), value)
				}
			}
			for _, name := range r.Expect.HeadersAbsent {
				if got.header.Get(name) != "" {
					t.Errorf("%s (%s) through %s: %s is still there", r.ID, r.Group, form, name)
				}
			}
		}
	})
	if ran == 0 {
		t.Error("there is no row of that kind")
	}
}

// scenario is one of area middleware in testdata/ancm-scenarios.jsonl: a test of Microsoft.AspNetCore.Server.IISIntegration.
type scenario struct{ ID, Area, Name, Setup, Expect string }

// TestEveryMiddlewareScenarioHolds finds its check by the scenario's name. A scenario without one fails.
func TestEveryMiddlewareScenarioHolds(t *testing.T) {
	ran := 0
	eachLine(t, "testdata/ancm-scenarios.jsonl", func(line []byte) {
		var s scenario
		if err := json.Unmarshal(line, &s); err != nil {
			t.Fatal(err)
		}
		if s.Area != "middleware" {
			return
		}
		ran++
		t.Run(s.ID, func(t *testing.T) { s.check(t) })
	})
	if ran == 0 {
		t.Error("there is no scenario of that area")
	}
}

func (s scenario) check(t *testing.T) {
	switch name, rest, _ := strings.Cut(s.Name, " "); name {
	case "MiddlewareSkippedIfTokenIsMissing":
		env := module("/")
		delete(env, envToken)
		if _, ok := FromEnvironment(env.get); ok {
			t.Error("the integration is active without a token")
		}
	case "MiddlewareRejectsRequestIfTokenHeaderIsMissing":
		s.ask(t, "/", func() *http.Request {
			r := request("GET", "/")
			r.Header.Del(headerToken)
			return r
		}, http.StatusBadRequest, false)
	case "MiddlewareShutsdownGivenANCMShutdown":
		path, event, _ := strings.Cut(rest, " ")
		base := strings.TrimSuffix(path, "/iisintegration")
		s.ask(t, base+"/", func() *http.Request { return request("POST", path, headerEvent, event) }, http.StatusAccepted, true)
	case "MiddlewareIgnoresShutdownGivenWrongMethod":
		s.ask(t, "/", func() *http.Request { return request(rest, "/iisintegration", headerEvent, "shutdown") }, http.StatusOK, false)
	case "MiddlewareIgnoresShutdownGivenWrongPath":
		s.ask(t, "/", func() *http.Request { return request("POST", rest, headerEvent, "shutdown") }, http.StatusOK, false)
	case "MiddlewareIgnoresShutdownGivenWrongEvent":
		s.ask(t, "/", func() *http.Request { return request("POST", "/iisintegration", headerEvent, rest) }, http.StatusOK, false)
	case "UrlDelayRegisteredAndPreferHostingUrlsSet", "PathBaseHiddenFromServer":
		a := &addresses{urls: []string{"http://localhost:5000"}}
		pair(t, module("/pathBase")).Configure(a)
		if len(a.urls) != 1 || a.urls[0] != "http://127.0.0.1:12345" || !a.prefer {
			t.Errorf("the server gets %q, preferred: %v, want the module's address alone, without the path", a.urls, a.prefer)
		}
	case "AddsAuthenticationHandlerByDefault":
		// Go has no authentication schemes to register. What is left to hold is that the setting breaks nothing.
		for _, auth := range []string{"windows;", "anonymous;", "none", ""} {
			env := module("/")
			env["ASPNETCORE_IIS_HTTPAUTH"] = auth
			if got, status, _ := forms["plain net/http"](pair(t, env), nil, request("GET", "/")); status != 200 || !got.called {
				t.Errorf("with authentication %q the request gets %d", auth, status)
			}
		}
	case "AddsUsePathBaseMiddlewareWhenPathBaseSpecified":
		for form, through := range forms {
			got, status, _ := through(pair(t, module("/pathBase")), nil, request("GET", "/PathBase/Path"))
			if status != 200 || got.pathBase != "/PathBase" || got.path != "/Path" {
				t.Errorf("%s: base %q, path %q, want both as sent", form, got.pathBase, got.path)
			}
		}
	default:
		t.Fatalf("no check is written for %s (%s -> %s)", s.Name, s.Setup, s.Expect)
	}
}

// ask sends a request through every form of the integration.
func (s scenario) ask(t *testing.T, base string, r func() *http.Request, want int, stops bool) {
	for form, through := range forms {
		stopped := make(chan struct{}, 1)
		i := pair(t, module(base))
		got, status, _ := through(i, func() { stopped <- struct{}{} }, r())
		i.Wait()
		if status != want || got.called != (want == http.StatusOK) || (len(stopped) == 1) != stops {
			t.Errorf("%s: %d, application called: %v, stopped: %v; want %d (%s)", form, status, got.called, len(stopped) == 1, want, s.Expect)
		}
	}
}
