package forwardedheaders

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"testing"
)

// row is one line of testdata/ancm-forwarded-cases.jsonl: how ASP.NET's middleware behaves.
type row struct {
	ID      string          `json:"id"`
	Kind    string          `json:"kind"`
	Group   string          `json:"group"`
	Note    string          `json:"note"`
	Passes  int             `json:"passes"`
	Options rowOptions      `json:"options"`
	Request rowRequest      `json:"request"`
	Input   json.RawMessage `json:"input"`
	Expect  json.RawMessage `json:"expect"`
	Derived *rowOutcome     `json:"derived"`
}

type rowOptions struct {
	Use                   []string `json:"use"`
	ForwardLimit          *int     `json:"forwardLimit"`
	KnownProxies          []string `json:"knownProxies"`
	KnownNetworks         []string `json:"knownNetworks"`
	RequireHeaderSymmetry bool     `json:"requireHeaderSymmetry"`
	AllowedHosts          []string `json:"allowedHosts"`
	NullPeer              string   `json:"nullPeer"`
}

type rowRequest struct {
	RemoteIP   *string           `json:"remoteIp"`
	RemotePort int               `json:"remotePort"`
	Scheme     string            `json:"scheme"`
	Host       string            `json:"host"`
	PathBase   string            `json:"pathBase"`
	Headers    map[string]string `json:"headers"`
}

type rowOutcome struct {
	RemoteIP       json.RawMessage   `json:"remoteIp"`
	RemotePort     *int              `json:"remotePort"`
	Scheme         *string           `json:"scheme"`
	Host           *string           `json:"host"`
	HostNot        *string           `json:"hostNot"`
	PathBase       *string           `json:"pathBase"`
	Headers        map[string]string `json:"headers"`
	HeadersPresent []string          `json:"headersPresent"`
	HeadersAbsent  []string          `json:"headersAbsent"`
}

func rows(t *testing.T, kind string) []row {
	t.Helper()
	data, err := os.ReadFile("testdata/ancm-forwarded-cases.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	var out []row
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var r row
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			t.Fatalf("%s: %v", lines.Text(), err)
		}
		if r.Kind == kind {
			out = append(out, r)
		}
	}
	if len(out) == 0 {
		t.Fatalf("there are no rows of kind %q", kind)
	}
	return out
}

// goOptions says the row's options in our words. A limit of 0, which takes nothing, is said by naming no header: 0 means
// the default here. Two empty lists are a check that is switched off, which here has a loud name of its own.
func (r row) goOptions(t *testing.T) Options {
	t.Helper()
	o := Options{RequireHeaderSymmetry: r.Options.RequireHeaderSymmetry, AllowedHosts: r.Options.AllowedHosts,
		TrustUnixPeers: r.Options.NullPeer == "allow", ForwardLimit: -1}
	for _, use := range r.Options.Use {
		o.Headers |= map[string]Headers{"for": For, "proto": Proto, "host": Host, "prefix": Prefix}[use]
	}
	if limit := r.Options.ForwardLimit; limit != nil {
		o.ForwardLimit = *limit
		if *limit == 0 {
			o.Headers = 0
		}
	}
	for _, proxy := range r.Options.KnownProxies {
		o.KnownProxies = append(o.KnownProxies, netip.MustParseAddr(proxy))
	}
	for _, text := range r.Options.KnownNetworks {
		network, err := ParseNetwork(text)
		if err != nil {
			t.Fatal(err)
		}
		o.KnownNetworks = append(o.KnownNetworks, network)
	}
	o.DangerouslyTrustEveryPeer = len(o.KnownProxies) == 0 && len(o.KnownNetworks) == 0
	return o
}

func (r row) sent() sent {
	s := sent{scheme: r.Request.Scheme, host: r.Request.Host, pathBase: r.Request.PathBase, header: http.Header{}}
	if ip := r.Request.RemoteIP; ip != nil {
		s.remote = netip.AddrPortFrom(netip.MustParseAddr(*ip), uint16(r.Request.RemotePort)).String()
	} else {
		s.remote, s.unix = "@", true // a peer without an address is one on a unix socket
	}
	for name, value := range r.Request.Headers {
		s.header.Set(name, value)
	}
	return s
}

