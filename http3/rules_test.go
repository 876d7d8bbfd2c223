package http3_test

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/quic-go/quic-go"

	"github.com/lannerhq/lanner/internal/http3"
)

// echo answers with the content of the request.
var echo = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	b, err := io.ReadAll(r.Body)
	if err != nil {
		panic(err)
	}
	w.Write(b)
})

func TestMalformedRequestsAreReset(t *testing.T) {
	r := serve(t, echo)
	x := r.raw()
	data := func(s string) []byte { return frame(0, []byte(s)) }
	for _, tt := range []struct {
		name   string
		frames [][]byte
	}{
		{"no method", [][]byte{headers(":scheme", "https", ":authority", "a", ":path", "/")}},
		{"no scheme", [][]byte{headers(":method", "GET", ":authority", "a", ":path", "/")}},
		{"no path", [][]byte{headers(":method", "GET", ":scheme", "https", ":authority", "a")}},
		{"an empty path", [][]byte{request("GET", "")}},
		{"another scheme", [][]byte{headers(":method", "GET", ":scheme", "http", ":authority", "a", ":path", "/")}},
		{"an invalid method", [][]byte{request("G T", "/")}},
		{"an unknown pseudo-header field", [][]byte{headers(":method", "GET", ":scheme", "https", ":authority", "a", ":path", "/", ":x", "y")}},
		{"a pseudo-header field twice", [][]byte{headers(":method", "GET", ":method", "GET", ":scheme", "https", ":authority", "a", ":path", "/")}},
		{"a pseudo-header field behind others", [][]byte{headers(":method", "GET", ":scheme", "https", "x", "y", ":authority", "a", ":path", "/")}},
		{"a status", [][]byte{headers(":status", "200", ":method", "GET", ":scheme", "https", ":authority", "a", ":path", "/")}},
		{"an uppercase name", [][]byte{request("GET", "/", "X-Upper", "y")}},
		{"a name with a space", [][]byte{request("GET", "/", "x y", "z")}},
		{"a value with a line feed", [][]byte{request("GET", "/", "x", "a\nb")}},
		{"a connection field", [][]byte{request("GET", "/", "connection", "close")}},
		{"transfer-encoding", [][]byte{request("POST", "/", "transfer-encoding", "chunked")}},
		{"te that is not trailers", [][]byte{request("GET", "/", "te", "gzip")}},
		{"an invalid host", [][]byte{headers(":method", "GET", ":scheme", "https", ":authority", "a b", ":path", "/")}},
		{"two hosts", [][]byte{headers(":method", "GET", ":scheme", "https", ":path", "/", "host", "a", "host", "b")}},
		{"an invalid length", [][]byte{request("POST", "/", "content-length", "x")}},
		{"two lengths", [][]byte{request("POST", "/", "content-length", "1", "content-length", "2")}},
		{"less than the length, without content", [][]byte{request("POST", "/", "content-length", "3")}},
		{"less than the length", [][]byte{request("POST", "/", "content-length", "3"), data("ab")}},
		{"more than the length", [][]byte{request("POST", "/", "content-length", "3"), data("ab"), data("cd")}},
		{"trailers with a pseudo-header field", [][]byte{request("POST", "/"), data("a"), headers(":path", "/")}},
		{"CONNECT with a path", [][]byte{headers(":method", "CONNECT", ":authority", "a:1", ":scheme", "https", ":path", "/")}},
		{":protocol without CONNECT", [][]byte{headers(":method", "GET", ":protocol", "websocket", ":authority", "a", ":scheme", "https", ":path", "/")}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := x.stream(true, tt.frames...)
			a := x.answer(s)
			wantReset(t, a.err, http3.MessageError)
		})
	}
	x.wantServed()
}

