package hsts

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lannerhq/lanner/middleware/forwardedheaders"
	"github.com/lannerhq/lanner/server"
)

const year = 365 * 24 * time.Hour

func TestTheHeaderGoesToHTTPSAndToHostsThatAreNotExcluded(t *testing.T) {
	const standard = "max-age=2592000"
	for _, tt := range []struct {
		why  string
		opts Options
		url  string
		want string
	}{
		{"the default is 30 days", Options{}, "https://example.com/", standard},
		{"never by http (RFC 6797 §7.2)", Options{}, "http://example.com/", ""},
		{"nor with a port that looks like https", Options{}, "http://example.com:443/", ""},
		{"seconds are whole", Options{MaxAge: 90*time.Second + 999*time.Millisecond}, "https://example.com/", "max-age=90"},
		{"sub domains", Options{IncludeSubDomains: true}, "https://example.com/", standard + "; includeSubDomains"},
		{"preload", Options{MaxAge: year, IncludeSubDomains: true, Preload: true}, "https://example.com/", "max-age=31536000; includeSubDomains; preload"},
		{"revoked", Options{Revoke: true}, "https://example.com/", "max-age=0"},
		{"localhost is excluded", Options{}, "https://localhost/", ""},
		{"with a port, in any case", Options{}, "https://LocalHost:5001/", ""},
		{"127.0.0.1", Options{}, "https://127.0.0.1:5001/", ""},
		{"[::1]", Options{}, "https://[::1]:5001/", ""},
		{"only the name itself is excluded", Options{}, "https://localhost.example.com/", standard},
		{"a list replaces the default", Options{ExcludedHosts: []string{"Example.com"}}, "https://example.com:8443/", ""},
		{"and localhost is not on it", Options{ExcludedHosts: []string{"example.com"}}, "https://localhost/", standard},
		{"an empty list excludes none", Options{ExcludedHosts: []string{}}, "https://localhost/", standard},
		{"names below one", Options{ExcludedHosts: []string{"*.test"}}, "https://a.b.test/", ""},
	} {
		for form, build := range forms {
			tt.opts.Logger = quiet()
			h, err := build(tt.opts, hello)
			if err != nil {
				t.Fatal(err)
			}
			w := ask(h, tt.url)
			if got := strings.Join(w.Header().Values(headerName), " | "); got != tt.want {
				t.Errorf("%s, %s: %s has %q, want %q", tt.why, form, tt.url, got, tt.want)
			}
			if w.Body.String() != "hello" {
				t.Errorf("%s, %s: the body is %q, want the handler's", tt.why, form, w.Body)
			}
		}
	}
}

