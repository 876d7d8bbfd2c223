package config

import "time"

// Application is one program under a path of a site.
type Application struct {
	// Path is the path base: "/" or "/api". No trailing slash, no dot segments. Default "/".
	Path string

	// Pool is the name of its pool in [Config.Pools]; never empty.
	Pool string

	// Hosting says how requests reach it. It has no default: the two models differ too much to choose one silently.
	Hosting Hosting

	// Command is the program and its arguments; never empty.
	Command []string

	// Directory is the absolute working directory. Default: the folder of the configuration file.
	Directory string

	// Environment is added to the worker's environment. Nil means none.
	Environment map[string]string

	// Stdout says where the worker's standard output and error go.
	Stdout Stdout

	// RequestTimeout bounds the silence of an out-of-process application, not the whole request. Zero means no limit.
	// Default 2m, as in the ASP.NET Core Module.
	RequestTimeout time.Duration

	// ForwardedHeaders adds X-Forwarded-For, -Proto and -Host to forwarded requests. Default true.
	ForwardedHeaders bool

	// AppOffline stops the application while app_offline.htm lies in Directory, and answers with that page. Default true.
	AppOffline bool

	// WebSockets lets upgrade requests through. Default true.
	WebSockets bool

	// HealthCheck asks the application whether it is well. Nil, the default, means no check.
	HealthCheck *HealthCheck

	// Protocol is what is spoken to an out-of-process application: HTTP, the default, or H2C.
	Protocol Protocol
}

// Hosting says how requests reach an application.
type Hosting string

const (
	// InProcess hands the connection itself to a worker that links Lanner.
	InProcess Hosting = "inprocess"
	// OutOfProcess forwards requests to a program that listens on a port of its own.
	OutOfProcess Hosting = "outofprocess"
)

// Stdout is the file for a worker's standard output and error.
type Stdout struct {
	// File is an absolute path. Default: in [Config.Logs], named after site and path.
	File string
	// MaxSize is the size in bytes at which the file is rotated. Default 10MiB.
	MaxSize int64
	// MaxFiles is how many files are kept, the current one included. Default 5.
	MaxFiles int
}

// HealthCheck asks the application by GET; an answer below 500 is well.
type HealthCheck struct {
	// Path is asked below the application's own path. It has no default.
	Path string
	// Interval between two questions. Default 30s, as the ping of IIS.
	Interval time.Duration
	// Timeout for one answer. Default 5s.
	Timeout time.Duration
}

// Protocol is an HTTP scheme, of a binding or towards an application.
type Protocol string

const (
	// HTTP is HTTP over plain TCP or a unix socket.
	HTTP Protocol = "http"
	// HTTPS is HTTP over TLS.
	HTTPS Protocol = "https"
	// H2C is HTTP/2 with prior knowledge over plain TCP, towards an application.
	H2C Protocol = "h2c"
)
