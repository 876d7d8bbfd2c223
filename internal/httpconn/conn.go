package httpconn

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lannerhq/lanner/internal/http1"
	"github.com/lannerhq/lanner/internal/httpcommon"
	"github.com/lannerhq/lanner/internal/transport"
	"github.com/lannerhq/lanner/server"
)

// State is what a connection is doing, as somebody outside must know it to take over after a crash.
type State uint8

const (
	// Idle: between requests, nothing read.
	Idle State = iota
	// Reading: bytes of a request have been read.
	Reading
	// Running: a request runs, and nothing of its response has been sent.
	Running
	// Responding: bytes of the response have been sent.
	Responding
	// Upgraded: the application has taken the connection over.
	Upgraded
)

// conn is one connection: the engine's Handler and Stream, and the native features of each of its requests. On the event
// loop it has an engine, and all else that is in work, only while it is at work.
type conn struct {
	*work // what serves it now; on the loop, Manager.resting while it waits for a request. Changed with mu held
	*origin
	m         *Manager
	endpoint  *Endpoint
	engine    *engine // what it is served by, to its end
	transport transport.Link
	inline    transport.Inline // the same, when it is on the loop; else nil
	kind      *class           // of the last request on the loop
	id        uint64
	requests  uint32
	h2        *mux          // what serves it, when it speaks HTTP/2; nil when not. Changed once, with mu held
	many      multiplexed   // its engine, when it speaks HTTP/2 or 3; the same
	ranInline atomic.Uint32 // handlers of its streams on the loop
	ran       uint32        // handlers of that kind on the loop, not yet counted
	state     State
	released  bool
	uncounted bool // it left the count of connections for that of upgraded ones; guarded by the manager's mu
	muxed     bool // it is HTTP/2 from its first byte
	weak      bool // by a TLS that HTTP/2 forbids
	preloaded bool // bytes that somebody else read wait to be processed; only on the loop
	finished  bool // run came to its end: no handler ended the goroutine

	// mu guards what the manager and other goroutines of the application reach.
	mu         sync.Mutex
	remoteText string // made when first asked for
	cause      error  // of the abort; it is the last thing that happens to a connection
	guests     int    // goroutines that use work and are not the connection's
	owned      bool   // the network connection is this conn's: neither hijacked nor released
	running    bool   // a request runs
	watched    bool
}

// origin is what is special about a connection.
type origin struct {
	tag     any
	onState func(transport.Link, State)
	parent  *server.Features
	chain   *chain // the middleware that it came through; nil for none
	life    *life  // what is observed of it; nil for nothing

	remote, local net.Addr // instead of the transport's; nil for those
}

// work is what a connection needs while it has a request. It is used by one connection after another.
type work struct {
	http     *http1.Conn
	features server.Features
	trace    string
	route    string
	left     time.Time // when the handler left the loop; zero when it did not
	rates    bool      // changed for this request

	idText  string        // made when first asked for; guarded by the conn's mu
	onAbort []func(error) // guarded by the conn's mu
}

func (m *Manager) newConn(link transport.Link, ep *Endpoint, opts Options) *conn {
	ep = opts.endpoint(ep)
	c := &conn{m: m, endpoint: ep, engine: m.engine(ep), transport: link, origin: &m.plain, state: Idle, owned: true}
	if c.id = opts.id; c.id == 0 {
		c.id = m.lastID.Add(1)
	}
	c.transport.SetRates(&c.engine.rates)
	if opts.Shared {
		c.transport.Share()
	}
	if opts.Tag != nil || opts.OnState != nil || opts.Features != nil || opts.Remote != nil || opts.Local != nil {
		c.origin = &origin{tag: opts.Tag, onState: opts.OnState, parent: m.cfg.Features, remote: opts.Remote, local: opts.Local}
		if opts.Features != nil {
			c.parent = opts.Features
		}
	}
	c.work = m.resting
	c.muxed, c.weak = c.beginsMux(&opts), opts.Inadequate
	c.observe()
	return c
}

