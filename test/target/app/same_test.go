package app_test

import (
	"io"
	"net"
	"regexp"
	"strings"
	"testing"
	"time"
)

// requests are sent as they are, with the header lines that end them.
var requests = []string{
	"GET /",
	"HEAD /",
	"GET /?x=y",
	"POST /",
	"GET /plaintext",
	"GET /json",
	"HEAD /json",
	"DELETE /json",
	"GET /nothing",
	"POST /nothing",
	"POST /echo\nContent-Type: text/x-test\nContent-Length: 5\n\nhello",
	"POST /echo\nContent-Length: 5\n\nhello",
	"POST /echo\nContent-Length: 0\n\n",
	"POST /echo\nTransfer-Encoding: chunked\n\n5\r\nhello\r\n0\r\n\r\n",
	"POST /echo?max=nonsense\nContent-Length: 5\n\nhello",
	"GET /echo",
	"POST /discard\nContent-Length: 5\n\nhello",
	"POST /discard\nTransfer-Encoding: chunked\n\n5\r\nhello\r\n7\r\n, world\r\n0\r\n\r\n",
	"POST /discard?max=-2\nContent-Length: 5\n\nhello",
	"GET /bytes",
	"GET /bytes?n=100000",
	"HEAD /bytes?n=100000",
	"GET /bytes?n=-1",
	"GET /bytes?n=%31%30",
	"GET /bytes?n=many",
	"GET /slow?ms=1",
	"GET /slow?ms=-1",
	"GET /slow?ms=9999999999",
	"GET /stream?n=3",
	"GET /stream?n=2&ms=1",
	"GET /stream",
	"GET /stream?n=x",
	"GET /trailers\nTE: trailers",
	"HEAD /trailers",
	"GET /headers?a=b&c=%20",
	"GET /headers\nX-Many: first\nx-many: second\nCookie: a=b\nX-Html: <&>",
	"GET /panic",
	"GET /file?name=hello.txt",
	"HEAD /file?name=1k.bin",
	"GET /file?name=64k.bin",
	"GET /file?name=page.html",
	"GET /file?name=1k.bin\nRange: bytes=10-19",
	"GET /file?name=hello.txt\nIf-Modified-Since: Wed, 01 Jan 2025 00:00:00 GMT",
	"GET /file?name=..%2Fsecret",
	"GET /file?name=/etc/passwd",
	"GET /file?name=.",
	"GET /file",
	"POST /test.Echo/Unary\nContent-Type: application/grpc\nTE: trailers\nContent-Length: 8\n\n\x00\x00\x00\x00\x03abc",
	"POST /test.Echo/Unary\nContent-Type: application/grpc+proto\nTE: trailers\nTransfer-Encoding: chunked\n\n5\r\n\x00\x00\x00\x00\x00\r\n0\r\n\r\n",
	"POST /test.Echo/Unary\nContent-Type: application/grpc\nTE: trailers\nContent-Length: 5\n\n\x00\x00\x00\x00\x03",
	"POST /test.Echo/Unary\nContent-Type: application/grpc\nTE: trailers\nContent-Length: 5\n\n\x01\x00\x00\x00\x00",
	"POST /test.Echo/Unary\nContent-Type: application/grpcs\nContent-Length: 0\n\n",
	"GET /ws",
}

var (
	dateField  = regexp.MustCompile(`(?m)^Date: .*\r\n`)
	remotePort = regexp.MustCompile(`"remoteAddr":"127\.0\.0\.1:\d+"`)
	requestKey = regexp.MustCompile(`(?m)^Content-Length: \d+\r\n`)
)

// TestBothInterfacesAnswerByteForByteTheSame compares whole responses on each server.
func TestBothInterfacesAnswerByteForByteTheSame(t *testing.T) {
	for name, start := range servers {
		t.Run(name, func(t *testing.T) {
			plain, native := start(t, apis["http"]()), start(t, apis["native"]())
			for _, request := range requests {
				a, b := exchange(t, plain, request), exchange(t, native, request)
				if a != b {
					t.Errorf("%q is answered differently\n-api http:   %.400q\n-api native: %.400q", request, a, b)
				}
				if request != "GET /panic" && a == "" {
					t.Errorf("%q got no answer", request)
				}
			}
		})
	}
}

// exchange sends a request and returns the response, without what differs from moment to moment.
func exchange(t *testing.T, addr, request string) string {
	t.Helper()
	conn, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	head, body, _ := strings.Cut(request, "\n\n")
	line, fields, _ := strings.Cut(head, "\n")
	head = line + " HTTP/1.1\nHost: example.org\nConnection: close\n"
	if fields != "" {
		head += fields + "\n"
	}
	if _, err := io.WriteString(conn, strings.ReplaceAll(head+"\n", "\n", "\r\n")+body); err != nil {
		t.Fatalf("%q: %v", request, err)
	}
	response, err := io.ReadAll(conn)
	if err != nil {
		t.Fatalf("%q: reading the response: %v", request, err)
	}
	text := dateField.ReplaceAllString(string(response), "")
	if remotePort.MatchString(text) { // the port's digits count
		text = requestKey.ReplaceAllString(remotePort.ReplaceAllString(text, ""), "")
	}
	return text
}
