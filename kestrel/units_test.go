package kestrel

import (
	"errors"
	"fmt"
	"math"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lannerhq/lanner/server"
	"github.com/lannerhq/lanner/test/conformance"
)

// unit is a row of kestrel-units.jsonl: what Kestrel's own tests say of one value.
type unit struct {
	Kind, Input, Error, Result, Scheme, Host, Canonical, IP string
	PathBase                                                string `json:"path_base"`
	Port                                                    int
	HTTPS                                                   bool
	Option, Valid, Invalid                                  string
	Default                                                 any
}

func TestAddressesAreParsedAsKestrelDoes(t *testing.T) {
	for _, u := range conformance.Units[unit](t, "address_parse") {
		a, err := ParseAddress(u.Input)
		if u.Error != "" {
			if err == nil {
				t.Errorf("%s: %+v, want an error: %s", u.Input, a, u.Error)
			} else if !strings.Contains(err.Error(), u.Input) {
				t.Errorf("%s: the error %q does not name it", u.Input, err)
			}
			continue
		}
		if want := (Address{u.Scheme, u.Host, u.Port, u.PathBase}); err != nil || a != want {
			t.Errorf("%s: %+v, %v, want %+v", u.Input, a, err, want)
		}
		if a.String() != u.Canonical {
			t.Errorf("%s: shown as %s, want %s", u.Input, a, u.Canonical)
		}
	}
}

// endpointDeviations are rows where Lanner deliberately differs from Kestrel.
var endpointDeviations = map[string]string{
	"http://localhost:0": "a free port is looked for on both loopback addresses",
}

func TestAddressesBecomeEndpointsAsKestrelDoes(t *testing.T) {
	for _, u := range conformance.Units[unit](t, "address_endpoint") {
		a, err := ParseAddress(u.Input)
		if err != nil {
			t.Errorf("%s: %v", u.Input, err)
			continue
		}
		err = a.check()
		switch {
		case endpointDeviations[u.Input] != "":
			if err != nil {
				t.Errorf("%s: %v, want it accepted: %s", u.Input, err, endpointDeviations[u.Input])
			}
		case u.Error != "":
			if err == nil {
				t.Errorf("%s: accepted, want an error: %s", u.Input, u.Error)
			}
		case err != nil:
			t.Errorf("%s: %v", u.Input, err)
		case u.IP != "":
			if a.ip().String() != u.IP || a.Port != u.Port || (a.Scheme == "https") != u.HTTPS {
				t.Errorf("%s: %v port %d %s, want %s port %d https %v", u.Input, a.ip(), a.Port, a.Scheme, u.IP, u.Port, u.HTTPS)
			}
		case strings.HasPrefix(u.Result, "any-IP"):
			if a.ip().IsValid() || a.isUnix() || a.isDescriptor() {
				t.Errorf("%s: %v, want every address", u.Input, a.ip())
			}
		case strings.HasPrefix(u.Result, "unix socket "):
			if want := strings.TrimPrefix(u.Result, "unix socket "); !a.isUnix() || a.Host != "unix:"+want {
				t.Errorf("%s: %+v, want the unix socket %s", u.Input, a, want)
			}
		default:
			t.Errorf("%s: the row expects %q, which the test does not know", u.Input, u.Result)
		}
	}
}

func TestMistakesInAddressesDoNotOpenThemToEverybody(t *testing.T) {
	// A name that is no address means every address. What looks like an address must be one.
	for _, url := range []string{"http://127.0.0.256:80", "http://127.0.0.1:70000", "http://[::1", "http://[::g]:80", "http://127.1:80",
		"http://localhost:port", "http://5000", "unix:/x", "http://unix:/x/../../y:/base/", "ftp://localhost"} {
		a, err := ParseAddress(url)
		if err == nil {
			err = a.check()
		}
		if err == nil {
			t.Errorf("%s: %+v accepted, want an error", url, a)
		}
	}
}

