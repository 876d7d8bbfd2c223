package server_test

import (
	"context"
	"net"
	"testing"

	"github.com/lannerhq/lanner/server"
)

type colour string

// connectionOnly is a native object with one feature.
type connectionOnly struct{ id string }

func (c *connectionOnly) ConnectionID() string   { return c.id }
func (c *connectionOnly) LocalAddr() net.Addr    { return nil }
func (c *connectionOnly) RemoteAddr() net.Addr   { return nil }
func (c *connectionOnly) RemoteAddrText() string { return "192.0.2.1:1" }
func (c *connectionOnly) EndpointName() string   { return "" }

func wantColour(t *testing.T, f *server.Features, want colour, why string) {
	t.Helper()
	got, ok := server.Get[colour](f)
	if got != want || ok != (want != "") {
		t.Errorf("Get = %q, %v, want %q: %s", got, ok, want, why)
	}
}

func TestFeaturesFallBackToTheirParents(t *testing.T) {
	top := server.NewFeatures(nil)
	middle := server.NewFeatures(top)
	f := server.NewFeatures(middle)
	wantColour(t, f, "", "nobody has set one")
	wantColour(t, nil, "", "no collection has none")
	server.Set(top, colour("red"))
	wantColour(t, f, "red", "two steps up there is one")
	server.Set(f, colour("blue"))
	wantColour(t, f, "blue", "the nearest counts")
	wantColour(t, middle, "red", "what is set below is not seen above")
	server.Remove[colour](f)
	wantColour(t, f, "", "a removed feature is hidden wherever it comes from")
	wantColour(t, middle, "red", "but only there")
	server.Set(f, colour("green"))
	wantColour(t, f, "green", "and can be set again")
	server.Remove[colour](server.NewFeatures(nil)) // of nothing: no panic
}

func TestTheZeroFeaturesAreEmpty(t *testing.T) {
	var f server.Features
	if _, ok := server.Get[server.RequestFeature](&f); ok {
		t.Error("an empty collection has a request")
	}
	server.Set(&f, colour("red"))
	wantColour(t, &f, "red", "the zero value is ready for use")
}

func TestRequestAndResponseAreReplacedAndRemoved(t *testing.T) {
	f, q, s := newExchange("/", nil)
	if got, ok := server.Get[server.RequestFeature](f); !ok || got != q {
		t.Error("the request is not the one of Init")
	}
	if got, ok := server.Get[server.ResponseFeature](f); !ok || got != s {
		t.Error("the response is not the one of Init")
	}
	other := newRequest("/other")
	server.Set[server.RequestFeature](f, other)
	if got, _ := server.Get[server.RequestFeature](f); got != other {
		t.Error("the request is not the one that was set")
	}
	server.Remove[server.RequestFeature](f)
	server.Remove[server.ResponseFeature](f)
	if _, ok := server.Get[server.RequestFeature](f); ok {
		t.Error("a removed request is found")
	}
	server.Set[server.RequestFeature](f, q)
	server.Set[server.ResponseFeature](f, s)
	if got, ok := server.Get[server.RequestFeature](f); !ok || got != q {
		t.Error("a request that is set after Remove is not found")
	}
	if got, ok := server.Get[server.ResponseFeature](f); !ok || got != s {
		t.Error("a response that is set after Remove is not found")
	}
}

func TestNativeObjectsProvideWhatTheyImplement(t *testing.T) {
	f, q, s := newExchange("/", &connectionOnly{"native"})
	conn, ok := server.Get[server.ConnectionFeature](f)
	if !ok || conn.ConnectionID() != "native" {
		t.Error("the native object's feature is not found")
	}
	if _, ok := server.Get[server.UpgradeFeature](f); ok {
		t.Error("a feature is found that the native object does not implement")
	}
	server.Set[server.ConnectionFeature](f, &connectionOnly{"set"})
	if conn, _ := server.Get[server.ConnectionFeature](f); conn.ConnectionID() != "set" {
		t.Error("the native object comes before what was set")
	}
	f.Init(q, s, nil, nil)
	if _, ok := server.Get[server.ConnectionFeature](f); ok {
		t.Error("Init for the next request keeps what was set for the last")
	}
}

func TestRevisionCountsChanges(t *testing.T) {
	f, q, s := newExchange("/", nil)
	last := f.Revision()
	for _, change := range []struct {
		name string
		do   func()
	}{
		{"Set", func() { server.Set(f, colour("red")) }},
		{"Set again", func() { server.Set(f, colour("blue")) }},
		{"Remove", func() { server.Remove[colour](f) }},
		{"Set of the request", func() { server.Set[server.RequestFeature](f, q) }},
		{"Init", func() { f.Init(q, s, nil, nil) }},
	} {
		change.do()
		if f.Revision() == last {
			t.Errorf("%s left the revision at %d: a cached feature would be taken for valid", change.name, last)
		}
		last = f.Revision()
	}
}

func TestGetDoesNotAllocate(t *testing.T) {
	f, _, _ := newExchange("/", &connectionOnly{})
	server.Set(f, colour("red"))
	allocs := testing.AllocsPerRun(100, func() {
		server.Get[server.RequestFeature](f)
		server.Get[server.ResponseFeature](f)
		server.Get[server.ConnectionFeature](f)
		server.Get[server.UpgradeFeature](f)
		server.Get[colour](f)
	})
	if allocs > 0 {
		t.Errorf("five look-ups allocate %v times, want none: they are made for every request", allocs)
	}
}

func TestFromFindsNothingOutsideARequest(t *testing.T) {
	if _, ok := server.From[server.RequestFeature](context.Background()); ok {
		t.Error("From finds a request in a context that belongs to none")
	}
	if server.FeaturesOf(context.Background()) != nil {
		t.Error("FeaturesOf finds features in a context that belongs to no request")
	}
}
