package h2

import (
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/http2"
)

// await returns the first event that concerns the caller. What does not is kept for later expectations.
func (w *wire) await(what string, concerns func(event) bool) event {
	w.t.Helper()
	if i := slices.IndexFunc(w.kept, concerns); i >= 0 {
		e := w.kept[i]
		w.kept = slices.Delete(w.kept, i, i+1)
		return e
	}
	for {
		e := w.read(what)
		if concerns(e) {
			return e
		}
		if e.ended {
			w.t.Fatalf("%s did not come: the connection ended (%v); received before: %v", what, e.err, w.kept)
		}
		w.keep(e)
	}
}

// keep keeps e unless the books have all of it.
func (w *wire) keep(e event) {
	if e.kind == http2.FrameWindowUpdate || e.kind == http2.FrameSettings && e.ack() || e.ended {
		return
	}
	w.kept = append(w.kept, e)
}

// until reads until the condition holds.
func (w *wire) until(what string, holds func() bool) {
	w.t.Helper()
	for !holds() {
		e := w.read(what)
		if e.ended {
			w.t.Fatalf("%s did not come: the connection ended (%v); received before: %v", what, e.err, w.kept)
		}
		w.keep(e)
	}
}

// onStream returns what comes next on a stream.
func (w *wire) onStream(what string, stream uint32) event {
	w.t.Helper()
	return w.await(what+" on stream "+strconv.Itoa(int(stream)), func(e event) bool {
		return e.stream == stream && !e.ended && e.kind != http2.FrameWindowUpdate
	})
}

// expectSettings wants the first frame to be the server's SETTINGS.
func (w *wire) expectSettings() []http2.Setting {
	w.t.Helper()
	e := w.read("the server's SETTINGS")
	if e.ended || e.kind != http2.FrameSettings || e.ack() {
		w.t.Fatalf("the server began with %v, want its SETTINGS (RFC 9113 §3.4)", e)
	}
	return e.settings
}

// expectHeaders wants a header section next on the stream.
func (w *wire) expectHeaders(stream uint32) event {
	w.t.Helper()
	e := w.onStream("a header section", stream)
	if e.kind != http2.FrameHeaders {
		w.t.Fatalf("stream %d: got %v, want HEADERS", stream, e)
	}
	return e
}

// expectStatus wants a header section with that status next.
func (w *wire) expectStatus(stream uint32, status int) event {
	w.t.Helper()
	e := w.expectHeaders(stream)
	if got := e.fields.values(":status"); !slices.Equal(got, []string{strconv.Itoa(status)}) {
		w.t.Fatalf("stream %d: status %v, want %d; %v", stream, got, status, e)
	}
	return e
}

// expectData wants DATA next on the stream.
func (w *wire) expectData(stream uint32) event {
	w.t.Helper()
	e := w.onStream("DATA", stream)
	if e.kind != http2.FrameData {
		w.t.Fatalf("stream %d: got %v, want DATA", stream, e)
	}
	return e
}

// expectBytes wants exactly n bytes of content next on the stream, without its end.
func (w *wire) expectBytes(stream uint32, n int) (body string) {
	w.t.Helper()
	for len(body) < n {
		e := w.expectData(stream)
		body += e.data
		if e.endStream() || len(body) > n {
			w.t.Fatalf("stream %d: %d bytes of content, end %v; want %d and no end", stream, len(body), e.endStream(), n)
		}
	}
	return body
}

// expectRest wants the rest of a response: content, and trailers or an empty frame or nothing at its end.
func (w *wire) expectRest(stream uint32) (body string, trailers fields) {
	w.t.Helper()
	var b strings.Builder
	for {
		e := w.onStream("the rest of the response", stream)
		switch e.kind {
		case http2.FrameData:
			b.WriteString(e.data)
			if e.endStream() {
				return b.String(), nil
			}
		case http2.FrameHeaders:
			if !e.endStream() {
				w.t.Fatalf("stream %d: trailers without END_STREAM: %v", stream, e)
			}
			return b.String(), e.fields
		default:
			w.t.Fatalf("stream %d: got %v after %d bytes, want the rest of the response", stream, e, b.Len())
		}
	}
}

// expectResponse wants a whole response with that status.
func (w *wire) expectResponse(stream uint32, status int) (header fields, body string) {
	w.t.Helper()
	e := w.expectStatus(stream, status)
	if !e.endStream() {
		body, _ = w.expectRest(stream)
	}
	return e.fields, body
}

// expectBody wants a whole response with status 200 and that content.
func (w *wire) expectBody(stream uint32, want string) fields {
	w.t.Helper()
	header, body := w.expectResponse(stream, 200)
	if body != want {
		w.t.Fatalf("stream %d: the content is %.200q, want %.200q", stream, body, want)
	}
	return header
}

// expectReset wants RST_STREAM next on the stream.
func (w *wire) expectReset(stream uint32, codes ...http2.ErrCode) {
	w.t.Helper()
	e := w.onStream("RST_STREAM", stream)
	if e.kind != http2.FrameRSTStream || !slices.Contains(codes, e.code) {
		w.t.Fatalf("stream %d: got %v, want RST_STREAM with one of %v", stream, e, codes)
	}
}

// expectResetLater wants RST_STREAM on the stream, whatever came on it before.
func (w *wire) expectResetLater(stream uint32, codes ...http2.ErrCode) {
	w.t.Helper()
	e := w.await("RST_STREAM", func(e event) bool {
		return e.stream == stream && (e.kind == http2.FrameRSTStream || e.endStream() && (e.kind == http2.FrameData || e.kind == http2.FrameHeaders))
	})
	if e.kind != http2.FrameRSTStream || !slices.Contains(codes, e.code) {
		w.t.Fatalf("stream %d: got %v, want RST_STREAM with one of %v", stream, e, codes)
	}
}

// expectGoAway wants GOAWAY and returns its last stream.
func (w *wire) expectGoAway(codes ...http2.ErrCode) uint32 {
	w.t.Helper()
	e := w.await("GOAWAY", func(e event) bool { return e.kind == http2.FrameGoAway && !e.ended })
	if !slices.Contains(codes, e.code) {
		w.t.Fatalf("got %v, want GOAWAY with one of %v", e, codes)
	}
	return e.last
}

// expectEnd wants the end of the connection.
func (w *wire) expectEnd() {
	w.t.Helper()
	for e := w.read("the end of the connection"); !e.ended; e = w.read("the end of the connection") {
		w.keep(e)
	}
}

// expectNothing wants that nothing more has come on a stream when the server has answered a PING.
func (w *wire) expectNothing(stream uint32) {
	w.t.Helper()
	w.barrier()
	for _, e := range w.kept {
		if e.stream == stream {
			w.t.Fatalf("stream %d: got %v, want nothing", stream, e)
		}
	}
}

// probe shows that the connection goes on: a request is answered. Its answer needs no window.
func (w *wire) probe() {
	w.t.Helper()
	stream := w.next
	w.next += 2
	w.headers(stream, true, get("/probe"))
	w.expectResponse(stream, 204)
}
