package h2

import (
	"strconv"
	"strings"

	"golang.org/x/net/http2"
)

// Content in DATA frames, and the windows it comes through.
var dataScenarios = map[string]func(*run){
	"ServerSettings_ChangesRequestMaxFrameSize": func(r *run) {
		const length = 20000
		r.config.http2.MaxFrameSize = length
		w := r.open(count)
		if w.sendFrame != length {
			r.Fatalf("the server's SETTINGS are %v, want MAX_FRAME_SIZE %d", w.settings, length)
		}
		w.headers(1, false, post("/"))
		w.data(1, strings.Repeat("x", length), true)
		w.expectBody(1, strconv.Itoa(length))
	},
	"DATA_Received_ReadByStream": func(r *run) {
		w := r.open(echo)
		w.headers(1, false, post("/"))
		w.data(1, "hello, world", true)
		w.expectBody(1, "hello, world")
	},
	"DATA_Received_GreaterThanInitialWindowSize_ReadByStream": func(r *run) {
		w := r.open(count)
		n := int(w.send.initial) + 3*defaultFrameSize
		w.headers(1, false, post("/"))
		w.upload(1, n)
		w.expectBody(1, strconv.Itoa(n))
		if w.updates[1] == 0 {
			r.Error("no WINDOW_UPDATE came on the stream")
		}
	},
	"DATA_Received_RightAtWindowLimit_DoesNotPausePipe": func(r *run) {
		w := r.open(r.waitsThenReads)
		n := int(min(w.send.initial, w.send.conn))
		w.headers(1, false, post("/"))
		for sent := 0; sent < n; sent += defaultFrameSize {
			w.data(1, strings.Repeat("x", min(defaultFrameSize, n-sent)), false)
		}
		w.barrier() // all was taken although nobody reads
		r.release()
		w.data(1, "", true)
		w.expectBody(1, strconv.Itoa(n))
	},
	"DATA_Received_Multiple_ReadByStream": func(r *run) {
		w := r.open(echo)
		w.headers(1, false, post("/"))
		for range 5 {
			w.data(1, "hello", false)
		}
		w.data(1, "", true)
		w.expectBody(1, strings.Repeat("hello", 5))
	},
	"DATA_Received_Multiplexed_ReadByStreams": func(r *run) {
		w := r.open(echo)
		w.headers(1, false, post("/"))
		w.headers(3, false, post("/"))
		w.data(1, "hello, ", false)
		w.data(3, "world ", false)
		w.data(1, "stream 1", true)
		w.data(3, "stream 3", true)
		w.expectBody(3, "world stream 3")
		w.expectBody(1, "hello, stream 1")
	},
	"DATA_Received_Multiplexed_AppMustNotBlockOtherFrames": func(r *run) {
		w := r.open(byPath(handlers{"/waits": r.waitsThenReads, "/echo": echo}))
		w.headers(1, false, post("/waits"))
		w.data(1, "unread", false)
		r.report("the first request")
		w.headers(3, false, post("/echo"))
		w.data(3, "read", true)
		w.expectBody(3, "read")
		r.release()
		w.data(1, "", true)
		w.expectBody(1, "6")
	},
	"DATA_Received_WithPadding_ReadByStream": func(r *run) {
		w := r.open(echo)
		w.headers(1, false, post("/"))
		w.padded(1, "hello, ", 5, false)
		w.padded(1, "", 0, false)
		w.padded(1, "world", 255, true)
		w.expectBody(1, "hello, world")
	},
	"DATA_Received_WithPadding_CountsTowardsInputFlowControl": func(r *run) {
		r.config.http2.InitialConnectionWindowSize, r.config.http2.InitialStreamWindowSize = 65535, 65535
		w := r.open(count)
		w.headers(1, false, post("/"))
		const frames = 2000 // with 256 bytes of padding each, several times what the windows hold: it is given back
		for range frames {
			w.until("a window for padding", func() bool { return w.send.conn >= 257 && w.send.stream(1) >= 257 })
			w.padded(1, "x", 255, false)
		}
		w.data(1, "", true)
		w.expectBody(1, strconv.Itoa(frames))
	},
	"DATA_Received_StreamClosed_ConnectionError": func(r *run) {
		w := r.open(hello)
		w.headers(1, true, get("/"))
		w.expectBody(1, "hello, world")
		w.data(1, "x", false)
	},
	"DATA_Received_StreamClosedImplicitly_ConnectionError": func(r *run) {
		w := r.open(hello)
		w.headers(3, true, get("/")) // closes 1, which was idle (RFC 9113 §5.1.1)
		w.expectBody(3, "hello, world")
		w.data(1, "x", true)
	},
	"DATA_Received_NoStreamWindowSpace_ConnectionError": func(r *run) {
		w := r.open(r.waits)
		w.headers(1, false, post("/"))
		for w.send.stream(1) >= 0 {
			w.data(1, strings.Repeat("x", defaultFrameSize), false)
		}
	},
	"DATA_Sent_DespiteStreamOutputFlowControl_IfEmptyAndEndsStream": func(r *run) {
		w := r.open(quiet, http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0})
		w.headers(1, true, get("/"))
		if _, body := w.expectResponse(1, 200); body != "" {
			r.Errorf("the content is %q, want none", body)
		}
	},
}
