package kestrel

import (
	"errors"
	"io/fs"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/lannerhq/lanner/server"
)

func mustParse(t *testing.T, text string) Options {
	t.Helper()
	opts, err := ParseOptions("test.json", []byte(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return opts
}

func TestOptionsAreReadByKestrelsNames(t *testing.T) {
	got := mustParse(t, `// as appsettings.json
{
  "Logging": {"LogLevel": {"Default": "Information"}},
  "kestrel": {
    "Endpoints": {
      "Public": {"Url": "http://*:8080", "Protocols": "http1"},
      "Secure": {"Url": "https://*:8443", "Certificate": {"Path": "cert.pem", "KeyPath": "key.pem"}, "HandshakeTimeout": "5s"},
      "Admin.Local": {"url": "http://unix:/run/a.sock", "UnixMode": "0600"}, /* two */
    },
    "Limits": {
      "MaxRequestBodySize": 1000, "maxresponsebuffersize": 0, "MaxRequestLineSize": "4096",
      "MaxConcurrentConnections": null,
      "KeepAliveTimeout": "00:02:10.5", "RequestHeadersTimeout": "1m",
      "MinRequestBodyDataRate": {"BytesPerSecond": 100.5, "GracePeriod": "00:00:10"},
      "MinResponseDataRate": null,
      "Http2": {"MaxStreamsPerConnection": 7, "HeaderTableSize": 0, "KeepAlivePingDelay": "30s", "KeepAlivePingTimeout": null},
    },
    "Compat": {"LooseLineEndings": true},
    "ServerHeader": "Kestrel",
  },
}`)
	want := Options{
		Endpoints: []Endpoint{{Name: "Public", URL: "http://*:8080", Protocols: HTTP1},
			{Name: "Secure", URL: "https://*:8443", Certificate: Certificate{Path: "cert.pem", KeyPath: "key.pem"}, HandshakeTimeout: 5 * time.Second},
			{Name: "Admin.Local", URL: "http://unix:/run/a.sock", UnixMode: 0o600}},
		Limits: Limits{
			MaxRequestBodySize: 1000, MaxResponseBufferSize: Nothing, MaxRequestLineSize: 4096, MaxConcurrentConnections: None,
			KeepAliveTimeout: 130500 * time.Millisecond, RequestHeadersTimeout: time.Minute,
			MinRequestBodyDataRate: server.DataRate{BytesPerSecond: 100.5, Grace: 10 * time.Second},
			MinResponseDataRate:    server.DataRate{BytesPerSecond: None},
			HTTP2:                  HTTP2Limits{MaxStreamsPerConnection: 7, HeaderTableSize: Nothing, KeepAlivePingDelay: 30 * time.Second, KeepAlivePingTimeout: None},
		},
		Compat:       Compat{LooseLineEndings: true},
		ServerHeader: "Kestrel",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestMistakesHaveTheirPlaceAndTheWayOut(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"{\n  \"Kestrel\": {\n    \"Limits\": {\"MaxRequestBodySiz\": 1}}}", `f.json:3:16: unknown key "MaxRequestBodySiz" in Limits; did you mean "MaxRequestBodySize"?`},
		{`{"Kestrel": {"Limit": {}}}`, `f.json:1:14: unknown key "Limit" in Kestrel; did you mean "Limits"?`},
		{`{"Kestrel": {"KeepAliveTimeout": "1s"}}`, `unknown key "KeepAliveTimeout" in Kestrel; it belongs under "Limits"`},
		{limits(`"MaxFrameSize": 20000`), `unknown key "MaxFrameSize" in Limits; it belongs under "Limits.Http2"`},
		{limits(`"Http2": {"MaxFrameSize": 100}`), `f.json:1:51: Limits.Http2.MaxFrameSize is 100: it must be 16384 to 16777215`},
		{limits(`"Http2": {"MaxStreamsPerConnection": null}`), `Limits.Http2.MaxStreamsPerConnection must not be null`},
		{limits(`"Http2": {"KeepAlivePingDelay": "10ms"}`), `Limits.Http2.KeepAlivePingDelay is 10ms: it must be at least 1s`},
		{`{"Kestrel": {"Endpoints": {"a": {"Url": "https://*:1"}}}}`, `f.json:1:41: endpoint "a": address https://*:1: https needs a certificate: set the endpoint's TLS in code, or Certificate.Path`},
		{`{"Kestrel": {"Endpoints": {"a": {"Url": "http://*:1", "Certificate": {"Path": "a.pem"}}}}}`, `f.json:1:41: endpoint "a": address http://*:1: the endpoint has a certificate, but http does not encrypt`},
		{`{"Kestrel": {"Endpoints": {"a": {"Url": "http://*:1", "Certificate": {"KeyPath": "a.pem"}}}}}`, `endpoint "a": Certificate.KeyPath is "a.pem", but there is no Certificate.Path`},
		{`{"Kestrel": {"Endpoints": {"a": {"Url": "http://*:1", "Protocols": "Spdy"}}}}`, `Endpoints.a.Protocols is "Spdy", which cannot be: "Spdy" is none of ["Http1AndHttp2" "Http1" "Http2" "Http1AndHttp2AndHttp3" "Http3"]`},
		{`{"Kestrel": {"Endpoints": {"a": {"Url": "http://*:1", "HandshakeTimeout": "0s"}}}}`, `Endpoints.a.HandshakeTimeout is 0s: it must be more than 0; write null for no limit`},
		{`{"Kestrel": {"AddServerHeader": true}}`, `write "ServerHeader"`},
		{`{"Kestrel": {"Endpoints": {"A": {"Adress": "x"}}}}`, `unknown key "Adress" in Endpoints.A; there is AlternateCertificate, Certificate, ClientCertificateAuthorities, ClientCertificateMode, DisableAltSvc, DisableDeferAccept, HandshakeTimeout, KeepClientHello, Protocols, Sni, SslProtocols, UnixMode, Url`},
		{`{"Kestrel": {"Zzzzzzzz": 1}}`, `; there is CertificatePollInterval, Certificates, Compat, DisableOcspStapling, Endpoints, Exec, Limits, ServerHeader, TicketKeysFile, Transport`},
		{`{"Kestrell": {}}`, `f.json:1:2: unknown section "Kestrell"; did you mean "Kestrel"?`},
		{`{"Logging": {}}`, `f.json:1:1: there is no section "Kestrel"; write`},
		{`[]`, `f.json:1:1: the file must be an object, not a list`},
		{`{"Kestrel": {}, "KESTREL": {}}`, `f.json:1:17: the section "Kestrel" is there twice`},
		{`{"Kestrel": {"Limits": {}, "limits": {}}}`, `f.json:1:28: "limits" is there twice`},
		{`{"Kestrel": {"Endpoints": {"a": {"Url": "http://*:1"}, "A": {}}}}`, `the endpoint "A" is there twice; rename one`},
		{`{"Kestrel": {"Endpoints": {"": {}}}}`, `an endpoint must have a name`},
		{`{"Kestrel": {"Endpoints": {"a": {}}}}`, `f.json:1:28: endpoint "a": invalid url "": write it as scheme://host:port`},
		{`{"Kestrel": {"Endpoints": {"a": {"Url": "localhost:1"}}}}`, `f.json:1:41: endpoint "a": invalid url`},
		{`{"Kestrel": {"Endpoints": []}}`, `Endpoints must be an object, not a list`},
		{`{"Kestrel": 5}`, `Kestrel must be an object, not a number`},
		{"{\n\"Kestrel\": ", `f.json:2:11: this is not JSON: unexpected end of JSON input`},
		{limits(`"MaxRequestBodySize": -1`), `Limits.MaxRequestBodySize is -1: it must be at least 1; write null for no limit`},
		{limits(`"MaxRequestLineSize": 0`), `Limits.MaxRequestLineSize is 0: it must be at least 1; write null for no limit`},
		{limits(`"MaxRequestLineSize": 3000000000`), `Limits.MaxRequestLineSize is 3000000000: it must be 1 to 2147483647`},
		{limits(`"MaxRequestBodySize": 1e30`), `is 1e30: it must be a whole number`},
		{limits(`"MaxRequestBodySize": "30MB"`), `is 30MB: it must be a whole number`},
		{limits(`"MaxRequestBodySize": true`), `is true: it must be a whole number`},
		{limits(`"MaxRequestBodySize": {}`), `must not be an object`},
		{limits(`"KeepAliveTimeout": 130`), `is "130", which is not a duration; it has no unit: write "130s" for seconds`},
		{limits(`"KeepAliveTimeout": "soon"`), `is "soon", which is not a duration; write it as 90s`},
		{limits(`"KeepAliveTimeout": "00:00:00"`), `it must be more than 0; write null for no limit`},
		{limits(`"KeepAliveTimeout": "-3s"`), `it must be more than 0`},
		{limits(`"KeepAliveTimeout": "25:61:00"`), `which is not a duration`},
		{limits(`"MinRequestBodyDataRate": {"Grace": "1s"}`), `f.json:1:61: Limits.MinRequestBodyDataRate.Grace is 1s: it must be more than 1s`},
		{limits(`"MinRequestBodyDataRate": {"BytesPerSecond": 0}`), `BytesPerSecond is 0: it must be a number above 0`},
		{limits(`"MinRequestBodyDataRate": {"BytesPerSecond": null}`), `must not be null; leave it out`},
		{limits(`"MaxRequestBufferSize": 1000`), `f.json:1:49: Limits.MaxRequestBufferSize (1000) must not be below`},
		{`{"Kestrel": {"ServerHeader": null}}`, `ServerHeader must not be null; leave it out for the default, or write ""`},
		{`{"Kestrel": {"ServerHeader": 5}}`, `ServerHeader must be a text, not a number; write "5"`},
		{`{"Kestrel": {"Compat": {"LooseLineEndings": "yes"}}}`, `Compat.LooseLineEndings is "yes": it must be true or false`},
		{`{"Kestrel": {"Transport": "libuv"}}`, `Transport is "libuv", `},
		{`{"Kestrel": {"Exec": 1}}`, `Exec must be a text, not a number`},
		{`{"Kestrel": {"Endpoints": {"a": {"Url": "http://*:1", "UnixMode": 600}}}}`, `UnixMode is 600: it must be a text of octal digits; write "0660"`},
		{`{"Kestrel": {"Endpoints": {"a": {"Url": "http://*:1", "UnixMode": "1777"}}}}`, `UnixMode 1777 has more than permission bits`},
	} {
		_, err := ParseOptions("f.json", []byte(tt.in))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s\n got %v\nwant %s", tt.in, err, tt.want)
			continue
		}
		var config *ConfigError
		if !errors.As(err, &config) || config.Line == 0 || config.Source != "f.json" {
			t.Errorf("%s: %#v has no place", tt.in, err)
		}
	}
}

func limits(text string) string { return `{"Kestrel": {"Limits": {` + text + `}}}` }

func TestAllMistakesOfAConfigurationAreToldAtOnce(t *testing.T) {
	var c Configuration
	c.AddFile("f.json", []byte(`{"Kestrel": {"Limit": {}, "Endpoints": {"a": {"Url": "nonsense"}}, "Limits": {"KeepAliveTimeout": 1, "MaxRequestLineSize": -7}}}`))
	c.AddEnvironment([]string{"KESTREL__LIMITS__MAXREQUESTHEADERCOUNT=many"})
	_, err := c.Options()
	for _, want := range []string{"Limit", "nonsense", "KeepAliveTimeout", "-7", "environment variable KESTREL__LIMITS__MAXREQUESTHEADERCOUNT"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: want it to name %s", err, want)
		}
	}
}

