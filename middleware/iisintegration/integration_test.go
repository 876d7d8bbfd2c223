package iisintegration

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTheIntegrationIsActiveOnlyWhenAllThreeVariablesAreSet(t *testing.T) {
	for _, missing := range []string{envPort, envPath, envToken} {
		env := module("/")
		env[missing] = ""
		if i, ok := FromEnvironment(env.get); ok {
			t.Errorf("without %s it is active: %v", missing, i)
		}
	}
	i, ok := FromEnvironment(module("/").get)
	if !ok || !i.Paired() || i.Port != 12345 || i.PathBase != "" || !i.WebSockets {
		t.Errorf("got %v, %v, want it paired on port 12345 at the root", i, ok)
	}
	env := module("/sub")
	env[envPlatformPort] = "8081"
	if i, _ := FromEnvironment(env.get); i.Port != 12345 || i.PathBase != "/sub" {
		t.Errorf("got %v, want the module to win over HttpPlatformHandler", i)
	}
	env[envToken] = ""
	if i, ok := FromEnvironment(env.get); !ok || i.Paired() || i.Port != 8081 || i.PathBase != "" {
		t.Errorf("got %v, %v, want HttpPlatformHandler's port and nothing of the module's", i, ok)
	}
}

func TestValuesThatCannotBeUsedAreReported(t *testing.T) {
	for _, tt := range []struct {
		env  environment
		want []string
	}{
		{environment{envPort: "http", envPath: "/", envToken: "t"}, []string{envPort, `"http"`, "web.config"}},
		{environment{envPort: "0", envPath: "/", envToken: "t"}, []string{envPort, `"0"`}},
		{environment{envPort: "65536", envPath: "/", envToken: "t"}, []string{envPort}},
		{environment{envPort: "1", envPath: "sub", envToken: "t"}, []string{envPath, `"sub"`, "slash"}},
		{environment{envPort: "x", envPath: "sub", envToken: "t"}, []string{envPort, envPath}},
		{environment{envPlatformPort: "x"}, []string{envPlatformPort}},
	} {
		i, ok := FromEnvironment(tt.env.get)
		if !ok || i.Err() == nil {
			t.Errorf("%v: active %v, want it active with an error: IIS did start this process", tt.env, ok)
			continue
		}
		for _, want := range tt.want {
			if !strings.Contains(i.Err().Error(), want) {
				t.Errorf("%v: the error is %q, want %q in it", tt.env, i.Err(), want)
			}
		}
	}
}

// addresses is a ServerAddressesFeature.
type addresses struct {
	urls   []string
	prefer bool
}

func (a *addresses) Addresses() []string         { return a.urls }
func (a *addresses) SetAddresses(urls []string)  { a.urls = urls }
func (a *addresses) PreferHostingURLs() bool     { return a.prefer }
func (a *addresses) SetPreferHostingURLs(p bool) { a.prefer = p }

func TestTheAddressOfIISWinsOverTheApplicationsOwn(t *testing.T) {
	a := &addresses{urls: []string{"http://*:5000"}}
	pair(t, module("/pathBase")).Configure(a)
	if diff := cmp.Diff([]string{"http://127.0.0.1:12345"}, a.urls); diff != "" || !a.prefer {
		t.Errorf("addresses (-want +got):\n%s\npreferred over endpoints in code: %v; the path base is no part of it, and IIS looks on IPv4", diff, a.prefer)
	}
}
