package h2

import (
	"strings"

	"golang.org/x/net/http2"
)

// sends is a scenario of one connection without a request: it sends one frame.
func sends(kind http2.FrameType, flags http2.Flags, stream uint32, payload string) func(*run) {
	return func(r *run) { r.open(quiet).frame(kind, flags, stream, []byte(payload)) }
}

// interleaved is a scenario in which the frame comes within an open header block.
func interleaved(kind http2.FrameType, flags http2.Flags, stream uint32, payload string) func(*run) {
	return func(r *run) {
		w := r.open(quiet)
		w.frame(http2.FrameHeaders, http2.FlagHeadersEndStream, 1, w.block(get("/")))
		w.frame(kind, flags, stream, []byte(payload))
	}
}

const (
	endHeaders = http2.FlagHeadersEndHeaders
	endStream  = http2.FlagHeadersEndStream
)

// What frames of each type must not be: RFC 9113 §4.1, §5.1, §5.1.1 and §6.
var frameScenarios = map[string]func(*run){
	"Frame_Received_OverMaxSize_FrameError": func(r *run) {
		w := r.open(count)
		w.headers(1, false, post("/"))
		w.data(1, strings.Repeat("x", w.sendFrame+1), false)
	},

	"DATA_Received_StreamIdEven_ConnectionError":          sends(http2.FrameData, 0, 2, "x"),
	"PRIORITY_Received_StreamIdZero_ConnectionError":      sends(http2.FramePriority, 0, 0, "\x00\x00\x00\x00\x10"),
	"PRIORITY_Received_StreamIdEven_ConnectionError":      sends(http2.FramePriority, 0, 2, "\x00\x00\x00\x00\x10"),
	"RST_STREAM_Received_StreamIdZero_ConnectionError":    sends(http2.FrameRSTStream, 0, 0, "\x00\x00\x00\x08"),
	"RST_STREAM_Received_StreamIdEven_ConnectionError":    sends(http2.FrameRSTStream, 0, 2, "\x00\x00\x00\x08"),
	"SETTINGS_Received_StreamIdNotZero_ConnectionError":   sends(http2.FrameSettings, 0, 1, ""),
	"GOAWAY_Received_StreamIdNotZero_ConnectionError":     sends(http2.FrameGoAway, 0, 1, "\x00\x00\x00\x00\x00\x00\x00\x00"),
	"WINDOW_UPDATE_Received_StreamIdEven_ConnectionError": sends(http2.FrameWindowUpdate, 0, 2, "\x00\x00\x00\x01"),
	"HEADERS_Received_StreamIdZero_ConnectionError": func(r *run) {
		r.open(quiet).headers(0, true, get("/"))
	},
	"HEADERS_Received_StreamIdEven_ConnectionError": func(r *run) {
		r.open(quiet).headers(2, true, get("/"))
	},

	"DATA_Received_StreamIdle_ConnectionError":          sends(http2.FrameData, 0, 1, "x"),
	"WINDOW_UPDATE_Received_StreamIdle_ConnectionError": sends(http2.FrameWindowUpdate, 0, 1, "\x00\x00\x00\x01"),
	"PUSH_PROMISE_Received_ConnectionError": func(r *run) {
		w := r.open(quiet)
		w.headers(1, false, post("/"))
		w.frame(http2.FramePushPromise, http2.FlagPushPromiseEndHeaders, 1, append(u32(2), w.block(get("/"))...))
	},

	"PRIORITY_Received_LengthNotFive_ConnectionError": func(r *run) {
		r.variants(quiet,
			func(w *wire) { w.frame(http2.FramePriority, 0, 1, make([]byte, 4)) },
			func(w *wire) { w.frame(http2.FramePriority, 0, 1, make([]byte, 6)) })
	},
	"RST_STREAM_Received_LengthNotFour_ConnectionError": func(r *run) {
		open := func(n int) func(*wire) {
			return func(w *wire) {
				w.headers(1, false, post("/"))
				w.frame(http2.FrameRSTStream, 0, 1, make([]byte, n))
			}
		}
		r.variants(r.waits, open(3), open(5))
	},
	"PING_Received_LengthNotEight_ConnectionError": func(r *run) {
		r.variants(quiet,
			func(w *wire) { w.frame(http2.FramePing, 0, 0, make([]byte, 7)) },
			func(w *wire) { w.frame(http2.FramePing, 0, 0, make([]byte, 9)) })
	},
	"WINDOW_UPDATE_Received_LengthNotFour_ConnectionError": func(r *run) {
		r.variants(quiet,
			func(w *wire) { w.frame(http2.FrameWindowUpdate, 0, 0, make([]byte, 3)) },
			func(w *wire) { w.frame(http2.FrameWindowUpdate, 0, 0, make([]byte, 5)) })
	},

	"PRIORITY_Received_StreamDependencyOnSelf_ConnectionError": sends(http2.FramePriority, 0, 1, "\x00\x00\x00\x01\x10"),
	"HEADERS_Received_WithPriority_StreamDependencyOnSelf_ConnectionError": func(r *run) {
		w := r.open(quiet)
		w.frame(http2.FrameHeaders, endHeaders|endStream|http2.FlagHeadersPriority, 1, append([]byte{0, 0, 0, 1, 16}, w.block(get("/"))...))
	},

	"DATA_Received_InterleavedWithHeaders_ConnectionError": func(r *run) {
		w := r.open(r.waits)
		w.headers(1, false, post("/"))
		w.frame(http2.FrameHeaders, endStream, 3, w.block(get("/")))
		w.data(1, "x", true)
	},
	"HEADERS_Received_InterleavedWithHeaders_ConnectionError": func(r *run) {
		w := r.open(quiet)
		w.frame(http2.FrameHeaders, endStream, 1, w.block(get("/")))
		w.headers(3, true, get("/"))
	},
	"PRIORITY_Received_InterleavedWithHeaders_ConnectionError":         interleaved(http2.FramePriority, 0, 1, "\x00\x00\x00\x00\x10"),
	"SETTINGS_Received_InterleavedWithHeaders_ConnectionError":         interleaved(http2.FrameSettings, 0, 0, ""),
	"PING_Received_InterleavedWithHeaders_ConnectionError":             interleaved(http2.FramePing, 0, 0, "12345678"),
	"GOAWAY_Received_InterleavedWithHeaders_ConnectionError":           interleaved(http2.FrameGoAway, 0, 0, "\x00\x00\x00\x00\x00\x00\x00\x00"),
	"WINDOW_UPDATE_Received_InterleavedWithHeaders_ConnectionError":    interleaved(http2.FrameWindowUpdate, 0, 0, "\x00\x00\x00\x01"),
	"UnknownFrameType_Received_InterleavedWithHeaders_ConnectionError": interleaved(0xfa, 0, 1, "unknown"),
	"UnknownFrameType_Received_Ignored": func(r *run) {
		w := r.open(hello)
		w.frame(0xfa, 0xff, 0, []byte("unknown"))
		w.headers(1, true, get("/"))
		w.frame(0xfa, 0, 1, nil)
		w.expectBody(1, "hello, world")
	},

	"DATA_Received_PaddingEqualToFramePayloadLength_ConnectionError":     badPadding(http2.FrameData, http2.FlagDataPadded, "\x05abcd"),
	"DATA_Received_PaddingGreaterThanFramePayloadLength_ConnectionError": badPadding(http2.FrameData, http2.FlagDataPadded, "\x06abcd"),
	"DATA_Received_FrameLengthZeroPaddingZero_ConnectionError":           badPadding(http2.FrameData, http2.FlagDataPadded, ""),
	"HEADERS_Received_PaddingEqualToFramePayloadLength_ConnectionError":  badPadding(http2.FrameHeaders, http2.FlagHeadersPadded|endHeaders|endStream, "\x05\x82\x86\x84\x41"),
	"HEADERS_Received_PaddingGreaterThanFramePayloadLength_ConnectionError": badPadding(http2.FrameHeaders, http2.FlagHeadersPadded|endHeaders|endStream,
		"\xff\x82\x86\x84\x41"),
	"HEADERS_Received_PaddingFieldMissing_ConnectionError": badPadding(http2.FrameHeaders, http2.FlagHeadersPadded|endHeaders|endStream, ""),
}

// badPadding is a scenario with one frame whose padding is as long as the payload or longer (RFC 9113 §6.1, §6.2). DATA comes on
// an open stream.
func badPadding(kind http2.FrameType, flags http2.Flags, payload string) func(*run) {
	return func(r *run) {
		w := r.open(r.waits)
		if kind == http2.FrameData {
			w.headers(1, false, post("/"))
		}
		w.frame(kind, flags, 1, []byte(payload))
	}
}
