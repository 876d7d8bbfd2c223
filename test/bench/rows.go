package main

import (
	"bytes"
	"time"
)

// row is a comparison: the same requests to several servers.
type row struct {
	name    string
	title   string
	chart   string // the picture that it is on
	ask     request
	load    meter
	servers []contestant // in the order in which they take turns
}

// contestant is a server in a row.
type contestant struct {
	name  string
	role  role
	needs string // the tool without which it is skipped; "" for none
	start starter
}

// role is what a server is in a comparison. The ratios of a row are to its subjects.
type role string

const (
	subject role = "subject"
	ours    role = "ours" // Lanner as well
	peer    role = "peer"
	limit   role = "limit" // what no server can beat
)

// starter says which programs are to be started, in this order, so that the row's requests are answered on port.
type starter func(w *workshop, r row, port int) ([]program, error)

// The charts.
const (
	chartRequests = "requests"
	chartTLS      = "tls"
	chartHTTP2    = "http2"
	chartHosting  = "hosting"
	chartBlocking = "blocking"
	chartIdle     = "idle"
)

var (
	hello     = []byte("Hello, World!")
	helloJSON = []byte(`{"message":"Hello, World!"}`)
	upload    = bytes.Repeat([]byte("x"), 1024)
	pattern   = bytes.Repeat([]byte("0123456789abcdef"), 4096) // what /bytes and the files hold
	huge      = bytes.Repeat(pattern, 16)                      // 1 MiB

	// unary is a message of gRPC with its prefix: not compressed, and its length.
	unary = append([]byte{0, 0, 0, 0, byte(len(hello))}, hello...)
)

// What is asked.
var (
	getPlaintext = request{method: "GET", path: "/plaintext", want: hello}
	getJSON      = request{method: "GET", path: "/json", want: helloJSON}
	getBytes     = request{method: "GET", path: "/bytes?n=65536", want: pattern}
	getFile      = request{method: "GET", path: "/files/" + smallFile, want: pattern[:4096]}
	getMany      = request{method: "GET", path: "/files/" + manyName(0), want: manyContent(0)}
	postEcho     = request{method: "POST", path: "/echo", body: upload, want: upload}
	getSlow20    = request{method: "GET", path: "/slow?ms=20", want: []byte("waited 20 ms\n")}
	getSlow5     = request{method: "GET", path: "/slow?ms=5", want: []byte("waited 5 ms\n")}
	getHuge      = request{method: "GET", path: "/bytes?n=1048576", want: huge}
	callUnary    = request{method: "POST", path: "/test.Echo/Unary", over: h2c, body: unary, want: unary,
		fields: [][2]string{{"content-type", "application/grpc"}, {"te", "trailers"}}, trailers: [][2]string{{"grpc-status", "0"}}}
	getShared = request{method: "GET", path: "/plaintext", host: sharedHost, want: hello}
)

// What answers.
var (
	kestrelHTTP   = contestant{"kestrel, http.Handler", subject, "", startTarget("http")}
	kestrelNative = contestant{"kestrel, native", subject, "", startTarget("native")}
	filesHTTP     = contestant{"kestrel, http.FileServer", subject, "", startApp("http")}
	filesNative   = contestant{"kestrel, native", subject, "", startApp("native")}
	filesNetHTTP  = contestant{"net/http, http.FileServer", peer, "", startPeer("nethttp")}
	staticHTTP    = contestant{"kestrel, staticfiles by http.Handler", subject, "", startApp("http", "-static")}
	staticNative  = contestant{"kestrel, staticfiles native", subject, "", startApp("native", "-static")}
	netHTTP       = contestant{"net/http", peer, "", startPeer("nethttp")}
	xNetHTTP2     = contestant{"golang.org/x/net/http2", peer, "", startPeer("xnet")}
	h2o           = contestant{"h2o", peer, "h2o", startH2O}
	nghttpd       = contestant{"nghttpd", peer, "nghttpd", startNghttpd}
	fastHTTP      = contestant{"fasthttp", peer, "", startPeer("fasthttp")}
	nginx         = contestant{"nginx", peer, "nginx", startNginx}
	ceiling       = contestant{"ceiling (epoll loop in C)", limit, "cc", startCeiling}

	sameNetHTTP = contestant{"net/http, the same handler", peer, "", startTarget("http", "-server", "nethttp")}
	limitHTTP   = contestant{"kestrel, http.Handler", subject, "", startTarget("http", "-headers-timeout", slowLimit.String())}
	limitNative = contestant{"kestrel, native", subject, "", startTarget("native", "-headers-timeout", slowLimit.String())}
	limitPeer   = contestant{"net/http, the same handler", peer, "", startTarget("http", "-server", "nethttp", "-headers-timeout", slowLimit.String())}

	alone        = contestant{"kestrel alone", subject, "", startApp("http")}
	exclusive    = contestant{"lanner host, in-process", ours, "", startHost(inProcess, false)}
	shared       = contestant{"lanner host, in-process, shared port", ours, "", startHost(inProcess, true)}
	outOfProcess = contestant{"lanner host, out-of-process", ours, "", startHost("outofprocess", false)}
	reverseProxy = contestant{"httputil.ReverseProxy", peer, "", startReverseProxy}
	nginxProxy   = contestant{"nginx proxy_pass", peer, "nginx", startNginxProxy}
	haproxyProxy = contestant{"haproxy", peer, "haproxy", startHAProxy}
)