func TestRequestsThatAreUnusualAreServed(t *testing.T) {
	var seen *http.Request
	requests := make(chan *http.Request, 1)
	r := serve(t, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		echo(w, q)
		requests <- q
	}))
	x := r.raw()
	for _, tt := range []struct {
		name   string
		frames [][]byte
		want   string
		check  func() bool
	}{
		{"a host field", [][]byte{headers(":method", "GET", ":scheme", "https", ":path", "/", "host", "h.test")}, "", func() bool { return seen.Host == "h.test" }},
		{"cookies in crumbs", [][]byte{request("GET", "/", "cookie", "a=1", "cookie", "b=2")}, "", func() bool { return seen.Header.Get("Cookie") == "a=1; b=2" }},
		{"OPTIONS *", [][]byte{request("OPTIONS", "*")}, "", func() bool { return seen.RequestURI == "*" }},
		{"te: trailers", [][]byte{request("GET", "/", "te", "trailers")}, "", func() bool { return true }},
		{"a scheme in capitals", [][]byte{headers(":method", "GET", ":scheme", "HTTPS", ":authority", "a", ":path", "/")}, "", func() bool { return true }},
		{"frames of unknown types", [][]byte{frame(0x21, []byte("x")), request("POST", "/"), frame(0x40, nil), frame(0, []byte("ab")), frame(0x2f, make([]byte, 9000)), frame(0, []byte("c"))}, "abc", func() bool { return true }},
		{"empty DATA", [][]byte{request("POST", "/"), frame(0, nil), frame(0, []byte("a")), frame(0, nil)}, "a", func() bool { return true }},
		{"trailers", [][]byte{request("POST", "/"), frame(0, []byte("a")), headers("x-sum", "1")}, "a", func() bool { return seen.Trailer.Get("X-Sum") == "1" }},
		{"a length of several frames", [][]byte{request("POST", "/", "content-length", "4"), frame(0, []byte("ab")), frame(0, []byte("cd"))}, "abcd", func() bool { return seen.ContentLength == 4 }},
		{"a priority", [][]byte{request("GET", "/", "priority", "u=1, i")}, "", func() bool { return true }},
		{"a nonsense priority", [][]byte{request("GET", "/", "priority", "u=99;;=")}, "", func() bool { return true }},
		{"an empty value", [][]byte{request("GET", "/", "x-empty", "")}, "", func() bool { return len(seen.Header["X-Empty"]) == 1 }},
		{"its own Early-Data", [][]byte{request("GET", "/", "early-data", "1")}, "", func() bool { return seen.Header.Get("Early-Data") == "" }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := x.answer(x.stream(true, tt.frames...))
			select {
			case seen = <-requests:
			default:
				t.Fatalf("the handler saw nothing: it is answered %v, %v", a.heads, a.err)
			}
			if a.err != nil || a.status() != "200" || string(a.content) != tt.want || !tt.check() {
				t.Errorf("it is answered %v %q, %v; the handler saw %+v", a.heads, a.content, a.err, seen)
			}
		})
	}
}

func TestFramesOutOfPlaceEndTheConnection(t *testing.T) {
	r := serve(t, echo)
	for _, tt := range []struct {
		name   string
		frames [][]byte
		want   http3.ErrCode
	}{
		{"DATA first", [][]byte{frame(0, []byte("a"))}, http3.FrameUnexpected},
		{"SETTINGS", [][]byte{frame(4, nil)}, http3.FrameUnexpected},
		{"GOAWAY", [][]byte{frame(7, []byte{0})}, http3.FrameUnexpected},
		{"HTTP/2's PING", [][]byte{frame(6, make([]byte, 8))}, http3.FrameUnexpected},
		{"PUSH_PROMISE", [][]byte{frame(5, []byte{0})}, http3.FrameUnexpected},
		{"DATA behind trailers", [][]byte{request("POST", "/"), headers("x", "y"), frame(0, []byte("a"))}, http3.FrameUnexpected},
		{"two trailers", [][]byte{request("POST", "/"), headers("x", "y"), headers("x", "y")}, http3.FrameUnexpected},
		{"a cut frame head", [][]byte{request("POST", "/"), {0x40}}, http3.FrameError},
		{"a cut DATA frame", [][]byte{request("POST", "/"), {0, 10, 'a'}}, http3.FrameError},
		{"a cut HEADERS frame", [][]byte{{1, 10, 0}}, http3.FrameError},
		{"no QPACK", [][]byte{frame(1, []byte{0xff, 0xff})}, http3.DecompressionFailed},
		{"a dynamic table", [][]byte{frame(1, []byte{2, 0, 0x80})}, http3.DecompressionFailed},
		{"an index beyond the table", [][]byte{frame(1, []byte{0, 0, 0xff, 60})}, http3.DecompressionFailed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			x := r.raw()
			x.t = t
			x.stream(true, tt.frames...)
			x.wantClosed(tt.want)
		})
	}
}

