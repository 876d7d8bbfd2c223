package forwardedheaders

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/lannerhq/lanner/server"
)

func loopback(fields ...string) sent {
	s := sent{remote: "127.0.0.1:4000", host: "backend:5000", header: http.Header{}}
	for i := 0; i < len(fields); i += 2 {
		s.header.Add(fields[i], fields[i+1])
	}
	return s
}

func stranger(fields ...string) sent {
	s := loopback(fields...)
	s.remote = "203.0.113.9:4000"
	return s
}

func everywhere(t *testing.T, s sent, check func(t *testing.T, got seen), opts ...Options) {
	t.Helper()
	for form, through := range forms {
		t.Run(form, func(t *testing.T) {
			t.Helper()
			check(t, through(t, s, opts...))
		})
	}
}

func TestTheZeroOptionsDoNothingAtAll(t *testing.T) {
	s := loopback("X-Forwarded-For", "192.0.2.1", "X-Original-For", "192.0.2.2")
	got := throughNetHTTP(t, s, Options{})
	if !got.sameRequestAsOut {
		t.Error("the request was copied although nothing is to be applied")
	}
	everywhere(t, s, func(t *testing.T, got seen) {
		if got.remote != s.remote || got.header.Get("X-Forwarded-For") == "" || got.header.Get("X-Original-For") == "" {
			t.Errorf("got %+v, want the request as it came: no header was named", got)
		}
	}, Options{})
}

func TestARequestWithoutForwardedHeadersPassesUncopied(t *testing.T) {
	if got := throughNetHTTP(t, stranger("Accept", "*/*"), Options{Headers: All}); !got.sameRequestAsOut {
		t.Error("the request was copied although nothing changed")
	}
}

func TestRemoteAddressIsWhatTheProxySays(t *testing.T) {
	for _, tt := range []struct{ value, want, why string }{
		{"192.0.2.1", "192.0.2.1:0", "without a port it is 0, so that the text stays an address and a port"},
		{"192.0.2.1:1234", "192.0.2.1:1234", "with one it is that"},
		{"[2001:db8::1]:1234", "[2001:db8::1]:1234", "IPv6 in brackets"},
		{"2001:db8::1", "[2001:db8::1]:0", "IPv6 alone"},
		{`"[2001:db8::1]:1234"`, "[2001:db8::1]:1234", "quotes around the whole item go"},
		{"203.0.113.1, 192.0.2.1", "192.0.2.1:0", "only the last item is the known proxy's own; the limit is 1"},
		{"unknown", "127.0.0.1:4000", "no address, no change"},
	} {
		everywhere(t, loopback("X-Forwarded-For", tt.value), func(t *testing.T, got seen) {
			if got.remote != tt.want {
				t.Errorf("X-Forwarded-For: %s makes it %s, want %s: %s", tt.value, got.remote, tt.want, tt.why)
			}
			if got.viaFeatures && got.featureRemote != got.remote {
				t.Errorf("the connection feature says %s, r.RemoteAddr %s", got.featureRemote, got.remote)
			}
		}, Options{Headers: For})
	}
}

func TestTheHostIsReplacedInTheFeaturesToo(t *testing.T) {
	everywhere(t, loopback("X-Forwarded-Host", "shop.example"), func(t *testing.T, got seen) {
		if got.host != "shop.example" || got.viaFeatures && (got.featureHost != "shop.example" || got.hostField != "shop.example") {
			t.Errorf("host %q, feature %q, field %q, want shop.example in all", got.host, got.featureHost, got.hostField)
		}
		if got.header.Get("X-Original-Host") != "backend:5000" {
			t.Errorf("X-Original-Host = %q, want the host the proxy used", got.header.Get("X-Original-Host"))
		}
	}, Options{Headers: Host})
}

