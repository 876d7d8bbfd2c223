package http3_test

import (
	"io"
	"net/http"
	"testing"
)

func TestARequestIsAnsweredOverHTTP3(t *testing.T) {
	r := serve(t, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		w.Header().Set("X-Seen", q.Proto+" "+q.Method+" "+q.Host+" "+q.RequestURI)
		io.WriteString(w, "hello")
	}))
	resp := r.get(r.client(), "/a?b", "hello")
	if resp.ProtoMajor != 3 || resp.StatusCode != 200 {
		t.Errorf("it is %s %s", resp.Proto, resp.Status)
	}
	if got, want := resp.Header.Get("X-Seen"), "HTTP/3.0 GET "+r.host+" /a?b"; got != want {
		t.Errorf("the handler saw %q, want %q", got, want)
	}
	if resp.ContentLength != 5 || resp.Header.Get("Date") == "" {
		t.Errorf("the length is %d, the header %v", resp.ContentLength, resp.Header)
	}
}
