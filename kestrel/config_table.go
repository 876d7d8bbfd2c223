package kestrel

import (
	"fmt"
	"iter"
	"reflect"
	"strings"
	"time"

	"github.com/lannerhq/lanner/internal/http1"
	"github.com/lannerhq/lanner/internal/httpconn"
	"github.com/lannerhq/lanner/server"
)

// option is what is known of an option besides its type.
type option struct {
	// null and zero are what null and 0 mean. "" refuses them.
	null, zero string
	// values is what may be written.
	values string
	// secret is not shown.
	secret bool
	// outcome is what the option does, or what happens beyond the limit.
	outcome string
}

func (o *option) nullHint() string {
	if o.null == "" {
		return "leave it out for the default"
	}
	return "write null for " + o.null
}

const (
	noLimit  = "no limit"
	atLeast1 = "at least 1"
	above0   = "a duration above 0"
	aSize    = "1 to 2147483647"
	aWindow  = "65535 to 2147483647"
	yesNo    = "true, false"
)

// table has a row for each option. * stands for the name of an endpoint.
var table = map[string]*option{
	"Endpoints.*.Url":                {values: "http://HOST:PORT, https://HOST:PORT, http://unix:/PATH, http://fd:N", outcome: "where to listen"},
	"Endpoints.*.Protocols":          {values: "Http1AndHttp2, Http1, Http2, Http1AndHttp2AndHttp3, Http3", outcome: "what is spoken; of several the client chooses, by ALPN, or without TLS by how it begins, and HTTP/3, which needs Options.HTTP3 and TLS, by Alt-Svc"},
	"Endpoints.*.DisableAltSvc":      {values: yesNo, outcome: "responses do not tell of HTTP/3 by Alt-Svc"},
	"Endpoints.*.SslProtocols":       {values: `a list of "Tls12", "Tls13"`, outcome: "the versions of TLS; without it both"},
	"Endpoints.*.DisableDeferAccept": {values: yesNo, outcome: "connections are accepted before they have sent something"},
	"Endpoints.*.HandshakeTimeout":   {null: noLimit, values: above0, outcome: "of TLS: closed"},
	"Endpoints.*.KeepClientHello":    {values: yesNo, outcome: "the ClientHello of TLS is kept for handlers, with its memory; not of HTTP/3"},
	"Endpoints.*.UnixMode":           {values: `octal digits, "0600"`, outcome: "the mode of a unix socket's file"},

	"Limits.MaxRequestLineSize":                    {null: noLimit, values: aSize, outcome: "414, closed"},
	"Limits.MaxRequestHeadersTotalSize":            {null: noLimit, values: aSize, outcome: "431, closed"},
	"Limits.MaxRequestHeaderCount":                 {null: noLimit, values: aSize, outcome: "431, closed"},
	"Limits.MaxRequestBodySize":                    {null: noLimit, zero: "no body at all", values: "at least 0", outcome: "413 when the application reads, closed"},
	"Limits.MaxRequestBufferSize":                  {null: noLimit, values: "at least 1, and not below the sizes of line and headers", outcome: "the socket is not read"},
	"Limits.MaxResponseBufferSize":                 {null: noLimit, zero: "every write is sent at once", values: "at least 0", outcome: "what was held back is sent"},
	"Limits.MaxConcurrentConnections":              {null: noLimit, values: atLeast1, outcome: "closed without a byte, a warning in the log"},
	"Limits.MaxConcurrentUpgradedConnections":      {null: noLimit, zero: "none at all", values: "at least 0", outcome: "the upgrade fails in the application"},
	"Limits.ConnectionLimitPolicy":                 {values: `close, "503", wait`, outcome: "of a connection beyond MaxConcurrentConnections: closed without a byte; answered 503 with Retry-After; not accepted until another ends"},
	"Limits.MaxRequestsPerConnection":              {null: noLimit, values: atLeast1, outcome: "the last response says Connection: close"},
	"Limits.MaxConnectionAge":                      {null: noLimit, values: above0, outcome: "the next response is the last, a waiting connection is closed; spread by a tenth"},
	"Limits.MaxConnectionAgeGrace":                 {null: noLimit, values: above0, outcome: "what still runs is aborted"},
	"Limits.KeepAliveTimeout":                      {null: noLimit, values: above0, outcome: "closed silently"},
	"Limits.RequestHeadersTimeout":                 {null: noLimit, values: above0, outcome: "408, closed"},
	"Limits.MinRequestBodyDataRate":                {null: "no least rate"},
	"Limits.MinRequestBodyDataRate.BytesPerSecond": {values: "above 0", outcome: "below: 408, closed"},
	"Limits.MinRequestBodyDataRate.Grace":          {values: "more than 1s", outcome: "how long it may be slower"},
	"Limits.MinResponseDataRate":                   {null: "no least rate"},
	"Limits.MinResponseDataRate.BytesPerSecond":    {values: "above 0", outcome: "below: reset"},
	"Limits.MinResponseDataRate.Grace":             {values: "more than 1s", outcome: "the least time for a write"},
	"Limits.Http2.MaxStreamsPerConnection":         {values: aSize, outcome: "that stream is refused"},
	"Limits.Http2.HeaderTableSize":                 {zero: "no table", values: "0 to 2147483647", outcome: "of HPACK; the size is offered to the client"},
	"Limits.Http2.MaxFrameSize":                    {values: "16384 to 16777215", outcome: "closed"},
	"Limits.Http2.MaxRequestHeaderFieldSize":       {values: aSize, outcome: "closed"},
	"Limits.Http2.InitialConnectionWindowSize":     {values: aWindow, outcome: "closed; the client waits at it"},
	"Limits.Http2.InitialStreamWindowSize":         {values: aWindow, outcome: "closed; the client waits at it"},
	"Limits.Http2.MaxConnectionWindowSize":         {values: aWindow, outcome: "the window grows no further; not above the initial size: not at all"},
	"Limits.Http2.MaxStreamWindowSize":             {values: aWindow, outcome: "the same for one request, and up to three quarters of the connection's"},
	"Limits.Http2.KeepAlivePingDelay":              {null: "no pings", values: "at least 1s", outcome: "a silent client is sent a PING"},
	"Limits.Http2.KeepAlivePingTimeout":            {null: noLimit, values: "at least 1s", outcome: "closed"},
	"Limits.Http3.MaxRequestHeaderFieldSize":       {values: aSize, outcome: "431"},
	"Compat.LooseLineEndings":                      {values: yesNo, outcome: "a bare LF ends a line of a head"},
	"Compat.LooseRequestLineSpaces":                {values: yesNo, outcome: "several spaces before the version"},
	"Compat.KeepAliveAfterCLTE":                    {values: yesNo, outcome: "a request with Content-Length and Transfer-Encoding does not close"},
	"Compat.AlternateSchemes":                      {values: yesNo, outcome: "an HTTP/2 request may name another :scheme than its connection has"},
	"Compat.HostHeaderOverride":                    {values: yesNo, outcome: "the target's authority wins over Host"},
	"TicketKeysFile":                               {values: "a file", outcome: "the keys of TLS session tickets, shared by those that name it; made when it is not there; fixed at the start"},
	"CertificatePollInterval":                      {null: "Reload alone reads them", values: above0, outcome: "how often the files of certificates are looked at"},
	"DisableOcspStapling":                          {values: yesNo, outcome: "OCSP responders that certificates name are not asked"},
	"ServerHeader":                                 {values: "a text", outcome: "the Server field of responses; empty sends none"},
	"Transport":                                    {values: "auto, eventloop, portable", outcome: "what carries connections: an event loop per core (Linux), or a goroutine each; fixed at the start"},
	"Exec":                                         {values: "auto, inline, goroutine", outcome: "where handlers run on the event loop; fixed at the start"},
}

