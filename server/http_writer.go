package server

import (
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/lannerhq/lanner/internal/httpcommon"
)

// responseWriter is the http.ResponseWriter of one request, never recycled. Where the connection can be taken over, the
// handler gets it as a hijackWriter.
//
// The header map belongs to the handler until the status is written; then its fields are copied into the response, and
// later changes only matter for trailers (http.TrailerPrefix, or names announced in the Trailer field).
type responseWriter struct {
	features *Features
	res      ResponseFeature
	req      *http.Request
	header   http.Header
	trailers []string // names announced in the Trailer field
	wrote    bool     // the status is written
	hijacked bool
	closed   atomic.Bool // the handler has returned
}

var errHandlerReturned = errors.New("server: the response was written to after its handler returned")

// Header returns the map of fields to be sent.
func (w *responseWriter) Header() http.Header {
	if w.header == nil {
		w.header = make(http.Header)
	}
	return w.header
}

// WriteHeader fixes status and fields; an interim status is sent at once and fixes nothing.
func (w *responseWriter) WriteHeader(code int) {
	switch {
	case code < 100 || code > 999:
		panic("server: invalid WriteHeader code " + strconv.Itoa(code))
	case w.closed.Load() || w.hijacked || w.wrote:
		return // superfluous, as in net/http
	case code == http.StatusSwitchingProtocols:
		w.commit(code)
	case code < 200:
		if interim, ok := Get[InterimResponseFeature](w.features); ok {
			var h Headers
			w.copyFields(&h)
			interim.SendInterim(code, &h) // an error shows at the next write
		}
	default:
		w.commit(code)
	}
}

// commit copies the fields into the response.
func (w *responseWriter) commit(code int) {
	w.wrote = true
	w.res.SetStatus(code)
	w.copyFields(w.res.Header())
}

// copyFields appends the fields to h, sorted by name so that equal responses are equal on the wire. As in net/http,
// line breaks in values become spaces and what cannot be sent is left out.
func (w *responseWriter) copyFields(h *Headers) {
	if len(w.header) == 0 {
		return
	}
	var space [16]string
	keys := space[:0]
	for key := range w.header {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		values := w.header[key]
		switch {
		case key == "Date" && values == nil:
			h.Add("Date", "") // net/http's way to say: no Date
			continue
		case key == "Transfer-Encoding" && len(values) == 1 && values[0] == "chunked":
			continue // framing is the server's
		case key == "Trailer":
			w.announce(values)
		case strings.HasPrefix(key, http.TrailerPrefix) || !httpcommon.IsToken(key):
			continue
		}
		for _, value := range values {
			h.Add(key, fieldValue(value))
		}
	}
}

func (w *responseWriter) announce(values []string) {
	for _, value := range values {
		for name := range strings.SplitSeq(value, ",") {
			w.trailers = append(w.trailers, http.CanonicalHeaderKey(strings.TrimSpace(name)))
		}
	}
}

// fieldValue makes v sendable.
func fieldValue(v string) string {
	v = httpcommon.TrimOWS(v)
	if httpcommon.IsFieldValue(v) {
		return v
	}
	clean := []byte(v)
	for i, c := range clean {
		if c < ' ' && c != '\t' || c == 0x7f {
			clean[i] = ' '
		}
	}
	return httpcommon.TrimOWS(string(clean))
}

// begin readies the response for body bytes and says whether it may have any.
func (w *responseWriter) begin(p []byte) error {
	switch {
	case w.hijacked:
		return http.ErrHijacked
	case w.closed.Load():
		return errHandlerReturned
	}
	if !w.wrote {
		w.sniff(p)
		w.commit(http.StatusOK)
	} else if !w.res.Started() && len(p) > 0 {
		w.sniffCommitted(p)
	}
	if len(p) > 0 && !httpcommon.BodyAllowed(w.res.Status()) {
		return http.ErrBodyNotAllowed
	}
	return nil
}

