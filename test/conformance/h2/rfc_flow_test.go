package h2

import (
	"strconv"
	"strings"

	"golang.org/x/net/http2"
)

// Flow control.
var rfcFlowCases = []rfcCase{
	{"An initial window that makes a stream's window too large is a connection error", "RFC 9113 §6.9.2", breaks(func(w *wire) {
		w.headers(1, true, get("/"))
		w.frame(http2.FrameWindowUpdate, 0, 1, u32(maxWindow-initialWindow))
		w.sendSettings(setting(http2.SettingInitialWindowSize, initialWindow+1))
	}, flowControlError)},
	{"A larger initial window lets blocked streams go on", "RFC 9113 §6.9.2", func(r *run) {
		w := r.open(hello, setting(http2.SettingInitialWindowSize, 0))
		w.headers(1, true, get("/"))
		w.headers(3, true, get("/"))
		w.expectStatus(1, 200)
		w.expectStatus(3, 200)
		w.expectNothing(1)
		w.sendSettings(setting(http2.SettingInitialWindowSize, 5))
		w.expectBytes(1, 5)
		w.expectBytes(3, 5)
		w.expectNothing(1)
		w.sendSettings(setting(http2.SettingInitialWindowSize, 100))
		w.expectRest(1)
		w.expectRest(3)
	}},
	{"A negative window must be made good before content goes on", "RFC 9113 §6.9.2", func(r *run) {
		w := r.open(r.writes(200), setting(http2.SettingInitialWindowSize, 100))
		w.headers(1, true, get("/"))
		w.expectStatus(1, 200)
		w.expectBytes(1, 100)
		w.sendSettings(setting(http2.SettingInitialWindowSize, 0)) // -100
		w.until("the acknowledgement", func() bool { return w.acks == 2 })
		w.grant(1, 99) // -1
		w.expectNothing(1)
		w.sendSettings(setting(http2.SettingInitialWindowSize, 2)) // 1
		w.expectBytes(1, 1)
		w.expectNothing(1)
		w.grant(1, 1000)
		if body, _ := w.expectRest(1); len(body) != 99 {
			r.Errorf("%d bytes came at last, want 99", len(body))
		}
	}},
	{"The connection's window does not change with the initial window", "RFC 9113 §6.9.2", func(r *run) {
		w := r.open(r.writes(initialWindow+10), setting(http2.SettingInitialWindowSize, 1<<20))
		w.headers(1, true, get("/"))
		w.expectStatus(1, 200)
		w.expectBytes(1, initialWindow)
		w.sendSettings(setting(http2.SettingInitialWindowSize, 1<<21))
		w.until("the acknowledgement", func() bool { return w.acks == 2 })
		w.expectNothing(1)
		w.grant(0, 100)
		w.expectRest(1)
	}},
	{"Streams share the connection's window", "RFC 9113 §6.9.1", func(r *run) {
		w := r.open(r.writes(40_000), setting(http2.SettingInitialWindowSize, 1<<20))
		w.headers(1, true, get("/"))
		w.headers(3, true, get("/"))
		w.expectStatus(1, 200)
		w.expectStatus(3, 200)
		w.barrier()
		w.until("the whole of the connection's window", func() bool { return w.recv.conn == 0 })
		w.grant(0, 80_000-initialWindow)
		total := 0
		for _, stream := range []uint32{1, 3} {
			body, _ := w.expectRest(stream)
			total += len(body)
		}
		if total != 80_000 {
			r.Errorf("%d bytes came, want 80000", total)
		}
	}},
	{"A window of one octet at a time is enough", "RFC 9113 §6.9", func(r *run) {
		w := r.open(hello, setting(http2.SettingInitialWindowSize, 1))
		w.headers(1, true, get("/"))
		w.expectStatus(1, 200)
		got := w.expectBytes(1, 1)
		for range len("ello, world") - 1 {
			w.grant(1, 1)
			got += w.expectBytes(1, 1)
		}
		w.grant(1, 1)
		rest, _ := w.expectRest(1)
		if got+rest != "hello, world" {
			r.Errorf("the content is %q", got+rest)
		}
	}},
	{"A stream's window may be as large as possible", "RFC 9113 §6.9.1", func(r *run) {
		w := r.open(r.waits)
		w.headers(1, true, get("/"))
		r.report("the request")
		w.grant(1, maxWindow-initialWindow)
		w.expectNothing(1)
		r.release()
		w.expectBody(1, "released")
	}},
	{"Padding counts against the window", "RFC 9113 §6.9.1", func(r *run) {
		r.config.http2.InitialConnectionWindowSize, r.config.http2.InitialStreamWindowSize = 1<<20, 65535
		r.config.http2.MaxFrameSize = 1 << 17
		w := r.open(r.waits)
		w.headers(1, false, post("/"))
		w.padded(1, strings.Repeat("x", 65535-100), 99, false) // with the length of the padding, exactly the window
		w.expectNothing(1)
		w.headers(3, false, post("/"))
		w.padded(3, strings.Repeat("x", 65535-100), 100, false)
		w.refused(3, flowControlError)
	}},
	{"Content beyond the connection's window is a connection error", "RFC 9113 §6.9.1", func(r *run) {
		r.config.http2.InitialConnectionWindowSize, r.config.http2.InitialStreamWindowSize = 65535, 65535
		w := r.open(r.waits)
		for stream := uint32(1); w.send.conn >= 0; stream += 2 {
			w.headers(stream, false, post("/"))
			w.data(stream, strings.Repeat("x", defaultFrameSize), false)
		}
		w.broken(flowControlError)
	}},
	{"An empty DATA frame needs no window", "RFC 9113 §6.9.1", func(r *run) {
		r.config.http2.InitialConnectionWindowSize, r.config.http2.InitialStreamWindowSize = 65535, 65535
		w := r.open(r.waitsThenReads)
		w.headers(1, false, post("/"))
		for w.send.stream(1) > 0 {
			w.data(1, strings.Repeat("x", int(min(defaultFrameSize, w.send.stream(1)))), false)
		}
		w.data(1, "", true)
		w.barrier()
		r.release()
		w.expectBody(1, "65535")
	}},
	{"What comes for a stream that was reset is given back to the connection", "RFC 9113 §6.9", func(r *run) {
		r.config.http2.InitialConnectionWindowSize = 65535
		w := r.open(aborts)
		stream, sent := uint32(1), 0
		for ; sent < 5*initialWindow; stream += 2 {
			w.headers(stream, false, post("/"))
			w.expectReset(stream, http2.ErrCodeInternal)
			w.until("the connection's window", func() bool { return w.send.conn >= defaultFrameSize })
			w.data(stream, strings.Repeat("x", defaultFrameSize), true)
			sent += defaultFrameSize
		}
		w.probe()
	}},
	{"What the application does not read is given back to the connection", "RFC 9113 §6.9", func(r *run) {
		r.config.http2.InitialConnectionWindowSize = 65535
		w := r.open(hello)
		for stream, sent := uint32(1), 0; sent < 5*initialWindow; stream += 2 {
			w.headers(stream, false, post("/"))
			w.until("the connection's window", func() bool { return w.send.conn >= defaultFrameSize })
			w.data(stream, strings.Repeat("x", defaultFrameSize), true)
			sent += defaultFrameSize
			w.expectBody(stream, "hello, world")
		}
		w.probe()
	}},
	{"The server lets a large upload go on for as long as it is read", "RFC 9113 §6.9", func(r *run) {
		w := r.open(count)
		w.headers(1, false, post("/"))
		w.upload(1, 5<<20)
		w.expectBody(1, strconv.Itoa(5<<20))
	}},
	{"The window of what nobody reads is not given back", "RFC 9113 §6.9.1", func(r *run) {
		r.config.http2.InitialConnectionWindowSize, r.config.http2.InitialStreamWindowSize = 1<<20, 65535
		w := r.open(r.waitsThenReads)
		w.headers(1, false, post("/"))
		for w.send.stream(1) >= defaultFrameSize {
			w.data(1, strings.Repeat("x", defaultFrameSize), false)
		}
		r.report("the request")
		w.barrier()
		if n := w.updates[1]; n > 0 {
			r.Errorf("%d bytes were given back although the application has read none", n)
		}
		r.release()
		w.data(1, "", true)
		w.expectBody(1, strconv.Itoa(3*defaultFrameSize))
	}},
	{"Large responses on several streams all arrive", "RFC 9113 §5.2", func(r *run) {
		w := r.open(r.writes(300_000), setting(http2.SettingInitialWindowSize, 1<<20))
		w.grant(0, 3<<20)
		for stream := uint32(1); stream < 17; stream += 2 {
			w.headers(stream, true, get("/"))
		}
		for stream := uint32(1); stream < 17; stream += 2 {
			if _, body := w.expectResponse(stream, 200); len(body) != 300_000 {
				r.Errorf("stream %d: %d bytes came, want 300000", stream, len(body))
			}
		}
	}},
}
