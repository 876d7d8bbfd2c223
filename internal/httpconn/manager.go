package httpconn

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lannerhq/lanner/accesslog"
	"github.com/lannerhq/lanner/internal/http1"
	"github.com/lannerhq/lanner/internal/httpcommon"
	"github.com/lannerhq/lanner/internal/transport"
	"github.com/lannerhq/lanner/metrics"
	"github.com/lannerhq/lanner/server"
)

// Config is what a Manager serves by. It must not change after New; Reconfigure replaces a part of it.
type Config struct {
	// App handles the requests.
	App server.Application
	// Features are the server's, below every connection's.
	Features *server.Features
	// Limits need not be effective.
	Limits http1.Limits
	HTTP2  HTTP2Limits
	HTTP3  HTTP3Limits
	Compat http1.Compat
	// ServerHeader is the Server field of responses; "" sends none.
	ServerHeader string
	// MinRequestBodyRate and MinResponseRate are the least data rates; nil for none.
	MinRequestBodyRate, MinResponseRate *transport.Rate
	// MaxConnections and MaxUpgraded bound open connections of each sort; 0 for no limit, negative for none at all. An
	// upgraded connection leaves the first count; a stream of HTTP/2 that is taken over counts for the second, its connection for the first.
	MaxConnections, MaxUpgraded int64
	// Full says what becomes of connections beyond MaxConnections. A change to FullWait holds for listeners from then on.
	Full FullPolicy
	// MaxRequests is how many requests a connection may have; 0 for no limit.
	MaxRequests int64
	// MaxAge, spread by a tenth, is the age at which a connection's next response is its last, or at which it is closed when it
	// waits. What runs on is aborted AgeGrace later. 0 for none of either. Managers with ReturnIdle do not look at the age.
	MaxAge, AgeGrace time.Duration
	// Logger takes the events of events.go.
	Logger *slog.Logger
	// AccessLog takes a line for each exchange, Meter makes the metrics' instruments; nil for none.
	AccessLog *accesslog.Log
	Meter     metrics.Meter

	// Rejected may change the answer to a request that is refused; nil for the standard answers. It runs on the connection's
	// goroutine, and must not block.
	Rejected func(*Rejection)

	// Claim is asked for each request, before it runs, whether it is served here; nil means all are, and those of endpoints with
	// middleware or TLS are in any case. It runs on the
	// connection's goroutine, must not block, and must not keep the request.
	Claim func(q *http1.Request, tag any) bool
	// Multiplex is asked, where Claim or ReturnIdle is set, about a connection without TLS that begins as HTTP/2 does; nil means
	// that HTTP/2 is not spoken there. It runs as Claim does. Requests on an HTTP/2 connection are not claimed, and the connection
	// is never released: who serves it answers for all of its requests.
	Multiplex func(tag any) Multiplexing
	// Released gets a connection whose next request was not claimed; unread are the bytes of that request. With
	// ReturnIdle it gets idle connections when the manager drains, too. It owns the connection.
	Released func(nc net.Conn, unread []byte, tag any)
	// ReturnIdle makes Stop release connections at the end of a request rather than close them, unless they have middleware or TLS.
	ReturnIdle bool
	// EventLoop puts connections on the event loop, where the system has one; Exec says where their handlers run.
	EventLoop bool
	Exec      Exec
	// MaxHandshakes bounds the TLS handshakes that compute at a time; 0 for as many as there are processors, or half of them. See handshakeGate.
	MaxHandshakes int
	// AcceptFailed hears of accept errors that are waited out; nil for nobody.
	AcceptFailed func(l net.Listener, err error, wait time.Duration)
	// Ended is told that a connection is over and how many requests it served; nil for nobody.
	Ended func(tag any, requests uint32)
}

// Multiplexing is what becomes of a connection that begins with the preface of HTTP/2.
type Multiplexing uint8

const (
	// RefuseHTTP2 answers that HTTP/1.1 is required.
	RefuseHTTP2 Multiplexing = iota
	// ServeHTTP2 serves it here, to its end.
	ServeHTTP2
	// ReleaseHTTP2 releases it with the preface unread: it is somebody else's.
	ReleaseHTTP2
)

// Manager owns connections.
type Manager struct {
	cfg       Config
	settings  atomic.Pointer[settings] // the part of cfg that Reconfigure replaces
	heartbeat *transport.Heartbeat
	date      atomic.Pointer[[]byte]

	draining atomic.Bool
	aborted  atomic.Bool
	open     atomic.Int64
	upgraded atomic.Int64
	rejected atomic.Int64
	replies  atomic.Int64 // connections that are being answered 503
	ages     ages
	lastBeat time.Time       // the heartbeat's
	counts   [16]counts      // of requests; a connection's are at its id
	debug    atomic.Bool     // the Logger takes Debug; see look
	metrics  *metrics.Server // nil for none
	lastID   atomic.Uint64

	loopOnce sync.Once
	loop     *transport.Loop // see theLoop
	classes  *classes
	plain    origin // of connections with nothing special
	resting  *work

	handshakes *handshakeGate

	minder *minder
	muxMu  sync.Mutex
	muxes  map[multiplexed]struct{} // connections that speak HTTP/2 or 3
	ticked []multiplexed            // the heartbeat's

	mu      sync.Mutex
	conns   map[*conn]struct{}
	taken   map[*Taken]struct{}
	chains  map[*chain]struct{}
	closed  bool
	changed chan struct{} // closed when a connection ends; nil when nobody waits for that

	wg   sync.WaitGroup
	once sync.Once // stops the heartbeat
}