func TestAnAddressInUseIsSaid(t *testing.T) {
	for _, u := range conformance.Units[unit](t, "address_in_use") {
		busy, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer busy.Close()
		url := strings.ReplaceAll(u.Input, "<busy>", fmt.Sprint(busy.Addr().(*net.TCPAddr).Port))
		s := New(Options{Endpoints: []Endpoint{{URL: "http://127.0.0.1:0"}, {URL: url}}, Logger: discard})
		err = s.Start(t.Context(), server.HTTP(nil))
		if !errors.Is(err, syscall.EADDRINUSE) || !strings.HasPrefix(err.Error(), "failed to bind to address "+url+": address already in use") {
			t.Errorf("start: %v, want %s", err, u.Error)
		}
		if s.open != nil {
			t.Error("the other endpoint stays open although the start failed")
		}
		if err := s.Stop(t.Context()); err != nil {
			t.Errorf("stop after a start that failed: %v", err)
		}
	}
}

// limitSetters sets an option: Kestrel's null is None, 0 is Nothing where it means none at all.
var limitSetters = map[string]func(*Limits, int64){
	"MaxResponseBufferSize":            func(l *Limits, n int64) { l.MaxResponseBufferSize = int(n) },
	"MaxRequestBufferSize":             func(l *Limits, n int64) { l.MaxRequestBufferSize = n },
	"MaxRequestLineSize":               func(l *Limits, n int64) { l.MaxRequestLineSize = int(n) },
	"MaxRequestHeadersTotalSize":       func(l *Limits, n int64) { l.MaxRequestHeadersTotalSize = int(n) },
	"MaxRequestHeaderCount":            func(l *Limits, n int64) { l.MaxRequestHeaderCount = int(n) },
	"RequestHeadersTimeout":            func(l *Limits, n int64) { l.RequestHeadersTimeout = time.Duration(n) },
	"KeepAliveTimeout":                 func(l *Limits, n int64) { l.KeepAliveTimeout = time.Duration(n) },
	"MaxConcurrentConnections":         func(l *Limits, n int64) { l.MaxConcurrentConnections = n },
	"MaxConcurrentUpgradedConnections": func(l *Limits, n int64) { l.MaxConcurrentUpgradedConnections = n },
	"MaxRequestBodySize":               func(l *Limits, n int64) { l.MaxRequestBodySize = n },
}

func TestOptionsHaveKestrelsRanges(t *testing.T) {
	for _, u := range conformance.Units[unit](t, "option_range") {
		if strings.HasPrefix(u.Option, "Http2.") {
			checkHTTP2(t, u)
			continue
		}
		set := limitSetters[u.Option]
		if set == nil {
			t.Errorf("there is no option %s", u.Option)
			continue
		}
		accepted := func(n int64) bool {
			l := Limits{MaxRequestLineSize: 1, MaxRequestHeadersTotalSize: 1} // so that MaxRequestBufferSize may be small
			set(&l, n)
			return len(l.validate()) == 0
		}
		for _, n := range []int64{1, 2, 1000, None} {
			if !accepted(n) {
				t.Errorf("%s: %d is refused, valid is %s", u.Option, n, u.Valid)
			}
		}
		// Lanner's zero is the default, and -1 no limit; Kestrel's zero is Nothing, where Kestrel takes it.
		if zero := strings.HasPrefix(u.Valid, "null,0"); accepted(Nothing) != zero {
			t.Errorf("%s: none at all is accepted: %v, want %v as in Kestrel", u.Option, accepted(Nothing), zero)
		}
		for _, n := range []int64{-3, math.MinInt32} {
			if accepted(n) {
				t.Errorf("%s: %d is accepted, want no negative number but None and Nothing", u.Option, n)
			}
		}
		if strings.Contains(u.Valid, "int32") && accepted(math.MaxInt32+1) {
			t.Errorf("%s: 2^31 is accepted, valid is %s", u.Option, u.Valid)
		}
		checkDefault(t, u)
	}
}

