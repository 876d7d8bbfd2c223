package httpconn

import (
	"context"
	"errors"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"
	"unsafe"

	"github.com/lannerhq/lanner/internal/http1"
	"github.com/lannerhq/lanner/internal/http2"
	"github.com/lannerhq/lanner/internal/httpcommon"
	"github.com/lannerhq/lanner/internal/muxcommon"
	"github.com/lannerhq/lanner/internal/transport"
	"github.com/lannerhq/lanner/metrics"
)

// mux is a connection that speaks HTTP/2: the engine's Handler and Wire. Its reader is the goroutine that Ready is called on, or one
// that goes on in its place while a handler runs there; on the portable transport the connection's own.
type mux struct {
	*conn
	http  *http2.Conn
	once  sync.Once     // of over
	left  bool          // the client sends no more; the reader's
	woken chan struct{} // portable only: Process is wanted though nothing was received
	done  chan struct{} // portable only: closed when the connection is over
	turns turns         // portable only
}

var (
	_ http2.Handler    = (*mux)(nil)
	_ http2.Wire       = (*mux)(nil)
	_ transport.Seized = (*conn)(nil)
)

// speaksHTTP2 reports whether connections of an endpoint may turn out to be HTTP/2. Who claims requests, or wants connections back,
// is asked about each: with several requests in work, a connection cannot change its owner any more.
func (m *Manager) speaksHTTP2(ep *Endpoint) bool {
	return ep.Protocols != HTTP1 && (!m.cfg.shared() || ep.chains() || m.cfg.Multiplex != nil)
}

// shared reports whether a connection may go to another owner.
func (c *Config) shared() bool { return c.Claim != nil || c.ReturnIdle }

// prefaced says what becomes of a connection of which the engine has read the preface of HTTP/2.
func (c *conn) prefaced() http1.Next {
	if c.requests > 0 {
		return http1.Abort
	}
	if !c.m.cfg.shared() {
		return http1.Preface
	}
	if c.m.cfg.ReturnIdle && c.m.draining.Load() {
		return http1.Foreign
	}
	switch c.m.cfg.Multiplex(c.tag) {
	case ServeHTTP2:
		return http1.Preface
	case ReleaseHTTP2:
		return http1.Foreign
	}
	return c.http.RefusePreface()
}

// DrainHTTP2 makes the requests that run on HTTP/2 connections the last of theirs: their clients are told to make new
// connections. Others go on. It returns at once and is safe from any goroutine.
func (m *Manager) DrainHTTP2() {
	m.muxMu.Lock()
	all := make([]multiplexed, 0, len(m.muxes))
	for x := range m.muxes {
		all = append(all, x)
	}
	m.muxMu.Unlock()
	for _, x := range all {
		x.Drain()
	}
}

// StreamFeature is a feature of requests on an HTTP/2 connection.
type StreamFeature interface {
	// DrainConnection makes the requests that run on the connection its last, as DrainHTTP2 does for all connections.
	DrainConnection()
}

func (r *muxStream) DrainConnection() { r.x.http.Drain() }

// newMux makes c an HTTP/2 connection. first is what was read of it.
func (c *conn) newMux(first []byte) *mux {
	x := &mux{conn: c}
	c.setState(Upgraded) // nobody else could go on with it
	if c.inline == nil {
		x.woken, x.done = make(chan struct{}, 1), make(chan struct{})
	}
	x.http = http2.NewConn(&c.engine.mux, x, x, int64(time.Since(c.m.ages.start)), c.inline == nil)
	x.http.Preload(first)
	c.mu.Lock()
	c.h2 = x
	c.mu.Unlock()
	c.streams(x.http)
	return x
}

// switchToMux goes on with a connection of which the HTTP/1.1 engine has read the preface.
func (c *conn) switchToMux() *mux {
	first := c.http.Unread()
	if c.inline != nil {
		c.pause()
	} else {
		c.http.Release()
		c.mu.Lock()
		c.work = c.m.resting
		c.mu.Unlock()
	}
	return c.newMux(first)
}

// beginsMux reports whether the connection is HTTP/2 from its first byte.
func (c *conn) beginsMux(opts *Options) bool {
	return c.m.speaksHTTP2(c.endpoint) && (opts.Protocol == protocolHTTP2 || c.endpoint.Protocols == HTTP2 && opts.Protocol == "")
}

// ready is Ready.
func (x *mux) ready(why transport.Why) {
	defer x.unlessBroken()
	x.rest(x.step(why))
}

// unlessBroken costs a mistake of ours one connection, not the process.
func (x *mux) unlessBroken() {
	if v := recover(); v != nil {
		x.Broken(v)
	}
}

