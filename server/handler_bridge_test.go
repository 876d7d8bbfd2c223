package server_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/lannerhq/lanner/server"
)

// on serves one request to an application on net/http.
func on(t *testing.T, r *http.Request, app server.ApplicationFunc) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	server.Handler(app).ServeHTTP(w, r)
	return w
}

func TestAHandlerComesOutAsItWent(t *testing.T) {
	called := false
	h := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { called = true })
	out := server.Handler(server.HTTP(h))
	if _, same := out.(http.HandlerFunc); !same {
		t.Errorf("Handler(HTTP(h)) is a %T, want h without a layer", out)
	}
	out.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	if !called {
		t.Error("the handler was not called")
	}
}

func TestARequestWithoutABodyHasAnEmptyOne(t *testing.T) {
	r := httptest.NewRequest("GET", "/a/../b?c", nil)
	r.Body = nil
	on(t, r, func(f *server.Features) error {
		q, _ := server.Get[server.RequestFeature](f)
		if body, err := io.ReadAll(q.Body()); len(body) > 0 || err != nil {
			t.Errorf("the body is %q, %v, want none: it is never nil", body, err)
		}
		if q.Path() != "/b" || q.RawQuery() != "c" || q.Scheme() != "http" || q.Header().Get("Host") != "example.com" {
			t.Errorf("path %q, query %q, scheme %q, host field %q", q.Path(), q.RawQuery(), q.Scheme(), q.Header().Get("Host"))
		}
		return nil
	})
}

func TestAPathThatAHandlerInFrontCutIsSeenCut(t *testing.T) {
	app := server.Handler(server.ApplicationFunc(func(f *server.Features) error {
		q, _ := server.Get[server.RequestFeature](f)
		s, _ := server.Get[server.ResponseFeature](f)
		_, err := io.WriteString(s, q.Path())
		return err
	}))
	w := httptest.NewRecorder()
	http.StripPrefix("/front", app).ServeHTTP(w, httptest.NewRequest("GET", "/front/a%2Fb", nil))
	if w.Body.String() != "/a%2Fb" {
		t.Errorf("the path is %q, want what is left of it, with the encoded slash", w.Body.String())
	}
}

func TestErrorsAreAnswered(t *testing.T) {
	for _, tt := range []struct {
		err    error
		status int
		allow  string
	}{
		{errBoom, 500, ""},
		{&server.BadRequestError{Status: 405, Allow: "GET"}, 405, "GET"},
		{&http.MaxBytesError{Limit: 10}, 413, ""},
	} {
		w := on(t, httptest.NewRequest("GET", "/", nil), func(f *server.Features) error {
			s, _ := server.Get[server.ResponseFeature](f)
			s.Header().Set("X-A", "1")
			s.OnStarting(func() { t.Error("OnStarting runs for a response that was given up") })
			return tt.err
		})
		if w.Code != tt.status || w.Header().Get("Allow") != tt.allow || w.Header().Get("X-A") != "" {
			t.Errorf("%v is answered %d, Allow %q, X-A %q, want %d, %q and no field of the application", tt.err, w.Code,
				w.Header().Get("Allow"), w.Header().Get("X-A"), tt.status, tt.allow)
		}
	}
}

func TestAPanicGoesOnToNetHTTP(t *testing.T) {
	completed := false
	defer func() {
		if v := recover(); v != "on purpose" {
			t.Errorf("recovered %v, want the application's panic: a recovering middleware must see it", v)
		}
		if !completed {
			t.Error("OnCompleted did not run")
		}
	}()
	on(t, httptest.NewRequest("GET", "/", nil), func(f *server.Features) error {
		s, _ := server.Get[server.ResponseFeature](f)
		s.OnCompleted(func() { completed = true })
		panic("on purpose")
	})
}

func TestFieldsOfAHandlerInFrontSurviveInterimResponses(t *testing.T) {
	app := server.ApplicationFunc(func(f *server.Features) error {
		interim, _ := server.Get[server.InterimResponseFeature](f)
		var h server.Headers
		h.Add("Link", "</a>")
		return interim.SendInterim(103, &h)
	})
	w := httptest.NewRecorder()
	w.Header().Set("X-Front", "1")
	server.Handler(app).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if w.Header().Get("X-Front") != "1" || w.Header().Get("Link") != "" {
		t.Errorf("fields %v, want X-Front and no Link in the final response", w.Header())
	}
}

func TestAWatchEndsWithItsRequest(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	calls := make(chan error, 8)
	on(t, httptest.NewRequest("GET", "/", nil).WithContext(ctx), func(f *server.Features) error {
		life, _ := server.Get[server.RequestLifetimeFeature](f)
		life.OnAborted(func(cause error) { calls <- cause })
		return nil
	})
	cancel(errBoom) // goleak finds what would still wait for this
	if len(calls) > 0 {
		t.Errorf("OnAborted was called with %v although the request was over", <-calls)
	}
}

func TestAnAbortHasTheCauseOfItsContext(t *testing.T) {
	for _, tt := range []struct{ cause, want error }{
		{nil, server.ErrClientDisconnected}, // all that net/http says
		{server.ErrServerShutdown, server.ErrServerShutdown},
	} {
		ctx, cancel := context.WithCancelCause(t.Context())
		on(t, httptest.NewRequest("GET", "/", nil).WithContext(ctx), func(f *server.Features) error {
			life, _ := server.Get[server.RequestLifetimeFeature](f)
			causes := make(chan error, 1)
			life.OnAborted(func(cause error) { causes <- cause })
			cancel(tt.cause)
			if got := <-causes; !errors.Is(got, tt.want) {
				t.Errorf("a context that ends with %v aborts with %v, want %v", tt.cause, got, tt.want)
			}
			return nil
		})
	}
}

func TestAbortMayBeCalledFromAnyGoroutine(t *testing.T) {
	defer func() {
		if v := recover(); v != http.ErrAbortHandler {
			t.Errorf("recovered %v, want http.ErrAbortHandler on the handler's goroutine: that ends the connection", v)
		}
	}()
	on(t, httptest.NewRequest("GET", "/", nil), func(f *server.Features) error {
		life, _ := server.Get[server.RequestLifetimeFeature](f)
		causes := make(chan error, 1)
		life.OnAborted(func(cause error) { causes <- cause })
		go life.Abort(nil)
		if cause := <-causes; !errors.Is(cause, server.ErrRequestAborted) {
			t.Errorf("the cause is %v, want server.ErrRequestAborted when none is given", cause)
		}
		return nil
	})
}

func TestAddressesAreNeverLookedUp(t *testing.T) {
	for addr, want := range map[string]string{"192.0.2.1:80": "192.0.2.1:80", "[2001:db8::1]:80": "[2001:db8::1]:80", "name.example:80": "", "@": "", "": ""} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = addr
		on(t, r, func(f *server.Features) error {
			conn, _ := server.Get[server.ConnectionFeature](f)
			got := ""
			if a := conn.RemoteAddr(); a != nil {
				got = a.String()
			}
			if got != want || conn.RemoteAddrText() != addr {
				t.Errorf("RemoteAddr of %q is %q, text %q, want %q and the text as it is", addr, got, conn.RemoteAddrText(), want)
			}
			return nil
		})
	}
}