const (
	certificates = "Endpoints.*."
	underName    = "Endpoints.*.Sni.*."
)

func init() {
	add := func(at, what string) {
		table[at+".Path"] = &option{values: "a file, PEM or PKCS#12", outcome: what + "and behind it those that lead to the authority"}
		table[at+".KeyPath"] = &option{values: "a PEM file", outcome: "its private key; empty: it is in the same file. The mode must be 0600"}
		table[at+".Password"] = &option{values: "a text", outcome: "of PKCS#12 files; it is not shown by --print-config", secret: true}
		table[at+".Directory"] = &option{values: "a folder", outcome: "certificates for the names they are made for: NAME.pem with NAME.key, NAME.pfx, folders as certbot's live"}
	}
	add("Certificates.Default", "the certificate of https endpoints that have none, ")
	for _, at := range []string{certificates, underName} {
		add(at+"Certificate", "the certificate, ")
		add(at+"AlternateCertificate", "one with another algorithm, RSA beside ECDSA, ")
		table[at+"ClientCertificateMode"] = &option{values: "NoCertificate, AllowCertificate, RequireCertificate", outcome: "whether clients must show a certificate: else the handshake fails"}
		table[at+"ClientCertificateAuthorities"] = &option{values: "a PEM file", outcome: "the authorities that certificates of clients may be of"}
	}
	for _, key := range []string{"Protocols", "SslProtocols"} {
		table[underName+key] = table[certificates+key]
	}
}