// New returns a manager; Stop ends it.
func New(cfg Config) *Manager {
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	m := &Manager{
		cfg:    cfg,
		conns:  make(map[*conn]struct{}),
		taken:  make(map[*Taken]struct{}),
		chains: make(map[*chain]struct{}),
		muxes:  make(map[multiplexed]struct{}),
	}
	m.settings.Store(cfg.settings())
	m.metrics = metrics.NewServer(cfg.Meter, metrics.ServerOptions{})
	m.ages.start = time.Now()
	m.lastID.Store(uint64(time.Now().UnixNano()))
	m.heartbeat = transport.NewHeartbeat(m.beat)
	m.classes = new(classes)
	m.minder = newMinder()
	m.handshakes = newHandshakeGate(cfg.MaxHandshakes, runtime.GOMAXPROCS(0), func() int64 { return m.Stats().Requests })
	m.plain.parent = cfg.Features
	m.resting = newResting()
	return m
}

// beat renders the Date field once a second.
func (m *Manager) beat(now time.Time) {
	line := httpcommon.AppendDate([]byte("Date: "), now)
	line = append(line, "\r\n"...)
	m.date.Store(&line)
	m.late(now)
	m.look()
	m.endTheOld(now)
	m.tickMuxes(int64(now.Sub(m.ages.start)))
}

// Heartbeat is the manager's, for owners that have coarse deadlines of their own.
func (m *Manager) Heartbeat() *transport.Heartbeat { return m.heartbeat }

// Options of one connection.
type Options struct {
	// Prefix holds bytes that were read from the connection before.
	Prefix []byte
	// Tag is handed to Claim, Released and Ended.
	Tag any
	// Shared says that another process has a copy of the connection, so that closing it here would not end it.
	Shared bool
	// OnState hears what the connection is doing; nil for nobody. It is called on the connection's goroutine.
	OnState func(transport.Link, State)
	// Features are this connection's own, between the request's and the server's; nil for none.
	Features *server.Features
	// Remote and Local are the addresses of the client's connection, for features and logs, where this connection comes from somebody who
	// serves that one; nil for this connection's own.
	Remote, Local net.Addr
	// Endpoint replaces the one that the connection came in by; nil for that one.
	Endpoint *Endpoint
	// Protocol is what ALPN has agreed on: "h2", "http/1.1", or "" for nothing, or without TLS. A chain that made the handshake sets it.
	Protocol string
	// Inadequate says that the version or the cipher suite of TLS is one that HTTP/2 forbids: a connection with the Protocol h2 is
	// answered INADEQUATE_SECURITY (RFC 9113 §9.2).
	Inadequate bool

	placed bool   // it has its place already
	id     uint64 // and this number; 0 for the next
}

func (o *Options) endpoint(accepted *Endpoint) *Endpoint {
	if o.Endpoint != nil {
		return o.Endpoint
	}
	return accepted
}

// Serve serves a connection on a goroutine of its own. It closes nc when the manager is stopped or full.
func (m *Manager) Serve(nc net.Conn, ep *Endpoint, opts Options) {
	ep = opts.endpoint(ep)
	if len(ep.Middleware) == 0 && m.adopt(nc, ep, opts) {
		return
	}
	if ep.chains() {
		m.serveChained(nc, ep, opts)
		return
	}
	t := transport.NewConn(nc, m.heartbeat, reasons)
	c := m.newConn(t, ep, opts)
	if opts.OnState != nil {
		t.Mark(c.mark)
	}
	if m.admitted(c, opts.placed) {
		go c.run(opts.Prefix)
	}
}

// reasons tells the transport which of the engine's reasons stand for data rates.
var reasons = transport.Reasons{ReadRate: http1.TimeoutRequestBodyRate, WriteRate: http1.TimeoutResponseRate}

// admitted registers c, or closes it and says why.
func (m *Manager) admitted(c *conn, placed bool) bool {
	if reason := m.admit(c, placed); reason != "" {
		remote := c.RemoteAddrText()
		if nc := c.unplaced(reason); nc != nil {
			m.reject(c.endpoint, c.id, remote, reason, c.tag, m.turnAway(nc, c.endpoint))
			return false
		}
		m.reject(c.endpoint, c.id, remote, reason, c.tag, 0)
		c.transport.Close()
		return false
	}
	c.lifeBegins()
	return true
}

