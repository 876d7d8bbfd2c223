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
	wrote    bool // the status is written
	hijacked bool
	sniffed  sniffed
	closed   atomic.Bool // the handler has returned
	rare     *rare       // nil for most
}

// rare is what few responses need.
type rare struct {
	trailers []string  // names announced in the Trailer field
	next     []byte    // being written, see sniff
	gone     chan bool // of CloseNotify
}

func (w *responseWriter) needRare() *rare {
	if w.rare == nil {
		w.rare = new(rare)
	}
	return w.rare
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
	case w.closed.Load() || w.hijacked || w.wrote:
		return // superfluous, as in net/http
	case code < 100 || code > 999:
		panic("invalid WriteHeader code " + strconv.Itoa(code)) // the words of net/http
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
	switch {
	case len(keys) > 2:
		slices.Sort(keys)
	case len(keys) == 2 && keys[1] < keys[0]:
		keys[0], keys[1] = keys[1], keys[0]
	}
	for _, key := range keys {
		values := w.header[key]
		switch {
		case key == "Date" && values == nil:
			h.Add("Date", "") // net/http's way to say: no Date
			continue
		case key == "Transfer-Encoding" && len(values) == 1 && framingWord(values[0]):
			continue // framing is the server's
		case key == "Content-Length" && !validLength(values):
			continue
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

// framingWord reports whether a Transfer-Encoding that a handler set names no coding of its own. "identity", which was
// net/http's way to ask for a response without chunks, must not be sent any more (RFC 9112 §7).
func framingWord(coding string) bool {
	return coding == "chunked" || coding == "identity" || coding == ""
}

// validLength reports whether a Content-Length can be sent. net/http leaves out one that is no number, too.
func validLength(values []string) bool {
	if len(values) == 0 {
		return false
	}
	n, err := strconv.ParseInt(values[0], 10, 64)
	return err == nil && n >= 0
}

func (w *responseWriter) announce(values []string) {
	rare := w.needRare()
	for _, value := range values {
		for name := range strings.SplitSeq(value, ",") {
			rare.trailers = append(rare.trailers, http.CanonicalHeaderKey(strings.TrimSpace(name)))
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
		w.commit(http.StatusOK)
	}
	if len(p) > 0 && w.sniffed != sniffedAll && !w.res.Started() {
		w.sniff(p)
	}
	if len(p) > 0 && !httpcommon.BodyAllowed(w.res.Status()) {
		return http.ErrBodyNotAllowed
	}
	return nil
}

// Write appends to the body.
func (w *responseWriter) Write(p []byte) (int, error) {
	if err := w.begin(p); err != nil {
		return 0, err
	}
	n, err := w.res.Write(p)
	if w.rare != nil {
		w.rare.next = nil
	}
	return n, asContentLength(err)
}

// asContentLength is the error by which handlers know that they wrote more than they announced.
func asContentLength(err error) error {
	if err == httpcommon.ErrContentLength {
		return http.ErrContentLength
	}
	return err
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
	n, err := direct.SendFrom(r)
	return n, asContentLength(err)
}

// Flush sends what was written; FlushError says how that went.
func (w *responseWriter) Flush() { _ = w.FlushError() }

// FlushError implements what http.ResponseController looks for.
func (w *responseWriter) FlushError() error {
	if err := w.begin(nil); err != nil {
		return err
	}
	if w.res.Status() == http.StatusSwitchingProtocols {
		return nil // Hijack sends it
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
	if w.rare != nil {
		for _, name := range w.rare.trailers {
			w.addTrailer(name, w.header[name])
		}
	}
	for key, values := range w.header {
		if name, found := strings.CutPrefix(key, http.TrailerPrefix); found && httpcommon.IsToken(name) {
			w.addTrailer(name, values)
		}
	}
}

func (w *responseWriter) addTrailer(name string, values []string) {
	out, ok := Get[ResponseTrailersFeature](w.features)
	if !ok {
		return
	}
	for _, value := range values {
		out.ResponseTrailers().Add(name, fieldValue(value))
	}
}
