package metrics

import (
	"strconv"
	"sync/atomic"
	"time"
)

// RequestAttrs describe a request that has ended. Empty fields are left out. Method may be whatever a client has sent; the
// other fields are up to the server and the application, so that a client cannot make any number of series, or long ones.
type RequestAttrs struct {
	Method string // http.request.method: any; _OTHER is recorded for unknown ones. Methods are case-sensitive (RFC 9110 section 9.1)
	Scheme string // url.scheme: "http" or "https"
	Status int    // http.response.status_code; 0 when no response was sent
	// Version is network.protocol.version: "1.0", "1.1", "2" or "3".
	Version string
	// Route is http.route: the pattern that the request matched, never its path, of which clients can make any number.
	Route string
	// ErrorType is error.type: why the request failed. For a status of 500 or more, "" means the status.
	ErrorType string
}

// requests are the instruments of requests and the series that were bound so far.
type requests struct {
	duration, requestSize, responseSize Histogram
	active                              UpDownCounter

	methods []string // [0] is other
	// Nearly all requests have one of few schemes, versions and statuses, and no route or error. Their series are found
	// by counting: by method, scheme and version here, and in the page by status.
	pages []atomic.Pointer[page]
	other *cache[requestKey, *requestSeries]
	// running has the active requests by method and scheme, otherRunning those of other schemes.
	running      []atomic.Pointer[Adder]
	otherRunning *cache[runningKey, Adder]
}

const other = "_OTHER"

var (
	schemes  = [...]string{"http", "https"}
	versions = [...]string{"1.1", "2", "3", "1.0", ""}
)

// page has the series by status: [0] without one, [1] for 100, and so on to 599.
type page [501]atomic.Pointer[requestSeries]

// requestSeries are the series of one combination of attributes.
type requestSeries struct{ duration, requestSize, responseSize Recorder }

type (
	requestKey struct {
		method, status                    int
		scheme, version, route, errorType string
	}
	runningKey struct {
		method int
		scheme string
	}
)

func newRequests(m Meter, methods []string) *requests {
	r := &requests{
		duration: m.Histogram("http.server.request.duration", "s", "Duration of HTTP server requests.", shortSeconds),
		active:   m.UpDownCounter("http.server.active_requests", "{request}", "Number of active HTTP server requests."),
		requestSize: m.Histogram("http.server.request.body.size", "By",
			"Size of HTTP server request bodies.", bodyBytes),
		responseSize: m.Histogram("http.server.response.body.size", "By",
			"Size of HTTP server response bodies.", bodyBytes),
		methods: append([]string{other}, methods...),
	}
	r.pages = make([]atomic.Pointer[page], len(r.methods)*len(schemes)*len(versions))
	r.running = make([]atomic.Pointer[Adder], len(r.methods)*len(schemes))
	r.other = newCache(r.bind, func() *requestSeries { return r.bindAttrs(overflowAttr) })
	r.otherRunning = newCache(r.bindActive, func() Adder { return r.active.Bind(overflowAttr) })
	return r
}

// RequestStarted counts a request as active, until RequestEnded.
func (s *Server) RequestStarted(method, scheme string) {
	if s != nil {
		s.requests.activeOf(s.requests.method(method), scheme).Add(1)
	}
}

// RequestEnded takes back RequestStarted, which had the same method and scheme, and records how long the request took and
// the sizes of the bodies in bytes, as they were sent. A negative size is unknown, and not recorded.
func (s *Server) RequestEnded(a RequestAttrs, d time.Duration, requestBytes, responseBytes int64) {
	if s == nil {
		return
	}
	r := s.requests
	method := r.method(a.Method)
	r.activeOf(method, a.Scheme).Add(-1)
	series := r.series(method, &a)
	series.duration.Record(seconds(d))
	if requestBytes >= 0 {
		series.requestSize.Record(float64(requestBytes))
	}
	if responseBytes >= 0 {
		series.responseSize.Record(float64(responseBytes))
	}
}

// method returns the number of a method; 0 is for unknown ones.
func (r *requests) method(method string) int {
	for i := 1; i < len(r.methods); i++ {
		if r.methods[i] == method {
			return i
		}
	}
	return 0
}

// schemeNumber and versionNumber return -1 for what is not in their lists.
func schemeNumber(scheme string) int {
	for i := range schemes {
		if schemes[i] == scheme {
			return i
		}
	}
	return -1
}

func versionNumber(version string) int {
	for i := range versions {
		if versions[i] == version {
			return i
		}
	}
	return -1
}

// statusNumber returns the place of a status in a page, or -1.
func statusNumber(status int) int {
	switch {
	case status == 0:
		return 0
	case status >= 100 && status <= 599:
		return status - 99
	}
	return -1
}

// activeOf returns the series of active requests of this method and scheme.
func (r *requests) activeOf(method int, scheme string) Adder {
	number := schemeNumber(scheme)
	if number < 0 {
		return r.otherRunning.get(runningKey{method, scheme})
	}
	slot := &r.running[method*len(schemes)+number]
	if bound := slot.Load(); bound != nil {
		return *bound
	}
	bound := r.bindActive(runningKey{method, scheme})
	slot.Store(&bound) // whoever is second stores the same series
	return bound
}

func (r *requests) bindActive(k runningKey) Adder {
	return r.active.Bind(String("http.request.method", r.methods[k.method]), optional("url.scheme", k.scheme))
}

// series returns the series for a request.
func (r *requests) series(method int, a *RequestAttrs) *requestSeries {
	scheme, version, status := schemeNumber(a.Scheme), versionNumber(a.Version), statusNumber(a.Status)
	if a.Route != "" || a.ErrorType != "" || scheme < 0 || version < 0 || status < 0 {
		return r.other.get(requestKey{method, a.Status, a.Scheme, a.Version, a.Route, a.ErrorType})
	}
	slot := &r.pages[(method*len(schemes)+scheme)*len(versions)+version]
	p := slot.Load()
	if p == nil {
		slot.CompareAndSwap(nil, new(page))
		p = slot.Load()
	}
	if bound := p[status].Load(); bound != nil {
		return bound
	}
	bound := r.bind(requestKey{method: method, status: a.Status, scheme: a.Scheme, version: a.Version})
	p[status].Store(bound) // whoever is second stores the same series
	return bound
}

func (r *requests) bind(k requestKey) *requestSeries {
	attrs := []Attr{
		String("http.request.method", r.methods[k.method]), optional("url.scheme", k.scheme), optional("network.protocol.version", k.version),
		optional("http.route", k.route), optional("error.type", k.errorType),
	}
	if k.status != 0 {
		attrs = append(attrs, Int("http.response.status_code", int64(k.status)))
	}
	if k.status >= 500 && k.errorType == "" {
		attrs = append(attrs, String("error.type", strconv.Itoa(k.status)))
	}
	return r.bindAttrs(attrs...)
}

func (r *requests) bindAttrs(attrs ...Attr) *requestSeries {
	return &requestSeries{r.duration.Bind(attrs...), r.requestSize.Bind(attrs...), r.responseSize.Bind(attrs...)}
}