// Broken implements http2.Handler. Whoever waits for the engine's lock, which may never be released, waits alone.
func (x *mux) Broken(v any) {
	x.m.cfg.Logger.LogAttrs(context.Background(), slog.LevelError, eventConnectionFailed.msg, eventConnectionFailed.id, slog.String("connection", x.ConnectionID()),
		slog.String("remote", x.RemoteAddrText()), slog.Any("error", v), slog.String("stack", string(debug.Stack())))
	if x.disown() {
		x.transport.Abort()
	}
	x.over()
}

func (x *mux) step(why transport.Why) http2.Next {
	if expired := x.inline.Expired(); expired != 0 {
		return x.http.Expired(expired)
	}
	if why == transport.Writable {
		x.http.Writable()
	}
	n, err := x.inline.TryRead(x.http.Input())
	if err != nil {
		return x.readEnded(err)
	}
	x.http.Received(n)
	return x.http.Process()
}

// rest ends a turn of the reader.
func (x *mux) rest(next http2.Next) {
	switch next {
	case http2.Gone: // another goroutine is the reader
	case http2.More:
		x.inline.Attach()
	default:
		x.close(next)
	}
}

// readEnded says what becomes of a connection that cannot be read any more.
func (x *mux) readEnded(err error) http2.Next {
	x.left = true
	return x.http.ReadFailed(err)
}

// GoOn implements http2.Handler: a handler on the loop is about to block.
func (x *mux) GoOn() {
	if x.inline == nil {
		go x.goOn()
		return
	}
	x.inline.Leave()
	go x.resume()
}

// Seized implements transport.Seized: a handler on the loop takes long.
func (c *conn) Seized() {
	c.mu.Lock()
	x := c.h2
	c.mu.Unlock()
	if x != nil && x.http.Seized(c.inline.Left) {
		x.resume()
	}
}

// resume is the reader until nothing is left to read; then the loop is.
func (x *mux) resume() {
	defer x.unlessBroken()
	next := x.http.Resume()
	for next == http2.More {
		if expired := x.inline.Expired(); expired != 0 {
			next = x.http.Expired(expired)
			break
		}
		n, err := x.inline.TryRead(x.http.Input())
		if err != nil {
			next = x.readEnded(err)
			break
		}
		x.http.Received(n)
		next = x.http.Process()
		if n == 0 {
			break
		}
	}
	x.rest(next)
}

// run serves a connection that has a goroutine of its own, to its end. That goroutine is the first reader.
func (x *mux) run() {
	x.begin()
	<-x.done
}

func (x *mux) begin() {
	defer x.unlessBroken()
	if x.weak {
		x.close(x.http.Refuse())
		return
	}
	x.read(x.process())
}

// goOn is the reader in the place of one that is about to block in a handler, or takes long there.
func (x *mux) goOn() {
	defer x.unlessBroken()
	x.m.minder.enter(x)
	next := x.http.Resume()
	x.m.minder.leave(x)
	x.read(next)
}

func (x *mux) process() http2.Next {
	x.m.minder.enter(x)
	next := x.http.Process()
	if next != http2.Gone { // else it is the next reader's
		x.m.minder.leave(x)
	}
	return next
}

// read reads to the end of the connection, or of the role.
func (x *mux) read(next http2.Next) {
	for next == http2.More {
		n, err := x.portable().Wait(x.http.Input(), x.wanted)
		switch {
		case err == nil:
			x.http.Received(n)
			next = x.process()
		case errors.Is(err, transport.ErrInterrupted):
			next = x.process()
		case x.transport.Expired() != 0:
			next = x.http.Expired(x.transport.Expired())
		default:
			next = x.readEnded(err)
		}
	}
	if next != http2.Gone {
		x.close(next)
	}
}

func (x *mux) wanted() bool {
	select {
	case <-x.woken:
		return true
	default:
		return false
	}
}

// Wake implements http2.Handler.
func (x *mux) Wake() {
	if x.woken != nil {
		select {
		case x.woken <- struct{}{}:
		default:
		}
	}
	x.transport.Interrupt()
}

// close ends the connection below. Handlers may still run.
func (x *mux) close(next http2.Next) {
	if x.disown() {
		switch {
		case next == http2.Abort:
			x.transport.Abort()
		case x.left:
			x.transport.Close()
		default:
			x.transport.CloseLingering() // what the client has under way would reset it, and destroy the GOAWAY
		}
	}
	if x.transport.Expired() == http1.TimeoutResponseRate { // found by a transport whose writes wait
		x.http.AwaitWriter() // who has measured it
		x.ConnectionFailed(errTooSlow)
	}
	if x.http.Finished() {
		x.over()
	}
}

