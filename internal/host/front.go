package host

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lannerhq/lanner/internal/handover"
	"github.com/lannerhq/lanner/internal/http1"
	"github.com/lannerhq/lanner/internal/httpconn"
	"github.com/lannerhq/lanner/kestrel"
	"github.com/lannerhq/lanner/server"
)

// front is one address that the host listens on, with all sites bound to it. When a worker has a copy of the listening
// socket the front does not accept itself: the worker does.
type front struct {
	host     *Host
	key      string // "http://127.0.0.1:8080"
	urls     []string
	scheme   string
	tls      *tls.Config // of https; nil otherwise
	manager  atomic.Pointer[manager]
	limits   kestrel.Limits
	security atomic.Pointer[security] // of https; nil otherwise
	table    atomic.Pointer[table]
	sockets  []*socket
	peeks    peeks // of https

	wg sync.WaitGroup
}

// manager serves the connections of a front by one generation of limits. The endpoint is its alone.
type manager struct {
	*httpconn.Manager
	endpoint *httpconn.Endpoint
}

// socket is one listening socket of a front.
type socket struct {
	front    *front
	id       uint32 // of the handover protocol
	listener net.Listener

	mu     sync.Mutex
	shares int           // workers that accept from it
	closed bool          //
	wake   chan struct{} // closed when shares or closed changed
}

// deadliner is what TCP and unix listeners have, and what ends an Accept without closing.
type deadliner interface{ SetDeadline(time.Time) error }

// hostConn is what the host knows about a connection it serves: Claim decides, the handler carries out. On an HTTP/2 connection,
// whose requests are not claimed, nothing of it changes.
type hostConn struct {
	front  *front
	local  string       // the address that the client connected to
	app    *application // of the request at hand
	no     *answer      // to give instead, or nil
	forced *answer      // to give to the next request, whatever it is, or nil

	links links

	client *handover.Client // of a link, which is app's; nil elsewhere
}

// openFront binds an address.
func (h *Host) openFront(ctx context.Context, key string) (*front, error) {
	url, _, _ := strings.Cut(key, "#")
	scheme, _, _ := strings.Cut(key, ":")
	f := &front{host: h, key: key, scheme: scheme}
	if scheme == "https" {
		f.tls = &tls.Config{MinVersion: tls.VersionTLS12, GetConfigForClient: f.choose}
	}
	listeners, err := kestrel.Listen(ctx, kestrel.Endpoint{URL: url, TLS: f.tls})
	if err != nil {
		return nil, err
	}
	f.table.Store(newTable(nil))
	for _, l := range listeners {
		f.sockets = append(f.sockets, &socket{front: f, id: h.nextSocket.Add(1), listener: l.Listener, wake: make(chan struct{})})
		f.urls = append(f.urls, l.URL)
	}
	return f, nil
}

// start begins to serve. limits are the widest of the sites at this address: the head of a request is read before its
// site is known.
func (f *front) start(limits kestrel.Limits) {
	f.limits = limits
	f.manager.Store(f.newManager())
	for _, s := range f.sockets {
		f.wg.Go(s.accept)
	}
}

func (f *front) newManager() *manager {
	ep := &httpconn.Endpoint{Name: f.key, Scheme: f.scheme, TLS: f.tls}
	opts := kestrel.Options{Limits: f.limits, Logger: f.host.log}
	cfg := opts.Connections(server.ApplicationFunc(f.host.process), f.host.features)
	cfg.Ended = func(tag any, _ uint32) { tag.(*hostConn).links.close() }
	if f.encrypted() { // the connection stays here
		return &manager{httpconn.New(cfg), ep}
	}
	cfg.Claim = f.claim
	cfg.Multiplex = f.multiplex
	cfg.Released = f.released
	return &manager{httpconn.New(cfg), ep}
}

// setLimits serves new connections by other limits; those that are open finish under the old ones.
func (f *front) setLimits(limits kestrel.Limits) {
	if limits == f.limits {
		return
	}
	f.limits = limits
	f.renewManager()
}

// renewManager serves new connections by a manager of their own; requests that run on others are the last of theirs.
func (f *front) renewManager() {
	old := f.manager.Swap(f.newManager())
	f.host.wg.Go(func() { old.Stop(f.host.aborting) })
}

// setTable replaces whose requests are whose. Where some are an in-process application's from now on, clients of HTTP/2
// connections are told to make new ones.
func (f *front) setTable(t *table) {
	f.table.Store(t)
	if m := f.manager.Load(); m != nil && t.inProcess() && !f.encrypted() {
		m.DrainHTTP2()
	}
}