func TestDurationsHaveGosFormAndDotNets(t *testing.T) {
	for in, want := range map[string]time.Duration{
		"30s": 30 * time.Second, "2m10s": 130 * time.Second, "1h": time.Hour, "1.5s": 1500 * time.Millisecond,
		"00:00:30": 30 * time.Second, "00:02:10": 130 * time.Second, "1:02": time.Hour + 2*time.Minute,
		"1.00:00:00": 24 * time.Hour, "00:00:00.0000001": 100, "00:00:01.25": 1250 * time.Millisecond,
		"-00:00:00.001": None, "-00:00:00.0010000": None,
	} {
		opts := mustParse(t, limits(`"KeepAliveTimeout": "`+in+`"`))
		if got := opts.Limits.KeepAliveTimeout; got != want {
			t.Errorf("%s is %v, want %v", in, got, want)
		}
	}
	for _, in := range []string{"", "0", "30", "24:00:00", "00:60:00", "00:00:60", "99999.00:00:00", "1:2:3:4", "00:00:01.12345678", "٣s"} {
		if d, ok := parseDuration(in); ok {
			t.Errorf("%q is %v, want it refused", in, d)
		}
	}
}

func TestTheEnvironmentWinsOverTheFileAndCodeOverBoth(t *testing.T) {
	var c Configuration
	c.AddFile("f.json", []byte(`{"Kestrel": {"ServerHeader": "file", "Endpoints": {"Public": {"Url": "http://*:1", "UnixMode": "0600"}},
		"Limits": {"MaxRequestBodySize": 1, "MaxRequestLineSize": 1000, "MaxRequestHeaderCount": 10, "MinRequestBodyDataRate": null}}}`))
	c.AddEnvironment([]string{
		"Kestrel__Limits__MaxRequestLineSize=2000", "Kestrel__Limits__MaxRequestHeaderCount=20",
		"LANNER_KESTREL__LIMITS__MAXREQUESTHEADERCOUNT=30", "KESTREL__ENDPOINTS__PUBLIC__URL=http://*:2",
		"Kestrel__Endpoints__Other__Url=http://*:3", "Kestrel__ServerHeader=", "Kestrel__Limits__MaxConcurrentUpgradedConnections=null",
		"Kestrel__Limits__MinRequestBodyDataRate__BytesPerSecond=50", "KESTREL=1", "KESTREL_LIMITS=1", "PATH=/bin", "=C:=C:\\",
	})
	c.AddCode(Options{Limits: Limits{MaxRequestLineSize: 3000}, Endpoints: []Endpoint{{Name: "other", URL: "http://*:4"}, {URL: "http://*:5"}}})
	got, err := c.Options()
	if err != nil {
		t.Fatal(err)
	}
	want := Options{ServerHeader: "file",
		Endpoints: []Endpoint{{Name: "Public", URL: "http://*:2", UnixMode: 0o600}, {Name: "Other", URL: "http://*:4"}, {URL: "http://*:5"}},
		Limits: Limits{MaxRequestBodySize: 1, MaxRequestLineSize: 3000, MaxRequestHeaderCount: 30, MaxConcurrentUpgradedConnections: None,
			MinRequestBodyDataRate: server.DataRate{BytesPerSecond: 50, Grace: 5 * time.Second}}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestVariablesThatContradictEachOtherAreRefused(t *testing.T) {
	for _, tt := range []struct{ environ, want string }{
		{"Kestrel__Exec=inline KESTREL__EXEC=auto", "environment variable KESTREL__EXEC sets the same"},
		{"Kestrel__Limits=5 Kestrel__Limits__MaxRequestLineSize=5", "environment variable Kestrel__Limits sets the same"},
		{"Kestrel__Limits__=5", "a part of the name is empty"},
		{"Kestrel__=5", "a part of the name is empty"},
		{"Kestrel__Limits__MaxReqestLineSize=5", `environment variable Kestrel__Limits__MaxReqestLineSize: unknown key "MaxReqestLineSize" in Limits; did you mean "MaxRequestLineSize"?`},
		{"LANNER_KESTREL__LIMITS=5", "Limits must be an object, not a text"},
	} {
		opts := Options{ServerHeader: "before"}
		err := opts.BindEnvironment(strings.Fields(tt.environ))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %s", tt.environ, err, tt.want)
		}
		if !reflect.DeepEqual(opts, Options{ServerHeader: "before"}) {
			t.Errorf("%s: the options are %+v, want them as they were", tt.environ, opts)
		}
	}
}

// sample is a valid text for an option, and none of the defaults.
func sample(t *testing.T, path string, typ reflect.Type) string {
	if typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	switch typ {
	case reflect.TypeFor[ClientCertificateMode]():
		return `"RequireCertificate"`
	case reflect.TypeFor[[]TLSVersion]():
		return `["Tls13"]`
	case reflect.TypeFor[time.Duration]():
		return `"42s"`
	case reflect.TypeFor[fs.FileMode]():
		return `"0600"`
	case reflect.TypeFor[Transport]():
		return `"portable"`
	case reflect.TypeFor[ConnectionLimitPolicy]():
		return `"503"`
	case reflect.TypeFor[Protocols]():
		return `"Http1"`
	case reflect.TypeFor[Exec]():
		return `"goroutine"`
	}
	switch typ.Kind() {
	case reflect.Bool:
		return "true"
	case reflect.String:
		return `"http://127.0.0.1:42"`
	case reflect.Int, reflect.Int64, reflect.Float64, reflect.Uint32, reflect.Int32:
		return "2000000"
	}
	t.Fatalf("the test has no value for %s, a %s", path, typ)
	return ""
}

// fieldsBelow yields the fields of a struct by their path, without looking at what the binder knows.
func fieldsBelow(t *testing.T, typ reflect.Type, path string, leaf func(path string, typ reflect.Type)) {
	for i := range typ.NumField() {
		f := typ.Field(i)
		at := join(path, strings.NewReplacer("URL", "Url", "HTTP2", "Http2", "HTTP3", "Http3", "SNI", "Sni", "TLSVersions", "SslProtocols", "OCSP", "Ocsp").Replace(f.Name))
		if f.Type.Kind() == reflect.Pointer && f.Type.Elem().Kind() == reflect.Struct && !notData[typ.Name()+"."+f.Name] {
			f.Type = f.Type.Elem()
		}
		switch {
		case notData[typ.Name()+"."+f.Name]:
		case f.Type == reflect.TypeFor[[]Endpoint]():
			fieldsBelow(t, reflect.TypeFor[Endpoint](), at+".*", leaf)
		case f.Type.Kind() == reflect.Map:
			fieldsBelow(t, f.Type.Elem(), at+".*", leaf)
		case f.Type.Kind() == reflect.Struct:
			fieldsBelow(t, f.Type, at, leaf)
		default:
			leaf(at, f.Type)
		}
	}
}

func TestEveryOptionCanBeConfigured(t *testing.T) {
	seen := map[string]bool{"Limits.MinRequestBodyDataRate": true, "Limits.MinResponseDataRate": true} // whose parts are options
	fieldsBelow(t, reflect.TypeFor[Options](), "", func(path string, typ reflect.Type) {
		seen[path] = true
		if row := table[path]; row == nil || row.values == "" || row.outcome == "" {
			t.Errorf("%s has no row in the table of options, with its values and its outcome", path)
			return
		}
		value := sample(t, path, typ)
		document, end := `{"Kestrel": `, "}"
		variable := "Kestrel"
		base := map[string]string{}
		for part := range strings.SplitSeq(path, ".") {
			part = strings.ReplaceAll(part, "*", "Some.Name")
			document, end = document+`{"`+part+`": `, end+"}"
			variable += "__" + part
		}
		if strings.HasPrefix(path, "Endpoints.") && !strings.HasSuffix(path, ".Url") {
			base["Kestrel__Endpoints__Some.Name__Url"] = "http://127.0.0.1:1"
		}
		needed := func(at string) { // what the option is nothing without
			if at != path {
				base["Kestrel__"+strings.ReplaceAll(strings.ReplaceAll(at, ".", "__"), "*", "Some.Name")] = "a.pem"
			}
		}
		for _, ofTLS := range []string{"Certificate.", "Sni", "ClientCertificate", "SslProtocols"} {
			if strings.Contains(path, ofTLS) && strings.HasPrefix(path, "Endpoints.") {
				base["Kestrel__Endpoints__Some.Name__Url"] = "https://127.0.0.1:1"
				needed("Endpoints.*.Certificate.Path")
			}
		}
		at, last := path[:strings.LastIndexByte("."+path, '.')], path[strings.LastIndexByte(path, '.')+1:]
		switch last {
		case "KeyPath", "Password":
			needed(at + "Path")
		case "ClientCertificateMode":
			needed(at + "ClientCertificateAuthorities")
		}
		if strings.Contains(at, "Sni") {
			needed("Endpoints.*.Sni.*.Certificate.Path")
		}
		environ := []string{}
		for name, text := range base {
			environ = append(environ, name+"="+text)
		}
		var file, env Configuration
		file.AddEnvironment(environ)
		before := file.opts
		file.AddFile("f.json", []byte(document+value+end))
		if strings.HasPrefix(value, "[") {
			variable += "__0"
		}
		env.AddEnvironment(append(environ, strings.ToUpper(variable)+"="+strings.Trim(value, `"[]`)))
		byFile, err1 := file.Options()
		byVariable, err2 := env.Options()
		if err1 != nil || err2 != nil {
			t.Errorf("%s: %v, %v", path, err1, err2)
			return
		}
		for i := range byVariable.Endpoints {
			byVariable.Endpoints[i].Name = byFile.Endpoints[i].Name // variables are in capitals here
			for name, o := range byVariable.Endpoints[i].SNI {
				byVariable.Endpoints[i].SNI = map[string]SNIOptions{"Some.Name": o}
				if name != "SOME.NAME" && name != "Some.Name" {
					t.Errorf("%s: the name of Sni is %q", path, name)
				}
			}
		}
		if reflect.DeepEqual(byFile, before) {
			t.Errorf("%s: %s changes nothing", path, value)
		}
		if !reflect.DeepEqual(byFile, byVariable) {
			t.Errorf("%s: the file gives %+v, the variable %+v", path, byFile, byVariable)
		}
	})
	for path := range table {
		if !seen[path] {
			t.Errorf("the table of options has %s, which is no option", path)
		}
	}
}

func TestTheDefaultsShownAreThoseThatZeroStandsFor(t *testing.T) {
	full, zero := defaults(), Options{}
	if a, b := full.Connections(nil, nil), zero.Connections(nil, nil); !reflect.DeepEqual(a.Limits.Effective(), b.Limits.Effective()) ||
		*a.MinRequestBodyRate != *b.MinRequestBodyRate || *a.MinResponseRate != *b.MinResponseRate || a.MaxConnections != b.MaxConnections || a.MaxRequests != b.MaxRequests || a.MaxAge != b.MaxAge || a.AgeGrace != b.AgeGrace || a.MaxUpgraded != b.MaxUpgraded ||
		a.HTTP2.Effective() != b.HTTP2.Effective() {
		t.Errorf("the defaults are not those of the zero value:\n%+v\n%+v", a, b)
	}
	for path, v := range leaves() {
		if strings.HasPrefix(path, "Limits.") && path != "Limits.ConnectionLimitPolicy" && v.IsZero() {
			t.Errorf("%s has no default", path)
		}
	}
}

func TestWhatIsShownIsReadAgainAndSaysWhereItComesFrom(t *testing.T) {
	var c Configuration
	c.AddFile("f.json", []byte("{\"Kestrel\": {\n\"Endpoints\": {\"Public\": {\"Url\": \"http://*:1\"}}, \"Limits\": {\"MaxRequestBodySize\": 0, \"MinResponseDataRate\": {\"BytesPerSecond\": 100}}}}"))
	c.AddEnvironment([]string{"LANNER_KESTREL__LIMITS__KEEPALIVETIMEOUT=null", "Kestrel__Endpoints__Public__Url=http://unix:/tmp/<x>.sock"})
	c.AddCode(Options{Endpoints: []Endpoint{{Name: "secure", URL: "https://*:2", Certificate: Certificate{Path: "cert.pem"}}}, ServerHeader: "x", Limits: Limits{MinRequestBodyDataRate: server.DataRate{BytesPerSecond: None}}, Logger: slog.New(slog.DiscardHandler)})
	var text strings.Builder
	if err := c.WriteJSON(&text); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"MaxRequestBodySize": 0`, `"KeepAliveTimeout": null`, `"MinRequestBodyDataRate": null`, `"RequestHeadersTimeout": "30s"`,
		`"MaxRequestLineSize": 8192`, `"Url": "http://unix:/tmp/<x>.sock"`, `"UnixMode": "0660"`,
		`"Limits.MaxRequestBodySize": "f.json:2:82"`, `"Limits.KeepAliveTimeout": "environment variable LANNER_KESTREL__LIMITS__KEEPALIVETIMEOUT"`,
		`"Endpoints.Public.Url": "environment variable Kestrel__Endpoints__Public__Url"`, `"Limits.MinRequestBodyDataRate": "code"`,
		`"ServerHeader": "code"`, `"Limits.MinResponseDataRate.Grace": "default"`, `"Exec": "auto"`, `"Transport": "default"`, `"KeepAlivePingDelay": null`, `"Limits.Http2.MaxFrameSize": "default"`,
		`"Path": "cert.pem"`, `"HandshakeTimeout": "10s"`, `"Protocols": "Http1AndHttp2"`, `"Endpoints.secure.Certificate.Path": "code"`,
		`"Endpoints.Public.UnixMode": "default"`,
	} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("want %s in\n%s", want, &text)
		}
	}
	var again Configuration
	again.AddFile("again.json", []byte(text.String()))
	if _, err := again.Options(); err != nil {
		t.Fatalf("what is shown is not read: %v\n%s", err, &text)
	}
	if a, b := shownOf(&c), shownOf(&again); a != b {
		t.Errorf("read again:\n%s\nwant\n%s", b, a)
	}
}

// shownOf is what WriteJSON writes without the origins.
func shownOf(c *Configuration) string {
	var text strings.Builder
	c.WriteJSON(&text)
	options, _, _ := strings.Cut(text.String(), `"Origins"`)
	return options
}

func TestEndpointsFromElsewhereReplaceAllOthers(t *testing.T) {
	var c Configuration
	c.AddFile("f.json", []byte(`{"Kestrel": {"Endpoints": {"a": {"Url": "http://*:1"}}}}`))
	c.SetEndpoints("--urls", []Endpoint{{URL: "http://*:2"}, {Name: "s", URL: "http://fd:3"}, {Name: "s", URL: "http://fd:4"}})
	opts, err := c.Options()
	if err != nil || len(opts.Endpoints) != 3 || opts.Endpoints[2].URL != "http://fd:4" {
		t.Errorf("%+v, %v, want the three", opts.Endpoints, err)
	}
	var text strings.Builder
	c.WriteJSON(&text)
	for _, want := range []string{`"http://*:2": {`, `"Endpoints.http://*:2.Url": "--urls"`, `"s #2": {`} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("want %s in\n%s", want, &text)
		}
	}
}

func FuzzParseOptions(f *testing.F) {
	f.Add([]byte(`{"Kestrel": {"Limits": {"KeepAliveTimeout": "1.00:00:01.5", "MaxRequestBodySize": null}, "Endpoints": {"a.Url": {"Url": "http://*:1"}}}}`))
	f.Add([]byte(`{"kestrel": {"Limits": {"MinResponseDataRate": {"Grace": "9s"}}, "ServerHeader": "x"}} // end`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var c Configuration
		c.AddFile("f.json", data)
		opts, err := c.Options()
		if err != nil {
			return
		}
		if err := opts.Validate(); err != nil {
			t.Errorf("%q is accepted, its options are not: %v", data, err)
		}
		var text strings.Builder
		c.WriteJSON(&text)
		var again Configuration
		again.AddFile("again.json", []byte(text.String()))
		if _, err := again.Options(); err != nil || shownOf(&c) != shownOf(&again) {
			t.Errorf("%q is shown as\n%s\nwhich is not the same: %v", data, &text, err)
		}
	})
}

func FuzzBindEnvironment(f *testing.F) {
	f.Add("Kestrel__Limits__MaxRequestLineSize", "5")
	f.Add("LANNER_KESTREL__ENDPOINTS__A__URL", "http://*:1")
	f.Fuzz(func(t *testing.T, name, value string) {
		var o Options
		if o.BindEnvironment([]string{name + "=" + value}) == nil {
			if err := o.Validate(); err != nil {
				t.Errorf("%s=%s is accepted, its options are not: %v", name, value, err)
			}
		}
	})
}