func TestTLSIsThereExactlyWhenTheSchemeIsHTTPS(t *testing.T) {
	for _, tt := range []struct {
		scheme, proto string
		want          bool
		why           string
	}{
		{"http", "https", true, "the proxy ended TLS"},
		{"http", "HTTPS", true, "schemes ignore case"},
		{"https", "https", true, "both connections are encrypted"},
		{"https", "http", false, "the client came without TLS, whatever the proxy does then"},
		{"http", "", false, "nothing was said"},
		{"https", "", true, "nothing was said"},
		{"http", "wss", false, "another scheme is not https"},
	} {
		s := loopback("X-Forwarded-Proto", tt.proto)
		s.scheme = tt.scheme
		got := throughNetHTTP(t, s, Options{Headers: Proto})
		if got.tls != tt.want {
			t.Errorf("%s with X-Forwarded-Proto %q: r.TLS is there: %v, want %v: %s", tt.scheme, tt.proto, got.tls, tt.want, tt.why)
		}
		if tt.scheme == "http" {
			if got := throughServer(t, s, Options{Headers: Proto}); got.tls != tt.want {
				t.Errorf("on a server, %s with X-Forwarded-Proto %q: r.TLS is there: %v, want %v: %s", tt.scheme, tt.proto, got.tls, tt.want, tt.why)
			}
		}
	}
}

func TestHeadersOnSeveralLinesAreOneList(t *testing.T) {
	s := loopback("X-Forwarded-For", "203.0.113.1", "X-Forwarded-For", "203.0.113.2, 192.0.2.1")
	everywhere(t, s, func(t *testing.T, got seen) {
		if got.remote != "192.0.2.1:0" {
			t.Errorf("remote is %s, want the last item of the last line", got.remote)
		}
		if rest := got.header.Values("X-Forwarded-For"); len(rest) != 1 || rest[0] != "203.0.113.1,203.0.113.2" {
			t.Errorf("what is left is %q, want one line with the two items before", rest)
		}
	}, Options{Headers: For})
}

func TestSymmetryWantsEveryItemToBeUsable(t *testing.T) {
	good := []string{"X-Forwarded-For", "192.0.2.1", "X-Forwarded-Proto", "https", "X-Forwarded-Host", "a.example", "X-Forwarded-Prefix", "/p"}
	everywhere(t, loopback(good...), func(t *testing.T, got seen) {
		if got.remote != "192.0.2.1:0" || got.scheme != "https" || got.host != "a.example" || got.pathBase != "/p" {
			t.Errorf("got %+v, want all four applied", got)
		}
	}, Options{Headers: All, RequireHeaderSymmetry: true})
	for i, bad := range map[int]string{1: "unknown", 3: "a_b", 5: "a/b", 7: "p"} {
		fields := append([]string(nil), good...)
		fields[i] = bad
		everywhere(t, loopback(fields...), func(t *testing.T, got seen) {
			if got.remote != "127.0.0.1:4000" || got.scheme != "http" || got.host != "backend:5000" || got.pathBase != "" {
				t.Errorf("%s: %s leaves %+v, want nothing changed at all", fields[i-1], bad, got)
			}
			if got.header.Get("X-Original-For") != "" {
				t.Errorf("%s: %s leaves an X-Original-For", fields[i-1], bad)
			}
		}, Options{Headers: All, RequireHeaderSymmetry: true})
	}
}

func TestAnAddressWithoutAPortIsAPeerToo(t *testing.T) {
	s := loopback("X-Forwarded-For", "192.0.2.1")
	s.remote = "127.0.0.1" // as some middlewares leave it
	got := throughNetHTTP(t, s, Options{Headers: For})
	if got.remote != "192.0.2.1:0" || got.header.Get("X-Original-For") != "127.0.0.1:0" {
		t.Errorf("remote %s, original %s, want the client and the proxy", got.remote, got.header.Get("X-Original-For"))
	}
}

func TestOriginalHeadersOfStrangersAreRemoved(t *testing.T) {
	fields := []string{"X-Original-For", "10.0.0.1:1", "X-Original-Proto", "https", "X-Original-Host", "a", "X-Original-Prefix", "/a"}
	everywhere(t, stranger(fields...), func(t *testing.T, got seen) {
		for i := 0; i < len(fields); i += 2 {
			if got.header.Get(fields[i]) != "" {
				t.Errorf("%s is passed on from an unknown peer: the application would take it for ours", fields[i])
			}
		}
	}, Options{Headers: For})
	everywhere(t, loopback(fields...), func(t *testing.T, got seen) {
		if got.header.Get("X-Original-Proto") != "https" {
			t.Error("X-Original-Proto of a known proxy is gone: it may be another forwarder's")
		}
	}, Options{Headers: For})
}