// claim decides for each request whether the host serves it: forwards it or answers it itself. The connection of a
// request for an in-process application leaves the host.
func (f *front) claim(q *http1.Request, tag any) bool {
	c := tag.(*hostConn)
	if c.no, c.forced = c.forced, nil; c.no != nil {
		return true
	}
	if c.no = f.host.validationAnswer(q.Method(), q.Host(), q.Path()); c.no != nil {
		return true
	}
	c.app, c.no = f.table.Load().find(c.local, q.Host(), q.Path())
	if c.app == nil {
		return true
	}
	return !c.app.inProcess() || c.app.answersItself()
}

// released takes a connection whose next request is an in-process application's.
func (f *front) released(nc net.Conn, unread []byte, tag any) {
	c := tag.(*hostConn)
	c.links.close()
	f.host.deliver(&delivery{front: f, conn: nc, prefix: unread, app: c.app, arrival: time.Now()})
}

// serve puts a connection under the host's own engine; prefix are bytes read before.
func (f *front) serve(nc net.Conn, prefix []byte, forced *answer) {
	c := &hostConn{front: f, forced: forced, local: localIP(nc)}
	features := server.NewFeatures(f.host.features)
	server.Set(features, c)
	m := f.manager.Load()
	m.Serve(nc, m.endpoint, httpconn.Options{Prefix: prefix, Tag: c, Features: features})
}

func localIP(nc net.Conn) string {
	if tcp, ok := nc.LocalAddr().(*net.TCPAddr); ok {
		return tcp.IP.String()
	}
	return ""
}

// accept takes connections while no worker does.
func (s *socket) accept() {
	wait := 5 * time.Millisecond
	for s.waitTurn() {
		nc, err := s.listener.Accept()
		switch {
		case err == nil:
			wait = 5 * time.Millisecond
			s.accepted(nc)
		case errors.Is(err, os.ErrDeadlineExceeded):
			// interrupted: a worker takes over, or the front closes
		case errors.Is(err, net.ErrClosed):
			return
		default:
			s.front.host.event(slog.LevelError, eventAcceptFailed, slog.String("address", s.front.key), slog.Any("error", err))
			select {
			case <-time.After(wait):
			case <-s.front.host.stopping:
			}
			wait = min(2*wait, time.Second)
		}
	}
}

// accepted serves a connection, or hands it over unread when it can only be one application's.
func (s *socket) accepted(nc net.Conn) {
	if app := s.front.exclusive(); app != nil && app.inProcess() && !app.answersItself() && app.hasReady() {
		s.front.host.deliver(&delivery{front: s.front, conn: nc, app: app, arrival: time.Now()})
		return
	}
	if s.front.encrypted() && s.front.table.Load().handsTLSOver() && s.front.peeks.Go(nc, func() { s.front.peeked(nc) }) {
		return
	}
	s.front.serve(nc, nil, nil)
}

// exclusive returns the application that connections can be given to unread, or nil.
func (f *front) exclusive() *application {
	if f.encrypted() || f.validated() {
		return nil
	}
	return f.table.Load().exclusive()
}

// waitTurn blocks while workers accept. It reports false when the socket is closed.
func (s *socket) waitTurn() bool {
	for {
		s.mu.Lock()
		shares, closed, wake := s.shares, s.closed, s.wake
		s.mu.Unlock()
		if closed {
			return false
		}
		if shares == 0 {
			return true
		}
		<-wake
	}
}

// share counts the workers that accept from the socket. With the first, the host stops; after the last it goes on.
func (s *socket) share(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.shares
	s.shares += n
	if (before == 0) == (s.shares == 0) {
		return
	}
	if d, ok := s.listener.(deadliner); ok {
		if s.shares > 0 {
			d.SetDeadline(time.Unix(1, 0))
		} else {
			d.SetDeadline(time.Time{})
		}
	}
	close(s.wake)
	s.wake = make(chan struct{})
}

func (s *socket) close() {
	s.mu.Lock()
	s.closed = true
	close(s.wake)
	s.wake = make(chan struct{})
	s.mu.Unlock()
	s.listener.Close()
}

// closeSockets ends accepting, and waits for the accept loops, and for the connections whose ClientHello is awaited.
func (f *front) closeSockets() {
	for _, s := range f.sockets {
		s.close()
	}
	f.wg.Wait()
	f.peeks.Close()
}

// stop ends the front: no new connections, running requests until ctx ends.
func (f *front) stop(ctx context.Context) error {
	f.closeSockets()
	defer f.closeSecurity()
	return f.manager.Load().Stop(ctx)
}
