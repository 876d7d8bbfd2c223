package h2

import (
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/lannerhq/lanner/server"
	"golang.org/x/net/http2"
)

// tunnel accepts an extended CONNECT and sends back what comes.
func tunnel(w http.ResponseWriter, req *http.Request) {
	if f, ok := server.From[server.ExtendedConnectFeature](req.Context()); ok {
		nc, err := f.AcceptConnect()
		if err != nil {
			panic(err)
		}
		defer nc.Close()
		io.Copy(nc, nc)
		return
	}
	echo(w, req)
}

// websocket is the header section of an extended CONNECT (RFC 8441 §4).
func websocket(path string) fields {
	return pairs(":method", "CONNECT", ":protocol", "websocket", ":scheme", "http", ":path", path, ":authority", "test.example",
		"sec-websocket-version", "13")
}

// What Kestrel has learned since 2.2.
var modernScenarios = map[string]func(*run){
	// Requests that are reset at once while their handlers run on are many more than MAX_CONCURRENT_STREAMS (CVE-2023-44487).
	"rapid_reset_tracked_streams": func(r *run) {
		w := r.open(r.waitsSilently)
		w.nc.SetWriteDeadline(time.Now().Add(patience))
		for stream := uint32(1); stream < 3000; stream += 2 {
			frames := rawFrame(http2.FrameHeaders, endHeaders|endStream, stream, w.block(get("/")))
			frames = append(frames, rawFrame(http2.FrameRSTStream, 0, stream, u32(uint32(http2.ErrCodeCancel)))...)
			if _, err := w.nc.Write(frames); err != nil {
				return // the connection has ended
			}
		}
	},
	"continuation_flood": func(r *run) {
		w := r.open(quiet)
		w.frame(http2.FrameHeaders, endStream, 1, w.block(get("/")))
		w.nc.SetWriteDeadline(time.Now().Add(patience))
		frames := 2000 // of 20 octets and more: beyond the limits, and not so many that the end is lost among them
		if onStandIn {
			frames = 100_000 // net/http's limit is 1 MiB
		}
		for i := range frames {
			f := rawFrame(http2.FrameContinuation, 0, 1, w.block(pairs("x-"+strconv.Itoa(i), "flood")))
			if _, err := w.nc.Write(f); err != nil {
				break // the connection has ended
			}
		}
	},
	// A client that asks for answers and takes none must not make the server keep them all. When the sockets are full, GOAWAY
	// does not get through; what matters is the end.
	"ping_flood_output_queue": func(r *run) {
		r.config.limits.MinResponseDataRate = rate(1 << 20)
		w := r.open(quiet)
		var pings []byte
		for range 1000 {
			pings = append(pings, rawFrame(http2.FramePing, 0, 0, []byte("flooding"))...)
		}
		var err error
		for sent := 0; err == nil && sent < 256<<20; sent += len(pings) {
			w.nc.SetWriteDeadline(time.Now().Add(patience))
			_, err = w.nc.Write(pings)
		}
		switch {
		case err == nil:
			r.Error("256 MiB of PING were taken and no answer was read: where are the answers?")
		case errors.Is(err, os.ErrDeadlineExceeded):
			r.Error("the server takes no more and does not end the connection either")
		}
		w.expectEnd()
		for _, e := range w.kept {
			if e.kind == http2.FrameGoAway && e.code != r.codes()[0] {
				r.Errorf("got %v, want INTERNAL_ERROR", e)
			}
		}
		r.judged = true
	},
	"extended_connect_ok": func(r *run) {
		w := r.open(func(w http.ResponseWriter, req *http.Request) {
			protocol := req.Header.Get(":protocol")
			if f, ok := server.From[server.ExtendedConnectFeature](req.Context()); ok {
				protocol = f.ConnectProtocol()
			}
			if protocol != "websocket" || req.Method != "CONNECT" && req.Header.Get("Upgrade") != protocol || req.URL.Path != "/chat" {
				r.Errorf("the application sees %s %s by %q", req.Method, req.URL, protocol)
			}
			tunnel(w, req)
		})
		w.headers(1, false, websocket("/chat"))
		if e := w.expectStatus(1, 200); e.endStream() {
			r.Errorf("the tunnel has ended with its beginning: %v", e)
		}
		w.data(1, "ping", false)
		w.expectBytes(1, 4)
		w.data(1, "", true)
		w.expectRest(1)
	},
	"protocol_without_connect":                resets(append(pairs(":protocol", "websocket"), get("/")...)),
	"extended_connect_missing_scheme_or_path": resets(websocket("/").without(":scheme"), websocket("/").without(":path")),
	// Kestrel looks at the version after the handshake. Lanner's handshake refuses versions before TLS 1.2 (RFC 8996), so what is
	// left to look at is the suite (RFC 9113 §9.2.2).
	"tls_below_1_2": func(r *run) {
		r.config.tls = true
		r.start(quiet)
		if old, err := tls.Dial("tcp", r.subject.addr, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}); err == nil {
			old.Close()
			r.Error("a handshake of TLS 1.1 succeeds")
		}
		w := r.dialTLS(tls.VersionTLS12)
		w.raw([]byte(http2.ClientPreface))
		w.sendSettings()
	},
	"scheme_mismatch_allowed": func(r *run) {
		r.config.alternateSchemes = true
		w := r.open(quiet)
		w.headers(1, true, get("/").with(":scheme", "https"))
		w.expectResponse(1, 200)
	},
	"keepalive_ping_no_ack": func(r *run) {
		r.config.http2.KeepAlivePingDelay, r.config.http2.KeepAlivePingTimeout = time.Second, time.Second
		w := r.open(quiet)
		w.manual = true
		w.await("the server's PING", func(e event) bool { return !e.ended && e.kind == http2.FramePing && !e.ack() })
	},
}

// waitsSilently runs until it is released, whatever becomes of the request.
func (r *run) waitsSilently(http.ResponseWriter, *http.Request) { <-r.released }
