package control

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"testing"
)

func FuzzNearest(f *testing.F) {
	for _, word := range []string{"", "shop", "SHOP", "shpo", "sh\xffop", "läden"} {
		f.Add(word)
	}
	names := []string{"shop", "blog", "läden"}
	f.Fuzz(func(t *testing.T, word string) {
		got := Nearest(word, names)
		if got != "" && !slices.Contains(names, got) {
			t.Errorf("%q is none of the names", got)
		}
		if slices.Contains(names, word) && got != word {
			t.Errorf("a name is nearest to itself: %q gives %q", word, got)
		}
	})
}

func FuzzLogQuery(f *testing.F) {
	for _, q := range []string{"site=shop", "site=shop&tail=all&follow=1", "tail=-1", "%zz", "site=shop&tail=99999999999999999999"} {
		f.Add(q)
	}
	s := &Server{host: newFakeHost()}
	f.Fuzz(func(t *testing.T, raw string) {
		r := httptest.NewRequest(http.MethodGet, "/api/v1/logs", nil)
		r.URL = &url.URL{Path: "/api/v1/logs", RawQuery: raw}
		q, err := s.logQuery(r)
		if err != nil {
			return
		}
		if q.Tail < TailAll || q.Site == "" {
			t.Errorf("a query that was accepted asks for something: %+v", q)
		}
		again := httptest.NewRequest(http.MethodGet, "/api/v1/logs?"+q.values().Encode(), nil)
		if same, err := s.logQuery(again); err != nil || same != q {
			t.Errorf("what the client writes, the server reads: %+v, %+v, %v", q, same, err)
		}
	})
}
