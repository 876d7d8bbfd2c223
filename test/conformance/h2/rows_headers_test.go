package h2

import (
	"strconv"

	"golang.org/x/net/http2"
)

// Header sections that are right, and the states in which HEADERS must not come.
var headerScenarios = map[string]func(*run){
	"HEADERS_Received_Decoded": func(r *run) {
		w := r.open(describe)
		w.headers(1, true, get("/", "user-agent", "test", "x-many", "a", "x-many", "b"))
		r.wantFields(w.expectDescribed(1))
	},
	"HEADERS_Received_WithPriority_Decoded": func(r *run) {
		w := r.open(describe)
		block := w.block(get("/", "user-agent", "test", "x-many", "a", "x-many", "b"))
		w.frame(http2.FrameHeaders, endHeaders|endStream|http2.FlagHeadersPriority, 1, append([]byte{0x80, 0, 0, 3, 42}, block...))
		r.wantFields(w.expectDescribed(1))
	},
	"HEADERS_Received_WithPriorityAndPadding_Decoded": func(r *run) {
		w := r.open(describe)
		block := w.block(get("/", "user-agent", "test", "x-many", "a", "x-many", "b"))
		payload := append([]byte{5, 0, 0, 0, 0, 42}, block...)
		w.frame(http2.FrameHeaders, endHeaders|endStream|http2.FlagHeadersPriority|http2.FlagHeadersPadded, 1, append(payload, make([]byte, 5)...))
		r.wantFields(w.expectDescribed(1))
	},
	"HEADERS_Received_AppCannotBlockOtherFrames": func(r *run) {
		w := r.open(byPath(handlers{"/waits": r.waits, "/hello": hello}))
		w.headers(1, true, get("/waits"))
		r.report("the first request")
		w.headers(3, true, get("/hello"))
		w.expectBody(3, "hello, world")
		r.release()
		w.expectBody(1, "released")
	},
	"HEADERS_Received_StreamClosed_ConnectionError": func(r *run) {
		w := r.open(hello)
		w.headers(1, true, get("/"))
		w.expectBody(1, "hello, world")
		w.headers(1, true, get("/"))
	},
	"HEADERS_Received_StreamHalfClosedRemote_ConnectionError": func(r *run) {
		w := r.open(r.waits)
		w.headers(1, true, get("/"))
		r.report("the request")
		w.headers(1, true, pairs("x-trailer", "late"))
	},
	"HEADERS_Received_HeaderBlockDoesNotContainMandatoryPseudoHeaderField_MethodIsCONNECT_NoError": func(r *run) {
		w := r.open(quiet)
		w.headers(1, true, pairs(":method", "CONNECT", ":authority", "test.example:443"))
		w.expectResponse(1, 200)
	},
	"CONTINUATION_Received_HeaderBlockDoesNotContainMandatoryPseudoHeaderField_MethodIsCONNECT_NoError": func(r *run) {
		w := r.open(quiet)
		w.split(1, true, pairs(":method", "CONNECT", ":authority", "test.example:443"), 1)
		w.expectResponse(1, 200)
	},
	"HEADERS_Received_HeaderBlockContainsTEHeader_ValueIsTrailers_NoError": func(r *run) {
		w := r.open(describe)
		w.headers(1, true, get("/", "te", "trailers"))
		if got := w.expectDescribed(1).Header.Get("Te"); got != "trailers" {
			r.Errorf("the application sees TE %q, want trailers", got)
		}
	},
	"CONTINUATION_Received_WithTrailers_Discarded": func(r *run) {
		w := r.open(describe)
		w.headers(1, false, post("/"))
		w.data(1, "hello", false)
		w.split(1, true, pairs("trailer-1", "1", "trailer-2", "2"), 4)
		if d := w.expectDescribed(1); d.Body != "hello" || d.Header.Get("Trailer-1") != "" {
			r.Errorf("the application sees %+v, want the content, and no trailers among the header fields", d)
		}
	},
}

// wantFields wants what the first three scenarios send.
func (r *run) wantFields(d described) {
	r.Helper()
	many := d.Header.Values("X-Many")
	if d.Method != "GET" || d.Path != "/" || d.Host != "test.example" || d.Header.Get("User-Agent") != "test" || len(many) != 2 || many[0] != "a" || many[1] != "b" {
		r.Errorf("the application sees %+v", d)
	}
}

// split sends a header section as HEADERS with its first bytes, and CONTINUATION with the rest.
func (w *wire) split(stream uint32, end bool, f fields, first int) {
	block := w.block(f)
	w.frame(http2.FrameHeaders, endFlag(end), stream, block[:first])
	w.frame(http2.FrameContinuation, http2.FlagContinuationEndHeaders, stream, block[first:])
}

// malformed is a scenario of one request with these fields.
func malformed(f fields) func(*run) {
	return func(r *run) { r.open(quiet).headers(1, true, f) }
}