// notData are the fields that only code can set, and the name of an endpoint, which is its key; by type and field.
var notData = map[string]bool{"Options.Logger": true, "Options.AccessLog": true, "Options.Metrics": true, "Options.Rejected": true, "Options.HTTP3": true, "Endpoint.Listener": true, "Endpoint.Middleware": true, "Endpoint.TLS": true, "Endpoint.OnClientHello": true,
	"Endpoint.Name": true}

// rowOf returns the row of a path, where an endpoint has its name; an empty row for what has none.
func rowOf(path string) *option {
	if row := table[rowPath(path)]; row != nil {
		return row
	}
	return &option{}
}

// rowPath puts * for the names of an endpoint and of Sni, which may have dots.
func rowPath(path string) string {
	rest, ok := strings.CutPrefix(path, "Endpoints.")
	if !ok {
		return path
	}
	for i := range rest {
		if rest[i] == '.' && table["Endpoints.*"+rest[i:]] != nil {
			return "Endpoints.*" + rest[i:]
		}
		name, ok := strings.CutPrefix(rest[i:], ".Sni.")
		for j := range name {
			if ok && name[j] == '.' && table[underName+name[j+1:]] != nil {
				return underName + name[j+1:]
			}
		}
	}
	return "Endpoints.*"
}

func endpointPath(e Endpoint) string {
	switch {
	case e.Name != "":
		return "Endpoints." + e.Name
	case e.Listener != nil:
		return "Endpoints." + e.listenerURL()
	}
	return "Endpoints." + e.URL
}

// key is a field by its name in a configuration.
type key struct {
	name  string
	index int
}

// keysOf returns the keys of a struct.
func keysOf(t reflect.Type) []key {
	var out []key
	for i := range t.NumField() {
		f := t.Field(i)
		if f.IsExported() && !notData[t.Name()+"."+f.Name] {
			out = append(out, key{keyName(f.Name), i})
		}
	}
	return out
}

// keyName is a field's name as Kestrel writes it.
func keyName(field string) string {
	switch field {
	case "URL":
		return "Url"
	case "HTTP2":
		return "Http2"
	case "HTTP3":
		return "Http3"
	case "SNI":
		return "Sni"
	case "TLSVersions":
		return "SslProtocols"
	case "DisableOCSPStapling":
		return "DisableOcspStapling"
	}
	return field
}

func names(keys []key) (out []string) {
	for _, k := range keys {
		out = append(out, k.name)
	}
	return out
}

// aliases are Kestrel's names where Go's field has another.
var aliases = map[string]string{"graceperiod": "Grace"}

