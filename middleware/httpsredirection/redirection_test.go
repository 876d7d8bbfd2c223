package httpsredirection

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/lannerhq/lanner/middleware/forwardedheaders"
	"github.com/lannerhq/lanner/server"
)

func TestARequestByHTTPIsSentToTheSameURLByHTTPS(t *testing.T) {
	for _, tt := range []struct {
		why          string
		port         int
		target, host string
		want         string
	}{
		{"path and query stay", 443, "/a/b?c=d&e", "example.com", "https://example.com/a/b?c=d&e"},
		{"443 is left out, and so is the port that was used", 443, "/", "example.com:8080", "https://example.com/"},
		{"another port is named", 5001, "/", "example.com:5000", "https://example.com:5001/"},
		{"IPv6", 5001, "/", "[::1]:5000", "https://[::1]:5001/"},
		{"IPv6 without a port", 443, "/", "[2001:db8::1]", "https://[2001:db8::1]/"},
		{"the path is not cleaned", 443, "/a/../b//c/./", "example.com", "https://example.com/a/../b//c/./"},
		{"nor decoded", 443, "/%2e%2F%C3%BC?%20+", "example.com", "https://example.com/%2e%2F%C3%BC?%20+"},
		{"an empty query stays", 443, "/a?", "example.com", "https://example.com/a?"},
		{"a path that looks like a host stays a path", 443, "//evil.example/x", "example.com", "https://example.com//evil.example/x"},
		{"a backslash is no slash", 443, `/\evil.example`, "example.com", "https://example.com/%5Cevil.example"},
		{"absolute form", 443, "http://example.com:8080/a?b=/c", "example.com:8080", "https://example.com/a?b=/c"},
		{"absolute form without a path", 443, "http://example.com?q", "example.com", "https://example.com?q"},
		{"bytes beyond ASCII are escaped", 443, "/\xc3\xbc", "example.com", "https://example.com/%C3%BC"},
	} {
		for form, build := range forms {
			h, err := build(Options{HTTPSPort: tt.port, Getenv: none, Logger: quiet()})
			if err != nil {
				t.Fatal(err)
			}
			w := ask(t, h, "GET", tt.target, tt.host)
			if got := w.Header().Get("Location"); w.Code != http.StatusTemporaryRedirect || got != tt.want {
				t.Errorf("%s, %s: %d %q, want 307 %q", tt.why, form, w.Code, got, tt.want)
			}
			if w.Body.Len() != 0 {
				t.Errorf("%s, %s: the body is %q, want none", tt.why, form, w.Body)
			}
		}
	}
}

func TestEveryMethodIsRedirectedWithTheStatusThatWasChosen(t *testing.T) {
	for status, want := range map[int]int{0: 307, 307: 307, 308: 308, 301: 301} {
		for form, build := range forms {
			h, err := build(Options{StatusCode: status, HTTPSPort: 443, Getenv: none, Logger: quiet()})
			if err != nil {
				t.Fatal(err)
			}
			for _, method := range []string{"GET", "HEAD", "POST", "PUT", "OPTIONS", "DELETE", "BREW"} {
				if w := ask(t, h, method, "/", "example.com"); w.Code != want || w.Header().Get("Location") != "https://example.com/" {
					t.Errorf("%s, %s with %d: %d %q", form, method, status, w.Code, w.Header().Get("Location"))
				}
			}
		}
	}
}

