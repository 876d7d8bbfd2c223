package forwarder

import (
	"crypto/x509"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lannerhq/lanner/server"
)

// head joins lines as they are on the wire.
func head(lines ...string) string { return strings.Join(lines, "\r\n") + "\r\n\r\n" }

func TestTheWorkerGetsTheRequestAsItWasSentAndWhoSentIt(t *testing.T) {
	c := newClient("GET", "/shop/a%2Fb/../c?q=%20", "User-Agent: curl", "Accept: */*", "X-Request-ID: 17", "traceparent: 00-1-2-01",
		"Cookie: a=1", "cookie: b=2", "Sec-WebSocket-Extensions: permessage-deflate")
	got, err := rendered(t, c, Request{}, Options{Token: "secret"})
	want := head("GET /shop/a%2Fb/../c?q=%20 HTTP/1.1", "Host: example.org", "User-Agent: curl", "Accept: */*",
		"X-Request-ID: 17", "traceparent: 00-1-2-01", "Cookie: a=1", "cookie: b=2", "Sec-WebSocket-Extensions: permessage-deflate",
		"Via: 1.1 lanner", "X-Forwarded-For: 192.0.2.7:4711", "X-Forwarded-Proto: http", "X-Forwarded-Host: example.org",
		"MS-ASPNETCORE-TOKEN: secret")
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("the target is untouched, fields keep order and spelling, ours follow (-want +got):\n%s%v", diff, err)
	}
}

func TestFieldsThatEndAtThisHopAreNotForwarded(t *testing.T) {
	for _, tt := range []struct{ field, why string }{
		{"Connection: keep-alive", "it is about the client's connection"},
		{"Keep-Alive: timeout=5", "hop-by-hop, RFC 9110 §7.6.1"},
		{"Proxy-Connection: keep-alive", "hop-by-hop, RFC 9110 §7.6.1"},
		{"Transfer-Encoding: chunked", "framing is made anew"},
		{"Transfer_Encoding: chunked", "a CGI program would take it for the real one"},
		{"Content_Length: 5", "a CGI program would take it for the real one"},
		{"Upgrade: websocket", "without Connection: Upgrade it means nothing"},
		{"TE: gzip", "transfer codings are between neighbours"},
		{"Proxy-Authorization: Basic eA==", "credentials for another kind of proxy"},
		{"Proxy: http://evil.example", "it would become HTTP_PROXY in a CGI program"},
		{"MS-ASPNETCORE-TOKEN: forged", "only the module may send it"},
		{"ms-aspnetcore-event: shutdown", "only the module may send it, in any case"},
		{"MS_ASPNETCORE_TOKEN: forged", "a CGI program would take it for the real one"},
		{"MS-ASPNETCORE-WINAUTHTOKEN: 1f4", "a handle number from a client would be closed by the application"},
		{"X-Forwarded-For: 10.0.0.1", "the client is no trusted proxy"},
		{"x-forwarded-prefix: /admin", "the client is no trusted proxy"},
		{"X_Forwarded_For: 10.0.0.1", "the same to a CGI program"},
		{"X-Original-Host: evil.example", "the middleware's own notes must not be forged"},
		{"Forwarded: for=10.0.0.1", "the client is no trusted proxy"},
		{"Expect: 100-continue", "there is no body to wait for"},
	} {
		got, err := rendered(t, newClient("GET", "/", tt.field), Request{}, Options{NoForwardedFields: true})
		if want := head("GET / HTTP/1.1", "Host: example.org", "Via: 1.1 lanner"); got != want || err != nil {
			t.Errorf("%s was forwarded, but %s:\n%s%v", tt.field, tt.why, got, err)
		}
	}
}

func TestFieldsNamedInConnectionEndHere(t *testing.T) {
	c := newClient("GET", "/", "Connection: close, X-Hop", "x-hop: 1", "Connection: x-other", "X-Other: 2", "X-Stays: 3")
	got, err := rendered(t, c, Request{}, Options{NoForwardedFields: true})
	if want := head("GET / HTTP/1.1", "Host: example.org", "X-Stays: 3", "Via: 1.1 lanner"); got != want || err != nil {
		t.Errorf("RFC 9110 §7.6.1: fields nominated by Connection are removed; got\n%s%v", got, err)
	}
	c = newClient("GET", "/", "Connection: X-Forwarded-For, MS-ASPNETCORE-TOKEN, Host, Via")
	got, _ = rendered(t, c, Request{}, Options{Token: "secret"})
	for _, field := range []string{"X-Forwarded-For: 192", "MS-ASPNETCORE-TOKEN: secret", "Host: example.org", "Via: 1.1"} {
		if !strings.Contains(got, field) {
			t.Errorf("a client cannot take away what the forwarder adds, but %q is missing", field)
		}
	}
}

