package h2

import (
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/lannerhq/lanner/server"
	"golang.org/x/net/http2"
)

// rate is a least speed with the shortest grace that limits take, or nearly.
func rate(bytesPerSecond float64) server.DataRate {
	return server.DataRate{BytesPerSecond: bytesPerSecond, Grace: 1500 * time.Millisecond}
}

// notRead is a scenario whose client asks for more than the sockets hold, with all window there is, and reads nothing.
func notRead(r *run) {
	r.config.limits.MinResponseDataRate = rate(1 << 20)
	w := r.open(func(w http.ResponseWriter, _ *http.Request) {
		block := strings.Repeat("x", 64<<10)
		for range 1024 {
			if _, err := io.WriteString(w, block); err != nil {
				r.reports <- err
				return
			}
		}
		r.reports <- nil
	}, setting(http2.SettingInitialWindowSize, maxWindow))
	w.grant(0, maxWindow-initialWindow)
	w.headers(1, true, get("/"))
	if err := r.report("the end of the write"); err == nil {
		r.Error("64 MiB were written to a client that reads nothing")
	}
	// The end follows. GOAWAY is in it only when there was room in the sockets, which the row's client has and this one has not.
	w.expectEnd()
	for _, e := range w.kept {
		if e.endStream() {
			r.Errorf("the response is complete: %v", e)
		}
		if e.kind == http2.FrameGoAway && e.code != http2.ErrCodeInternal {
			r.Errorf("got %v, want INTERNAL_ERROR", e)
		}
	}
	r.judged = true
}

// Timeouts and data rates, in real time with short limits.
var timeoutScenarios = map[string]func(*run){
	"HEADERS_NotReceivedInitially_WithinKeepAliveTimeout_ClosesConnection": func(r *run) {
		r.config.limits.KeepAliveTimeout = time.Second
		r.open(quiet)
	},
	"HEADERS_NotReceivedAfterFirstRequest_WithinKeepAliveTimeout_ClosesConnection": func(r *run) {
		r.config.limits.KeepAliveTimeout = time.Second
		w := r.open(func(w http.ResponseWriter, _ *http.Request) {
			time.Sleep(2500 * time.Millisecond) // longer than the timeout, which does not run while a request does
			io.WriteString(w, "late")
		})
		w.headers(1, true, get("/"))
		w.expectBody(1, "late")
	},
	"HEADERS_ReceivedWithoutAllCONTINUATIONs_WithinRequestHeadersTimeout_AbortsConnection": func(r *run) {
		r.config.limits.RequestHeadersTimeout = time.Second
		w := r.open(quiet)
		block := w.block(get("/"))
		w.frame(http2.FrameHeaders, endStream, 1, block[:1])
		w.frame(http2.FrameContinuation, 0, 1, block[1:2])
	},
	"ResponseDrain_SlowerThanMinimumDataRate_AbortsConnection":                                notRead,
	"DATA_Sent_TooSlowlyDueToSocketBackPressureOnLargeWrite_AbortsConnectionAfterRateTimeout": notRead,
	"DATA_Sent_TooSlowlyDueToOutputFlowControlOnLargeWrite_AbortsConnectionAfterRateTimeout": func(r *run) {
		r.config.limits.MinResponseDataRate = rate(1 << 20)
		w := r.open(r.writes(1<<20), setting(http2.SettingInitialWindowSize, 6))
		w.headers(1, true, get("/"))
		w.expectStatus(1, 200)
		w.expectBytes(1, 6)
		if err := r.report("the end of the write"); err == nil {
			r.Error("the write succeeded without a window")
		}
	},
	"DATA_Received_TooSlowlyOnSmallRead_AbortsConnectionAfterGracePeriod": func(r *run) {
		r.config.limits.MinRequestBodyDataRate = rate(240)
		w := r.open(r.readsAndReports)
		w.headers(1, false, post("/"))
		w.data(1, "x", false)
		r.report("the request")
		r.wantBodyError()
	},
	"DATA_Received_TooSlowlyOnLargeRead_AbortsConnectionAfterRateTimeout": func(r *run) {
		const size = 16000
		r.config.limits.MinRequestBodyDataRate = rate(size / 3) // three seconds for what is sent, twice the grace
		w := r.open(r.readsAndReports)
		begin := time.Now()
		w.headers(1, false, post("/"))
		w.data(1, strings.Repeat("x", size), false)
		r.report("the request")
		r.wantBodyError()
		if d := time.Since(begin); d < 1800*time.Millisecond { // a second less: time is counted by the heartbeat
			r.Errorf("the request was given up after %v, want about 3 s: its average was high enough until then", d)
		}
	},
	"AbortedStream_ResetsAndDrainsRequest_RefusesFramesAfterCooldownExpires": func(r *run) {
		w := r.open(aborts)
		w.headers(1, false, post("/"))
		w.expectReset(1, http2.ErrCodeInternal)
		w.data(1, "drained", false)
		w.barrier() // still cooling down
		for begin := time.Now(); time.Since(begin) < patience; time.Sleep(tick) {
			w.data(1, "x", false)
			if r.arrived(w, http2.FrameGoAway) {
				if d := time.Since(begin); d < 3500*time.Millisecond {
					r.Errorf("frames were refused %v after the reset, want 5 s", d)
				}
				break
			}
		}
	},
}

// wantBodyError wants a handler's reading to end with an error.
func (r *run) wantBodyError() {
	r.Helper()
	if err := r.report("the end of the body"); err == nil || err == io.EOF {
		r.Errorf("the body ended with %v, want an error", err)
	}
}

// arrived asks the server for a sign of life and reports whether a frame of that type came instead, or before.
func (r *run) arrived(w *wire, kind http2.FrameType) bool {
	w.pings++
	data := [8]byte{'a', 'r', 'r', 'i', 'v', 'e', 'd', w.pings}
	w.frame(http2.FramePing, 0, 0, data[:])
	for {
		e := w.read("an answer to PING")
		w.keep(e)
		if e.ended || e.kind == kind {
			return true
		}
		if e.kind == http2.FramePing && e.ping == data {
			return false
		}
	}
}
