package h2

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lannerhq/lanner/kestrel"
)

// config is what a scenario asks of the server under test. The zero value means the defaults; a run begins without data rates.
type config struct {
	carrier          carrier
	limits           kestrel.Limits // without HTTP2, which http2 is
	http2            http2Limits
	alternateSchemes bool // KestrelServerOptions.AllowAlternateSchemes
	tls              bool // the endpoint speaks TLS with ALPN h2 and the certificate of certificate_test.go, also by a suite that HTTP/2 prohibits
	log              *logged
}

// http2Limits are Kestrel's limits of HTTP/2 by their names. Zero means the default.
type http2Limits struct {
	MaxStreamsPerConnection, HeaderTableSize, MaxFrameSize, MaxRequestHeaderFieldSize int
	InitialConnectionWindowSize, InitialStreamWindowSize                              int
	KeepAlivePingDelay, KeepAlivePingTimeout                                          time.Duration
}

// subject is a running server.
type subject struct {
	addr string // host:port
	// stop refuses new work and waits for what runs until ctx ends.
	stop func(ctx context.Context) error
}

// carrier is a way in which connections are carried and handlers run.
type carrier struct {
	name      string
	transport kestrel.Transport
	exec      kestrel.Exec
}

var carriers = []carrier{
	{"inline", kestrel.TransportAuto, kestrel.ExecInline},
	{"goroutine", kestrel.TransportAuto, kestrel.ExecGoroutine},
	{"portable", kestrel.TransportPortable, kestrel.ExecAuto},
}

const standIn = "nethttp"

// onStandIn reports whether net/http's server is under test: LANNER_H2_SUBJECT=nethttp.
var onStandIn = os.Getenv("LANNER_H2_SUBJECT") == standIn

// subjects are the carriers to test.
func subjects() []carrier {
	if onStandIn {
		return []carrier{{name: standIn}}
	}
	return carriers
}

// start starts the server under test with app. Who calls it stops it.
func start(t *testing.T, c config, app http.Handler) *subject {
	t.Helper()
	if onStandIn {
		return startStandIn(t, c, app)
	}
	return startKestrel(t, c, app)
}

// logged keeps what the server logs.
type logged struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// logger writes to c.log, or nowhere.
func (c *config) logger() *slog.Logger {
	if c.log == nil {
		return slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	return slog.New(slog.NewTextHandler(c.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
}