func TestEveryForwardedCaseOfASPNETHolds(t *testing.T) {
	for _, r := range rows(t, "forwarded") {
		var want rowOutcome
		if err := json.Unmarshal(r.Expect, &want); err != nil {
			t.Fatalf("%s: %v", r.ID, err)
		}
		passes := make([]Options, r.Passes)
		for i := range passes {
			passes[i] = r.goOptions(t)
		}
		for form, through := range forms {
			got := through(t, r.sent(), passes...)
			if bad := differences(got, want, false); bad != "" {
				t.Errorf("%s (%s) through %s: %s", r.ID, r.Group, form, bad)
			}
			if r.Derived == nil {
				continue
			}
			if bad := differences(got, *r.Derived, true); bad != "" {
				t.Errorf("%s (%s) through %s, whole outcome: %s", r.ID, r.Group, form, bad)
			}
		}
	}
}

// differences says what of want is not so. whole means that want lists all forwarded and original headers that are left.
func differences(got seen, want rowOutcome, whole bool) string {
	var bad []string
	differ := func(what, got, want string) {
		if got != want {
			bad = append(bad, what+" is "+got+", want "+want)
		}
	}
	remote, err := netip.ParseAddrPort(got.remote)
	if want.RemoteIP != nil {
		var ip *string
		_ = json.Unmarshal(want.RemoteIP, &ip) // null or text
		switch {
		case ip == nil && err == nil:
			differ("the remote address", got.remote, "none")
		case ip != nil:
			differ("the remote address", remote.Addr().String(), netip.MustParseAddr(*ip).String())
		}
	}
	if want.RemotePort != nil && int(remote.Port()) != *want.RemotePort {
		bad = append(bad, "the remote port is wrong: "+got.remote)
	}
	if want.Scheme != nil {
		differ("the scheme", got.scheme, *want.Scheme)
	}
	if want.Host != nil {
		differ("the host", got.host, *want.Host)
	}
	if want.HostNot != nil && got.host == *want.HostNot {
		bad = append(bad, "the host was taken")
	}
	if want.PathBase != nil {
		differ("the path base", got.pathBase, *want.PathBase)
	}
	for name, value := range want.Headers {
		differ(name, got.header.Get(name), value)
	}
	for _, name := range want.HeadersPresent {
		if len(got.header.Values(name)) == 0 {
			bad = append(bad, name+" is gone")
		}
	}
	for _, name := range want.HeadersAbsent {
		if len(got.header.Values(name)) != 0 {
			bad = append(bad, name+" is there")
		}
	}
	if whole {
		for name := range got.header {
			if _, ok := want.Headers[name]; !ok && strings.HasPrefix(name, "X-") {
				bad = append(bad, name+" is left over")
			}
		}
	}
	if !got.called {
		bad = append(bad, "the application was not called")
	}
	return strings.Join(bad, "; ")
}

func TestTheDefaultsAreThoseOfASPNET(t *testing.T) {
	for _, r := range rows(t, "options-defaults") {
		var want struct {
			Use                   []string `json:"use"`
			ForwardLimit          int      `json:"forwardLimit"`
			KnownNetworks         []string `json:"knownNetworks"`
			KnownProxies          []string `json:"knownProxies"`
			RequireHeaderSymmetry bool     `json:"requireHeaderSymmetry"`
		}
		if err := json.Unmarshal(r.Expect, &want); err != nil {
			t.Fatal(err)
		}
		got := Options{}.withDefaults()
		if len(want.Use) != 0 || got.Headers != 0 {
			t.Errorf("%s: headers are %v, want none: each is a promise that the proxy sets it", r.ID, got.Headers)
		}
		if got.ForwardLimit != want.ForwardLimit || got.RequireHeaderSymmetry != want.RequireHeaderSymmetry {
			t.Errorf("%s: limit %d, symmetry %v, want %d, %v", r.ID, got.ForwardLimit, got.RequireHeaderSymmetry, want.ForwardLimit, want.RequireHeaderSymmetry)
		}
		if len(got.KnownProxies) != 1 || got.KnownProxies[0].String() != want.KnownProxies[0] {
			t.Errorf("%s: known proxies are %v, want %v: the IPv6 loopback", r.ID, got.KnownProxies, want.KnownProxies)
		}
		if len(got.KnownNetworks) != 1 || got.KnownNetworks[0].String() != want.KnownNetworks[0] {
			t.Errorf("%s: known networks are %v, want %v: the IPv4 loopback", r.ID, got.KnownNetworks, want.KnownNetworks)
		}
	}
}

