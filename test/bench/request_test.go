package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestAnswersAreComparedByteForByte(t *testing.T) {
	status, body := http.StatusOK, ""
	var asked string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent, _ := io.ReadAll(r.Body)
		asked = r.Method + " " + r.Host + r.URL.RequestURI() + " " + string(sent)
		w.WriteHeader(status)
		io.WriteString(w, body)
	}))
	defer s.Close()
	addr := strings.TrimPrefix(s.URL, "http://")
	ask := request{method: "POST", path: "/p?q=1", host: "one.test", body: []byte("sent"), want: []byte("right")}
	for _, tt := range []struct {
		status int
		body   string
		text   string // of the error; "" for none
	}{
		{200, "right", ""},
		{200, "wrong", `"wrong", want`},
		{200, "right and more", `"right and more"`},
		{200, "", "0 bytes"},
		{500, "right", "500"},
		{204, "", "204"},
	} {
		status, body = tt.status, tt.body
		err := ask.check(t.Context(), addr)
		if (err == nil) != (tt.text == "") || err != nil && !strings.Contains(err.Error(), tt.text) {
			t.Errorf("%d %q: %v, want %q", tt.status, tt.body, err, tt.text)
		}
	}
	if asked != "POST one.test/p?q=1 sent" {
		t.Errorf("the server was asked %q", asked)
	}
	if err := (request{method: "GET", path: "/", want: []byte("")}).check(t.Context(), addr); err == nil {
		t.Errorf("204 with no body is taken for 200")
	}
	if asked != "GET "+addr+"/ " {
		t.Errorf("the server was asked %q, want the address as the host", asked)
	}
}
