package host

import (
	"slices"
	"testing"

	"go.uber.org/goleak"

	"github.com/lannerhq/lanner/internal/handover"
	"github.com/lannerhq/lanner/internal/host/config"
	"github.com/lannerhq/lanner/internal/route"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func appOf(siteName string, paths ...string) *site {
	s := &site{name: siteName}
	for _, path := range paths {
		a := &application{site: siteName, path: path}
		a.hosted.Store(true)
		s.apps = append(s.apps, a)
	}
	sortApps(s.apps)
	return s
}

func TestANameIsAnApplicationsOwn(t *testing.T) {
	shop, two, staff, rest := appOf("shop", "/"), appOf("two", "/", "/admin"), appOf("staff", "/"), appOf("rest", "/")
	t1 := newTable([]tableEntry{
		{host: "shop.example", site: shop}, {host: "*.shop.example", site: shop}, {host: "x.shop.example", site: two}, {host: "two.example", site: two},
		{host: "staff.example", site: staff, client: config.ClientCertificate{Mode: config.ClientCertificateOptional}}, {host: "", site: rest},
		{addr: "10.0.0.1", host: "", site: staff},
	})
	for _, tt := range []struct {
		at   sni
		want *site
		why  string
	}{
		{sni{"10.0.0.2", "shop.example"}, shop, "its name"},
		{sni{"10.0.0.2", "y.shop.example"}, shop, "below its wildcard"},
		{sni{"10.0.0.2", "x.shop.example"}, nil, "a more specific name, of a site with two applications"},
		{sni{"10.0.0.2", "two.example"}, nil, "a site with two applications"},
		{sni{"10.0.0.2", "staff.example"}, nil, "it asks clients for certificates"},
		{sni{"10.0.0.2", "other.example"}, nil, "all other names are not one's own"},
		{sni{"10.0.0.2", ""}, nil, "a client that asks for no name"},
		{sni{"10.0.0.1", "shop.example"}, nil, "a binding to the address wins"},
	} {
		var want *application
		if tt.want != nil {
			want = tt.want.apps[0]
		}
		if got := t1.own(tt.at); got != want {
			t.Errorf("%v: %v, want %v: %s", tt.at, got, want, tt.why)
		}
	}
	if !t1.handsTLSOver() || newTable([]tableEntry{{host: "two.example", site: two}, {host: "", site: rest}}).handsTLSOver() {
		t.Error("whether a front has to look at the names is wrong")
	}
	shop.apps[0].hosted.Store(false)
	if t1.handsTLSOver() {
		t.Error("an out-of-process application has no worker that ends TLS")
	}
}

// TestAuthoritiesDecideAsTheTableDoes asks both for each of many names.
func TestAuthoritiesDecideAsTheTableDoes(t *testing.T) {
	shop, two, rest := appOf("shop", "/"), appOf("two", "/", "/admin"), appOf("rest", "/")
	tables := map[string]*table{
		"names": newTable([]tableEntry{{host: "shop.example", site: shop}, {host: "www.shop.example", site: shop}, {host: "two.example", site: two}, {host: "", site: rest}}),
		"wildcards": newTable([]tableEntry{{host: "*.example", site: shop}, {host: "two.example", site: two}, {host: "*.two.example", site: two},
			{host: "a.two.example", site: shop}, {host: "*.a.two.example", site: rest}}),
		"wildcards the other way": newTable([]tableEntry{{host: "*.example", site: two}, {host: "*.shop.example", site: shop}, {host: "b.shop.example", site: rest}}),
		"addresses":               newTable([]tableEntry{{host: "shop.example", site: shop}, {addr: "10.0.0.1", host: "*.example", site: two}, {addr: "10.0.0.1", host: "www.shop.example", site: shop}}),
		"certificates": newTable([]tableEntry{{host: "shop.example", site: shop}, {host: "staff.shop.example", site: shop,
			client: config.ClientCertificate{Mode: config.ClientCertificateRequired}}, {host: "*.shop.example", site: shop}}),
	}
	names := []string{"", "example", "shop.example", "www.shop.example", "b.shop.example", "staff.shop.example", "two.example", "a.two.example", "x.a.two.example", "x.two.example", "y.example"}
	for why, table := range tables {
		for _, local := range []string{"10.0.0.1", "10.0.0.2"} {
			list := table.authorities(local, "shop")
			for _, name := range names {
				e := table.entry(local, name)
				want := e != nil && e.site == shop && !e.asksClients()
				got := false
				for _, n := range list {
					if route.MatchHost(n.Host, name) {
						got = n.Own
						break
					}
				}
				if got != want {
					t.Errorf("%s at %s: %q is the site's: %v by %v, %v by the table", why, local, name, got, list, want)
				}
			}
		}
	}
	if list := tables["names"].authorities("10.0.0.1", "shop"); len(list) != 2 || slices.ContainsFunc(list, func(n handover.Name) bool { return !n.Own }) {
		t.Errorf("%v, want the site's own names alone: others decide nothing", list)
	}
}