// without is a scenario for each mandatory pseudo-header field: without it the stream is reset, and the stream is closed
// from then on.
func without(send func(w *wire, f fields)) func(*run) {
	return func(r *run) {
		variant := func(name string) func(*wire) {
			return func(w *wire) {
				send(w, get("/").without(name))
				w.expectReset(1, http2.ErrCodeProtocol)
				w.headers(1, true, get("/"))
			}
		}
		r.variants(quiet, variant(":method"), variant(":scheme"), variant(":path"))
	}
}

// trailers is a scenario with trailers for each of the fields that must not be among them.
func trailers(send func(w *wire, f fields)) func(*run) {
	return func(r *run) {
		variant := func(name, value string) func(*wire) {
			return func(w *wire) {
				w.headers(1, false, post("/"))
				w.data(1, "x", false)
				send(w, pairs("x-fine", "1", name, value))
			}
		}
		r.variants(count, variant(":path", "/"), variant(":status", "200"), variant(":unknown", "1"), variant("X-Upper", "1"))
	}
}

func inHeaders(w *wire, f fields)      { w.headers(1, true, f) }
func inContinuation(w *wire, f fields) { w.split(1, true, f, 1) }

// Header sections that are wrong: RFC 9113 §8.2, §8.3, RFC 7541. Kestrel ends the connection where RFC 9113 asks for less.
var malformedScenarios = map[string]func(*run){
	"HEADERS_Received_IntegerOverLimit_ConnectionError": func(r *run) {
		block := []byte{0x3f + 0x40 + 0x80, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f} // an index that no integer holds
		r.open(quiet).frame(http2.FrameHeaders, endHeaders|endStream, 1, block)
	},
	"CONTINUATION_Received_IncompleteHeaderBlock_ConnectionError": func(r *run) {
		w := r.open(quiet)
		block := w.block(get("/"))
		w.frame(http2.FrameHeaders, endStream, 1, block[:4])
		w.frame(http2.FrameContinuation, http2.FlagContinuationEndHeaders, 1, block[4:len(block)-1])
	},
	"HEADERS_Received_WithTrailers_ContainsIllegalTrailer_ConnectionError":      trailers(inHeaders),
	"CONTINUATION_Received_WithTrailers_ContainsIllegalTrailer_ConnectionError": trailers(inContinuation),
	"HEADERS_Received_WithTrailers_EndStreamNotSet_ConnectionError": func(r *run) {
		w := r.open(count)
		w.headers(1, false, post("/"))
		w.data(1, "x", false)
		w.headers(1, false, pairs("x-trailer", "1"))
	},
	"HEADERS_Received_HeaderNameContainsUpperCaseCharacter_ConnectionError": malformed(get("/", "X-Upper", "1")),
	"HEADERS_Received_HeaderBlockContainsUnknownPseudoHeaderField_ConnectionError": func(r *run) {
		r.variants(quiet,
			func(w *wire) { w.headers(1, true, append(pairs(":unknown", "1"), get("/")...)) },
			func(w *wire) { w.headers(1, true, append(pairs(":status", "200"), get("/")...)) }) // of responses
	},
	"HEADERS_Received_HeaderBlockContainsDuplicatePseudoHeaderField_ConnectionError": func(r *run) {
		variant := func(name, value string) func(*wire) {
			return func(w *wire) { w.headers(1, true, append(pairs(name, value), get("/")...)) }
		}
		r.variants(quiet, variant(":method", "GET"), variant(":scheme", "http"), variant(":path", "/"), variant(":authority", "test.example"))
	},
	"HEADERS_Received_HeaderBlockContainsPseudoHeaderFieldAfterRegularHeaders_ConnectionError": func(r *run) {
		variant := func(name string) func(*wire) {
			return func(w *wire) {
				f := get("/")
				w.headers(1, true, append(append(f.without(name), pairs("x-regular", "1")...), pairs(name, f.value(name))...))
			}
		}
		r.variants(quiet, variant(":method"), variant(":scheme"), variant(":path"), variant(":authority"))
	},
	"HEADERS_Received_HeaderBlockDoesNotContainMandatoryPseudoHeaderField_StreamError":      without(inHeaders),
	"CONTINUATION_Received_HeaderBlockDoesNotContainMandatoryPseudoHeaderField_StreamError": without(inContinuation),
	"HEADERS_Received_TooManyHeaders_ConnectionError": func(r *run) {
		f := get("/")
		for i := range 101 {
			f = append(f, pairs("x-"+strconv.Itoa(i), "1")...)
		}
		r.open(quiet).headers(1, true, f)
	},
	"HEADERS_Received_HeaderBlockContainsConnectionHeader_ConnectionError": malformed(get("/", "connection", "keep-alive")),
}