func TestOriginalHeadersStayBehindAnotherForwarder(t *testing.T) {
	everywhere(t, loopback("X-Forwarded-For", "192.0.2.1"), func(t *testing.T, got seen) {
		if got.header.Get("X-Original-For") != "127.0.0.1:4000" {
			t.Errorf("X-Original-For = %q, want the proxy: the second forwarder sees the client as its peer, but the header is the first one's",
				got.header.Get("X-Original-For"))
		}
	}, Options{Headers: For}, Options{Headers: For})
}

func TestOneMiddlewareRunsOnceHoweverOftenItIsMet(t *testing.T) {
	o := quiet(Options{Headers: Proto, DangerouslyTrustEveryPeer: true})
	s := stranger("X-Forwarded-Proto", "a, b, c")

	mw := New(o)
	var got seen
	mw(mw(observe(&got, nil))).ServeHTTP(httptest.NewRecorder(), s.request())
	if got.scheme != "c" {
		t.Errorf("scheme is %q, want c: met twice, it took an item that nobody vouches for", got.scheme)
	}
	app := NewApplication(o)
	onFeatures(s, app(app(server.HTTP(observe(&got, nil)))))
	if got.scheme != "c" {
		t.Errorf("as an application, scheme is %q, want c", got.scheme)
	}
}

func TestTheSecretMakesAPeerKnown(t *testing.T) {
	o := Options{Headers: For, SecretHeader: "X-Edge-Key", Secret: "s3cret"}
	for _, tt := range []struct {
		keys []string
		want string
		why  string
	}{
		{[]string{"s3cret"}, "192.0.2.1:0", "it is the secret"},
		{[]string{"S3cret"}, "203.0.113.9:4000", "it is not"},
		{[]string{"s3cret", "s3cret"}, "203.0.113.9:4000", "sent twice, one of them may be the client's guess"},
		{[]string{""}, "203.0.113.9:4000", "empty is not the secret"},
		{nil, "203.0.113.9:4000", "nothing was shown"},
	} {
		s := stranger("X-Forwarded-For", "192.0.2.1")
		for _, key := range tt.keys {
			s.header.Add("X-Edge-Key", key)
		}
		everywhere(t, s, func(t *testing.T, got seen) {
			if got.remote != tt.want {
				t.Errorf("keys %q: remote is %s, want %s: %s", tt.keys, got.remote, tt.want, tt.why)
			}
			if len(got.header.Values("X-Edge-Key")) != 0 {
				t.Errorf("keys %q: the application sees the header with the secret", tt.keys)
			}
		}, o)
	}
}

func TestWithASecretLoopbackIsNotKnownByItself(t *testing.T) {
	everywhere(t, loopback("X-Forwarded-For", "192.0.2.1"), func(t *testing.T, got seen) {
		if got.remote != "127.0.0.1:4000" {
			t.Errorf("remote is %s: the secret is the only way to be known here", got.remote)
		}
	}, Options{Headers: For, SecretHeader: "X-Edge-Key", Secret: "s3cret"})
}

func TestTheSecretVouchesForOneHopOnly(t *testing.T) {
	s := stranger("X-Forwarded-For", "198.51.100.7, 192.0.2.1", "X-Forwarded-Proto", "a, b", "X-Edge-Key", "k")
	o := Options{Headers: For | Proto, ForwardLimit: -1, SecretHeader: "X-Edge-Key", Secret: "k"}
	everywhere(t, s, func(t *testing.T, got seen) {
		if got.remote != "192.0.2.1:0" || got.scheme != "b" {
			t.Errorf("remote %s, scheme %s: the hop behind is in no list and shows no secret", got.remote, got.scheme)
		}
	}, o)
	o.KnownNetworks = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
	everywhere(t, s, func(t *testing.T, got seen) {
		if got.remote != "198.51.100.7:0" || got.scheme != "a" {
			t.Errorf("remote %s, scheme %s: the hop behind is listed", got.remote, got.scheme)
		}
	}, o)
}