// begin gives the connection what it works with.
func (c *conn) begin() {
	w, _ := works.Get().(*work)
	if w == nil {
		w = &work{http: new(http1.Conn)}
	}
	w.http.Init(&c.engine.http, (*stream)(c), (*handler)(c))
	if c.life != nil && c.life.observed {
		w.http.Observe((*observer)(c))
	}
	c.mu.Lock()
	c.work = w
	c.mu.Unlock()
	if c.draining() && !c.returns() { // Drain looks for what is at work
		w.http.Drain()
	}
}

// pause takes it away again, from a connection that waits for a request, or has ended well.
func (c *conn) pause() {
	w := c.work
	c.mu.Lock()
	c.work = c.m.resting
	w.idText = ""
	guests := c.guests
	c.mu.Unlock()
	if guests == 0 { // else it is left to them
		w.http.Park()
		works.Put(w)
	}
}

// visit returns the engine to a goroutine that is not the connection's: until it calls leave, the engine does not become
// another connection's.
func (c *conn) visit() *http1.Conn {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.guests++
	return c.http
}

func (c *conn) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.guests--
}

var works sync.Pool

// newResting returns the work of connections that wait. What a goroutine of the application that outlived its request does
// with it fails.
func newResting() *work {
	w := &work{http: http1.NewConn(&http1.Config{Limits: http1.Limits{}.Effective(), Scheme: "http"}, nil, nil)}
	w.http.Lose(httpcommon.ErrRequestAborted)
	return w
}

// run serves the connection to its end.
func (c *conn) run(prefix []byte) {
	if c.muxed {
		c.newMux(prefix).run()
		return
	}
	if c.serveHTTP1(prefix) == http1.Preface {
		c.switchToMux().run()
	}
}

// serveHTTP1 serves the connection to its end, unless it turns out to be HTTP/2.
func (c *conn) serveHTTP1(prefix []byte) (next http1.Next) {
	defer func() {
		if next != http1.Preface {
			c.ended(recover())
		}
	}()
	c.begin()
	c.http.Start()
	if len(prefix) > 0 {
		c.http.Preload(prefix)
		next = c.http.Process()
	}
	for next == http1.More {
		next = c.turn()
	}
	if next == http1.Preface {
		if next = c.prefaced(); next == http1.Preface {
			return next
		}
	}
	c.finish(next)
	c.finished = true
	return next
}

// turn waits for input and processes it.
func (c *conn) turn() http1.Next {
	var n int
	var err error
	if c.http.Idle() {
		c.http.Trim()
		c.setState(Idle)
		n, err = c.portable().Wait(c.http.Input(), c.draining)
	} else {
		c.setState(Reading)
		n, err = c.transport.Read(c.http.Input())
	}
	switch {
	case err == nil:
		c.http.Received(n)
		return c.http.Process()
	case errors.Is(err, transport.ErrInterrupted):
		return c.interrupted()
	}
	return c.readFailed(err)
}

func (c *conn) portable() *transport.Conn { return c.transport.(*transport.Conn) }

// returns reports whether the connection is released between two requests when the manager drains. One with middleware or TLS cannot be:
// what was negotiated is in this process alone.
func (c *conn) returns() bool { return c.m.cfg.ReturnIdle && !c.endpoint.chains() }

// interrupted says what becomes of a connection that waits for a request while the manager, or its endpoint, drains.
func (c *conn) interrupted() http1.Next {
	if c.returns() {
		return http1.Foreign
	}
	return http1.Close
}

func (c *conn) finish(next http1.Next) {
	switch next {
	case http1.Close:
		c.transport.Close()
	case http1.Linger:
		c.transport.CloseLingering()
	case http1.Foreign:
		c.release()
	case http1.Taken: // the application owns it
	default:
		c.transport.Abort()
	}
}

// release hands the connection to the manager's owner.
func (c *conn) release() {
	c.released = true
	c.disown()
	nc, first := c.transport.Detach()
	unread := slices.Concat(c.http.Unread(), first) // the watch reads after the engine
	c.m.cfg.Released(nc, unread, c.tag)
}

