package module

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestTheHostsOwnRequestsGoOverHTTP2(t *testing.T) {
	token := NewToken()
	var seen []string
	status := http.StatusAccepted
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("MS-ASPNETCORE-TOKEN") != token.Reveal() || len(r.Header["User-Agent"]) > 0 {
			t.Errorf("the fields are %v", r.Header)
		}
		seen = append(seen, r.Proto+" "+r.Method+" "+r.RequestURI+" "+r.Host+" "+r.Header.Get("MS-ASPNETCORE-EVENT"))
		w.WriteHeader(status)
	}))
	s.Config.Protocols = new(http.Protocols)
	s.Config.Protocols.SetUnencryptedHTTP2(true)
	s.Start()
	defer s.Close()
	port := s.Listener.Addr().(*net.TCPAddr).Port
	if err := Shutdown(t.Context(), port, "/a b", "site.example", token, H2C); err != nil {
		t.Errorf("a program that accepts: %v", err)
	}
	status = http.StatusNotFound
	var refused *RefusedError
	if err := Shutdown(t.Context(), port, "/", "", token, H2C); !errors.As(err, &refused) || refused.Status != 404 {
		t.Errorf("got %v, want the refusal", err)
	}
	if want := []string{"HTTP/2.0 POST /a%20b/iisintegration site.example shutdown",
		"HTTP/2.0 POST /iisintegration " + addr(port) + " shutdown"}; len(seen) != 2 || seen[0] != want[0] || seen[1] != want[1] {
		t.Errorf("the program saw %q, want %q", seen, want)
	}
}
