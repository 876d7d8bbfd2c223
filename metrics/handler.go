package metrics

import (
	"mime"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// keptBuffer is the largest buffer that is kept for the next scrape, in bytes.
const keptBuffer = 1 << 20

var buffers = sync.Pool{New: func() any { return new([]byte) }}

// Handler shows the registry to Prometheus: in its text format 0.0.4, or in OpenMetrics 1.0 when the request's Accept
// field prefers that. Series are in a stable order.
//
// It shows everything to everybody. Serve it at an address that only the monitoring system reaches.
func (r *Registry) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.Method != http.MethodGet && req.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "405 method not allowed: metrics are read with GET", http.StatusMethodNotAllowed)
			return
		}
		format := negotiate(req.Header.Values("Accept"))
		buf := buffers.Get().(*[]byte)
		*buf = r.appendText((*buf)[:0], format)
		h := w.Header()
		h.Set("Content-Type", format.contentType())
		h.Set("Content-Length", strconv.Itoa(len(*buf)))
		h.Set("Vary", "Accept")
		h.Set("X-Content-Type-Options", "nosniff") // labels may hold what clients have sent
		if req.Method == http.MethodGet {
			_, _ = w.Write(*buf) // a scraper that has gone needs no answer
		}
		if cap(*buf) <= keptBuffer {
			buffers.Put(buf)
		}
	})
}

// appendText appends all that the registry has.
func (r *Registry) appendText(buf []byte, f format) []byte {
	w := textWriter{buf, f}
	for _, family := range r.all() {
		w.family(family)
	}
	if r.opts.Process {
		w.process()
	}
	w.end()
	return w.buf
}

// negotiate returns the format that the Accept fields prefer: OpenMetrics where it is named and nothing that the other
// format is comes before it. Wildcards are no reason to send it, since they come from browsers.
func negotiate(accept []string) format {
	var open, text float64
	for _, field := range accept {
		for entry := range strings.SplitSeq(field, ",") {
			mediaType, params, err := mime.ParseMediaType(entry)
			if err != nil {
				continue
			}
			q := quality(params["q"])
			version := params["version"]
			switch {
			case mediaType == "application/openmetrics-text" && (version == "1.0.0" || version == ""):
				open = max(open, q)
			case mediaType == "text/plain" && (version == "0.0.4" || version == ""):
				text = max(text, q)
			}
		}
	}
	if open > 0 && open >= text {
		return openMetrics
	}
	return prometheusText
}

// quality returns the value of a q parameter (RFC 9110 section 12.4.2): 1 when it is missing, 0 when it is none.
func quality(q string) float64 {
	if q == "" {
		return 1
	}
	v, err := strconv.ParseFloat(q, 64)
	if err != nil || !(v >= 0 && v <= 1) {
		return 0
	}
	return v
}