// disown says that the network connection belongs to somebody else from now on. It reports whether it was this conn's.
func (c *conn) disown() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	was := c.owned
	c.owned = false
	return was
}

// cut makes whatever the connection's goroutine does with the network fail.
func (c *conn) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.owned {
		c.transport.Sever()
	}
}

// ended runs last on the connection's goroutine, also when a handler ended it with runtime.Goexit, or a mistake of ours in a
// panic: that costs one connection, not the process.
func (c *conn) ended(v any) {
	if v != nil {
		c.log(slog.LevelError, eventConnectionFailed, slog.Any("error", v), slog.String("stack", string(debug.Stack())))
	}
	c.lifeEnds()
	switch {
	case c.work == c.m.resting:
	case c.finished && c.http.Concluded():
		c.pause()
	default:
		if !c.finished {
			c.http.Abandon()
		}
		c.http.Release()
	}
	if !c.finished && c.disown() {
		c.transport.Abort()
	}
	c.m.remove(c)
	c.chain.left()
}

// mark follows the transport's wait for a request: the state must say Reading before the first byte is taken, not after.
func (c *conn) mark(reading bool) {
	if c.h2 != nil { // it has no state any more that would let somebody else go on
		return
	}
	if reading {
		c.setState(Reading)
	} else {
		c.setState(Idle)
	}
}

func (c *conn) setState(s State) {
	if c.state != s {
		c.state = s
		if c.onState != nil {
			c.onState(c.transport, s)
		}
	}
}

// handler is conn as the engine's owner.
type handler conn

// Claim implements http1.Handler.
func (h *handler) Claim(q *http1.Request) bool {
	if h.endpoint.chains() { // nobody else could serve it
		return true
	}
	if h.m.cfg.ReturnIdle && h.m.draining.Load() {
		return false
	}
	return h.m.cfg.Claim == nil || h.m.cfg.Claim(q, h.tag)
}

// Serve implements http1.Handler: it runs the application and turns a panic into an error.
func (h *handler) Serve() (err error) {
	c := (*conn)(h)
	c.requests++
	counts := c.counts()
	counts.requests.Add(1)
	counts.running.Add(1)
	c.setState(Running)
	c.trace, c.route = "", ""
	c.mu.Lock()
	c.running = true
	c.mu.Unlock()
	c.features.Init(c.http.Request(), c.http.Response(), c, c.parent)
	if as := c.chain.replaced(); as != nil {
		server.Set(&c.features, as)
	}
	if c.life != nil {
		c.serving()
	}
	if c.inline != nil {
		c.enter()
	}
	defer c.endRequest(&err)
	return c.m.cfg.App.Process(&c.features)
}

// errPanicked stands for a panic that has been logged.
var errPanicked = errors.New("the application panicked")

func (c *conn) endRequest(err *error) {
	v := recover()
	c.counts().running.Add(-1)
	if c.inline != nil {
		c.exit()
	}
	if v != nil {
		*err = errPanicked
		if v == http.ErrAbortHandler {
			c.logSafely(slog.LevelDebug, eventApplicationAborted, slog.Any("cause", http.ErrAbortHandler))
			c.http.Lose(httpcommon.ErrRequestAborted)
		} else if cause, ok := v.(error); ok && isBadRequest(cause) {
			*err = cause
		} else {
			c.log(slog.LevelError, eventApplicationError, slog.Any("error", v), slog.String("stack", string(debug.Stack())))
		}
	} else if *err != nil && !isBadRequest(*err) {
		c.logFailure(*err)
	}
	c.mu.Lock()
	clear(c.onAbort)
	c.onAbort, c.watched, c.running = c.onAbort[:0], false, false
	owned := c.owned
	c.mu.Unlock()
	if !owned {
		return // its deadlines are the new owner's
	}
	c.transport.ClearDeadlines()
	if c.rates {
		c.rates = false
		c.transport.SetRates(&c.engine.rates)
	}
}

