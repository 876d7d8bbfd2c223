package main

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// peer starts net/http's server, which is not Lanner but known to speak HTTP/2.
func peer(t *testing.T, encrypted bool) (addr string) {
	t.Helper()
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		io.WriteString(w, "hello, world")
	}))
	srv.Config.ErrorLog = log.New(io.Discard, "", 0) // of what the suite does wrong
	srv.Config.Protocols = new(http.Protocols)
	srv.Config.Protocols.SetHTTP2(true)
	srv.Config.Protocols.SetUnencryptedHTTP2(true)
	srv.EnableHTTP2 = true
	t.Cleanup(srv.Close)
	if encrypted {
		srv.StartTLS()
	} else {
		srv.Start()
	}
	return srv.Listener.Addr().String()
}

func TestTheSuiteRunsInCleartextAndOverTLS(t *testing.T) {
	for name, args := range map[string][]string{"cleartext": nil, "TLS": {"-tls"}} {
		t.Run(name, func(t *testing.T) {
			var stdout, stderr strings.Builder
			args = append([]string{"-addr", peer(t, args != nil), "-timeout", "30s"}, args...)
			status := run(append(args, "generic/3.8", "http2/6.7", "hpack/6.1"), &stdout, &stderr)
			if want := "h2spec: 6 passed, 0 failed, 0 skipped\n"; status != 0 || stdout.String() != want {
				t.Errorf("status %d, %q, %q; want 0 and %q", status, &stdout, &stderr, want)
			}
		})
	}
}

func TestWhatCannotRunHasStatus2(t *testing.T) {
	for _, args := range [][]string{{}, {"-addr", "no-port"}, {"-addr", "127.0.0.1:http"}, {"-addr", "127.0.0.1:1"}, {"-unknown"},
		{"-addr", peer(t, false), "nosuch/1"}} {
		var stderr strings.Builder
		if status := run(args, io.Discard, &stderr); status != 2 || stderr.Len() == 0 {
			t.Errorf("%q: status %d and %q, want 2 and a reason", args, status, &stderr)
		}
	}
}

func TestOnlyListedCasesMayFail(t *testing.T) {
	results := []result{{"a/1", "passes", passed, ""}, {"a/2", "fails", failed, "expected x\ncame y"}, {"a/3", "is skipped", skipped, ""}}
	for _, c := range []struct {
		name       string
		exceptions map[string]string
		status     int
		says       string
	}{
		{"a failure is one", nil, 1, "a/2 fails\n    expected x\n    came y"},
		{"unless it is listed", map[string]string{"a/2": "it should"}, 0, "as expected: it should"},
		{"a listed case that passes is taken out", map[string]string{"a/1": "it did fail", "a/2": "it should"}, 1, "take them out:\n  a/1 passes"},
	} {
		var out strings.Builder
		if status := report(&out, results, c.exceptions); status != c.status || !strings.Contains(out.String(), c.says) ||
			!strings.HasPrefix(out.String(), "h2spec: 1 passed, 1 failed, 1 skipped\n") {
			t.Errorf("%s: status %d and %q", c.name, status, &out)
		}
	}
}
