package h2

import (
	"strings"

	"golang.org/x/net/http2"
)

// with one field more.
func with(name, value string) fields { return get("/", name, value) }

// Fields of requests.
var rfcFieldCases = []rfcCase{
	{"Names with characters that no name has are malformed", "RFC 9113 §8.2.1", refuses(
		with("x y", "1"), with("x\x00", "1"), with("x\n", "1"), with("x:y", "1"), with("", "1"), with("x\x7f", "1"), with("é", "1"), with("x(", "1"))},
	{"Values with characters that end lines are malformed", "RFC 9113 §8.2.1", refuses(
		with("x", "a\nb"), with("x", "a\rb"), with("x", "a\x00b"), with("x", "a\r\nhost: evil"))},
	{"Values with space around them are malformed", "RFC 9113 §8.2.1", refuses(with("x", " a"), with("x", "a "), with("x", "\ta"), with("x", "a\t"))},
	{"Values may be empty, hold spaces, or bytes above 0x7f", "RFC 9110 §5.5", func(r *run) {
		w := r.open(describe)
		w.headers(1, true, get("/", "x-empty", "", "x-space", "a b\tc", "x-utf8", "ñ"))
		d := w.expectDescribed(1)
		if _, there := d.Header["X-Empty"]; !there || d.Header.Get("X-Space") != "a b\tc" || d.Header.Get("X-Utf8") != "ñ" {
			r.Errorf("the application sees %v", d.Header)
		}
	}},
	{"Fields of the connection are malformed", "RFC 9113 §8.2.2", refuses(with("connection", "close"), with("keep-alive", "1"),
		with("proxy-connection", "close"), with("transfer-encoding", "chunked"), with("upgrade", "websocket"))},
	{"TE other than trailers is malformed", "RFC 9113 §8.2.2", refuses(with("te", "gzip"), with("te", "trailers, deflate"), with("te", ""))},
	{"Cookie fields are joined by semicolon and space", "RFC 9113 §8.2.3", func(r *run) {
		w := r.open(describe)
		w.headers(1, true, get("/", "cookie", "a=b", "x-between", "1", "cookie", "c=d", "cookie", "e=f"))
		if got := w.expectDescribed(1).Header["Cookie"]; len(got) != 1 || got[0] != "a=b; c=d; e=f" {
			r.Errorf("the application sees %q, want one field", got)
		}
	}},
	{"The application's host is :authority and no field beside it", "RFC 9113 §8.3.1", func(r *run) {
		w := r.open(describe)
		w.headers(1, true, append(get("/"), pairs("host", "test.example")...))
		if d := w.expectDescribed(1); d.Host != "test.example" || len(d.Header["Host"]) != 0 {
			r.Errorf("the application sees %+v", d)
		}
	}},
	{"Without :authority the host is the field's", "RFC 9113 §8.3.1", func(r *run) {
		w := r.open(describe)
		w.headers(1, true, append(get("/").without(":authority"), pairs("host", "abc:81")...))
		if d := w.expectDescribed(1); d.Host != "abc:81" {
			r.Errorf("the application sees %+v", d)
		}
	}},
	{"User information in :authority is malformed", "RFC 9113 §8.3.1", refuses(get("/").with(":authority", "user@test.example"))},
	{"A :path that is empty or no path is malformed", "RFC 9113 §8.3.1", refuses(get(""), get("path"), get("http://test.example/"))},
	{"A :path with spaces or control characters is malformed", "RFC 9113 §8.3.1", refuses(get("/a b"), get("/a\r\nX: y"), get("/a\x00"), get("/ HTTP/1.1"))},
	{"A :method that is no token is malformed", "RFC 9113 §8.3.1", refuses(request("GE T", "/"), request("GET\n", "/"), request("G(", "/"))},
	{"A :scheme that is not the connection's is malformed", "RFC 9113 §8.3.1 and Kestrel", refuses(
		get("/").with(":scheme", "https"), get("/").with(":scheme", ""), get("/").with(":scheme", "ht tp"))},
	{"A content-length that is no number is malformed", "RFC 9113 §8.1.1", refuses(with("content-length", "abc"), with("content-length", "-1"),
		with("content-length", "+1"), with("content-length", "1,2"), with("content-length", ""), with("content-length", strings.Repeat("9", 30)))},
	{"Two content-lengths are malformed", "RFC 9113 §8.1.1", refuses(get("/", "content-length", "0", "content-length", "1"))},
	{"A content-length of 0 allows no content", "RFC 9113 §8.1.1", func(r *run) {
		w := r.open(r.waitsThenReads) // not before the content has come
		w.headers(1, false, post("/", "content-length", "0"))
		r.report("the request")
		w.data(1, "x", true)
		w.refused(1, protocolError)
	}},
	{"A content-length of 0 allows an empty DATA frame", "RFC 9113 §8.1.1", func(r *run) {
		w := r.open(count)
		w.headers(1, false, post("/", "content-length", "0"))
		w.data(1, "", true)
		w.expectBody(1, "0")
	}},
	{"Fields as large as the limit allows are accepted", "Kestrel", func(r *run) {
		w := r.open(describe)
		long := strings.Repeat("a", 30_000)
		w.headersContinued(1, get("/", "x-long", long))
		if got := w.expectDescribed(1).Header.Get("X-Long"); got != long {
			r.Errorf("the application sees %d bytes, want %d", len(got), len(long))
		}
	}},
	{"Fields larger than the limit are refused", "Kestrel", func(r *run) {
		w := r.open(quiet)
		w.headersContinued(1, get("/large", "x-1", strings.Repeat("a", 12_000), "x-2", strings.Repeat("b", 12_000), "x-3", strings.Repeat("c", 12_000)))
		e := w.await("a refusal", func(e event) bool {
			return !e.ended && (e.kind == http2.FrameGoAway || e.stream == 1)
		})
		tooLarge := e.fields.value(":status") == "431"
		if !tooLarge && e.kind != http2.FrameGoAway && e.kind != http2.FrameRSTStream || r.called("/large") {
			r.Errorf("got %v, want 431, RST_STREAM or GOAWAY, and no call of the application", e)
		}
	}},
}