var errTooSlow = &http2.ConnectionError{Code: http2.InternalError, Reason: reasonSlow, Detail: "The response was read too slowly: the connection was cut."}

// LastReturned implements http2.Handler.
func (x *mux) LastReturned() { x.over() }

// over is the end of a connection that has no reader and no handler any more.
func (x *mux) over() { x.once.Do(x.forget) }

func (x *mux) forget() {
	c := x.conn
	c.m.muxMu.Lock()
	delete(c.m.muxes, x.http)
	c.m.muxMu.Unlock()
	c.streamsEnd(metrics.Protocol{Name: "http", Version: "2"})
	c.finished = true
	c.m.remove(c)
	c.chain.left()
	if x.done != nil {
		close(x.done)
	}
}

// tickMuxes is called once a second.
func (m *Manager) tickMuxes(now int64) {
	m.muxMu.Lock()
	all := m.ticked[:0]
	for x := range m.muxes {
		all = append(all, x)
	}
	m.muxMu.Unlock()
	for _, x := range all {
		x.Tick(now)
	}
	clear(all)
	m.ticked = all
}

// The engine's Wire.

func (x *mux) Write(p []byte) (int, error) {
	if x.inline != nil {
		return x.inline.TryWrite(p)
	}
	if err := x.transport.Writev(p, nil); err != nil {
		if x.transport.Expired() == http1.TimeoutResponseRate {
			x.http.Lose(httpcommon.ErrResponseTooSlow) // the client has not left
		}
		return 0, err
	}
	return len(p), nil
}

func (x *mux) Writev(bufs [][]byte) (int, error) { return x.inline.TryWritev(bufs) }

func (x *mux) NotifyWritable() { x.inline.NotifyWritable() }

func (x *mux) SetTimeout(reason uint8, d time.Duration) { x.transport.SetTimeout(reason, d) }

// Elsewhere implements http2.Handler: where the handler of a request runs.
func (x *mux) Elsewhere(s *http2.Stream) bool {
	r := s.Owner.(*muxStream)
	r.x = x
	r.count()
	x.countMux()
	r.kind = nil
	switch {
	case x.inline != nil && x.inline.Left(), s.Request().ConnectProtocol() != "", x.m.cfg.Exec == Goroutine:
		r.elsewhere = true
		return true
	case x.m.cfg.Exec == Inline:
		r.elsewhere = false
		return false
	}
	r.kind = x.m.classes.of(s.Request().Method(), s.Request().Path())
	r.elsewhere = r.kind.blocks()
	return r.elsewhere
}

// Left implements http2.Handler.
func (x *mux) Left(s *http2.Stream) bool {
	left := x.inline != nil && x.inline.Left()
	if left {
		r := s.Owner.(*muxStream)
		r.elsewhere, r.kind = true, nil
	}
	return left
}

// countMux makes the last request that the connection may have the last.
func (x *mux) countMux() {
	if limit := x.engine.maxRequests; limit > 0 && int64(x.requests) >= limit {
		x.http.Drain()
	}
}

// ConnectionFailed implements http2.Handler.
func (x *mux) ConnectionFailed(e *http2.ConnectionError) {
	if x.life != nil && x.life.reason == "" {
		x.life.reason = e.Reason
	}
	if x.m.cfg.Logger.Enabled(context.Background(), slog.LevelDebug) {
		attrs := []slog.Attr{slog.String("code", e.Code.String()), slog.String("reason", e.Reason), slog.String("detail", e.Detail)}
		if m := x.measured(); m != nil {
			attrs = append(attrs, rates(m)...)
		}
		x.logConnection(eventHTTP2ConnectionError, attrs...)
	}
}

// measured is what was measured of a client that was too slow, by the engine or by the transport; nil for any other.
func (x *mux) measured() *transport.Measure {
	if m := x.http.Measured(); m != nil {
		return &transport.Measure{Bytes: m.Bytes, Over: m.Over, Least: transport.Rate{BytesPerSecond: m.Least.BytesPerSecond, Grace: m.Least.Grace}}
	}
	return x.transport.Measured()
}

// streamsEnd ends what is kept of a connection whose requests are streams.
func (c *conn) streamsEnd(spoke metrics.Protocol) {
	l := c.life
	if l == nil {
		return
	}
	if c.engine.maxAge > 0 {
		c.m.ages.remove(c)
	}
	defer c.logStop()
	if l.reason == "" && c.aborted() {
		l.reason = reasonShutdown
	}
	if c.chain != nil {
		c.chain.reason = l.reason
		return
	}
	l.recorder.ConnectionEnded(time.Since(l.began), spoke, l.reason)
}

