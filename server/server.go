package server

import (
	"context"
	"errors"

	"github.com/lannerhq/lanner/internal/httpcommon"
)

// Server takes requests from somewhere and calls an Application for each.
//
// A Server is started once. It is safe to call Stop from any goroutine, also while Start runs.
type Server interface {
	// Features is the server's own collection, the last one that a request's features fall back to. It may be used
	// before Start: a ServerAddressesFeature set there says where to listen.
	Features() *Features

	// Start begins to serve and returns when the server listens. After it returns nil, the ServerAddressesFeature holds
	// the bound addresses, with a port 0 resolved. ctx bounds the start alone, not the life of the server. Start on a
	// server that was started or stopped before is ErrStarted or ErrStopped.
	Start(ctx context.Context, app Application) error

	// Stop refuses new work, lets running requests finish until ctx ends, then aborts them. It returns nil when all of
	// them finished by themselves, else an error that says how many were aborted. A second Stop waits like the first.
	Stop(ctx context.Context) error
}

var (
	// ErrStarted is returned by Start of a server that is already started.
	ErrStarted = errors.New("server: already started")
	// ErrStopped is returned by Start of a server that was stopped: make a new one.
	ErrStopped = errors.New("server: stopped, and a server is started only once; make a new one")
)

// Application handles requests.
type Application interface {
	// Process handles one request and returns when the response is complete. It is called once per request, by many
	// goroutines at once. f and all that was reached through it are invalid after Process returns.
	//
	// An error makes the server answer 500, or the status of a *BadRequestError, when the response has not started, and
	// end the connection (or the stream) otherwise. A panic is treated like an error and logged with its stack;
	// http.ErrAbortHandler ends the connection silently.
	Process(f *Features) error
}

// ApplicationFunc is a function as an Application.
type ApplicationFunc func(f *Features) error

// Process calls fn.
func (fn ApplicationFunc) Process(f *Features) error { return fn(f) }

// BadRequestError says that the client broke a rule of the protocol or exceeded a limit.
type BadRequestError = httpcommon.BadRequestError

// Headers is an ordered list of header fields; names are compared without case.
type Headers = httpcommon.Headers

// Causes with which a request is aborted: what context.Cause returns for a request's context.
var (
	ErrClientDisconnected = httpcommon.ErrClientDisconnected
	ErrServerShutdown     = httpcommon.ErrServerShutdown
	ErrRequestAborted     = httpcommon.ErrRequestAborted
	ErrResponseTooSlow    = httpcommon.ErrResponseTooSlow
	ErrRequestDone        = httpcommon.ErrRequestDone
)
