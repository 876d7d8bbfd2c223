package h2

import (
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/lannerhq/lanner/server"
	"golang.org/x/net/http2"
)

// interim sends an interim response.
func interim(w http.ResponseWriter, req *http.Request, status int, name, value string) {
	if f, ok := server.From[server.InterimResponseFeature](req.Context()); ok {
		var h server.Headers
		h.Add(name, value)
		if err := f.SendInterim(status, &h); err != nil {
			panic(err)
		}
		return
	}
	w.Header().Set(name, value)
	w.WriteHeader(status)
	w.Header().Del(name)
}

// noContent is a case of a response that has a header section alone, whatever the handler does.
func noContent(method string, status int, handler http.HandlerFunc) func(*run) {
	return func(r *run) {
		w := r.open(handler)
		w.headers(1, true, request(method, "/"))
		header, body := w.expectResponse(1, status)
		if body != "" {
			r.Errorf("the content is %q, want none", body)
		}
		if n := header.value("content-length"); method != "HEAD" && n != "" && n != "0" {
			r.Errorf("Content-Length is %s on a response without content", n)
		}
		w.probe()
	}
}

// Requests and responses.
var rfcMessageCases = []rfcCase{
	{"Empty DATA frames are no end of the content", "RFC 9113 §6.1", func(r *run) {
		w := r.open(echo)
		w.headers(1, false, post("/"))
		w.data(1, "", false)
		w.data(1, "hello", false)
		w.data(1, "", false)
		w.data(1, ", world", false)
		w.data(1, "", true)
		w.expectBody(1, "hello, world")
	}},
	{"A handler that reads the content to its end and writes nothing answers 200", "RFC 9110 §15.3.1", func(r *run) {
		w := r.open(func(_ http.ResponseWriter, req *http.Request) { io.Copy(io.Discard, req.Body) })
		w.headers(1, false, post("/"))
		w.data(1, "hello", true)
		w.expectResponse(1, 200)
	}},
	{"END_STREAM on HEADERS means no content", "RFC 9113 §8.1", func(r *run) {
		w := r.open(describe)
		w.headers(1, true, post("/"))
		if d := w.expectDescribed(1); d.Length != 0 || d.Body != "" {
			r.Errorf("the application sees %+v, want no content", d)
		}
	}},
	{"Without content-length the length is unknown", "RFC 9113 §8.1.1", func(r *run) {
		w := r.open(describe)
		w.headers(1, false, post("/"))
		w.data(1, "hello", true)
		if d := w.expectDescribed(1); d.Length != -1 || d.Body != "hello" {
			r.Errorf("the application sees %+v, want an unknown length", d)
		}
	}},
	{"The application knows which protocol it is", "RFC 9113 §8.1", func(r *run) {
		w := r.open(describe)
		w.headers(1, true, get("/"))
		if d := w.expectDescribed(1); !strings.HasPrefix(d.Proto, "HTTP/2") {
			r.Errorf("the application sees %q, want HTTP/2", d.Proto)
		}
	}},
	{"Trailers reach the application", "RFC 9113 §8.1", func(r *run) {
		w := r.open(describe)
		w.headers(1, false, post("/", "trailer", "x-checksum"))
		w.data(1, "hello", false)
		w.headers(1, true, pairs("x-checksum", "42"))
		if d := w.expectDescribed(1); d.Body != "hello" || d.Trailer.Get("X-Checksum") != "42" {
			r.Errorf("the application sees %+v, want the trailer", d)
		}
	}},
	{"Trailers without content are accepted", "RFC 9113 §8.1", func(r *run) {
		w := r.open(describe)
		w.headers(1, false, post("/"))
		w.headers(1, true, pairs("x-checksum", "42"))
		if d := w.expectDescribed(1); d.Body != "" || d.Header.Get("X-Checksum") != "" {
			r.Errorf("the application sees %+v, want no content and no trailer among the fields", d)
		}
	}},
	{"A second trailer section is refused", "RFC 9113 §8.1", func(r *run) {
		w := r.open(r.waitsThenReads)
		w.headers(1, false, post("/"))
		w.headers(1, true, pairs("x-a", "1"))
		w.headers(1, true, pairs("x-b", "1"))
		w.refused(1, streamClosed, protocolError)
	}},
	{"Trailers that end content which is too short are refused", "RFC 9113 §8.1.1", func(r *run) {
		w := r.open(count)
		w.headers(1, false, post("/", "content-length", "10"))
		w.data(1, "hello", false)
		w.headers(1, true, pairs("x-a", "1"))
		w.refused(1, protocolError)
	}},
	{"Interim responses come before the final one", "RFC 9113 §8.1", func(r *run) {
		w := r.open(func(w http.ResponseWriter, req *http.Request) {
			interim(w, req, http.StatusEarlyHints, "Link", "</style.css>; rel=preload")
			io.WriteString(w, "hello")
		})
		w.headers(1, true, get("/"))
		if e := w.expectStatus(1, 103); e.endStream() || e.fields.value("link") == "" {
			r.Errorf("got %v, want a Link and no end", e)
		}
		w.expectBody(1, "hello")
	}},
	{"Expect: 100-continue is answered when the application reads", "RFC 9110 §10.1.1", func(r *run) {
		w := r.open(r.waitsThenReads)
		w.headers(1, false, post("/", "expect", "100-continue"))
		r.report("the request")
		w.expectNothing(1)
		r.release()
		w.expectStatus(1, 100)
		w.data(1, "hello", true)
		w.expectBody(1, "5")
	}},
	{"Expect: 100-continue is not answered when the application does not read", "RFC 9110 §10.1.1", func(r *run) {
		w := r.open(hello)
		w.headers(1, false, post("/", "expect", "100-continue"))
		w.expectBody(1, "hello, world")
	}},
	{"A response to HEAD has no content", "RFC 9110 §9.3.2", noContent("HEAD", 200, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "12")
		io.WriteString(w, "hello, world")
	})},
	{"A response to HEAD that is flushed has no content", "RFC 9110 §9.3.2", noContent("HEAD", 200, func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "hello, world")
		http.NewResponseController(w).Flush()
		io.WriteString(w, "hello, world")
	})},
	{"A response with status 204 has no content", "RFC 9110 §15.3.5", noContent("GET", 204, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNoContent)
		io.WriteString(w, "hello, world") // fails
	})},
	{"A response with status 304 has no content", "RFC 9110 §15.4.5", noContent("GET", 304, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Etag", `"1"`)
		w.WriteHeader(http.StatusNotModified)
	})},
	{"A response that is held back has a Content-Length", "RFC 9110 §8.6", func(r *run) {
		w := r.open(hello)
		w.headers(1, true, get("/"))
		if n := w.expectBody(1, "hello, world").value("content-length"); n != "12" {
			r.Errorf("Content-Length is %q, want 12", n)
		}
	}},
	{"A response has a Date", "RFC 9110 §6.6.1", func(r *run) {
		w := r.open(hello)
		w.headers(1, true, get("/"))
		date := w.expectBody(1, "hello, world").value("date")
		if _, err := time.Parse(http.TimeFormat, date); err != nil {
			r.Errorf("Date: %v", err)
		}
	}},
	{"A response's :status comes first, and names are lower case", "RFC 9113 §8.2, §8.3.2", func(r *run) {
		w := r.open(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Mixed-Case", "Value")
			w.Header()["x-LOWER"] = []string{"Value"}
			w.WriteHeader(http.StatusTeapot)
		})
		w.headers(1, true, get("/"))
		header, _ := w.expectResponse(1, 418)
		for i, f := range header {
			if strings.HasPrefix(f.Name, ":") != (i == 0) || f.Name != strings.ToLower(f.Name) {
				r.Errorf("field %d is %v", i, f)
			}
		}
		if header.value("x-mixed-case") != "Value" || header.value("x-lower") != "Value" {
			r.Errorf("the fields are %v", header)
		}
	}},
	{"Fields of the connection are taken out of responses", "RFC 9113 §8.2.2", func(r *run) {
		names := []string{"Connection", "Keep-Alive", "Proxy-Connection", "Transfer-Encoding", "Upgrade"}
		w := r.open(func(w http.ResponseWriter, _ *http.Request) {
			for _, name := range names {
				w.Header().Set(name, "close")
			}
			io.WriteString(w, "hello")
		})
		w.headers(1, true, get("/"))
		header := w.expectBody(1, "hello")
		for _, name := range names {
			if got := header.values(strings.ToLower(name)); got != nil {
				r.Errorf("%s is sent: %q", name, got)
			}
		}
	}},
	{"A header section that does not fit a frame is continued", "RFC 9113 §4.3", func(r *run) {
		long := strings.Repeat("a", 3*defaultFrameSize)
		w := r.open(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X-Long", long) })
		w.headers(1, true, get("/"))
		e := w.expectStatus(1, 200)
		if e.continued < 1 || e.fields.value("x-long") != long {
			r.Errorf("%d CONTINUATION frames came, and %d bytes", e.continued, len(e.fields.value("x-long")))
		}
	}},
	{"A response may come before the request is complete", "RFC 9113 §8.1", func(r *run) {
		w := r.open(func(w http.ResponseWriter, req *http.Request) {
			io.WriteString(w, "first")
			http.NewResponseController(w).Flush()
			io.Copy(w, req.Body)
		})
		w.headers(1, false, post("/"))
		w.expectStatus(1, 200)
		w.expectBytes(1, 5)
		w.data(1, ", second", true)
		if body, _ := w.expectRest(1); body != ", second" {
			r.Errorf("the content goes on with %q", body)
		}
	}},
	{"A request that is reset does not disturb the next", "RFC 9113 §6.4", func(r *run) {
		w := r.open(count)
		for stream := uint32(1); stream < 41; stream += 4 {
			w.headers(stream, false, post("/"))
			w.data(stream, "given up", false)
			w.reset(stream, http2.ErrCodeCancel)
			w.headers(stream+2, false, post("/"))
			w.data(stream+2, "hello", true)
			w.expectBody(stream+2, "5")
		}
	}},
}