func TestTheProxySaysWhetherTheClientCameByHTTPS(t *testing.T) {
	forwarded := forwardedheaders.Options{Headers: forwardedheaders.Proto, DangerouslyTrustEveryPeer: true, Logger: quiet()}
	handler, err := New(Options{Logger: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	application, err := NewApplication(Options{Logger: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	behind := map[string]http.Handler{
		"plain net/http": forwardedheaders.New(forwarded)(handler(http.HandlerFunc(hello))),
		"applications":   server.Handler(forwardedheaders.NewApplication(forwarded)(application(server.HTTP(http.HandlerFunc(hello))))),
		// The proxy's connection is encrypted and the handler's r.TLS may say so: the client's scheme is what counts.
		"a handler behind an application": server.Handler(forwardedheaders.NewApplication(forwarded)(server.HTTP(handler(http.HandlerFunc(hello))))),
	}
	for form, h := range behind {
		for _, tt := range []struct{ connection, proto, want string }{
			{"http", "https", "max-age=2592000"}, {"http", "HTTPS", "max-age=2592000"}, {"https", "http", ""}, {"http", "http", ""},
		} {
			r := httptest.NewRequest("GET", tt.connection+"://example.com/", nil)
			r.Header.Set("X-Forwarded-Proto", tt.proto)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if got := w.Header().Get(headerName); got != tt.want {
				t.Errorf("%s: a client by %s, forwarded by %s, gets %q, want %q", form, tt.proto, tt.connection, got, tt.want)
			}
		}
	}
}

func TestTheHandlerHasTheLastWordAndThereIsOneField(t *testing.T) {
	const standard = "max-age=2592000"
	for _, tt := range []struct {
		name            string
		h               http.HandlerFunc
		want, unbridged []string // behind New, and behind NewApplication
	}{
		{"it sets its own", func(w http.ResponseWriter, r *http.Request) { w.Header().Set(headerName, "max-age=1") }, []string{"max-age=1"}, []string{"max-age=1"}},
		{"it wants none", func(w http.ResponseWriter, r *http.Request) { w.Header().Del(headerName) }, nil, []string{standard}},
		{"it fails", func(w http.ResponseWriter, r *http.Request) { http.Error(w, "no", 500) }, []string{standard}, []string{standard}},
	} {
		for form, build := range forms {
			h, err := build(Options{Logger: quiet()}, tt.h)
			if err != nil {
				t.Fatal(err)
			}
			want := tt.want
			if form == "an application" {
				want = tt.unbridged
			}
			if got := ask(h, "https://example.com/").Header().Values(headerName); !slices.Equal(got, want) {
				t.Errorf("%s, %s: %q, want %q", tt.name, form, got, want)
			}
		}
	}
}

func TestALowLevelHandlerHasTheLastWordToo(t *testing.T) {
	m, err := NewApplication(Options{Logger: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		h    server.ContextHandler
		want []string
	}{
		"it sets its own": {func(c *server.Context) error { c.SetHeader(headerName, "max-age=1"); return nil }, []string{"max-age=1"}},
		"it adds another": {func(c *server.Context) error { c.AddHeader(headerName, "max-age=1"); return nil }, []string{"max-age=1"}},
		"it wants none":   {func(c *server.Context) error { c.ResponseHeaders().Del(headerName); return nil }, nil},
		"it says nothing": {func(c *server.Context) error { return nil }, []string{"max-age=2592000"}},
	} {
		if got := ask(server.Handler(m(tt.h)), "https://example.com/").Header().Values(headerName); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, want %q: RFC 6797 §7.1 allows one field", name, got, tt.want)
		}
	}
}

func TestAFieldOfAMiddlewareInFrontIsReplaced(t *testing.T) {
	h, err := forms["plain net/http"](Options{Logger: quiet()}, hello)
	if err != nil {
		t.Fatal(err)
	}
	front := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set(headerName, "max-age=2")
		h.ServeHTTP(w, r)
	})
	if got := ask(front, "https://example.com/").Header().Values(headerName); !slices.Equal(got, []string{"max-age=2592000"}) {
		t.Errorf("%q, want one field: RFC 6797 §7.1", got)
	}
}

func TestAHandlerThatAddsAValueChangesNoOtherResponse(t *testing.T) {
	h, err := forms["plain net/http"](Options{Logger: quiet()}, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Add(headerName, "max-age=1")
	})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if got := ask(h, "https://example.com/").Header().Values(headerName); !slices.Equal(got, []string{"max-age=2592000", "max-age=1"}) {
			t.Fatalf("got %q, want the middleware's and the handler's", got)
		}
	}
}

func TestOptionsThatContradictEachOtherAreRefused(t *testing.T) {
	for _, tt := range []struct {
		opts Options
		want []string // what the error names: the option, and the way out
	}{
		{Options{MaxAge: -time.Second}, []string{"MaxAge", "-1s", "Revoke"}},
		{Options{MaxAge: 500 * time.Millisecond}, []string{"MaxAge", "500ms", "Revoke"}},
		{Options{Preload: true, IncludeSubDomains: true}, []string{"Preload", "MaxAge", "720h0m0s", "365*24*time.Hour"}},
		{Options{Preload: true, MaxAge: year}, []string{"Preload", "IncludeSubDomains", "leave Preload out"}},
		{Options{Preload: true, MaxAge: year - time.Second}, []string{"MaxAge", "IncludeSubDomains"}},
		{Options{Revoke: true, MaxAge: year}, []string{"Revoke", "MaxAge"}},
		{Options{Revoke: true, Preload: true}, []string{"Revoke", "Preload"}},
		{Options{ExcludedHosts: []string{"localhost:5000"}}, []string{"ExcludedHosts", "leave the port out"}},
		{Options{ExcludedHosts: []string{"https://localhost"}}, []string{"ExcludedHosts", "URL"}},
		{Options{ExcludedHosts: []string{"*"}}, []string{"ExcludedHosts", "every host"}},
		{Options{ExcludedHosts: []string{"localhost", "[::]"}}, []string{"ExcludedHosts", "every host"}},
	} {
		for form, build := range forms {
			_, err := build(tt.opts, hello)
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

func TestTheLogSaysAtDebugLevelWhyThereIsNoHeader(t *testing.T) {
	var out bytes.Buffer
	h, err := forms["plain net/http"](Options{Logger: slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))}, hello)
	if err != nil {
		t.Fatal(err)
	}
	ask(h, "http://example.com/")
	ask(h, "https://localhost:5001/")
	ask(h, "https://example.com/")
	if got := out.String(); strings.Count(got, "level=DEBUG") != 2 || !strings.Contains(got, "not by https") || !strings.Contains(got, "host=localhost:5001") {
		t.Errorf("the log is %q, want one line for http and one for the excluded host", got)
	}
}
