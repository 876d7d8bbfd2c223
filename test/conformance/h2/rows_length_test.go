package h2

import (
	"io"
	"net/http"
	"strconv"
	"strings"

	"golang.org/x/net/http2"
)

// uploads is a scenario with an announced length and that content in frames.
func uploads(announced int, split bool, frames ...string) func(*run) {
	return func(r *run) {
		w := r.open(func(w http.ResponseWriter, req *http.Request) {
			if want := int64(announced); req.ContentLength != want {
				r.Errorf("the application sees the length %d, want %d", req.ContentLength, want)
			}
			count(w, req)
		})
		f := post("/", "content-length", strconv.Itoa(announced))
		if split {
			w.split(1, len(frames) == 0, f, 3)
		} else {
			w.headers(1, len(frames) == 0, f)
		}
		for i, frame := range frames {
			w.data(1, frame, i == len(frames)-1)
		}
		if r.row.Outcome == "ok" {
			w.expectBody(1, strconv.Itoa(announced))
		}
	}
}

// limited is a scenario with a limit of the content's length, which the application changes first unless own is 0.
func limited(limit int64, own int64, announce bool, content string) func(*run) {
	return func(r *run) {
		r.config.limits.MaxRequestBodySize = limit
		w := r.open(func(w http.ResponseWriter, req *http.Request) {
			if own != 0 {
				bodyLimit(w, req, own)
			} else if onStandIn {
				bodyLimit(w, req, limit)
			}
			count(w, req)
		})
		f := post("/")
		if announce {
			f = append(f, pairs("content-length", strconv.Itoa(len(content)))...)
		}
		w.headers(1, false, f)
		if r.row.Outcome == "ok" {
			w.data(1, content, true)
			w.expectBody(1, strconv.Itoa(len(content)))
			return
		}
		// The answer needs no end of the request: it is refused before. What follows is drained.
		w.data(1, content, false)
		w.expectResponse(1, r.row.Status)
		w.expectReset(1, r.codes()...)
		w.data(1, "", true)
		r.judged = true
		w.probe()
	}
}

// Announced lengths and limits of content: RFC 9113 §8.1.1.
var lengthScenarios = map[string]func(*run){
	"ContentLength_Received_SingleDataFrame_Verified":               uploads(12, false, "hello, world"),
	"ContentLength_ReceivedInContinuation_SingleDataFrame_Verified": uploads(12, true, "hello, world"),
	"ContentLength_Received_NoDataFrames_Reset":                     uploads(12, false),
	"ContentLength_ReceivedInContinuation_NoDataFrames_Reset":       uploads(12, true),
	"ContentLength_Received_SingleDataFrameOverSize_Reset":          uploads(12, false, "hello, world!"),
	"ContentLength_Received_SingleDataFrameUnderSize_Reset":         uploads(12, false, "hello"),
	"ContentLength_Received_MultipleDataFramesOverSize_Reset":       uploads(12, false, "hello", ", wor", "ld! and", ""),
	"ContentLength_Received_MultipleDataFramesUnderSize_Reset":      uploads(12, false, "hello", ", ", ""),

	"MaxRequestBodySize_ContentLengthUnder_200":    limited(15, 0, true, "hello, world"),
	"MaxRequestBodySize_ContentLengthOver_413":     limited(10, 0, true, "hello, world"),
	"MaxRequestBodySize_NoContentLength_Under_200": limited(15, 0, false, "hello, world"),
	"MaxRequestBodySize_NoContentLength_Over_413":  limited(10, 0, false, "hello, world"),
	"MaxRequestBodySize_AppCanLowerLimit":          limited(20, 10, false, "hello, world"),
	"MaxRequestBodySize_AppCanRaiseLimit":          limited(10, 20, false, "hello, world"),

	"ContentLength_Response_MoreBytesWritten_ThrowsAndResetsStream": func(r *run) {
		w := r.open(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "11")
			io.WriteString(w, "hello,")
			http.NewResponseController(w).Flush()
			if _, err := io.WriteString(w, " world"); err == nil {
				r.Error("a write beyond the announced length succeeded")
			}
		})
		w.headers(1, true, get("/"))
		w.expectStatus(1, r.row.Status)
		w.expectBytes(1, len("hello,"))
	},
	"ContentLength_Response_NoBytesWritten_Sends500": func(r *run) {
		w := r.open(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Length", "11") })
		w.headers(1, true, get("/"))
		w.expectResponse(1, r.row.Status)
	},
}

