package servertest

import (
	"testing"

	"github.com/lannerhq/lanner/server"
)

// marker is a feature that no server provides.
type marker struct{ text string }

var featureChecks = []check{
	{"FeaturesFallBackToTheServersOwn", func(t *testing.T, s suite) {
		srv := s.newServer()
		server.Set(srv.Features(), marker{"server"})
		got := make(chan [3]string, 1)
		r := s.startServer(t, srv, server.ApplicationFunc(func(f *server.Features) error {
			before := need[marker](t, f)
			server.Set(f, marker{"request"})
			set := need[marker](t, f)
			below := need[marker](t, srv.Features())
			got <- [3]string{before.text, set.text, below.text}
			return nil
		}))
		c := r.dial()
		for _, which := range []string{"the first request", "the next request on the connection"} {
			c.send("GET / HTTP/1.1", "Host: a", "")
			c.want("an answer", "GET", 200)
			m := receive(t, got, "the application is called")
			if m[0] != "server" {
				t.Errorf("%s finds the marker %q, want the one set in the server's features", which, m[0])
			}
			if m[1] != "request" || m[2] != "server" {
				t.Errorf("%s sets a marker of its own: it finds %q and the server has %q, want request and server: "+
					"what a request sets is its own", which, m[1], m[2])
			}
		}
	}},
	{"FeaturesCanBeReplacedRemovedAndCounted", func(t *testing.T, s suite) {
		type result struct {
			removed, absent bool
			revisions       [3]int
			status          int
		}
		got := make(chan result, 1)
		r := s.start(t, func(f *server.Features) error {
			var out result
			_, found := server.Get[marker](f)
			out.absent = !found
			out.revisions[0] = f.Revision()
			server.Set(f, marker{"request"})
			out.revisions[1] = f.Revision()
			server.Remove[marker](f)
			out.revisions[2] = f.Revision()
			_, found = server.Get[marker](f)
			out.removed = !found
			res := need[server.ResponseFeature](t, f)
			server.Set[server.ResponseFeature](f, teapot{res})
			need[server.ResponseFeature](t, f).SetStatus(200)
			out.status = res.Status()
			got <- out
			return nil
		})
		c := r.dial()
		c.send("GET / HTTP/1.1", "Host: a", "")
		c.want("the status set through a replaced ResponseFeature", "GET", 418)
		out := receive(t, got, "the application is called")
		if !out.absent {
			t.Error("Get finds a feature that nobody set")
		}
		if !out.removed {
			t.Error("Get finds a feature after Remove")
		}
		if rev := out.revisions; rev[0] == rev[1] || rev[1] == rev[2] {
			t.Errorf("Revision() is %v before Set, after Set and after Remove: it must change with each", rev)
		}
		if out.status != 418 {
			t.Errorf("Status() below a replaced ResponseFeature is %d, want what was set through it", out.status)
		}
	}},
}

// teapot is a ResponseFeature in front of the server's.
type teapot struct{ server.ResponseFeature }

func (r teapot) SetStatus(int) { r.ResponseFeature.SetStatus(418) }
