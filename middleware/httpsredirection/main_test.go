package httpsredirection

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"go.uber.org/goleak"

	"github.com/lannerhq/lanner/server"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// forms are the ways in which the middleware stands in front of a handler. addresses, if any, are those of the server; plain
// net/http has none.
var forms = map[string]func(opts Options, addresses ...string) (http.Handler, error){
	"plain net/http": func(opts Options, _ ...string) (http.Handler, error) {
		m, err := New(opts)
		if err != nil {
			return nil, err
		}
		return m(http.HandlerFunc(passed)), nil
	},
	"a handler on a server": func(opts Options, addresses ...string) (http.Handler, error) {
		m, err := New(opts)
		if err != nil {
			return nil, err
		}
		return at(server.HTTP(m(http.HandlerFunc(passed))), addresses), nil
	},
	"an application": func(opts Options, addresses ...string) (http.Handler, error) {
		m, err := NewApplication(opts)
		if err != nil {
			return nil, err
		}
		return at(m(server.HTTP(http.HandlerFunc(passed))), addresses), nil
	},
}

// at is the application on a server with these addresses.
func at(app server.Application, addresses []string) http.Handler {
	return server.Handler(server.ApplicationFunc(func(f *server.Features) error {
		server.Set[server.ServerAddressesFeature](f, server.NewAddresses(addresses...))
		return app.Process(f)
	}))
}

func passed(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "passed") }

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// none is an environment without variables.
func none(string) string { return "" }

func debugLog(out *bytes.Buffer) *slog.Logger {
	return slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// ask sends a request with a target as it stands in the request line, and a Host.
func ask(t testing.TB, h http.Handler, method, target, host string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(method, target, nil)
	r.Host = host
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}