func TestTheAsteriskFormLeadsToAURLWithoutAPath(t *testing.T) {
	m, err := New(Options{HTTPSPort: 443, Getenv: none, Logger: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	w := ask(t, m(http.HandlerFunc(passed)), "OPTIONS", "*", "example.com")
	if got := w.Header().Get("Location"); got != "https://example.com" { // RFC 9112 §3.2.4: asked as "OPTIONS *" again
		t.Errorf("%d %q, want a URL without a path", w.Code, got)
	}
}

func TestARequestByHTTPSPasses(t *testing.T) {
	for form, build := range forms {
		h, err := build(Options{HTTPSPort: 443, Getenv: none, Logger: quiet()})
		if err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", "https://example.com/", nil))
		if w.Code != 200 || w.Body.String() != "passed" {
			t.Errorf("%s: %d %q, want the handler's answer", form, w.Code, w.Body)
		}
	}
}

func TestBehindAProxyTheClientsSchemeHostAndPrefixCount(t *testing.T) {
	forwarded := forwardedheaders.Options{Headers: forwardedheaders.All, DangerouslyTrustEveryPeer: true, Logger: quiet()}
	opts := Options{HTTPSPort: 443, Getenv: none, Logger: quiet()}
	handler, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	application, err := NewApplication(opts)
	if err != nil {
		t.Fatal(err)
	}
	next := http.HandlerFunc(passed)
	for form, h := range map[string]http.Handler{
		"plain net/http":        forwardedheaders.New(forwarded)(handler(next)),
		"applications":          server.Handler(forwardedheaders.NewApplication(forwarded)(application(server.HTTP(next)))),
		"a handler on a server": server.Handler(server.HTTP(forwardedheaders.New(forwarded)(handler(next)))),
	} {
		for _, tt := range []struct{ connection, proto, host, prefix, target, want string }{
			{"http", "https", "", "", "/", ""},
			{"https", "http", "", "", "/a", "https://inner.example/a"},
			{"http", "http", "example.com", "", "/a", "https://example.com/a"},
			{"http", "http", "example.com", "/shop", "/a?b", "https://example.com/shop/a?b"},
			{"http", "http", "example.com", "/a%2520b", "/a", "https://example.com/a%2520b/a"},
		} {
			r := httptest.NewRequest("GET", tt.connection+"://inner.example"+tt.target, nil)
			r.RequestURI = tt.target
			for name, value := range map[string]string{"Proto": tt.proto, "Host": tt.host, "Prefix": tt.prefix} {
				if value != "" {
					r.Header.Set("X-Forwarded-"+name, value)
				}
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if got := w.Header().Get("Location"); got != tt.want {
				t.Errorf("%s: %+v leads to %d %q", form, tt, w.Code, got)
			}
		}
	}
}

func TestWhatIsCutFromThePathIsInTheRedirect(t *testing.T) {
	opts := Options{HTTPSPort: 443, Getenv: none, Logger: quiet()}
	handler, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	application, err := NewApplication(opts)
	if err != nil {
		t.Fatal(err)
	}
	next := http.HandlerFunc(passed)
	mounted := func(app server.Application) http.Handler {
		return server.Handler(server.ApplicationFunc(func(f *server.Features) error {
			server.Rebase(f, "/sub")
			return app.Process(f)
		}))
	}
	withBase := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handler(next).ServeHTTP(w, r.WithContext(forwardedheaders.WithPathBase(r.Context(), "/sub")))
	})
	for form, h := range map[string]http.Handler{
		"an application mounted by the server": mounted(application(server.HTTP(next))),
		"a handler mounted by the server":      mounted(server.HTTP(handler(next))),
		"StripPrefix":                          http.StripPrefix("/sub", handler(next)),
		"StripPrefix and WithPathBase":         http.StripPrefix("/sub", withBase),
	} {
		for _, target := range []string{"/sub/a%2Fb?c", "/sub/", "/sub"} {
			if got := ask(t, h, "GET", target, "example.com").Header().Get("Location"); got != "https://example.com"+target {
				t.Errorf("%s: %s leads to %q", form, target, got)
			}
		}
	}
}

func TestARequestWithoutAValidHostIsRefused(t *testing.T) {
	for form, build := range forms {
		h, err := build(Options{HTTPSPort: 443, Getenv: none, Logger: quiet()})
		if err != nil {
			t.Fatal(err)
		}
		for _, host := range []string{
			"", "user@evil.example", "user:secret@evil.example", "evil.example/x", "evil.example?", "evil.example#", `evil.example\x`,
			"a b", "a\r\nSet-Cookie: x", "a:b", "a:", ":80", "[::1", "[::1]x", "[evil.example]", "a,b", "b\xc3\xbccher.example", "%65vil.example",
		} {
			w := ask(t, h, "GET", "/", host)
			if w.Code != http.StatusBadRequest || w.Header().Get("Location") != "" {
				t.Errorf("%s: Host %q gets %d %q, want 400", form, host, w.Code, w.Header().Get("Location"))
			}
			if body := w.Body.String(); body != refusal {
				t.Errorf("%s: Host %q gets the body %q, want the reason and nothing of the client's", form, host, body)
			}
		}
	}
}

func TestExcludedPathsAreServedByHTTP(t *testing.T) {
	excluded := []string{ACMEChallenges, "/health"}
	for form, build := range forms {
		h, err := build(Options{HTTPSPort: 443, ExcludedPaths: excluded, Getenv: none, Logger: quiet()})
		if err != nil {
			t.Fatal(err)
		}
		for target, passes := range map[string]bool{
			"/.well-known/acme-challenge/evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA": true,
			"/health": true, "/health?verbose": true,
			"http://example.com/health": true,
			"/":                         false, "/health/": false, "/healthy": false, "/Health": false, "/a?/health": false,
			"/.well-known/acme-challenge": false,
			// What a router could take for another path.
			"/.well-known/acme-challenge/../../admin":     false,
			"/.well-known/acme-challenge/..":              false,
			"/.well-known/acme-challenge/./x":             false,
			"/.well-known/acme-challenge/%2e%2e/admin":    false,
			"/.well-known/acme-challenge/..%2Fadmin":      false,
			"/.well-known/acme-challenge/..%5Cadmin":      false,
			`/.well-known/acme-challenge/..\admin`:        false,
			"/.well-known/acme-challenge//evil.example/x": false,
		} {
			w := ask(t, h, "GET", target, "example.com")
			if passed := w.Body.String() == "passed"; passed != passes {
				t.Errorf("%s: %s gets %d, want it to pass: %v", form, target, w.Code, passes)
			}
		}
		if w := ask(t, h, "GET", "/health", ""); w.Code != 200 {
			t.Errorf("%s: an excluded path without a Host gets %d, want 200: health checks of HTTP/1.0 have none", form, w.Code)
		}
	}
}

func TestOptionsThatCannotBeAreRefused(t *testing.T) {
	for _, tt := range []struct {
		opts Options
		want []string
	}{
		{Options{StatusCode: 302}, []string{"StatusCode", "302", "307"}},
		{Options{HTTPSPort: -1}, []string{"HTTPSPort", "-1"}},
		{Options{HTTPSPort: 65536}, []string{"HTTPSPort", "65536"}},
		{Options{ExcludedPaths: []string{"/"}}, []string{"ExcludedPaths", "every path"}},
		{Options{ExcludedPaths: []string{"health"}}, []string{"ExcludedPaths", `"health"`, "slash"}},
		{Options{ExcludedPaths: []string{"/a/../b"}}, []string{"ExcludedPaths", `"/a/../b"`}},
		{Options{ExcludedPaths: []string{"/a?b"}}, []string{"ExcludedPaths", "query"}},
		{Options{StatusCode: 200, HTTPSPort: 1 << 20}, []string{"StatusCode", "HTTPSPort"}},
	} {
		tt.opts.Getenv = none
		for form, build := range forms {
			_, err := build(tt.opts)
			if err == nil {
				t.Errorf("%s: %+v is taken", form, tt.opts)
				continue
			}
			for _, part := range tt.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%s: %q says nothing of %q", form, err, part)
				}
			}
		}
	}
}

