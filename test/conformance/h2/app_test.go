package h2

import (
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/lannerhq/lanner/server"
)

// echo sends the content back as it comes.
func echo(w http.ResponseWriter, req *http.Request) {
	http.NewResponseController(w).Flush()
	buf := make([]byte, 32<<10)
	for {
		n, err := req.Body.Read(buf)
		w.Write(buf[:n])
		http.NewResponseController(w).Flush()
		if err == io.EOF {
			return
		}
		if err != nil {
			panic(http.ErrAbortHandler)
		}
	}
}

// count reads the content and answers how long it was.
func count(w http.ResponseWriter, req *http.Request) {
	n, err := io.Copy(io.Discard, req.Body)
	if err != nil {
		fail(w, err)
		return
	}
	io.WriteString(w, strconv.FormatInt(n, 10))
}

// fail does what Kestrel does with the error that a handler lets escape: a *server.BadRequestError has its status, others have 500.
// A handler of net/http has no way to let an error escape but this.
func fail(w http.ResponseWriter, err error) {
	status := http.StatusInternalServerError
	if bad, ok := errors.AsType[*server.BadRequestError](err); ok {
		status = bad.Status
	} else if _, ok := errors.AsType[*http.MaxBytesError](err); ok { // net/http's
		status = http.StatusRequestEntityTooLarge
	}
	w.WriteHeader(status)
}

// hello answers without reading.
func hello(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello, world") }

// quiet answers 200 without content.
func quiet(http.ResponseWriter, *http.Request) {}

// described is what the application sees of a request.
type described struct {
	Method, Path, Query, Target, Host, Proto string
	Header, Trailer                          http.Header
	Length                                   int64
	Body                                     string
}

// describe answers what it sees, as JSON.
func describe(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		fail(w, err)
		return
	}
	json.NewEncoder(w).Encode(described{req.Method, req.URL.Path, req.URL.RawQuery, req.RequestURI, req.Host, req.Proto,
		req.Header, req.Trailer, req.ContentLength, string(body)})
}

// expectDescribed wants the answer of describe.
func (w *wire) expectDescribed(stream uint32) (d described) {
	w.t.Helper()
	_, body := w.expectResponse(stream, 200)
	if err := json.Unmarshal([]byte(body), &d); err != nil {
		w.t.Fatalf("stream %d: %q: %v", stream, body, err)
	}
	return d
}

// waits reports that it runs, and answers when it is released. It does not care whether the request is aborted.
func (r *run) waits(w http.ResponseWriter, _ *http.Request) {
	r.reports <- nil
	<-r.released
	io.WriteString(w, "released")
}

// waitsThenReads is waits that then reads the content and answers its length.
func (r *run) waitsThenReads(w http.ResponseWriter, req *http.Request) {
	r.reports <- nil
	<-r.released
	count(w, req)
}

// untilAborted reports that it runs, and then that the request was aborted.
func (r *run) untilAborted(_ http.ResponseWriter, req *http.Request) {
	r.reports <- nil
	select {
	case <-req.Context().Done():
		r.reports <- cmp.Or(req.Context().Err(), errors.New("aborted without an error"))
	case <-r.released:
	}
}

// readsAndReports reports that it runs, and with what error its reading ended.
func (r *run) readsAndReports(_ http.ResponseWriter, req *http.Request) {
	r.reports <- nil
	_, err := io.Copy(io.Discard, req.Body)
	r.reports <- err
	<-r.released
}

// writes writes n bytes and reports the error.
func (r *run) writes(n int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		_, err := io.WriteString(w, strings.Repeat("x", n))
		if err == nil {
			err = http.NewResponseController(w).Flush()
		}
		r.reports <- err
	}
}

// abort ends the stream as the application's wish, and returns where the server has a feature for it.
func abort(req *http.Request) {
	if life, ok := server.From[server.RequestLifetimeFeature](req.Context()); ok {
		life.Abort(errAborted)
		return
	}
	panic(http.ErrAbortHandler)
}

var errAborted = errors.New("aborted by the application")

// bodyLimit changes how large the content may be.
func bodyLimit(w http.ResponseWriter, req *http.Request, n int64) {
	if limit, ok := server.From[server.MaxRequestBodySizeFeature](req.Context()); ok {
		if err := limit.SetMaxRequestBodySize(n); err != nil {
			panic(err)
		}
		return
	}
	req.Body = http.MaxBytesReader(w, req.Body, n)
}

// byPath calls the handler of the path.
func byPath(handlers map[string]http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, req *http.Request) {
		h := handlers[req.URL.Path]
		if h == nil {
			http.NotFound(w, req)
			return
		}
		h(w, req)
	}
}

const tick = 200 * time.Millisecond

type handlers = map[string]http.HandlerFunc
