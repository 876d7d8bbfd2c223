package lanner

import (
	"io"
	"log/slog"
	"time"

	"github.com/lannerhq/lanner/kestrel"
	"github.com/lannerhq/lanner/server"
)

// Option configures an App.
type Option func(*options)

type options struct {
	getenv    func(string) string
	environ   func() []string
	args      []string
	stdout    io.Writer
	logger    *slog.Logger
	server    server.Server
	kestrel   kestrel.Options
	urls      []string
	shutdown  time.Duration
	onStarted func()
}

// WithURLs sets where to listen when neither --urls nor the environment say it.
func WithURLs(urls ...string) Option { return func(o *options) { o.urls = urls } }

// WithKestrel sets limits, endpoints and what else kestrel is configured by. Fields that are not zero win over the
// configuration file and the environment. In-process, limits that the host sets win.
func WithKestrel(opts kestrel.Options) Option { return func(o *options) { o.kestrel = opts } }

// WithServer uses this server wherever the program runs. The environment is not looked at.
func WithServer(s server.Server) Option { return func(o *options) { o.server = s } }

// WithLogger sets the logger; the default is slog.Default.
func WithLogger(l *slog.Logger) Option { return func(o *options) { o.logger = l } }

// WithShutdownTimeout sets how long running requests may take when the program stops. The default is
// DefaultShutdownTimeout.
func WithShutdownTimeout(d time.Duration) Option { return func(o *options) { o.shutdown = d } }

// WithArgs sets the arguments in which --urls, --config and --print-config are looked for; the default is the program's. Nil
// switches that off.
func WithArgs(args []string) Option { return func(o *options) { o.args = args } }

// OnStarted calls fn once the server listens.
func OnStarted(fn func()) Option { return func(o *options) { o.onStarted = fn } }