func TestControlStreamsHaveRules(t *testing.T) {
	r := serve(t, echo)
	for _, tt := range []struct {
		name string
		do   func(x *raw)
		want http3.ErrCode
	}{
		{"no SETTINGS first", func(x *raw) { x.uni(0, frame(7, []byte{0})...) }, http3.MissingSettings},
		{"SETTINGS twice", func(x *raw) { x.uni(0, append(frame(4, nil), frame(4, nil)...)...) }, http3.FrameUnexpected},
		{"SETTINGS of HTTP/2", func(x *raw) { x.uni(0, frame(4, append(varint(4), varint(9)...))...) }, http3.SettingsError},
		{"DATA", func(x *raw) { x.uni(0, append(frame(4, nil), frame(0, nil)...)...) }, http3.FrameUnexpected},
		{"large SETTINGS", func(x *raw) { x.uni(0, frame(4, make([]byte, 10_001))...) }, http3.ExcessiveLoad},
		{"large GOAWAY", func(x *raw) { x.uni(0, append(frame(4, nil), frame(7, make([]byte, 10_001))...)...) }, http3.ExcessiveLoad},
		{"two of them", func(x *raw) { x.uni(0, frame(4, nil)...); x.uni(0, frame(4, nil)...) }, http3.StreamCreationError},
		{"two encoder streams", func(x *raw) { x.uni(2); x.uni(2) }, http3.StreamCreationError},
		{"a push stream", func(x *raw) { x.uni(1) }, http3.StreamCreationError},
		{"its end", func(x *raw) { x.uni(0, frame(4, nil)...).Close() }, http3.ClosedCriticalStream},
		{"the end of QPACK's", func(x *raw) { x.uni(3).Close() }, http3.ClosedCriticalStream},
		{"GOAWAY that grows", func(x *raw) {
			x.uni(0, bytes.Join([][]byte{frame(4, nil), frame(7, varint(4)), frame(7, varint(8))}, nil)...)
		}, http3.IDError},
		{"GOAWAY with two ids", func(x *raw) { x.uni(0, append(frame(4, nil), frame(7, []byte{0, 0})...)...) }, http3.FrameError},
		{"CANCEL_PUSH", func(x *raw) { x.uni(0, append(frame(4, nil), frame(3, []byte{0})...)...) }, http3.IDError},
		{"MAX_PUSH_ID that shrinks", func(x *raw) {
			x.uni(0, bytes.Join([][]byte{frame(4, nil), frame(13, varint(4)), frame(13, varint(2))}, nil)...)
		}, http3.IDError},
		{"PRIORITY_UPDATE of no request", func(x *raw) { x.uni(0, append(frame(4, nil), frame(0xf0700, varint(3))...)...) }, http3.IDError},
		{"an instruction of the encoder", func(x *raw) { x.uni(2, 0x3f, 0xe1, 0x1f) }, http3.EncoderStreamError},
		{"an acknowledgement", func(x *raw) { x.uni(3, 0x84) }, http3.DecoderStreamError},
	} {
		t.Run(tt.name, func(t *testing.T) {
			x := r.rawSilent()
			x.t = t
			tt.do(x)
			x.wantClosed(tt.want)
		})
	}
	x := r.raw()
	x.uni(2, 0x20)
	x.uni(3, 0x40, 0x7f, 0x80, 0x01)
	x.uni(0x21, 1, 2, 3)
	x.control.Write(bytes.Join([][]byte{frame(0x21, []byte("grease")), frame(13, varint(8)), frame(7, varint(0)), frame(0xf0700, append(varint(0), "u=5"...))}, nil))
	x.wantServed()
}

func TestHeadsAreBounded(t *testing.T) {
	r := serve(t, echo)
	x := r.raw()
	many := make([]string, 0, 300)
	for range 101 {
		many = append(many, "x-many", "v")
	}
	for name, frames := range map[string][]byte{
		"a large field":        request("GET", "/", "x-large", strings.Repeat("v", 33_000)),
		"large fields":         request("GET", "/", "x-a", strings.Repeat("v", 20_000), "x-b", strings.Repeat("v", 20_000)),
		"many fields":          request("GET", "/", many...),
		"a frame that is huge": append(varint(1), varint(1<<30)...),
	} {
		s := x.stream(name != "a frame that is huge", frames)
		if a := x.answer(s); a.status() != "431" {
			t.Errorf("%s: it is answered %v, %v, want 431", name, a.heads, a.err)
		}
	}
	if a := x.answer(x.stream(true, request("GET", "/"+strings.Repeat("p", 9000)))); a.status() != "414" {
		t.Errorf("a long path is answered %v, %v, want 414", a.heads, a.err)
	}
	x.wantServed()
}

func TestAStreamThatEndsBeforeItsHeadIsIncomplete(t *testing.T) {
	r := serve(t, echo)
	x := r.raw()
	a := x.answer(x.stream(true))
	wantReset(t, a.err, http3.RequestIncomplete)
	var s *quic.Stream = x.stream(false, []byte{1})
	s.CancelWrite(0x10c)
	x.wantServed()
}