// rows is all that is measured.
var rows = []row{
	{"plaintext", "GET of 13 bytes, 64 connections kept alive", chartRequests, getPlaintext, wrk{connections: 64},
		[]contestant{kestrelHTTP, kestrelNative, netHTTP, fastHTTP, nginx, ceiling}},
	{"pipeline16", "GET of 13 bytes, 16 requests at once, 64 connections", chartRequests, getPlaintext, wrk{connections: 64, pipeline: 16},
		[]contestant{kestrelHTTP, kestrelNative, netHTTP, fastHTTP, nginx, ceiling}},
	{"json", "GET of 27 bytes of JSON", chartRequests, getJSON, wrk{connections: 64},
		[]contestant{kestrelHTTP, kestrelNative, netHTTP, fastHTTP, nginx, ceiling}},
	{"echo", "POST of 1 KiB that comes back", chartRequests, postEcho, wrk{connections: 64},
		[]contestant{kestrelHTTP, kestrelNative, netHTTP, fastHTTP, ceiling}},
	{"bytes64k", "GET of 64 KiB from memory, 32 connections", chartRequests, getBytes, wrk{connections: 32},
		[]contestant{kestrelHTTP, kestrelNative, netHTTP, fastHTTP, nginx, ceiling}},
	{"churn", "a connection for each request", chartRequests, getPlaintext, wrk{connections: 64, close: true},
		[]contestant{kestrelHTTP, kestrelNative, netHTTP, fastHTTP, nginx, ceiling}},
	{"file", "GET of a file of 4 KiB", chartRequests, getFile, wrk{connections: 64},
		[]contestant{filesHTTP, filesNative, filesNetHTTP, fastHTTP, nginx, ceiling}},
	{"static", "GET of 50 files of 4 KiB in turn", chartRequests, getMany, wrk{connections: 64, paths: manyPaths()},
		[]contestant{staticHTTP, staticNative, filesNetHTTP, fastHTTP, nginx, ceiling}},

	{"bytes1m", "GET of 1 MiB from memory, 16 connections", chartRequests, getHuge, wrk{connections: 16, volume: true},
		[]contestant{kestrelHTTP, kestrelNative, netHTTP, fastHTTP, nginx, ceiling}},

	{"tls", "GET of 13 bytes over TLS, 64 connections kept alive", chartTLS, getPlaintext.in(https), wrk{connections: 64},
		[]contestant{kestrelHTTP, kestrelNative, netHTTP, fastHTTP, nginx}},
	{"tls-bytes64k", "GET of 64 KiB from memory over TLS, 32 connections", chartTLS, getBytes.in(https), wrk{connections: 32},
		[]contestant{kestrelHTTP, kestrelNative, netHTTP, fastHTTP, nginx}},
	{"tls-churn", "a connection with a full handshake for each request", chartTLS, getPlaintext.in(https), handshakes{connections: 64},
		[]contestant{kestrelHTTP, kestrelNative, netHTTP, fastHTTP, nginx}},
	{"tls-resumed", "a connection that resumes a session for each request", chartTLS, getPlaintext.in(https), handshakes{connections: 64, resumed: true},
		[]contestant{kestrelHTTP, kestrelNative, netHTTP, fastHTTP, nginx}},

	{"h2c", "GET of 13 bytes in HTTP/2, 8 connections of 100 streams", chartHTTP2, getPlaintext.in(h2c), h2load{connections: 8, streams: 100},
		[]contestant{kestrelHTTP, kestrelNative, netHTTP, xNetHTTP2, nginx, h2o, nghttpd}},
	{"h2c-single", "the same, 1 connection of 100 streams", chartHTTP2, getPlaintext.in(h2c), h2load{connections: 1, streams: 100},
		[]contestant{kestrelHTTP, kestrelNative, netHTTP, xNetHTTP2, nginx, h2o, nghttpd}},
	{"h2c-many", "the same, 64 connections of 10 streams", chartHTTP2, getPlaintext.in(h2c), h2load{connections: 64, streams: 10},
		[]contestant{kestrelHTTP, kestrelNative, netHTTP, xNetHTTP2, nginx, h2o, nghttpd}},
	{"h2c-sequential", "the same, 64 connections, one request at a time on each", chartHTTP2, getPlaintext.in(h2c), h2load{connections: 64, streams: 1},
		[]contestant{kestrelHTTP, kestrelNative, netHTTP, xNetHTTP2, nginx, h2o, nghttpd}},
	{"h2", "GET of 13 bytes in HTTP/2 over TLS 1.3, 8 connections of 100 streams", chartHTTP2, getPlaintext.in(h2), h2load{connections: 8, streams: 100},
		[]contestant{kestrelHTTP, kestrelNative, netHTTP, xNetHTTP2, nginx, h2o, nghttpd}},
	{"h2c-large", "GET of 1 MiB in HTTP/2, 2 connections of 10 streams", chartHTTP2, getHuge.in(h2c), h2load{connections: 2, streams: 10, volume: true},
		[]contestant{kestrelHTTP, kestrelNative, netHTTP, xNetHTTP2, nginx, h2o, nghttpd}},
	{"h2-large", "the same over TLS 1.3", chartHTTP2, getHuge.in(h2), h2load{connections: 2, streams: 10, volume: true},
		[]contestant{kestrelHTTP, kestrelNative, netHTTP, xNetHTTP2, nginx, h2o, nghttpd}},
	{"grpc-unary", "a unary gRPC call of 13 bytes each way, 8 connections of 100 streams", chartHTTP2, callUnary, h2load{connections: 8, streams: 100},
		[]contestant{kestrelHTTP, kestrelNative, sameNetHTTP}},

	{"hosting-exclusive", "one site alone on its port", chartHosting, getPlaintext, wrk{connections: 64},
		[]contestant{alone, exclusive}},
	{"hosting-shared", "two sites share a port by host name, load on one", chartHosting, getShared, wrk{connections: 64},
		[]contestant{alone, shared}},
	{"hosting-outofprocess", "requests are forwarded to a second process", chartHosting, getPlaintext, wrk{connections: 64},
		[]contestant{alone, outOfProcess, reverseProxy, nginxProxy, haproxyProxy}},
	{"hosting-churn", "a connection for each request", chartHosting, getShared, wrk{connections: 64, close: true},
		[]contestant{alone, exclusive, shared, outOfProcess}},

	{"blocking-mix", "one of 20 requests sleeps 20 ms, 128 connections; latencies are those of the other 19", chartBlocking, getPlaintext,
		mix{connections: 128, other: getSlow20, every: 20}, []contestant{kestrelHTTP, kestrelNative, sameNetHTTP}},
	{"blocking-all", "every request sleeps 5 ms, 128 connections", chartBlocking, getSlow5, mix{connections: 128},
		[]contestant{kestrelHTTP, kestrelNative, sameNetHTTP}},
	{"h2c-slow-stream", "one of 100 requests sleeps 20 ms, 8 connections of 100 streams; p50 and p99 are those of the other 99", chartBlocking,
		getPlaintext.in(h2c), h2load{connections: 8, streams: 100, other: getSlow20.in(h2c), every: 100},
		[]contestant{kestrelHTTP, kestrelNative, sameNetHTTP}},
	{"slow-clients", "good traffic on 64 connections beside 2,000 clients that send a byte each 10 s", chartBlocking, getPlaintext,
		slowClients{good: mix{connections: 64}, clients: 2000, every: slowInterval, limit: slowLimit, margin: 2 * time.Second, grace: 5 * time.Second},
		[]contestant{limitHTTP, limitNative, limitPeer, nginx}},

	{"idle", "user-space memory of a connection that has had one request", chartIdle, getPlaintext, idle{},
		[]contestant{kestrelHTTP, kestrelNative, netHTTP, fastHTTP, nginx}},
	{"idle-tls", "user-space memory of a connection over TLS that has had one request", chartIdle, getPlaintext.in(https), idle{},
		[]contestant{kestrelHTTP, kestrelNative, netHTTP, fastHTTP, nginx}},
	{"idle-h2c", "user-space memory of a connection of HTTP/2 that has had one request", chartIdle, getPlaintext.in(h2c), idle{},
		[]contestant{kestrelHTTP, kestrelNative, netHTTP, xNetHTTP2, nginx}},
}
