package h2

import (
	"net"

	"golang.org/x/net/http2"
)

// The end of connections.
var rfcEndCases = []rfcCase{
	{"A connection without requests ends in two steps when the server stops", "RFC 9113 §6.8", func(r *run) {
		w := r.open(quiet)
		wait := r.stopping()
		r.graceful(w)
		if last := w.expectGoAway(http2.ErrCodeNo); last != 0 {
			r.Errorf("the final GOAWAY names stream %d, want 0", last)
		}
		w.expectEnd()
		wait()
	}},
	{"A connection whose requests have ended names the last one when the server stops", "RFC 9113 §6.8", func(r *run) {
		w := r.open(hello)
		for _, stream := range []uint32{1, 3, 9} {
			w.headers(stream, true, get("/"))
			w.expectBody(stream, "hello, world")
		}
		wait := r.stopping()
		r.graceful(w)
		if last := w.expectGoAway(http2.ErrCodeNo); last != 9 {
			r.Errorf("the final GOAWAY names stream %d, want 9", last)
		}
		w.expectEnd()
		wait()
	}},
	{"A request after the final GOAWAY is not served", "RFC 9113 §6.8", func(r *run) {
		w := r.open(quiet)
		wait := r.stopping()
		w.expectGoAway(http2.ErrCodeNo)
		if last := w.expectGoAway(http2.ErrCodeNo); last != 0 {
			r.Errorf("the final GOAWAY names stream %d, want 0", last)
		}
		w.headers(1, true, get("/late"))
		w.expectEnd()
		wait()
		if r.called("/late") {
			r.Error("the application was called for a stream that GOAWAY said would not be served")
		}
	}},
	{"A server that stops takes no more connections", "RFC 9113 §6.8", func(r *run) {
		w := r.open(r.waits)
		w.headers(1, true, get("/"))
		r.report("the request")
		wait := r.stopping()
		r.graceful(w)
		if nc, err := net.Dial("tcp", r.subject.addr); err == nil {
			nc.Close()
			r.Error("a connection was taken while the server stops")
		}
		r.release()
		w.expectBody(1, "released")
		w.expectEnd()
		wait()
	}},
	{"GOAWAY after an error names the last stream that was served", "RFC 9113 §6.8", func(r *run) {
		w := r.open(hello)
		w.headers(1, true, get("/"))
		w.expectBody(1, "hello, world")
		w.headers(7, true, get("/"))
		w.expectBody(7, "hello, world")
		w.frame(http2.FramePing, 0, 0, nil)
		if last := w.expectGoAway(frameSizeError); last != 7 {
			r.Errorf("GOAWAY names stream %d, want 7", last)
		}
		w.expectEnd()
	}},
	{"GOAWAY with debug data is accepted", "RFC 9113 §6.8", func(r *run) {
		w := r.open(r.waits)
		w.headers(1, true, get("/"))
		r.report("the request")
		w.frame(http2.FrameGoAway, 0, 0, append(make([]byte, 8), "debug data"...))
		w.barrier()
		r.release()
		w.expectBody(1, "released")
		w.expectEnd()
	}},
	{"A client that closes its side gets what it asked for", "RFC 9113 §5.4", func(r *run) {
		w := r.open(hello)
		w.headers(1, true, get("/"))
		w.expectBody(1, "hello, world")
		w.closeWrite()
		w.expectEnd()
	}},
}
