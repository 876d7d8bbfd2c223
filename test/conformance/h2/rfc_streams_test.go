package h2

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"golang.org/x/net/http2"
)

// Frames and the states of streams.
var rfcStreamCases = []rfcCase{
	{"RST_STREAM on an idle stream is a connection error", "RFC 9113 §6.4", breaks(func(w *wire) { w.reset(1, http2.ErrCodeCancel) }, protocolError)},
	{"A stream with a lower number than one before it is a connection error", "RFC 9113 §5.1.1", breaks(func(w *wire) {
		w.headers(5, true, get("/"))
		w.headers(3, true, get("/"))
	}, protocolError, streamClosed)},
	{"DATA after END_STREAM is refused while the handler runs", "RFC 9113 §5.1", func(r *run) {
		w := r.open(r.waits)
		w.headers(1, true, get("/"))
		r.report("the request")
		w.data(1, "x", true)
		w.refused(1, streamClosed)
	}},
	{"CONTINUATION without HEADERS is a connection error", "RFC 9113 §6.10", breaks(func(w *wire) {
		w.frame(http2.FrameContinuation, http2.FlagContinuationEndHeaders, 1, w.block(get("/")))
	}, protocolError)},
	{"CONTINUATION after END_HEADERS is a connection error", "RFC 9113 §6.10", breaks(func(w *wire) {
		w.headers(1, false, post("/"))
		w.frame(http2.FrameContinuation, http2.FlagContinuationEndHeaders, 1, w.block(pairs("x-late", "1")))
	}, protocolError)},
	{"CONTINUATION after DATA is a connection error", "RFC 9113 §6.10", breaks(func(w *wire) {
		w.headers(1, false, post("/"))
		w.data(1, "x", false)
		w.frame(http2.FrameContinuation, http2.FlagContinuationEndHeaders, 1, w.block(pairs("x-late", "1")))
	}, protocolError)},
	{"CONTINUATION on another stream is a connection error", "RFC 9113 §6.10", breaks(func(w *wire) {
		w.frame(http2.FrameHeaders, endStream, 1, w.block(get("/")))
		w.frame(http2.FrameContinuation, http2.FlagContinuationEndHeaders, 3, w.block(pairs("x-late", "1")))
	}, protocolError)},
	{"CONTINUATION on stream 0 is a connection error", "RFC 9113 §6.10", breaks(func(w *wire) {
		w.frame(http2.FrameHeaders, endStream, 1, w.block(get("/")))
		w.frame(http2.FrameContinuation, http2.FlagContinuationEndHeaders, 0, w.block(pairs("x-late", "1")))
	}, protocolError)},
	{"PING on a stream is a connection error", "RFC 9113 §6.7", breaks(func(w *wire) {
		w.frame(http2.FramePing, 0, 1, make([]byte, 8))
	}, protocolError)},
	{"GOAWAY of less than eight octets is a connection error", "RFC 9113 §4.2", breaks(func(w *wire) {
		w.frame(http2.FrameGoAway, 0, 0, make([]byte, 7))
	}, frameSizeError)},
	{"HEADERS with no room for its priority is a connection error", "RFC 9113 §4.2", breaks(func(w *wire) {
		w.frame(http2.FrameHeaders, endHeaders|endStream|http2.FlagHeadersPriority, 1, make([]byte, 4))
	}, frameSizeError, protocolError)},
	{"HEADERS larger than the maximum is a connection error", "RFC 9113 §4.2", breaks(func(w *wire) {
		w.frame(http2.FrameHeaders, endHeaders|endStream, 1, make([]byte, w.sendFrame+1))
	}, frameSizeError)},
	{"PRIORITY is accepted on idle, open and closed streams", "RFC 9113 §6.3", func(r *run) {
		w := r.open(hello)
		priority := func(stream uint32) { w.frame(http2.FramePriority, 0, stream, []byte{0, 0, 0, 0, 16}) }
		priority(1)
		w.headers(1, true, get("/"))
		priority(1)
		w.expectBody(1, "hello, world")
		priority(1)
		priority(99)
		w.headers(3, true, get("/"))
		w.expectBody(3, "hello, world")
	}},
	{"WINDOW_UPDATE on a stream that has just ended is ignored", "RFC 9113 §5.1", func(r *run) {
		w := r.open(hello)
		w.headers(1, true, get("/"))
		w.expectBody(1, "hello, world")
		w.frame(http2.FrameWindowUpdate, 0, 1, u32(100))
		w.probe()
	}},
	{"RST_STREAM on a stream that has just ended is ignored", "RFC 9113 §5.1", func(r *run) {
		w := r.open(hello)
		w.headers(1, true, get("/"))
		w.expectBody(1, "hello, world")
		w.reset(1, http2.ErrCodeCancel)
		w.probe()
	}},
	{"The reserved bit of a stream identifier is ignored", "RFC 9113 §4.1", func(r *run) {
		w := r.open(hello)
		w.frame(http2.FrameHeaders, endHeaders|endStream, 1|1<<31, w.block(get("/")))
		w.expectBody(1, "hello, world")
	}},
	{"The reserved bit of a window's increment is ignored", "RFC 9113 §6.9", accepts(func(w *wire) {
		w.frame(http2.FrameWindowUpdate, 0, 0, u32(1<<31|5))
	})},
	{"Flags that are not defined for a frame are ignored", "RFC 9113 §4.1", func(r *run) {
		w := r.open(echo)
		w.frame(http2.FrameHeaders, endHeaders|0xd2&^(http2.FlagHeadersPadded|http2.FlagHeadersPriority), 1, w.block(post("/")))
		w.frame(http2.FrameData, endStream|0xf6, 1, []byte("hello"))
		w.frame(http2.FramePing, 0xfe, 0, []byte("anyflags"))
		w.expectBody(1, "hello")
		w.await("the answer to PING", func(e event) bool { return e.kind == http2.FramePing && string(e.ping[:]) == "anyflags" })
	}},
	{"Frames of unknown types are ignored wherever frames may be", "RFC 9113 §4.1", accepts(func(w *wire) {
		for kind := 0x0a; kind <= 0xff; kind += 0x31 {
			w.frame(http2.FrameType(kind), 0xff, 0, make([]byte, defaultFrameSize))
			w.frame(http2.FrameType(kind), 0, 7, nil)
		}
	})},
	{"PRIORITY_UPDATE is accepted", "RFC 9218 §7.1", accepts(func(w *wire) {
		w.frame(0x10, 0, 0, append(u32(101), "u=1, i"...))
	})},
	{"The priority field reaches the application", "RFC 9218 §5", func(r *run) {
		w := r.open(describe)
		w.headers(1, true, get("/", "priority", "u=0, i"))
		if got := w.expectDescribed(1).Header.Get("Priority"); got != "u=0, i" {
			r.Errorf("the application sees priority %q", got)
		}
	}},
	{"A stream beyond the limit is refused until another has ended", "RFC 9113 §5.1.2", func(r *run) {
		r.config.http2.MaxStreamsPerConnection = 2
		w := r.open(r.waits)
		for _, stream := range []uint32{1, 3} {
			w.headers(stream, true, get("/"))
			r.report("a request")
		}
		w.headers(5, true, get("/"))
		w.expectReset(5, http2.ErrCodeRefusedStream)
		r.release()
		w.expectBody(1, "released")
		w.expectBody(3, "released")
		w.headers(7, true, get("/"))
		w.expectBody(7, "released")
	}},
	{"A hundred streams at once are served", "RFC 9113 §5.1.2", func(r *run) {
		w := r.open(r.waits)
		for i := range uint32(100) {
			w.headers(1+2*i, true, get("/"))
		}
		for range 100 {
			r.report("a request")
		}
		r.release()
		for i := range uint32(100) {
			w.expectBody(1+2*i, "released")
		}
	}},
	{"A client that begins with another frame than SETTINGS is refused", "RFC 9113 §3.4", func(r *run) {
		r.start(quiet)
		w := r.dial()
		w.raw(append([]byte(http2.ClientPreface), rawFrame(http2.FramePing, 0, 0, make([]byte, 8))...))
		w.broken(protocolError)
	}},
	{"A client whose preface ends wrongly is not served", "RFC 9113 §3.4", func(r *run) {
		r.start(quiet)
		w := r.dial()
		w.raw([]byte("PRI * HTTP/2.0\r\n\r\nSX\r\n\r\n"))
		w.raw(rawFrame(http2.FrameSettings, 0, 0, nil))
		w.nc.SetReadDeadline(time.Now().Add(patience))
		if _, err := io.Copy(io.Discard, w.nc); errors.Is(err, os.ErrDeadlineExceeded) {
			r.Error("the connection did not end")
		}
	}},
	{"What comes octet by octet means the same", "RFC 9113 §4", func(r *run) {
		r.start(echo)
		w := r.dial()
		all := append([]byte(http2.ClientPreface), rawFrame(http2.FrameSettings, 0, 0, nil)...)
		all = append(all, rawFrame(http2.FrameHeaders, endHeaders, 1, w.block(post("/")))...)
		all = append(all, rawFrame(http2.FrameData, http2.FlagDataPadded, 1, []byte("\x02hello\x00\x00"))...)
		all = append(all, rawFrame(http2.FrameData, endStream, 1, nil)...)
		for i := range all {
			w.raw(all[i : i+1])
		}
		w.shrink = append(w.shrink, -1) // the SETTINGS that were sent by hand
		w.expectSettings()
		w.expectBody(1, "hello")
	}},
	{"HTTP 1.1 is served on the same port", "RFC 9113 §3.3", func(r *run) {
		r.start(hello)
		w := r.dial()
		w.raw([]byte("GET / HTTP/1.1\r\nHost: test.example\r\nConnection: close\r\n\r\n"))
		response, err := http.ReadResponse(bufio.NewReader(w.nc), nil)
		if err != nil {
			r.Fatal(err)
		}
		defer response.Body.Close()
		if body, err := io.ReadAll(response.Body); err != nil || response.ProtoMajor != 1 || !strings.Contains(string(body), "hello") {
			r.Errorf("got %v with %q, %v", response.Proto, body, err)
		}
	}},
}