func TestRedirectsAndRefusalsAreLoggedAtDebugLevel(t *testing.T) {
	var out bytes.Buffer
	m, err := New(Options{HTTPSPort: 443, Getenv: none, Logger: debugLog(&out)})
	if err != nil {
		t.Fatal(err)
	}
	ask(t, m(http.HandlerFunc(passed)), "GET", "/a", "example.com")
	ask(t, m(http.HandlerFunc(passed)), "GET", "/", "a@b")
	if got := out.String(); strings.Count(got, "level=DEBUG") != 2 || !strings.Contains(got, "location=https://example.com/a") || !strings.Contains(got, "host=a@b") {
		t.Errorf("the log is %q, want a line for each", got)
	}
}

func FuzzALocationLeadsToTheHostOfTheRequest(f *testing.F) {
	f.Add("/a?b", "example.com")
	f.Add("//evil.example", "example.com:80")
	f.Add("http://evil.example/\\", "[::1]:1")
	f.Add("*", "a@b")
	f.Fuzz(func(t *testing.T, target, host string) {
		m, err := New(Options{HTTPSPort: 8443, Getenv: none, Logger: quiet()})
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest("GET", "/", nil)
		r.RequestURI, r.Host = target, host
		w := httptest.NewRecorder()
		m(http.HandlerFunc(passed)).ServeHTTP(w, r)
		location := w.Header().Get("Location")
		if w.Code == http.StatusBadRequest && location == "" {
			return
		}
		name, ok := hostName(host)
		rest, found := strings.CutPrefix(location, "https://"+name+":8443")
		if !ok || !found || rest != "" && rest[0] != '/' && rest[0] != '?' {
			t.Fatalf("target %q, host %q: %q leads elsewhere", target, host, location)
		}
		if strings.ContainsFunc(location, func(c rune) bool { return c <= ' ' || c >= 0x7f || c == '\\' || c == '#' }) {
			t.Fatalf("target %q: %q has what cannot be in a URL", target, location)
		}
	})
}
