package metrics

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
)

// prometheusAccept is what Prometheus 3 sends.
const prometheusAccept = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6," +
	"application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4," +
	"text/plain;version=0.0.4;q=0.3,*/*;q=0.2"

func TestTheFormatIsTheOneThatTheClientPrefers(t *testing.T) {
	for _, test := range []struct {
		accept []string
		want   format
	}{
		{nil, prometheusText},
		{[]string{prometheusAccept}, openMetrics},
		{[]string{"text/plain;q=0.1", "application/openmetrics-text;q=0.2"}, openMetrics},
		{[]string{"application/openmetrics-text"}, openMetrics},
		{[]string{"application/openmetrics-text;version=0.0.1"}, prometheusText},
		{[]string{"application/openmetrics-text;q=0"}, prometheusText},
		{[]string{"application/openmetrics-text;q=2"}, prometheusText},
		{[]string{"application/openmetrics-text;q=0.5,text/plain"}, prometheusText},
		{[]string{"text/html,*/*;q=0.8"}, prometheusText},
		{[]string{";;;,=,\xff"}, prometheusText},
	} {
		if got := negotiate(test.accept); got != test.want {
			t.Errorf("for Accept %q the format is %s", test.accept, got.contentType())
		}
	}
}

func FuzzNegotiationTakesAnything(f *testing.F) {
	f.Add(prometheusAccept)
	f.Add("application/openmetrics-text;q=nan")
	f.Add("text/plain; q=\"0.5\", ,")
	f.Fuzz(func(t *testing.T, accept string) {
		if got := negotiate([]string{accept}); got != prometheusText && got != openMetrics {
			t.Errorf("format %d", got)
		}
	})
}

func TestTheHandlerAnswers(t *testing.T) {
	h := recorded().Handler()
	for _, test := range []struct {
		method, accept string
		status         int
		contentType    string
		format         format
	}{
		{"GET", "", 200, "text/plain; version=0.0.4; charset=utf-8", prometheusText},
		{"GET", prometheusAccept, 200, "application/openmetrics-text; version=1.0.0; charset=utf-8", openMetrics},
		{"HEAD", "", 200, "text/plain; version=0.0.4; charset=utf-8", prometheusText},
		{"POST", "", 405, "text/plain; charset=utf-8", prometheusText},
	} {
		req := httptest.NewRequest(test.method, "/metrics", nil)
		req.Header.Set("Accept", test.accept)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, req)
		res := w.Result()
		if res.StatusCode != test.status || res.Header.Get("Content-Type") != test.contentType {
			t.Errorf("%s: %d %s, want %d %s", test.method, res.StatusCode, res.Header.Get("Content-Type"), test.status, test.contentType)
		}
		want := string(recorded().appendText(nil, test.format))
		switch test.method {
		case http.MethodGet:
			if w.Body.String() != want {
				t.Errorf("GET with Accept %q: the body is another", test.accept)
			}
			fallthrough
		case http.MethodHead:
			if got := res.Header.Get("Content-Length"); got != strconv.Itoa(len(want)) {
				t.Errorf("%s: Content-Length is %s, want %d", test.method, got, len(want))
			}
		default:
			if got := res.Header.Get("Allow"); got != "GET, HEAD" {
				t.Errorf("Allow is %q", got)
			}
		}
		if test.method == http.MethodHead && w.Body.Len() > 0 {
			t.Error("HEAD has a body")
		}
	}
}