// http2Config is an endpoint's configuration of the HTTP/2 engine.
func (m *Manager) http2Config(now *settings, ep *Endpoint) http2.Config {
	l, two := now.limits, now.http2
	return http2.Config{
		Limits: http2.Limits{
			MaxStreams: two.MaxStreamsPerConnection, HeaderTableSize: two.HeaderTableSize, MaxFrameSize: two.MaxFrameSize,
			MaxFieldSize: two.MaxRequestHeaderFieldSize, ConnectionWindow: two.InitialConnectionWindowSize, StreamWindow: two.InitialStreamWindowSize,
			MaxConnectionWindow: two.MaxConnectionWindowSize, MaxStreamWindow: two.MaxStreamWindowSize,
			KeepAlivePingDelay: two.KeepAlivePingDelay, KeepAlivePingTimeout: two.KeepAlivePingTimeout,
			MaxRequestLineSize: l.MaxRequestLineSize, MaxRequestHeadersTotalSize: l.MaxRequestHeadersTotalSize,
			MaxRequestHeaderCount: l.MaxRequestHeaderCount, MaxRequestBodySize: l.MaxRequestBodySize, MaxResponseBufferSize: l.MaxResponseBufferSize,
			KeepAliveTimeout: l.KeepAliveTimeout, RequestHeadersTimeout: l.RequestHeadersTimeout,
		},
		RequestRate: rateOf(now.rates.Read), ResponseRate: rateOf(now.rates.Write),
		Scheme: ep.Scheme, AlternateSchemes: now.compat.AlternateSchemes, ServerHeader: now.serverHeader, AltSvc: ep.AltSvc, Date: m.dateValue,
	}
}

func rateOf(r *transport.Rate) *muxcommon.Rate {
	if r == nil || r.BytesPerSecond <= 0 {
		return nil
	}
	return &muxcommon.Rate{BytesPerSecond: r.BytesPerSecond, Grace: r.Grace}
}

// dateValue is the value of the Date field: a part of the line that HTTP/1.1 sends.
func (m *Manager) dateValue() string {
	line := *m.date.Load()
	value := line[len("Date: ") : len(line)-len("\r\n")]
	return unsafe.String(unsafe.SliceData(value), len(value))
}

// Serve implements http2.Handler: it runs the application and turns a panic into an error.
func (x *mux) Serve(s *http2.Stream) (err error) {
	r := s.Owner.(*muxStream)
	counts := x.counts()
	counts.requests.Add(1)
	counts.running.Add(1)
	r.begin()
	switch {
	case r.elsewhere && r.kind == nil:
	case x.inline == nil && !r.elsewhere:
		x.beginTurn(r)
	case !r.elsewhere:
		x.inline.Enter()
	case r.kind != nil:
		r.left = time.Now()
	}
	defer r.end(&err)
	err = x.m.cfg.App.Process(&r.features)
	if r.tunnel != nil {
		<-r.tunnel.done
	}
	return err
}

// end is the end of a handler.
func (r *muxStream) end(err *error) {
	v := recover()
	x := r.x
	x.counts().running.Add(-1)
	switch {
	case !r.elsewhere:
		r.exitInline()
	case r.kind != nil:
		r.kind.took(time.Since(r.left))
	}
	if r.failure(v, err, r.http.Cause() != nil) {
		r.http.Abort(http2.InternalError, httpcommon.ErrRequestAborted)
	}
	r.setRunning(false)
	if r.tunnel != nil {
		r.tunnel.Close()
	}
}

func (r *muxStream) exitInline() {
	kind, x := r.kind, r.x
	var seized bool
	if x.inline != nil {
		seized = x.inline.Exit()
	} else {
		seized = x.endTurn(r)
	}
	switch {
	case kind == nil: // Exec says it all
	case seized:
		kind.heldUp()
	default:
		if n := x.ranInline.Add(1); n%runStep == 0 {
			kind.ran()
		}
	}
}

// Rejected implements http2.Handler.
func (x *mux) Rejected(s *http2.Stream, bad *httpcommon.BadRequestError) *http2.Answer {
	r := s.Owner.(*muxStream)
	r.x = x
	if r.number == 0 { // the engine's own refusal
		r.count()
		x.countMux()
	}
	return r.rejected(bad, &s.Request().Head, s.Request().Protocol())
}

// Failed implements http2.Handler.
func (x *mux) Failed(s *http2.Stream, err error) { s.Owner.(*muxStream).failed(err) }
