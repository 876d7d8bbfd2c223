package control

import (
	"context"
	"errors"
	"log"
	"log/slog"
	"net"
	"net/http"
	"time"
)

const (
	// headerTimeout bounds the time for the head of a request. The peer is on this machine.
	headerTimeout = 10 * time.Second
	// idleTimeout closes a kept-alive connection that is not used.
	idleTimeout = time.Minute
	// maxHeaderBytes bounds the head of a request.
	maxHeaderBytes = 16 << 10
	// maxBodyBytes bounds the body, which no request of this API needs.
	maxBodyBytes = 64 << 10
	// writeTimeout bounds each write of a log stream, so that a stopped reader does not hold a worker's output.
	writeTimeout = 30 * time.Second
)

// Options configure a [Server].
type Options struct {
	// Socket is the path of the unix socket; it has no default. Its folder is made when it is not there.
	Socket string
	// Logger takes the events of this package. Nil means none.
	Logger *slog.Logger
}

// Server answers the API on a unix socket. It comes from [NewServer].
type Server struct {
	path string
	host Host
	log  *slog.Logger
	http http.Server

	streams    context.Context // ends when Stop begins, for requests that would not end by themselves
	endStreams context.CancelCauseFunc
	cut        context.CancelCauseFunc // ends the context of every request
	requests   inFlight
	socket     *socket       // nil before Start
	served     chan struct{} // serve has returned
}

var errStopping = errors.New("the host is stopping")

// NewServer returns a server for host, which is not called before Start. The error is about the path.
func NewServer(host Host, o Options) (*Server, error) {
	if err := checkPath(o.Socket); err != nil {
		return nil, err
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Server{path: o.Socket, host: host, log: o.Logger.With("socket", o.Socket), served: make(chan struct{})}
	base, cut := context.WithCancelCause(context.Background())
	s.cut = cut
	s.streams, s.endStreams = context.WithCancelCause(base)
	s.http = http.Server{
		Handler:           s.handler(),
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		BaseContext:       func(net.Listener) context.Context { return base },
		ConnContext:       withPeer,
		ErrorLog:          log.New(serverLog{s.log}, "", 0),
	}
	return s, nil
}

// Start opens the socket and begins to answer. A socket that no process listens on is replaced; one that another host
// listens on is an [*InUseError]. It is called once, and followed by [Server.Stop] unless it fails.
func (s *Server) Start() error {
	sock, err := openSocket(s.path)
	if err != nil {
		return err
	}
	s.socket = sock
	go s.serve()
	s.log.Info(eventListening)
	return nil
}

func (s *Server) serve() {
	defer close(s.served)
	err := s.http.Serve(newLimitedListener(s.socket.UnixListener, maxConnections))
	if !errors.Is(err, http.ErrServerClosed) {
		s.log.Warn(eventServer, "error", err)
	}
}

// Stop refuses new requests, ends log streams, lets other requests finish until ctx ends, cuts those that have not, waits
// until all have returned and removes the socket. The error is about the socket file only. Stop without a Start does
// nothing.
func (s *Server) Stop(ctx context.Context) error {
	s.endStreams(errStopping)
	if s.socket == nil {
		return nil
	}
	if err := s.http.Shutdown(ctx); err != nil {
		s.log.Warn(eventCut, "error", err)
		s.cut(errStopping)
		s.http.Close()
	}
	<-s.served
	s.requests.close()
	s.cut(errStopping)
	return s.socket.remove()
}
