package load

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"runtime"
	"sync"
	"time"
)

// handshaker is a running load of connections over TLS of one request each. Each goroutine, loop, makes one connection after the
// other; what is not below mu does not change meanwhile.
type handshaker struct {
	o       tlsOptions
	config  *tls.Config
	request []byte

	mu        sync.Mutex
	latencies histogram
}

// run makes the load, on one thread as other load generators do: the server is to have the rest of the machine.
func (o tlsOptions) run(ctx context.Context) (Handshakes, error) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	s := &handshaker{o: o, config: o.config(), request: get(o.addr, o.path)}
	if o.resume { // the ticket that all begin with; what it costs the server is a connection among thousands
		if err := s.connect(ctx, false); err != nil {
			return Handshakes{}, fmt.Errorf("asking for a session ticket: %w", err)
		}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	began := time.Now()
	var loops sync.WaitGroup
	for range o.conns {
		loops.Go(func() {
			if err := s.loop(ctx, began.Add(o.time)); err != nil {
				cancel(err) // the first one counts: it ends the others
			}
		})
	}
	loops.Wait()
	if err := context.Cause(ctx); err != nil {
		return Handshakes{}, err
	}
	return Handshakes{Seconds: time.Since(began).Seconds(), Kind: s.latencies.kind()}, nil
}

// config is that of all connections. All servers know X25519: with nothing else on offer, all agree on keys at the same cost.
func (o tlsOptions) config() *tls.Config {
	var sessions tls.ClientSessionCache = forgetful{}
	if o.resume {
		sessions = tls.NewLRUClientSessionCache(1) // one server
	}
	return &tls.Config{
		InsecureSkipVerify: true, // the certificate is the benchmark's own
		ServerName:         "localhost",
		MinVersion:         tls.VersionTLS13,
		CurvePreferences:   []tls.CurveID{tls.X25519},
		NextProtos:         []string{protocol},
		ClientSessionCache: sessions,
	}
}

// protocol is the name of HTTP/1.1 in ALPN (RFC 7301, section 6).
const protocol = "http/1.1"

// forgetful is a cache in which nothing is ever found. A client without any tells the server that it has no use for tickets
// (psk_key_exchange_modes, RFC 8446, section 4.2.9), and a server may save itself making one, which it cannot with a browser.
type forgetful struct{}

func (forgetful) Get(string) (*tls.ClientSessionState, bool) { return nil, false }
func (forgetful) Put(string, *tls.ClientSessionState)        {}

// loop makes connections until the time is up, one at least.
func (s *handshaker) loop(ctx context.Context, end time.Time) error {
	for {
		began := time.Now()
		if err := s.connect(ctx, s.o.resume); err != nil {
			return err
		}
		s.mu.Lock()
		s.latencies.add(time.Since(began))
		s.mu.Unlock()
		if !time.Now().Before(end) {
			return nil
		}
	}
}

// connect dials, shakes hands, makes a request and ends the connection by a reset, so that thousands do not linger in TIME_WAIT.
// Whether the session is resumed must be as it was meant. A ticket of TLS 1.3 comes with the answer, or before it.
func (s *handshaker) connect(ctx context.Context, resumed bool) error {
	conn, err := (&net.Dialer{Timeout: dialTime, KeepAlive: -1}).DialContext(ctx, "tcp", s.o.addr)
	if err != nil {
		return err
	}
	defer conn.Close() // of TCP alone: nobody waits for an alert
	if err := errors.Join(conn.(*net.TCPConn).SetLinger(0), conn.SetDeadline(time.Now().Add(dialTime))); err != nil {
		return err
	}
	secure := tls.Client(conn, s.config)
	if err := secure.HandshakeContext(ctx); err != nil {
		return fmt.Errorf("TLS: %w", err)
	}
	switch state := secure.ConnectionState(); {
	case state.NegotiatedProtocol != protocol:
		return fmt.Errorf("the server chose the protocol %q by ALPN, want %s", state.NegotiatedProtocol, protocol)
	case resumed && !state.DidResume:
		return errors.New("the server has not resumed the session: its tickets may be off, or its keys not shared by its processes")
	case !resumed && state.DidResume:
		return errors.New("the server has resumed a session that was not offered")
	}
	if _, err := secure.Write(s.request); err != nil {
		return fmt.Errorf("writing a request: %w", err)
	}
	return readAnswer(secure)
}

// readAnswer reads exactly one response.
func readAnswer(conn net.Conn) error {
	var buf [maxResponse]byte
	for n := 0; ; {
		k, err := conn.Read(buf[n:])
		n += k
		whole, wrong := scan(buf[:n])
		switch {
		case wrong != nil:
			return wrong
		case whole == n && n > 0:
			return nil
		case whole > 0:
			return fmt.Errorf("%d bytes follow an answer", n-whole)
		case err != nil:
			return fmt.Errorf("reading an answer: %w", err)
		}
	}
}
