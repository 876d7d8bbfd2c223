package main

import (
	"os"
	"strings"
	"testing"
)

func TestServersListenInTheProtocolOfTheRow(t *testing.T) {
	w := testWorkshop(t)
	w.cert, w.key = "CERT", "KEY"
	w.tools = map[string]string{"nginx": "nginx", "h2o": "h2o", "nghttpd": "nghttpd"}
	for _, tt := range []struct {
		server contestant
		over   protocol
		want   []string // in the command line or the configuration
		not    string
	}{
		{kestrelHTTP, h2c, []string{"-urls http://127.0.0.1:7"}, "-cert"},
		{kestrelNative, h2, []string{"-urls https://127.0.0.1:7", "-cert CERT -key KEY"}, ""},
		{kestrelHTTP, https, []string{"-urls https://127.0.0.1:7", "-cert CERT -key KEY"}, ""},
		{netHTTP, https, []string{"nethttp", "-cert CERT -key KEY"}, "-h2c"},
		{fastHTTP, https, []string{"fasthttp", "-cert CERT -key KEY"}, "-h2c"},
		{fastHTTP, http1, []string{"fasthttp -addr 127.0.0.1:7"}, "-cert"},
		{netHTTP, http1, []string{"nethttp -addr 127.0.0.1:7"}, "-h2c"},
		{netHTTP, h2c, []string{"-h2c"}, "-cert"},
		{netHTTP, h2, []string{"-cert CERT -key KEY"}, "-h2c"},
		{xNetHTTP2, h2, []string{"xnet", "-cert CERT -key KEY"}, "-h2c"},
		{nginx, http1, []string{"listen 127.0.0.1:7 backlog", largeFile}, "http2"},
		{nginx, https, []string{"listen 127.0.0.1:7 ssl backlog", "ssl_certificate CERT;", "ssl_certificate_key KEY;", "ssl_protocols TLSv1.3;",
			"ssl_session_tickets on;", "Ciphersuites TLS_AES_128_GCM_SHA256;"}, "http2"},
		{nginx, h2c, []string{"listen 127.0.0.1:7 http2 backlog", hugeFile}, "ssl"},
		{nginx, h2, []string{"listen 127.0.0.1:7 ssl http2 backlog", "ssl_certificate CERT;", "ssl_certificate_key KEY;", "ssl_protocols TLSv1.3;"}, ""},
		{h2o, h2c, []string{"port: 7\nhosts:", "file.dir: " + w.site()}, "ssl"},
		{h2o, h2, []string{"port: 7\n  ssl:\n", "certificate-file: CERT", "key-file: KEY", "minimum-version: TLSv1.3"}, ""},
		{nghttpd, h2c, []string{"--no-tls 7", "-d " + w.site()}, "CERT"},
		{nghttpd, h2, []string{"7 KEY CERT"}, "--no-tls"},
	} {
		ask := getPlaintext
		if tt.over != http1 {
			ask = getHuge
		}
		programs, err := tt.server.start(w, row{name: "test", ask: ask.in(tt.over)}, 7)
		if err != nil || len(programs) != 1 {
			t.Fatalf("%s: %d programs, %v, want one", tt.server.name, len(programs), err)
		}
		got := strings.Join(programs[0].argv, " ")
		for _, arg := range programs[0].argv {
			if strings.HasSuffix(arg, ".conf") {
				text, err := os.ReadFile(arg)
				if err != nil {
					t.Fatal(err)
				}
				got += "\n" + string(text)
			}
		}
		for _, want := range tt.want {
			if !strings.Contains(got, want) {
				t.Errorf("%s in %q is started as %s\nwant %q in it", tt.server.name, tt.over, got, want)
			}
		}
		if tt.not != "" && strings.Contains(got, tt.not) {
			t.Errorf("%s in %q is started as %s\nwant no %q in it", tt.server.name, tt.over, got, tt.not)
		}
	}
}

func TestTheSiteHoldsWhatFileServersAreAsked(t *testing.T) {
	w := testWorkshop(t)
	if err := w.makeSite(); err != nil {
		t.Fatal(err)
	}
	for _, ask := range []request{getPlaintext, getJSON, getHuge} {
		path, _, _ := strings.Cut(ask.path, "?")
		if content, err := os.ReadFile(w.site() + path); err != nil || string(content) != string(ask.want) {
			t.Errorf("%s has %d bytes, %v, want those of the answer, %d", path, len(content), err, len(ask.want))
		}
	}
	if err := w.makeCertificate(); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{w.cert, w.key} {
		if text, err := os.ReadFile(path); err != nil || !strings.HasPrefix(string(text), "-----BEGIN ") {
			t.Errorf("%s holds %.40q, %v, want PEM", path, text, err)
		}
	}
}

func TestABriefIdleRowMakesFewConnections(t *testing.T) {
	limit, hold := idlePlan(idleHold / 2)
	steps, err := idleSteps(limit)
	if err != nil || steps[len(steps)-1] > 2000 || len(steps) != (idleTo-idleFrom)/idleStep+1 || hold > idleHold/10 {
		t.Errorf("brief: steps %v held for %v, %v, want as many as ever, up to 2,000 connections", steps, hold, err)
	}
	if limit, hold := idlePlan(idleHold); limit != maxOpenFiles() || hold != idleHold {
		t.Errorf("not brief: %d descriptors and %v, want all and %v", limit, hold, idleHold)
	}
}