func TestRejectIfMissingRefusesWhatDidNotComeThroughTheProxy(t *testing.T) {
	o := Options{Headers: For | Proto, RejectIfMissing: true}
	for _, tt := range []struct {
		s    sent
		want int
		why  string
	}{
		{loopback("X-Forwarded-For", "192.0.2.1", "X-Forwarded-Proto", "https"), 200, "all is there"},
		{loopback("X-Forwarded-For", "192.0.2.1"), 400, "the proxy did not say the scheme"},
		{loopback(), 400, "it said nothing"},
		{loopback("X-Forwarded-For", `"2.2.2.2, 1.1.1.1`, "X-Forwarded-Proto", "https"), 400, "a quote that is not closed spoils the address"},
		{stranger("X-Forwarded-For", "192.0.2.1", "X-Forwarded-Proto", "https"), 400, "the peer is not the proxy"},
	} {
		everywhere(t, tt.s, func(t *testing.T, got seen) {
			if got.called && got.status != tt.want {
				t.Errorf("%v gets %d, want %d: %s", tt.s.header, got.status, tt.want, tt.why)
			}
			if got.called != (tt.want == 200) {
				t.Errorf("%v: the application was called: %v: %s", tt.s.header, got.called, tt.why)
			}
			if got.status != tt.want {
				t.Errorf("%v: status %d, want %d: %s", tt.s.header, got.status, tt.want, tt.why)
			}
		}, o)
	}
}

func TestPathBaseIsKnownWithoutTheMiddlewareToo(t *testing.T) {
	r := httptest.NewRequest("GET", "/", nil)
	if Scheme(r) != "http" || PathBase(r) != "" {
		t.Errorf("scheme %q, path base %q, want those of a plain request", Scheme(r), PathBase(r))
	}
	r = r.WithContext(WithPathBase(WithPathBase(r.Context(), "/a"), "/a/b"))
	if PathBase(r) != "/a/b" {
		t.Errorf("path base %q, want the last that was said", PathBase(r))
	}
}

func TestTellingThePathBaseDoesNotHideAStrangersOriginalHeaders(t *testing.T) {
	s := stranger("X-Original-For", "10.0.0.1:1")
	s.pathBase = "/sub"
	everywhere(t, s, func(t *testing.T, got seen) {
		if got.header.Get("X-Original-For") != "" {
			t.Error("X-Original-For of a stranger came through")
		}
	}, Options{Headers: For})
}

func TestOptionsSayWhatIsWrong(t *testing.T) {
	for _, tt := range []struct {
		o    Options
		want string
	}{
		{Options{Headers: 64}, "unknown bits 0x40"},
		{Options{ForwardedForName: " "}, `" " is not a token`},
		{Options{OriginalPrefixName: "a b"}, `"a b" is not a token`},
		{Options{Secret: "x"}, "SecretHeader, the header to look for it in, is not"},
		{Options{SecretHeader: "X"}, "Secret is empty"},
		{Options{SecretHeader: "a:", Secret: "x"}, `"a:" is not a token`},
		{Options{KnownProxies: make([]netip.Addr, 1)}, "not valid"},
		{Options{KnownNetworks: make([]netip.Prefix, 1)}, "not valid"},
		{Options{AllowedHosts: []string{"a:80"}}, "leave the port out"},
		{Options{AllowedHosts: []string{" "}}, "no allowed hosts"},
	} {
		err := tt.o.Validate()
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("Validate of %+v = %v, want an error that says %q", tt.o, err, tt.want)
		}
		if err != nil && tt.o.Secret != "" && strings.Contains(err.Error(), `"x"`) {
			t.Error("the error tells the secret")
		}
	}
	if err := (Options{}).Validate(); err != nil {
		t.Errorf("the zero options are refused: %v", err)
	}
	defer func() {
		if recover() == nil {
			t.Error("New takes options that Validate refuses")
		}
	}()
	New(Options{Headers: 64})
}

func TestTheEnvironmentSwitchTrustsEverybody(t *testing.T) {
	for value, want := range map[string]bool{"true": true, "True": true, "": false, "false": false, "1": false} {
		o, ok := OptionsFromEnvironment(func(name string) string {
			if name == "ASPNETCORE_FORWARDEDHEADERS_ENABLED" {
				return value
			}
			return ""
		})
		if ok != want {
			t.Errorf("%q switches it on: %v, want %v", value, ok, want)
		}
		if ok && (o.Headers != For|Proto || !o.DangerouslyTrustEveryPeer || o.ForwardLimit != 0) {
			t.Errorf("the options are %+v, want For and Proto, one hop, from everybody", o)
		}
	}
}
