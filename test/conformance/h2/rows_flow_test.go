package h2

import "golang.org/x/net/http2"

// The windows of what the server sends, and their updates: RFC 9113 §6.9.
var flowScenarios = map[string]func(*run){
	"WINDOW_UPDATE_Received_OnConnection_SizeIncrementZero_ConnectionError": sends(http2.FrameWindowUpdate, 0, 0, "\x00\x00\x00\x00"),
	"WINDOW_UPDATE_Received_OnStream_SizeIncrementZero_ConnectionError": func(r *run) {
		w := r.open(r.waits)
		w.headers(1, false, post("/"))
		w.frame(http2.FrameWindowUpdate, 0, 1, u32(0))
	},
	"WINDOW_UPDATE_Received_OnConnection_IncreasesWindowAboveMaxValue_ConnectionError": func(r *run) {
		w := r.open(quiet)
		w.frame(http2.FrameWindowUpdate, 0, 0, u32(maxWindow-initialWindow)) // to the maximum, which is allowed
		w.barrier()
		w.frame(http2.FrameWindowUpdate, 0, 0, u32(1))
	},
	"WINDOW_UPDATE_Received_OnStream_IncreasesWindowAboveMaxValue_StreamError": func(r *run) {
		w := r.open(r.waits)
		w.headers(1, false, post("/"))
		w.frame(http2.FrameWindowUpdate, 0, 1, u32(maxWindow-initialWindow))
		w.expectNothing(1)
		w.frame(http2.FrameWindowUpdate, 0, 1, u32(1))
	},
	"WINDOW_UPDATE_Received_OnConnection_Respected": respected(0, 1<<20, initialWindow),
	"WINDOW_UPDATE_Received_OnStream_Respected":     respected(1, 4000, 4000),
	"WINDOW_UPDATE_Received_OnStream_Respected_WhenInitialWindowSizeReducedMidStream": func(r *run) {
		w := r.open(r.writes(7000), setting(http2.SettingInitialWindowSize, 4000))
		w.headers(1, true, get("/"))
		w.expectStatus(1, 200)
		w.expectBytes(1, 4000)
		w.sendSettings(setting(http2.SettingInitialWindowSize, 1500)) // the window of stream 1 is -2500 now
		w.until("the acknowledgement", func() bool { return w.acks == 2 })
		w.grant(1, 2500) // 0
		w.expectNothing(1)
		w.grant(1, 1000)
		w.expectBytes(1, 1000)
		w.expectNothing(1)
		w.grant(1, 2000)
		if body, _ := w.expectRest(1); len(body) != 2000 {
			r.Errorf("%d bytes came at last, want 2000", len(body))
		}
	},
	"RST_STREAM_Received_ContinuesAppsAwaitingStreamOutputFlowControl": func(r *run) {
		w := r.open(r.writes(1<<20), setting(http2.SettingInitialWindowSize, 1000))
		for _, stream := range []uint32{1, 3} {
			w.headers(stream, true, get("/"))
			w.expectStatus(stream, 200)
			w.expectBytes(stream, 1000)
		}
		for _, stream := range []uint32{1, 3} {
			w.reset(stream, http2.ErrCodeCancel)
			if err := r.report("the end of the write"); err == nil {
				r.Error("the write to the stream that was reset succeeded")
			}
		}
	},
	"GOAWAY_Received_ContinuesAppsAwaitingConnectionOutputFlowControl": func(r *run) {
		w := r.open(r.writes(initialWindow+5000), setting(http2.SettingInitialWindowSize, 1<<20))
		w.headers(1, true, get("/"))
		w.expectStatus(1, 200)
		w.expectBytes(1, initialWindow)
		w.goAway()
		w.barrier()
		w.grant(0, 5000) // streams that are open go on after GOAWAY (RFC 9113 §6.8)
		if body, _ := w.expectRest(1); len(body) != 5000 {
			r.Errorf("%d bytes came at last, want 5000", len(body))
		}
		if err := r.report("the end of the write"); err != nil {
			r.Errorf("the write failed: %v", err)
		}
	},
	"GOAWAY_Received_SetsConnectionStateToClosingAndWaitForAllStreamsToComplete": func(r *run) {
		w := r.open(r.waits)
		w.headers(1, true, get("/"))
		w.headers(3, true, get("/"))
		r.report("a request")
		r.report("the other request")
		w.goAway()
		w.barrier() // the connection lives while its streams do
		r.release()
		w.expectBody(1, "released")
		w.expectBody(3, "released")
	},
	"Write_DoesNotBlockWriteLoop": func(r *run) {
		w := r.open(byPath(handlers{"/large": r.writes(1 << 20), "/hello": hello}), setting(http2.SettingInitialWindowSize, 1000))
		w.headers(1, true, get("/large"))
		w.expectStatus(1, 200)
		w.expectBytes(1, 1000)
		w.headers(3, true, get("/hello"))
		w.expectBody(3, "hello, world")
		w.grant(0, 1<<20)
		w.grant(1, 1<<20)
		if body, _ := w.expectRest(1); len(body) != 1<<20-1000 {
			r.Errorf("%d bytes came at last, want the rest of 1 MiB", len(body))
		}
	},
}

// respected is a scenario in which a response of 3000 bytes more than the window waits for updates: of the connection when stream
// is 0. initial is the window of streams.
func respected(stream, initial uint32, window int) func(*run) {
	return func(r *run) {
		w := r.open(r.writes(window+3000), setting(http2.SettingInitialWindowSize, initial))
		w.headers(1, true, get("/"))
		w.expectStatus(1, 200)
		w.expectBytes(1, window)
		w.expectNothing(1)
		w.grant(stream, 1000)
		w.expectBytes(1, 1000)
		w.expectNothing(1)
		w.grant(stream, 2000)
		if body, _ := w.expectRest(1); len(body) != 2000 {
			r.Errorf("%d bytes came at last, want 2000", len(body))
		}
	}
}