func TestForwardedFields(t *testing.T) {
	trusted := []string{"X-Forwarded-For: 203.0.113.9", "x-forwarded-for: 10.0.0.2:80", "X-Forwarded-Proto: https",
		"X-Forwarded-Host: shop.example", "X-Forwarded-Prefix: /p", "Forwarded: for=203.0.113.9"}
	for _, tt := range []struct {
		why    string
		change func(c *fakeClient)
		fields []string
		opts   Options
		by     Request
		want   []string
	}{
		{"IPv6 is in brackets", func(c *fakeClient) { c.remote = "[2001:db8::1]:4000" }, nil, Options{}, Request{},
			[]string{"X-Forwarded-For: [2001:db8::1]:4000", "X-Forwarded-Proto: http", "X-Forwarded-Host: example.org"}},
		{"a zone means nothing to the worker", func(c *fakeClient) { c.remote = "[fe80::1%eth0]:4000" }, nil, Options{}, Request{},
			[]string{"X-Forwarded-For: [fe80::1]:4000", "X-Forwarded-Proto: http", "X-Forwarded-Host: example.org"}},
		{"a unix socket has no address", func(c *fakeClient) { c.remote = "/run/x.sock"; c.scheme = "https" }, nil, Options{}, Request{},
			[]string{"X-Forwarded-Proto: https", "X-Forwarded-Host: example.org"}},
		{"a trusted proxy's are appended to, several lines become one", nil, trusted, Options{}, Request{Trusted: true},
			[]string{"X-Forwarded-Prefix: /p", "Forwarded: for=203.0.113.9", "X-Forwarded-For: 203.0.113.9, 10.0.0.2:80, 192.0.2.7:4711",
				"X-Forwarded-Proto: https, http", "X-Forwarded-Host: shop.example, example.org"}},
		{"a trusted proxy on a unix socket adds no address", func(c *fakeClient) { c.remote = "@" }, trusted[:1], Options{}, Request{Trusted: true},
			[]string{"X-Forwarded-For: 203.0.113.9", "X-Forwarded-Proto: http", "X-Forwarded-Host: example.org"}},
		{"switched off, a trusted proxy's pass as they are", nil, trusted[:2], Options{NoForwardedFields: true}, Request{Trusted: true},
			[]string{"X-Forwarded-For: 203.0.113.9", "x-forwarded-for: 10.0.0.2:80"}},
		{"RFC 7239 on request", func(c *fakeClient) { c.host = `a"b:80` }, nil, Options{NoForwardedFields: true, Forwarded: true}, Request{},
			[]string{`Forwarded: for="192.0.2.7:4711";proto=http;host="a\"b:80"`}},
		{"RFC 7239 behind a trusted proxy", nil, trusted[5:], Options{NoForwardedFields: true, Forwarded: true}, Request{Trusted: true},
			[]string{`Forwarded: for=203.0.113.9, for="192.0.2.7:4711";proto=http;host="example.org"`}},
	} {
		c := newClient("GET", "/", tt.fields...)
		if tt.change != nil {
			tt.change(c)
		}
		got, err := rendered(t, c, tt.by, tt.opts)
		var lines []string
		for line := range strings.SplitSeq(got, "\r\n") {
			if strings.Contains(strings.ToLower(line), "forwarded") {
				lines = append(lines, line)
			}
		}
		if diff := cmp.Diff(tt.want, lines); diff != "" || err != nil {
			t.Errorf("%s (-want +got):\n%s%v", tt.why, diff, err)
		}
	}
}

func TestTargetsAreReducedToOriginForm(t *testing.T) {
	for _, tt := range []struct{ method, target, want, why string }{
		{"GET", "http://example.org/a?b", "/a?b", "absolute form loses scheme and authority"},
		{"GET", "http://example.org", "/", "no path is the root"},
		{"GET", "http://example.org?x=/y", "/?x=/y", "no path before a query is the root"},
		{"OPTIONS", "http://example.org", "*", "RFC 9112 §3.2.4"},
		{"OPTIONS", "*", "*", "asterisk form stays"},
		{"GET", "//a//b/./c", "//a//b/./c", "nothing is cleaned"},
	} {
		got, err := rendered(t, newClient(tt.method, tt.target), Request{}, Options{})
		if line, _, _ := strings.Cut(got, " HTTP/1.1"); line != tt.method+" "+tt.want || err != nil {
			t.Errorf("%s: %q became %q, want %q (%v)", tt.why, tt.target, line, tt.want, err)
		}
	}
}

