package mallocs

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var sink []*int

func TestAllocationsAreCounted(t *testing.T) {
	addr, stop, err := Serve("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	before, err := Fetch(t.Context(), addr)
	if err != nil {
		t.Fatal(err)
	}
	const made = 100_000
	for i := range made {
		sink = append(sink[:0], &i)
	}
	after, err := Fetch(t.Context(), addr)
	if err != nil {
		t.Fatal(err)
	}
	if n := after - before; n < made || n > made+20_000 {
		t.Errorf("%d objects and two questions are counted as %d", made, n)
	}
	if err := stop(); err != nil {
		t.Errorf("stopping: %v", err)
	}
	if _, err := Fetch(t.Context(), addr); err == nil {
		t.Error("it still answers after it was stopped")
	}
}

func TestWrongAnswersAreErrors(t *testing.T) {
	status, body := 200, ""
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		io.WriteString(w, body)
	}))
	defer s.Close()
	for _, tt := range []struct {
		status int
		body   string
	}{{404, "1"}, {200, ""}, {200, "-1"}, {200, "many"}, {200, strings.Repeat("9", 70)}} {
		status, body = tt.status, tt.body
		if n, err := Fetch(t.Context(), strings.TrimPrefix(s.URL, "http://")); err == nil {
			t.Errorf("%d %q is taken for %d allocations", tt.status, tt.body, n)
		}
	}
	if _, _, err := Serve("127.0.0.1:nonsense"); err == nil {
		t.Error("an address that cannot be opened is accepted")
	}
}