// checkHTTP2 holds an option of HTTP/2 to its range and default. There are no values of Lanner's own: zero alone is the default.
func checkHTTP2(t *testing.T, u unit) {
	t.Helper()
	field := func(l *HTTP2Limits) *int {
		return map[string]*int{
			"Http2.MaxStreamsPerConnection": &l.MaxStreamsPerConnection, "Http2.MaxRequestHeaderFieldSize": &l.MaxRequestHeaderFieldSize,
			"Http2.InitialConnectionWindowSize": &l.InitialConnectionWindowSize,
		}[u.Option]
	}
	if field(new(HTTP2Limits)) == nil {
		t.Errorf("there is no option %s", u.Option)
		return
	}
	low, high := 1, math.MaxInt32
	if strings.HasPrefix(u.Valid, "65535..") {
		low = 65535
	}
	for n, want := range map[int]bool{low: true, low + 1: true, high: true, low - 1: low == 1, None: false, Nothing: false, math.MinInt32: false, high + 1: false} {
		var l HTTP2Limits // low-1 is 0 where the least is 1: that is the default
		*field(&l) = n
		if got := len((&Limits{HTTP2: l}).validate()) == 0; got != want {
			t.Errorf("%s: %d is accepted: %v, want %v: valid is %s", u.Option, n, got, want, u.Valid)
		}
	}
	want := fmt.Sprint(u.Default) // "8192 (32768 today)"
	if _, today, changed := strings.Cut(want, "("); changed {
		want = strings.TrimSuffix(today, " today)")
	}
	eff := HTTP2Limits((&Options{}).Connections(nil, nil).HTTP2.Effective())
	if got := fmt.Sprint(*field(&eff)); got != want {
		t.Errorf("%s: the default is %s, want %s", u.Option, got, want)
	}
}

func TestTheLimitsOfHTTP2HaveTheirRanges(t *testing.T) {
	beyond := math.MaxInt32
	beyond++ // where int has 32 bits, a negative number
	for _, tt := range []struct {
		name     string
		accepted []HTTP2Limits
		refused  []HTTP2Limits
	}{
		{"HeaderTableSize", []HTTP2Limits{{HeaderTableSize: Nothing}, {HeaderTableSize: 1}, {HeaderTableSize: math.MaxInt32}},
			[]HTTP2Limits{{HeaderTableSize: None}, {HeaderTableSize: -3}, {HeaderTableSize: beyond}}},
		{"MaxFrameSize", []HTTP2Limits{{MaxFrameSize: 1 << 14}, {MaxFrameSize: 1<<24 - 1}},
			[]HTTP2Limits{{MaxFrameSize: 1<<14 - 1}, {MaxFrameSize: 1 << 24}, {MaxFrameSize: None}}},
		{"InitialStreamWindowSize", []HTTP2Limits{{InitialStreamWindowSize: 65535}, {InitialStreamWindowSize: math.MaxInt32}},
			[]HTTP2Limits{{InitialStreamWindowSize: 65534}, {InitialStreamWindowSize: beyond}, {InitialStreamWindowSize: None}}},
		{"MaxConnectionWindowSize", []HTTP2Limits{{MaxConnectionWindowSize: 65535}, {MaxConnectionWindowSize: math.MaxInt32}},
			[]HTTP2Limits{{MaxConnectionWindowSize: 65534}, {MaxConnectionWindowSize: beyond}, {MaxConnectionWindowSize: None}}},
		{"MaxStreamWindowSize", []HTTP2Limits{{MaxStreamWindowSize: 65535}, {MaxStreamWindowSize: math.MaxInt32}},
			[]HTTP2Limits{{MaxStreamWindowSize: 65534}, {MaxStreamWindowSize: beyond}, {MaxStreamWindowSize: None}}},
		{"KeepAlivePingDelay", []HTTP2Limits{{KeepAlivePingDelay: time.Second}, {KeepAlivePingDelay: None}},
			[]HTTP2Limits{{KeepAlivePingDelay: time.Second - 1}, {KeepAlivePingDelay: -time.Second}}},
		{"KeepAlivePingTimeout", []HTTP2Limits{{KeepAlivePingTimeout: time.Second}, {KeepAlivePingTimeout: None}},
			[]HTTP2Limits{{KeepAlivePingTimeout: time.Second - 1}, {KeepAlivePingTimeout: Nothing}}},
	} {
		for _, l := range tt.accepted {
			if err := (&Options{Limits: Limits{HTTP2: l}}).Validate(); err != nil {
				t.Errorf("%+v is refused: %v", l, err)
			}
		}
		for _, l := range tt.refused {
			if err := (&Options{Limits: Limits{HTTP2: l}}).Validate(); err == nil || !strings.Contains(err.Error(), "Limits.Http2."+tt.name+" is ") {
				t.Errorf("%+v: %v, want it refused by its name", l, err)
			}
		}
	}
}

