package accesslog

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// begun is when the exchanges of the tests began, in a zone that is not UTC: no format may show it.
var begun = time.Date(2026, time.November, 24, 1, 0, 55, 123456789, time.FixedZone("", -8*60*60))

// typical is the exchange of the documentation and the benchmarks.
func typical() *Entry {
	return &Entry{
		Time: begun, Duration: 1234567 * time.Nanosecond,
		RemoteAddr: "203.0.113.7:51324", LocalAddr: "198.51.100.2:443", Endpoint: "https", ConnectionID: "0HN9A3B4C5D6E",
		RequestID: "0HN9A3B4C5D6E:00000003", Scheme: "https", Method: "GET", Host: "shop.example", Target: "/items/42?sort=price",
		Protocol: "HTTP/1.1", UserAgent: "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
		Referer: "https://shop.example/items", User: "ada", Status: 200, ResponseBytes: 5120, RequestHeaderBytes: 412,
		ResponseHeaderBytes: 187,
	}
}

// hostile is an exchange whose client tries what it can.
func hostile() *Entry {
	evil := "a b\"c\\d\r\n127.0.0.1 - root [01/Jan/2026:00:00:00 +0000] \"GET / HTTP/1.1\" 200 1\t\v\f\b\x00\x1b[2J\x7f\xff+é\u0085\u2028\u202e😀\U000e0001"
	return &Entry{
		Time: begun, RemoteAddr: evil, LocalAddr: evil, Endpoint: evil, ConnectionID: evil, RequestID: evil, Scheme: evil,
		Method: evil, Host: evil, Target: evil + "?" + evil, Protocol: evil, UserAgent: evil, Referer: evil, User: evil, Reason: evil,
		Status: 400, Duration: -1, RequestBytes: -1, ResponseBytes: -1,
	}
}

// examples are the exchanges of the golden files.
var examples = map[string]*Entry{
	"typical": typical(),
	"hostile": hostile(),
	"rejected": {
		Time: begun, Duration: 30 * time.Second, RemoteAddr: "[2001:db8::1]:40000", LocalAddr: "[::1]:80", Status: 408,
		ResponseBytes: 0, ResponseHeaderBytes: 95, RequestHeaderBytes: 17, Reason: "request_headers_timeout",
	},
	"upgraded": {
		Time: begun, Duration: time.Hour + time.Millisecond, RemoteAddr: "@", LocalAddr: "/run/lanner/shop.sock", Scheme: "http",
		Method: "GET", Target: "/socket", Protocol: "HTTP/1.1", Host: "shop.example", Status: 101, Upgraded: true,
	},
	"broken": {
		Time: begun, Duration: time.Second, RemoteAddr: "203.0.113.7:51324", LocalAddr: "198.51.100.2:80", Method: "POST",
		Target: "/upload?", Protocol: "HTTP/1.1", Host: "shop.example", RequestBytes: 1 << 20, Reason: "connection_reset",
	},
	"empty": {},
}

var allFormats = []Format{JSON, CLF, Combined, W3C}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("%s differs, run go test ./accesslog -update and look at the difference\ngot:\n%s\nwant:\n%s", path, got, want)
	}
}