// logFailure logs the application's error. After the client has left it is the echo of that, which is no news.
func (c *conn) logFailure(err error) {
	c.mu.Lock()
	aborted := c.cause != nil
	c.mu.Unlock()
	if aborted || c.http.Lost() != nil {
		c.log(slog.LevelDebug, eventResponseFailed, slog.Any("error", err))
		return
	}
	c.log(slog.LevelError, eventApplicationError, slog.Any("error", err))
}

func isBadRequest(err error) bool {
	_, ok := httpcommon.AsBadRequest(err)
	return ok
}

// Rejected implements http1.Handler.
func (h *handler) Rejected(bad *httpcommon.BadRequestError, r http1.Report) *http1.Answer {
	h.Drained(bad)
	return (*conn)(h).answer(bad, &r, (*conn)(h).log)
}

// Drained implements http1.Handler.
func (h *handler) Drained(bad *httpcommon.BadRequestError) {
	(*conn)(h).faulted(errorType(bad.Reason))
	(*conn)(h).log(slog.LevelDebug, eventBadRequest, slog.Int("status", bad.Status), slog.String("reason", bad.Reason), slog.String("detail", bad.Detail))
}

// Failed implements http1.Handler.
func (h *handler) Failed(err error) {
	if p := (*httpcommon.PanicError)(nil); errors.As(err, &p) {
		(*conn)(h).log(slog.LevelError, eventApplicationError, slog.Any("error", p.Value), slog.String("stack", string(p.Stack)))
		return
	}
	if httpcommon.LengthMismatch(err) {
		(*conn)(h).faulted(reasonLength)
	}
	(*conn)(h).log(slog.LevelDebug, eventResponseFailed, slog.Any("error", err))
}

func (c *conn) log(level slog.Level, e event, attrs ...slog.Attr) {
	if !c.m.cfg.Logger.Enabled(context.Background(), level) {
		return
	}
	attrs = append(attrs, e.id, slog.String("connection", c.ConnectionID()), slog.String("request", c.TraceIdentifier()),
		slog.String("remote", c.RemoteAddrText()))
	c.m.cfg.Logger.LogAttrs(context.Background(), level, e.msg, attrs...)
}

// stream is conn as the engine's Stream: the transport, and the state that others see.
type stream conn

func (s *stream) Read(p []byte) (int, error) { return s.transport.Read(p) }

// Writev implements http1.Stream. The first bytes written while a request runs are its response's: from then on nobody
// else can answer it.
func (s *stream) Writev(a, b []byte) error {
	if s.state == Running {
		(*conn)(s).setState(Responding)
	}
	return s.transport.Writev(a, b)
}

func (s *stream) SendFrom(r io.Reader, n int64) (int64, bool, error) {
	return s.transport.SendFrom(r, n)
}
func (s *stream) SetTimeout(reason uint8, d Duration) { s.transport.SetTimeout(reason, d) }
func (s *stream) Expired() uint8                      { return s.transport.Expired() }
func (s *stream) BodyRead(on bool)                    { s.transport.BodyRead(on) }
func (s *stream) Watch(fn func(error))                { s.transport.Watch(fn) }
func (s *stream) Unwatch()                            { s.transport.Unwatch() }

// fire tells everybody who asked that the request is aborted.
func (c *conn) fire(cause error) {
	c.mu.Lock()
	if c.cause == nil {
		c.cause = cause
	}
	cause = c.cause
	var fns []func(error)
	if len(c.onAbort) > 0 { // Manager.resting, which many connections have at once, is not written to
		fns = append(fns, c.onAbort...)
		clear(c.onAbort)
		c.onAbort = c.onAbort[:0]
	}
	c.mu.Unlock()
	for _, fn := range fns {
		fn(cause)
	}
}

// connectionID renders an id as Kestrel does: 13 digits of base 32, so that ids sort by age.
func connectionID(id uint64) string {
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUV"
	var b [13]byte
	for i := range b {
		b[i] = digits[id>>(60-5*i)&31]
	}
	return string(b[:])
}

func requestID(connection string, n uint32) string {
	const zeros = "00000000"
	hex := strconv.FormatUint(uint64(n), 16)
	return connection + ":" + zeros[min(len(hex), 8):] + hex
}