// Responses and their trailers.
var responseScenarios = map[string]func(*run){
	"ResponseTrailers_WithoutData_Sent": func(r *run) {
		w := r.open(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set(http.TrailerPrefix+"Grpc-Status", "0") })
		w.headers(1, true, get("/"))
		e := w.expectStatus(1, r.row.Status)
		if e.endStream() {
			r.Fatalf("the response has no trailers: %v", e)
		}
		if body, trailers := w.expectRest(1); body != "" || trailers.value("grpc-status") != "0" {
			r.Errorf("content %q, trailers %v; want none, and grpc-status", body, trailers)
		}
	},
	"ResponseTrailers_WithData_Sent": func(r *run) {
		w := r.open(func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, "hello, world")
			w.Header().Set(http.TrailerPrefix+"Grpc-Status", "0")
		})
		w.headers(1, true, get("/"))
		w.expectStatus(1, r.row.Status)
		if body, trailers := w.expectRest(1); body != "hello, world" || trailers.value("grpc-status") != "0" {
			r.Errorf("content %q, trailers %v; want hello, world, and grpc-status", body, trailers)
		}
	},
	// Kestrel refuses the trailer when the application sets it. Lanner may leave it out or send it as it is: obs-text is allowed in
	// field values (RFC 9110 §5.5). The response ends well.
	"ResponseTrailers_WithNonAscii_Throws": func(r *run) {
		w := r.open(func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, "hello, world")
			w.Header().Set(http.TrailerPrefix+"Custom", "ñ")
		})
		w.headers(1, true, get("/"))
		w.expectStatus(1, r.row.Status)
		if body, trailers := w.expectRest(1); body != "hello, world" || trailers != nil && trailers.value("custom") != "ñ" {
			r.Errorf("content %q, trailers %v", body, trailers)
		}
	},
	// Kestrel 2.2 had no room for trailers that do not fit a frame, and gave the stream up. They may also be continued.
	"ResponseTrailers_TooLong_Throws": func(r *run) {
		long := strings.Repeat("a", 2*defaultFrameSize)
		w := r.open(func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, "hello, world")
			http.NewResponseController(w).Flush()
			w.Header().Set(http.TrailerPrefix+"Long", long)
		})
		w.headers(1, true, get("/"))
		w.expectStatus(1, 200)
		w.expectBytes(1, len("hello, world"))
		switch e := w.onStream("the end of the response", 1); {
		case e.kind == http2.FrameRSTStream && e.code == r.codes()[0]:
		case e.kind == http2.FrameHeaders && e.endStream() && e.fields.value("long") == long && e.continued > 0:
		default:
			r.Errorf("got %v, want RST_STREAM with %v, or trailers that are continued", e, r.codes())
		}
		w.probe()
	},
	"ApplicationException_BeforeFirstWrite_Sends500": func(r *run) {
		w := r.open(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Set", "before")
			panic("thrown by the application")
		})
		w.headers(1, true, get("/"))
		if header, body := w.expectResponse(1, r.row.Status); header.value("x-set") != "" || body != "" {
			r.Errorf("the answer to a failed request has %v and %q, want nothing of the application", header, body)
		}
	},
	"ApplicationException_AfterFirstWrite_Resets": func(r *run) {
		w := r.open(func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, "hello,")
			http.NewResponseController(w).Flush()
			panic("thrown by the application")
		})
		w.headers(1, true, get("/"))
		w.expectStatus(1, r.row.Status)
		w.expectBytes(1, len("hello,"))
	},
}
