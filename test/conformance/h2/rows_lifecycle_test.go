package h2

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"

	"golang.org/x/net/http2"
)

// stopping stops the server; the test waits for its end with the returned function.
func (r *run) stopping() (wait func()) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	done := make(chan error, 1)
	go func() { done <- r.subject.stop(ctx) }()
	r.Cleanup(func() { cancel(); <-done })
	return func() {
		r.Helper()
		err := <-done
		done <- err
		if err != nil {
			r.Errorf("stop: %v", err)
		}
	}
}

// graceful wants the first of the two GOAWAY frames of a graceful stop (RFC 9113 §6.8).
func (r *run) graceful(w *wire) {
	r.Helper()
	if last := w.expectGoAway(http2.ErrCodeNo); last != maxWindow {
		r.Errorf("the first GOAWAY names stream %d, want 2^31-1: any stream may still come", last)
	}
}

// final wants the second GOAWAY, and the end of the connection.
func (r *run) final(w *wire, stream uint32) {
	r.Helper()
	if last := w.expectGoAway(r.codes()...); last != stream {
		r.Errorf("the final GOAWAY names stream %d, want %d", last, stream)
	}
	w.expectEnd()
}

// How connections and streams end.
var lifecycleScenarios = map[string]func(*run){
	"ConnectionErrorAbortsAllStreams": func(r *run) {
		w := r.open(r.untilAborted)
		for _, stream := range []uint32{1, 3, 5} {
			w.headers(stream, false, post("/"))
			r.report("a request")
		}
		w.data(0, "x", false)
		r.judge()
		for range 3 {
			r.report("the end of a request's context")
		}
	},
	"ConnectionResetLoggedWithActiveStreams": func(r *run) {
		r.gone, r.config.log = true, new(logged)
		w := r.open(r.untilAborted)
		w.headers(1, false, post("/"))
		r.report("the request")
		w.nc.(*net.TCPConn).SetLinger(0)
		w.nc.Close()
		r.report("the end of the request's context")
		r.again().probe()
		if text := r.config.log.String(); strings.Contains(text, "level=ERROR") {
			r.Errorf("a client that resets its connection is no error of the server:\n%s", text)
		}
	},
	"CompletionSendsFinalGOAWAY": func(r *run) {
		w := r.open(quiet)
		w.closeWrite()
		r.final(w, 0)
	},
	"StopProcessingNextRequestSendsGracefulGOAWAYAndWaitsForStreamsToComplete": func(r *run) {
		w := r.open(r.waitsThenReads)
		w.headers(1, false, post("/"))
		r.report("the request")
		wait := r.stopping()
		r.graceful(w)
		w.data(1, "hello", true)
		w.barrier() // the connection is served while the stream is open
		r.release()
		w.expectBody(1, "5")
		r.final(w, 1)
		wait()
	},
	"StopProcessingNextRequestSendsGracefulGOAWAYThenFinalGOAWAYWhenAllStreamsComplete": func(r *run) {
		w := r.open(byPath(handlers{"/waits": r.waits, "/echo": echo}))
		w.headers(1, true, get("/waits"))
		w.headers(3, false, post("/echo"))
		r.report("the request")
		w.expectStatus(3, 200)
		wait := r.stopping()
		r.graceful(w)
		w.headers(5, false, post("/echo")) // between the two, streams are still accepted
		w.data(5, "later", true)
		w.expectBody(5, "later")
		w.data(3, "hello", true)
		if body, _ := w.expectRest(3); body != "hello" {
			r.Errorf("the content is %q, want hello", body)
		}
		w.barrier()
		r.release()
		w.expectBody(1, "released")
		r.final(w, 5)
		wait()
	},
	"IgnoreNewStreamsDuringClosedConnection": func(r *run) {
		w := r.open(quiet)
		closing := rawFrame(http2.FramePing, 0, 0, make([]byte, 7))
		w.raw(append(closing, rawFrame(http2.FrameHeaders, endHeaders|endStream, 1, w.block(get("/late")))...))
		if last := w.expectGoAway(http2.ErrCodeFrameSize); last != 0 {
			r.Errorf("GOAWAY names stream %d, want 0: none was opened", last)
		}
		w.expectEnd()
		if r.called("/late") {
			r.Error("the application was called for a stream that came after the connection's end")
		}
	},
	// Kestrel's test lets the reading of the connection fail. Here the connection breaks within a frame: the server goes on, and
	// what it logs is no error of its own.
	"UnexpectedExceptionDuringFrameProcessingLoggedAWarning": func(r *run) {
		r.config.log = new(logged)
		w := r.open(r.readsAndReports)
		w.headers(1, false, post("/"))
		r.report("the request")
		whole := rawFrame(http2.FrameData, 0, 1, make([]byte, 1000))
		w.raw(whole[:500])
		w.nc.(*net.TCPConn).SetLinger(0)
		w.nc.Close()
		if err := r.report("the end of the body"); err == nil || err == io.EOF {
			r.Errorf("the body ended with %v, want an error", err)
		}
		r.again().probe()
		if text := r.config.log.String(); strings.Contains(text, "level=ERROR") {
			r.Errorf("a connection that breaks is no error of the server:\n%s", text)
		}
	},
	"AppDoesNotReadRequestBody_ResetsAndDrainsRequest": unread,
	"app_completes_without_reading_body":               unread,
	"AbortedStream_ResetsAndDrainsRequest_RefusesFramesAfterEndOfStream": func(r *run) {
		r.variants(aborts, after(func(w *wire) { w.data(1, "drained", true) }, func(w *wire) { w.data(1, "x", false) }),
			after(func(w *wire) { w.headers(1, true, pairs("x-trailer", "1")) }, func(w *wire) { w.data(1, "x", false) }),
			after(func(w *wire) { w.data(1, "drained", true) }, func(w *wire) { w.headers(1, true, pairs("x-trailer", "1")) }))
	},
	"AbortedStream_ResetsAndDrainsRequest_RefusesFramesAfterClientReset": func(r *run) {
		clientReset := func(w *wire) { w.reset(1, http2.ErrCodeNo) }
		r.variants(aborts, after(clientReset, func(w *wire) { w.data(1, "x", false) }),
			after(clientReset, func(w *wire) { w.headers(1, true, pairs("x-trailer", "1")) }))
	},
	"RST_STREAM_IncompleteRequest_AdditionalTrailerFrames_ConnectionAborted": func(r *run) {
		w := r.open(r.waits)
		w.headers(1, false, post("/"))
		r.report("the request")
		w.reset(1, http2.ErrCodeCancel)
		w.headers(1, true, pairs("x-trailer", "1"))
	},
	"RST_STREAM_IncompleteRequest_AdditionalWindowUpdateFrame_ConnectionAborted": func(r *run) {
		w := r.open(r.waits)
		w.headers(1, false, post("/"))
		r.report("the request")
		w.reset(1, http2.ErrCodeCancel)
		w.frame(http2.FrameWindowUpdate, 0, 1, u32(1024))
	},
}

// unread is a scenario whose application answers without reading: the response is sent, then the stream is reset, and what the
// client had under way is drained and credited.
func unread(r *run) {
	w := r.open(hello)
	w.headers(1, false, post("/"))
	w.data(1, "under way", false)
	w.expectBody(1, "hello, world")
	w.expectReset(1, r.codes()...)
	w.data(1, "later", false)
	w.data(1, "", true)
	r.judged = true
	w.probe()
}

// aborts aborts the request without a response.
func aborts(_ http.ResponseWriter, req *http.Request) { abort(req) }

// after is a variant on a stream that the application has aborted: what comes first is drained, what comes then is refused.
func after(drained, refused func(*wire)) func(*wire) {
	return func(w *wire) {
		w.headers(1, false, post("/"))
		w.expectReset(1, http2.ErrCodeInternal)
		w.data(1, "drained", false)
		w.barrier()
		drained(w)
		w.barrier()
		refused(w)
	}
}
