package hsts

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"go.uber.org/goleak"

	"github.com/lannerhq/lanner/server"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// forms are the ways in which the middleware stands in front of a handler.
var forms = map[string]func(opts Options, h http.HandlerFunc) (http.Handler, error){
	"plain net/http": func(opts Options, h http.HandlerFunc) (http.Handler, error) {
		m, err := New(opts)
		if err != nil {
			return nil, err
		}
		return m(h), nil
	},
	"a handler on a server": func(opts Options, h http.HandlerFunc) (http.Handler, error) {
		m, err := New(opts)
		if err != nil {
			return nil, err
		}
		return server.Handler(server.ApplicationFunc(server.HTTP(m(h)).Process)), nil
	},
	"an application": func(opts Options, h http.HandlerFunc) (http.Handler, error) {
		m, err := NewApplication(opts)
		if err != nil {
			return nil, err
		}
		return server.Handler(m(server.HTTP(h))), nil
	},
}

func hello(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "hello") }

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// ask is the response to a request for a URL: httptest makes one by https a request with TLS.
func ask(h http.Handler, url string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", url, nil))
	return w
}