// reject says why a connection is not served.
func (m *Manager) reject(ep *Endpoint, id uint64, remote, reason string, tag any, status int) {
	if reason == reasonFull {
		m.observeRejection(ep, id, remote, status)
	}
	m.cfg.Logger.LogAttrs(context.Background(), slog.LevelWarn, eventConnectionRejected.msg, eventConnectionRejected.id,
		slog.String("endpoint", ep.Name), slog.String("remote", remote), slog.String("reason", reason))
	if m.cfg.Ended != nil {
		m.cfg.Ended(tag, 0)
	}
}

// admit registers c, or says why not.
func (m *Manager) admit(c *conn, placed bool) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !placed {
		if reason := m.placeLocked(); reason != "" {
			return reason
		}
	}
	m.registerLocked(c)
	return ""
}

// registerLocked makes a connection that has its place one that drain and abort find.
func (m *Manager) registerLocked(c *conn) {
	m.conns[c] = struct{}{}
	c.endpoint.conns++
}

// placeLocked takes a place among the connections that are counted and waited for, or says why there is none.
func (m *Manager) placeLocked() string {
	switch {
	case m.closed:
		return "the server is stopping"
	case over(m.open.Load(), m.settings.Load().maxConnections):
		m.rejected.Add(1)
		return reasonFull
	}
	m.open.Add(1)
	m.wg.Add(1)
	return ""
}

// over reports whether one more than n would be too many.
func over(n, limit int64) bool { return limit < 0 || limit > 0 && n >= limit }

// remove forgets a connection that has ended.
func (m *Manager) remove(c *conn) {
	defer m.wg.Done()
	m.mu.Lock()
	delete(m.conns, c)
	c.endpoint.conns--
	if !c.uncounted {
		m.open.Add(-1)
	}
	m.signalLocked()
	m.mu.Unlock()
	if m.cfg.Ended != nil && !c.released {
		m.cfg.Ended(c.tag, c.requests)
	}
}

// changedLocked returns a channel that is closed at the next change.
func (m *Manager) changedLocked() <-chan struct{} {
	if m.changed == nil {
		m.changed = make(chan struct{})
	}
	return m.changed
}

func (m *Manager) signalLocked() {
	if m.changed != nil {
		close(m.changed)
		m.changed = nil
	}
}

// Stats are counters since New.
type Stats struct {
	// Open connections, Upgraded ones and streams, requests Running, Requests begun, connections Rejected at a limit.
	Open, Upgraded, Running, Requests, Rejected int64
}

// Stats returns the counters.
func (m *Manager) Stats() Stats {
	s := Stats{Open: m.open.Load(), Upgraded: m.upgraded.Load(), Rejected: m.rejected.Load()}
	for i := range m.counts {
		s.Running += m.counts[i].running.Load()
		s.Requests += m.counts[i].requests.Load()
	}
	return s
}

// counts are counters of requests, on a cache line that few others want.
type counts struct {
	running, requests atomic.Int64
	_                 [48]byte
}

func (c *conn) counts() *counts { return &c.m.counts[c.id%uint64(len(c.m.counts))] }

// Drain ends waiting connections and makes running requests the last of theirs. It returns at once.
func (m *Manager) Drain() {
	m.draining.Store(true)
	m.drain(nil)
}

// abortWait is how long Stop waits for handlers after it has aborted their requests (as Kestrel).
const abortWait = time.Second

// Stop drains, waits for running requests until ctx ends, and then aborts them. The owner has closed the listeners. It
// returns an error when anything had to be aborted; it does not wait longer than a second for a handler that goes on
// regardless, since Go cannot end it. A Stop during another has its own ctx: the one that ends first aborts.
func (m *Manager) Stop(ctx context.Context) error {
	m.mu.Lock()
	m.closed = true
	m.mu.Unlock()
	m.Drain()
	err := m.waitEmpty(ctx, nil)
	switch {
	case err != nil:
		m.aborted.Store(true)
		m.abort(nil)
		wait, cancel := context.WithTimeout(context.WithoutCancel(ctx), abortWait)
		defer cancel()
		if late := m.waitEmpty(wait, nil); late != nil {
			err = fmt.Errorf("%w; the handlers of some have not returned yet", err)
			m.once.Do(func() { // handlers that are late still come back to the loop: it ends with the last of them
				m.heartbeat.Stop()
				m.minder.end()
				m.loopOnce.Do(func() {})
				if m.loop != nil {
					go func() {
						m.wg.Wait()
						m.loop.Stop()
					}()
				}
			})
			return err
		}
	case m.aborted.Load():
		err = errAborted
	}
	m.wg.Wait()
	m.once.Do(m.end)
	return err
}

var errAborted = errors.New("running requests were aborted by another stop, whose time was over earlier")

// end stops what the manager runs by.
func (m *Manager) end() {
	m.loopOnce.Do(func() {}) // none from now on
	if m.loop != nil {
		m.loop.Stop()
	}
	m.heartbeat.Stop()
	m.minder.end()
}