func checkDefault(t *testing.T, u unit) {
	t.Helper()
	var l Limits
	eff := l.http1().Effective()
	got := map[string]any{
		"MaxResponseBufferSize": eff.MaxResponseBufferSize, "MaxRequestBufferSize": defaultRequestBufferSize,
		"MaxRequestLineSize": eff.MaxRequestLineSize, "MaxRequestHeadersTotalSize": eff.MaxRequestHeadersTotalSize,
		"MaxRequestHeaderCount": eff.MaxRequestHeaderCount, "MaxRequestBodySize": eff.MaxRequestBodySize,
		"RequestHeadersTimeout": strings.Replace(eff.RequestHeadersTimeout.String(), "s", " s", 1),
	}[u.Option]
	if got == nil { // null is no limit
		o := Options{}
		cfg := o.Connections(nil, nil)
		got = map[string]any{"MaxConcurrentConnections": cfg.MaxConnections, "MaxConcurrentUpgradedConnections": cfg.MaxUpgraded}[u.Option]
		if u.Default != nil || got != int64(0) {
			t.Errorf("%s: the default is %v, want %v", u.Option, got, u.Default)
		}
		return
	}
	want := fmt.Sprint(u.Default)
	if n, number := u.Default.(float64); number {
		want = fmt.Sprintf("%.0f", n)
	}
	if fmt.Sprint(got) != want {
		t.Errorf("%s: the default is %v, want %v", u.Option, got, u.Default)
	}
}

func TestOptionsAreCheckedAgainstEachOther(t *testing.T) {
	for range conformance.Units[unit](t, "option_cross_check") {
		for _, l := range []Limits{
			{MaxRequestBufferSize: 8191, MaxRequestHeadersTotalSize: 100},
			{MaxRequestBufferSize: 32767},
			{MaxRequestBufferSize: 100, MaxRequestLineSize: 101, MaxRequestHeadersTotalSize: 100},
		} {
			s := New(Options{Limits: l, Endpoints: []Endpoint{{URL: "http://127.0.0.1:0"}}, Logger: discard})
			if err := s.Start(t.Context(), server.HTTP(nil)); err == nil {
				t.Errorf("%+v is accepted", l)
				s.Stop(t.Context())
			}
		}
	}
}

func TestAllMistakesAreToldAtOnce(t *testing.T) {
	o := Options{
		Endpoints: []Endpoint{{Name: "a", URL: "nonsense"}, {URL: "http://*:80", UnixMode: 0o10666}},
		Limits: Limits{MaxRequestLineSize: -5, KeepAliveTimeout: -time.Second,
			MinRequestBodyDataRate: server.DataRate{BytesPerSecond: 1, Grace: time.Second}},
	}
	err := o.Validate()
	for _, want := range []string{"nonsense", "UnixMode", "MaxRequestLineSize", "KeepAliveTimeout", "MinRequestBodyDataRate.Grace"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: want it to name %s", err, want)
		}
	}
	if err := (&Options{}).Validate(); err != nil {
		t.Errorf("the zero value is refused: %v", err)
	}
}