// sniff sets the Content-Type from the first bytes, unless the handler did or the content is encoded.
func (w *responseWriter) sniff(p []byte) {
	_, typed := w.header["Content-Type"]
	if typed || len(p) == 0 || w.header.Get("Content-Encoding") != "" || w.header.Get("Transfer-Encoding") != "" {
		return
	}
	w.Header().Set("Content-Type", http.DetectContentType(p))
}

// sniffCommitted does the same after an explicit WriteHeader, before the header section has left.
func (w *responseWriter) sniffCommitted(p []byte) {
	h := w.res.Header()
	_, typed := w.header["Content-Type"] // nil suppresses it
	if _, set := h.Lookup("Content-Type"); set || typed || !httpcommon.BodyAllowed(w.res.Status()) {
		return
	}
	if h.Get("Content-Encoding") == "" && h.Get("Transfer-Encoding") == "" {
		h.Add("Content-Type", http.DetectContentType(p))
	}
}

// Write appends to the body.
func (w *responseWriter) Write(p []byte) (int, error) {
	if err := w.begin(p); err != nil {
		return 0, err
	}
	return w.res.Write(p)
}

// WriteString appends to the body without copying s first.
func (w *responseWriter) WriteString(s string) (int, error) {
	return w.Write(unsafe.Slice(unsafe.StringData(s), len(s)))
}

// ReadFrom appends from r, by sendfile(2) where it can.
func (w *responseWriter) ReadFrom(r io.Reader) (int64, error) {
	if w.closed.Load() {
		return 0, errHandlerReturned
	}
	direct, ok := Get[ResponseBodyFeature](w.features)
	if !ok || !w.wrote || w.res.Header().Get("Content-Type") == "" {
		return io.Copy(struct{ io.Writer }{w}, r) // Write sniffs the type
	}
	if err := w.begin(nil); err != nil {
		return 0, err
	}
	if !httpcommon.BodyAllowed(w.res.Status()) {
		return 0, http.ErrBodyNotAllowed
	}
	return direct.SendFrom(r)
}

// Flush sends what was written; FlushError says how that went.
func (w *responseWriter) Flush() { _ = w.FlushError() }

// FlushError implements what http.ResponseController looks for.
func (w *responseWriter) FlushError() error {
	if err := w.begin(nil); err != nil {
		return err
	}
	return w.res.Flush()
}

// SetReadDeadline, SetWriteDeadline and EnableFullDuplex implement what http.ResponseController looks for. Full duplex
// is always on: the body may be read after the response began.
func (w *responseWriter) SetReadDeadline(t time.Time) error {
	body, err := w.bodyControl()
	if err != nil {
		return err
	}
	return body.SetReadDeadline(t)
}

func (w *responseWriter) SetWriteDeadline(t time.Time) error {
	body, err := w.bodyControl()
	if err != nil {
		return err
	}
	return body.SetWriteDeadline(t)
}

func (w *responseWriter) EnableFullDuplex() error { return nil }

func (w *responseWriter) bodyControl() (BodyControlFeature, error) {
	if w.closed.Load() {
		return nil, errHandlerReturned
	}
	body, ok := Get[BodyControlFeature](w.features)
	if !ok {
		return nil, http.ErrNotSupported
	}
	return body, nil
}

// complete passes on what the handler left: fields without a body, and trailers.
func (w *responseWriter) complete() {
	if w.hijacked {
		return
	}
	if !w.wrote {
		w.copyFields(w.res.Header())
	}
	out, ok := Get[ResponseTrailersFeature](w.features)
	if !ok {
		return
	}
	for _, name := range w.trailers {
		for _, value := range w.header[name] {
			out.ResponseTrailers().Add(name, fieldValue(value))
		}
	}
	for key, values := range w.header {
		name, found := strings.CutPrefix(key, http.TrailerPrefix)
		if !found || !httpcommon.IsToken(name) {
			continue
		}
		for _, value := range values {
			out.ResponseTrailers().Add(name, fieldValue(value))
		}
	}
}