func TestFramingOfRequests(t *testing.T) {
	for _, tt := range []struct {
		c    *fakeClient
		want string
		why  string
	}{
		{newClient("GET", "/"), "", "a GET without content says nothing"},
		{newClient("POST", "/"), "Content-Length: 0", "a POST without content says so (RFC 9110 §8.6)"},
		{newClient("GET", "/").withBody(nil, 0), "Content-Length: 0", "what the client announced is announced"},
		{newClient("PUT", "/").withBody(nil, 12), "Content-Length: 12", "the length is kept"},
		{newClient("POST", "/").withBody(nil, -1), "Transfer-Encoding: chunked", "a body without a length goes in chunks"},
	} {
		got, err := rendered(t, tt.c, Request{}, Options{})
		var framing []string
		for line := range strings.SplitSeq(got, "\r\n") {
			if strings.HasPrefix(line, "Content-Length") || strings.HasPrefix(line, "Transfer-Encoding") {
				framing = append(framing, line)
			}
		}
		if strings.Join(framing, "+") != tt.want || err != nil {
			t.Errorf("%s: got %q, want %q (%v)", tt.why, framing, tt.want, err)
		}
	}
}

func TestUpgradesPassExceptThoseThatWouldSmuggleRequests(t *testing.T) {
	for _, tt := range []struct {
		upgrade string
		opts    Options
		want    bool
		why     string
	}{
		{"websocket", Options{}, true, "the usual one"},
		{"SPDY/3.1", Options{}, true, "any other protocol is the two ends' affair"},
		{"h2c", Options{}, false, "further requests would pass unseen"},
		{"websocket, h2c", Options{}, false, "the worker could choose the second"},
		{"HTTP/2.0", Options{}, false, "the same under another name"},
		{"TLS/1.3", Options{}, false, "the same, encrypted"},
		{"websocket", Options{NoWebSockets: true}, false, "switched off"},
	} {
		got, err := rendered(t, newClient("GET", "/ws", "Connection: keep-alive, Upgrade", "Upgrade: "+tt.upgrade), Request{}, tt.opts)
		if has := strings.Contains(got, "Connection: Upgrade\r\nUpgrade: "+tt.upgrade+"\r\n"); has != tt.want || err != nil {
			t.Errorf("Upgrade: %s: %s; forwarded: %v (%v)", tt.upgrade, tt.why, has, err)
		}
	}
}

func TestCookiesOfHTTP2BecomeOneField(t *testing.T) {
	c := newClient("GET", "/", "cookie: a=1", "accept: x", "cookie: b=2")
	c.protocol = "HTTP/2"
	got, err := rendered(t, c, Request{}, Options{NoForwardedFields: true})
	if want := head("GET / HTTP/1.1", "Host: example.org", "accept: x", "Cookie: a=1; b=2", "Via: 2.0 lanner"); got != want || err != nil {
		t.Errorf("RFC 9113 §8.2.3: they MUST be joined before they leave HTTP/2; got\n%s%v", got, err)
	}
}

func TestTrailersAreAskedForWithTheirConnectionOption(t *testing.T) {
	got, _ := rendered(t, newClient("POST", "/", "te: gzip, trailers"), Request{}, Options{})
	if !strings.Contains(got, "\r\nTE: trailers\r\nConnection: TE\r\n") {
		t.Errorf("of TE only trailers pass, with Connection: TE (RFC 9110 §10.1.4); got\n%s", got)
	}
}

func TestTheClientCertificateIsForwardedAsBase64OfItsDER(t *testing.T) {
	c := newClient("GET", "/")
	c.scheme, c.cert = "https", &x509.Certificate{Raw: []byte{0xfb, 0xff, 0x00}}
	got, _ := rendered(t, c, Request{}, Options{})
	if !strings.Contains(got, "\r\nMS-ASPNETCORE-CLIENTCERT: +/8A\r\n") {
		t.Errorf("the application reads the certificate from this field; got\n%s", got)
	}
	if !strings.Contains(got, "\r\nClient-Cert: :+/8A:\r\n") {
		t.Errorf("RFC 9440 §2.2: the field of the standard; got\n%s", got)
	}
	got, _ = rendered(t, c, Request{}, Options{Inside: true})
	if strings.Contains(got, "+/8A") || strings.Contains(got, "Via") {
		t.Errorf("a part of this server knows the certificate and is no other hop; got\n%s", got)
	}
}

