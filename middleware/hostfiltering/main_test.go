package hostfiltering

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/lannerhq/lanner/server"
)

// forms are the ways in which the filter stands in front of an application.
var forms = map[string]func(t *testing.T, opts Options) (http.Handler, error){
	"plain net/http": func(t *testing.T, opts Options) (http.Handler, error) {
		filter, err := New(opts)
		if err != nil {
			return nil, err
		}
		return filter(http.HandlerFunc(passed)), nil
	},
	"a handler on a server": func(t *testing.T, opts Options) (http.Handler, error) {
		filter, err := New(opts)
		if err != nil {
			return nil, err
		}
		app := server.HTTP(filter(http.HandlerFunc(passed)))
		return server.Handler(server.ApplicationFunc(app.Process)), nil
	},
	"an application": func(t *testing.T, opts Options) (http.Handler, error) {
		filter, err := NewApplication(opts)
		if err != nil {
			return nil, err
		}
		return server.Handler(filter(server.HTTP(http.HandlerFunc(passed)))), nil
	},
}

func passed(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "passed") }

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func ask(h http.Handler, method, host string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "/", nil)
	r.Host = host
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}
