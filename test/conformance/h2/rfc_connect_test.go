package h2

import (
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/lannerhq/lanner/server"
	"golang.org/x/net/http2"
)

// headersContinued sends a request's header section in as many frames as it needs.
func (w *wire) headersContinued(stream uint32, f fields) {
	block := w.block(f)
	first := block[:min(len(block), defaultFrameSize)]
	block = block[len(first):]
	kind, flags := http2.FrameHeaders, endStream
	for {
		if len(block) == 0 {
			w.frame(kind, flags|endHeaders, stream, first)
			return
		}
		w.frame(kind, flags, stream, first)
		kind, flags, first = http2.FrameContinuation, 0, block[:min(len(block), defaultFrameSize)]
		block = block[len(first):]
	}
}

// opened is a case with a tunnel that is open.
func opened(app func(*run) http.HandlerFunc, then func(r *run, w *wire)) func(*run) {
	return func(r *run) {
		w := r.open(app(r))
		w.headers(1, false, websocket("/chat"))
		if e := w.expectStatus(1, 200); e.endStream() {
			r.Fatalf("the tunnel has ended with its beginning: %v", e)
		}
		then(r, w)
	}
}

func tunnels(*run) http.HandlerFunc { return tunnel }

// tunnelEnds reports how the reading of an accepted tunnel ends.
func tunnelEnds(r *run) http.HandlerFunc {
	return func(w http.ResponseWriter, req *http.Request) {
		f, ok := server.From[server.ExtendedConnectFeature](req.Context())
		if !ok {
			http.NewResponseController(w).Flush()
			_, err := io.Copy(io.Discard, req.Body)
			r.reports <- err
			return
		}
		nc, err := f.AcceptConnect()
		if err != nil {
			panic(err)
		}
		defer nc.Close()
		_, err = io.Copy(io.Discard, nc)
		r.reports <- err
	}
}

// CONNECT, and CONNECT with a protocol.
var rfcConnectCases = []rfcCase{
	{"CONNECT carries octets both ways", "RFC 9113 §8.5", func(r *run) {
		w := r.open(echo)
		w.headers(1, false, pairs(":method", "CONNECT", ":authority", "test.example:443"))
		if e := w.expectStatus(1, 200); e.endStream() {
			r.Fatalf("the tunnel has ended with its beginning: %v", e)
		}
		for range 3 {
			w.data(1, "hello", false)
			w.expectBytes(1, 5)
		}
		w.data(1, "", true)
		w.expectRest(1)
	}},
	{"CONNECT without :authority is malformed", "RFC 9113 §8.5", refuses(pairs(":method", "CONNECT"))},
	{"The server says that it takes extended CONNECT", "RFC 8441 §3", func(r *run) {
		w := r.open(quiet)
		for _, s := range w.settings {
			if s.ID == http2.SettingEnableConnectProtocol && s.Val == 1 {
				return
			}
		}
		r.Errorf("the settings are %v, want ENABLE_CONNECT_PROTOCOL 1", w.settings)
	}},
	{"An extended CONNECT carries octets both ways", "RFC 8441 §5", opened(tunnels, func(r *run, w *wire) {
		for _, text := range []string{"a", "hello", strings.Repeat("x", 10_000)} {
			w.data(1, text, false)
			if got := w.expectBytes(1, len(text)); got != text {
				r.Errorf("got %.20q back, want %.20q", got, text)
			}
		}
		w.data(1, "last", true)
		if body, _ := w.expectRest(1); body != "last" {
			r.Errorf("got %q back, want last", body)
		}
		w.probe()
	})},
	{"The end of a tunnel's stream is the end of its octets", "RFC 8441 §5", opened(tunnelEnds, func(r *run, w *wire) {
		w.data(1, "", true)
		if err := r.report("the end of the tunnel"); err != nil {
			r.Errorf("reading ended with %v, want the end", err)
		}
	})},
	{"A tunnel that the client resets ends with an error", "RFC 8441 §5", opened(tunnelEnds, func(r *run, w *wire) {
		w.reset(1, http2.ErrCodeCancel)
		if err := r.report("the end of the tunnel"); err == nil {
			r.Error("reading ended well, want an error")
		}
		w.probe()
	})},
	{"A tunnel keeps to the client's windows", "RFC 8441 §5", func(r *run) {
		w := r.open(tunnel, setting(http2.SettingInitialWindowSize, 10))
		w.headers(1, false, websocket("/chat"))
		w.expectStatus(1, 200)
		w.data(1, strings.Repeat("x", 25), false)
		w.expectBytes(1, 10)
		w.expectNothing(1)
		w.grant(1, 15)
		w.expectBytes(1, 15)
		w.data(1, "", true)
		w.expectRest(1)
	}},
	{"A tunnel has no bound of its octets", "RFC 8441 §5", func(r *run) {
		r.config.limits.MaxRequestBodySize = 10
		opened(tunnels, func(r *run, w *wire) {
			for range 3 {
				w.data(1, "hello", false)
				w.expectBytes(1, 5)
			}
		})(r)
	}},
	{"A tunnel may be silent for as long as it likes", "RFC 8441 §5", func(r *run) {
		r.config.limits.MinRequestBodyDataRate = rate(1 << 20)
		opened(tunnels, func(r *run, w *wire) {
			time.Sleep(4 * time.Second) // the rate's grace and some ticks
			w.data(1, "hello", false)
			w.expectBytes(1, 5)
		})(r)
	}},
	{"An extended CONNECT may be answered without accepting it", "RFC 8441 §5", func(r *run) {
		w := r.open(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) })
		w.headers(1, false, websocket("/chat"))
		w.expectResponse(1, 403)
		w.data(1, "", true)
		w.probe()
	}},
	{"An extended CONNECT without :authority, or with an empty protocol, is malformed", "RFC 8441 §4", refuses(
		websocket("/").without(":authority"), websocket("/").with(":protocol", ""))},
}