func TestCertificateFieldsOfAClientNeverPass(t *testing.T) {
	for _, name := range []string{"Client-Cert", "client-cert-chain", "CLIENT_CERT", "MS-ASPNETCORE-CLIENTCERT"} {
		for _, r := range []Request{{}, {Trusted: true}} {
			if got, _ := rendered(t, newClient("GET", "/", name+": :AAAA:"), r, Options{}); strings.Contains(got, "AAAA") {
				t.Errorf("%s would let a client be anybody (RFC 9440 §2.4); got\n%s", name, got)
			}
		}
	}
}

func TestViaNamesTheVersionReceived(t *testing.T) {
	for protocol, want := range map[string]string{"HTTP/1.0": "1.0 edge", "HTTP/1.1": "1.1 edge", "HTTP/2": "2.0 edge", "HTTP/3": "3.0 edge"} {
		c := newClient("GET", "/", "Via: 1.1 other")
		c.protocol = protocol
		got, _ := rendered(t, c, Request{}, Options{Via: "edge"})
		if !strings.Contains(got, "Via: 1.1 other\r\nVia: "+want+"\r\n") {
			t.Errorf("%s: our entry follows those received; got\n%s", protocol, got)
		}
	}
}

func TestWhatWouldForgeALineIsRefused(t *testing.T) {
	for why, change := range map[string]func(c *fakeClient){
		"a line break in a value":  func(c *fakeClient) { c.header.Add("X", "a\r\nMS-ASPNETCORE-TOKEN: b") },
		"a bare LF in a value":     func(c *fakeClient) { c.header.Add("X", "a\nb") },
		"a bare CR in a value":     func(c *fakeClient) { c.header.Add("X", "a\rb") },
		"a NUL in a value":         func(c *fakeClient) { c.header.Add("X", "a\x00b") },
		"a line break in the host": func(c *fakeClient) { c.host = "a\r\nX: y" },
		"a blank in the target":    func(c *fakeClient) { c.target = "/ HTTP/1.1" },
		"a blank in a name":        func(c *fakeClient) { c.header.Add("Transfer-Encoding ", "chunked") },
		"a blank in the method":    func(c *fakeClient) { c.method = "GET /" },
		"an authority as target":   func(c *fakeClient) { c.target = "example.org:80" },
		"an empty target":          func(c *fakeClient) { c.target = "" },
	} {
		c := newClient("GET", "/")
		change(c)
		_, err := rendered(t, c, Request{}, Options{})
		var bad *server.BadRequestError
		if !errors.As(err, &bad) || bad.Status != http.StatusBadRequest {
			t.Errorf("%s: want a 400, got %v", why, err)
		}
	}
	_, err := rendered(t, newClient("CONNECT", "example.org:443"), Request{}, Options{})
	var bad *server.BadRequestError
	if !errors.As(err, &bad) || bad.Status != http.StatusNotImplemented {
		t.Errorf("CONNECT is for proxies: want 501, got %v", err)
	}
}

func TestOptionsThatCannotWorkAreRefusedAtOnce(t *testing.T) {
	fw := New()
	defer fw.Close()
	for _, tt := range []struct {
		addr string
		o    Options
		why  string
	}{
		{"localhost:80", Options{}, "a name could resolve to anything"},
		{"192.0.2.1:80", Options{}, "the token must not leave the machine"},
		{"127.0.0.1:0", Options{}, "nobody listens on port 0"},
		{"127.0.0.1:80", Options{Token: "a\r\nb"}, "a token is a field value"},
		{"127.0.0.1:80", Options{Via: "a\nb"}, "so is a name in Via"},
	} {
		if _, err := fw.NewUpstream(tt.addr, tt.o); err == nil || strings.Contains(err.Error(), "a\r\nb") {
			t.Errorf("%+v: %s; got %v", tt, tt.why, err)
		}
	}
	if _, err := fw.NewUpstream("[::1]:80", Options{}); err != nil {
		t.Errorf("::1 is a loopback address too: %v", err)
	}
}