func TestEveryNetworkContainsWhatASPNETSays(t *testing.T) {
	for _, r := range rows(t, "network-contains") {
		var in struct{ Network, IP string }
		var want struct{ Contains bool }
		if err := errors.Join(json.Unmarshal(r.Input, &in), json.Unmarshal(r.Expect, &want)); err != nil {
			t.Fatal(err)
		}
		network, err := ParseNetwork(in.Network)
		if err != nil {
			t.Errorf("%s: %v", r.ID, err)
			continue
		}
		if got := contains(network, netip.MustParseAddr(in.IP)); got != want.Contains {
			t.Errorf("%s: %s contains %s is %v, want %v", r.ID, in.Network, in.IP, got, want.Contains)
		}
	}
}

func TestEveryNetworkIsParsedOrRefusedAsASPNETDoes(t *testing.T) {
	for _, r := range rows(t, "network-parse") {
		var in struct{ Network string }
		var want struct{ Error string }
		if err := errors.Join(json.Unmarshal(r.Input, &in), json.Unmarshal(r.Expect, &want)); err != nil {
			t.Fatal(err)
		}
		_, err := ParseNetwork(in.Network)
		if reason := map[string]error{"": nil, "format": ErrNetworkFormat, "out-of-range": ErrNetworkRange}[want.Error]; !errors.Is(err, reason) {
			t.Errorf("%s: ParseNetwork(%q) = %v, want %v", r.ID, in.Network, err, reason)
		}
	}
}

func TestEveryEndpointIsParsedOrRefusedAsASPNETDoes(t *testing.T) {
	for _, r := range rows(t, "endpoint-parse") {
		var in struct{ Text string }
		var want struct {
			IP    string
			Port  uint16
			Error string
		}
		if err := errors.Join(json.Unmarshal(r.Input, &in), json.Unmarshal(r.Expect, &want)); err != nil {
			t.Fatal(err)
		}
		got, ok := ParseEndpoint(in.Text)
		if ok != (want.Error == "") {
			t.Errorf("%s: ParseEndpoint(%q) = %v, %v", r.ID, in.Text, got, ok)
			continue
		}
		if ok && got != netip.AddrPortFrom(netip.MustParseAddr(want.IP), want.Port) {
			t.Errorf("%s: ParseEndpoint(%q) = %v, want %s port %d", r.ID, in.Text, got, want.IP, want.Port)
		}
	}
}

// The rows about IIS hold for the options with which iisintegration uses this package; its own tests run them through the
// whole of it.
func TestEveryIISIntegrationCaseHolds(t *testing.T) {
	for _, r := range rows(t, "iis-integration") {
		var in struct {
			BackendHeaders map[string]string
			Options        rowOptions
		}
		var want rowOutcome
		if err := errors.Join(json.Unmarshal(r.Input, &in), json.Unmarshal(r.Expect, &want)); err != nil {
			t.Fatal(err)
		}
		r.Options = in.Options
		s := sent{remote: "127.0.0.1:40000", scheme: "http", host: "localhost", header: http.Header{}}
		for name, value := range in.BackendHeaders {
			s.header.Set(name, value)
		}
		o := r.goOptions(t)
		o.DangerouslyTrustEveryPeer = false // the row leaves the lists out: the defaults
		for form, through := range forms {
			if bad := differences(through(t, s, o), want, false); bad != "" {
				t.Errorf("%s (%s) through %s: %s", r.ID, r.Group, form, bad)
			}
		}
	}
}