func findKey(keys []key, name string) (string, int, bool) {
	if alias, ok := aliases[strings.ToLower(name)]; ok {
		name = alias
	}
	for _, k := range keys {
		if strings.EqualFold(k.name, name) {
			return k.name, k.index, true
		}
	}
	return "", 0, false
}

// leaves yields the path and the value, in the defaults, of every option that has no parts, in the order of the fields.
func leaves() iter.Seq2[string, reflect.Value] {
	return func(yield func(string, reflect.Value) bool) {
		opts := defaults()
		opts.Endpoints = []Endpoint{{Name: "*", UnixMode: defaultUnixMode, HandshakeTimeout: httpconn.DefaultHandshakeTimeout, SNI: map[string]SNIOptions{"*": {}}}}
		leavesOf(reflect.ValueOf(&opts).Elem(), "", yield)
	}
}

func leavesOf(v reflect.Value, path string, yield func(string, reflect.Value) bool) bool {
	switch {
	case v.Type() == endpointsType:
		for i := range v.Len() {
			if !leavesOf(v.Index(i), endpointPath(v.Index(i).Interface().(Endpoint)), yield) {
				return false
			}
		}
		return true
	case v.Kind() == reflect.Map:
		for _, k := range v.MapKeys() {
			if !leavesOf(v.MapIndex(k), join(path, k.String()), yield) {
				return false
			}
		}
		return true
	case v.Kind() == reflect.Pointer && v.Type().Elem().Kind() == reflect.Struct:
		if v.IsNil() {
			v = reflect.New(v.Type().Elem())
		}
		return leavesOf(v.Elem(), path, yield)
	case v.Kind() == reflect.Struct:
		for _, k := range keysOf(v.Type()) {
			if !leavesOf(v.Field(k.index), join(path, k.name), yield) {
				return false
			}
		}
		return true
	}
	return yield(path, v)
}

// defaults are the options that zero stands for.
func defaults() Options {
	eff := http1.Limits{}.Effective()
	http2 := HTTP2Limits(httpconn.HTTP2Limits{}.Effective())
	http2.KeepAlivePingDelay = None
	defaultDataRate := server.DataRate{BytesPerSecond: defaultRate, Grace: defaultGrace}
	return Options{CertificatePollInterval: defaultCertificatePoll, Limits: Limits{
		MaxRequestLineSize:               eff.MaxRequestLineSize,
		MaxRequestHeadersTotalSize:       eff.MaxRequestHeadersTotalSize,
		MaxRequestHeaderCount:            eff.MaxRequestHeaderCount,
		MaxRequestBodySize:               eff.MaxRequestBodySize,
		MaxRequestBufferSize:             defaultRequestBufferSize,
		MaxResponseBufferSize:            eff.MaxResponseBufferSize,
		MaxConcurrentConnections:         None,
		MaxConcurrentUpgradedConnections: None,
		MaxRequestsPerConnection:         None,
		MaxConnectionAge:                 None,
		MaxConnectionAgeGrace:            None,
		KeepAliveTimeout:                 eff.KeepAliveTimeout,
		RequestHeadersTimeout:            eff.RequestHeadersTimeout,
		MinRequestBodyDataRate:           defaultDataRate,
		MinResponseDataRate:              defaultDataRate,
		HTTP2:                            http2,
		HTTP3:                            HTTP3Limits(httpconn.HTTP3Limits{}.Effective()),
	}}
}

// written returns a value as a document has it.
func written(v reflect.Value, row *option) any {
	switch {
	case row.secret && v.String() != "":
		return "(not shown)"
	case v.Type() == durationType && v.Int() == None, v.CanInt() && v.Int() == None && row.null != "":
		return nil
	case v.CanInt() && v.Int() == Nothing && row.zero != "":
		return 0
	case v.Type() == durationType:
		return time.Duration(v.Int()).String()
	case v.Type() == modeType:
		return fmt.Sprintf("%#o", v.Uint())
	}
	return v.Interface()
}
