package control

import (
	"fmt"
	"net/http"
)

// Error is a failure with what HTTP needs to carry it: the host returns it to choose the status, the client returns it for
// every answer that is not a success.
type Error struct {
	// Status is an HTTP status: 400 the request makes no sense, 403 the caller may not, 404 no such site, 409 something
	// else is under way, 422 the configuration file, or a certificate, has mistakes, 500 it failed, 502 somebody else failed, 503 the host is stopping.
	// Zero means 500.
	Status int `json:"-"`
	// Message says what failed, on what and why.
	Message string `json:"message"`
	// Hint is the way out. May be empty.
	Hint string `json:"hint,omitempty"`
}

// Error returns the message and the hint.
func (e *Error) Error() string {
	if e.Hint == "" {
		return e.Message
	}
	return e.Message + "; " + e.Hint
}

func (e *Error) status() int {
	if e.Status < 400 || e.Status > 599 {
		return http.StatusInternalServerError
	}
	return e.Status
}

// UnknownSite returns the error for a site that is none of known, with the name that was probably meant.
func UnknownSite(site string, known []string) *Error {
	e := &Error{Status: http.StatusNotFound, Message: fmt.Sprintf("there is no site %q", site)}
	e.Hint = DidYouMean(site, known)
	if len(known) == 0 {
		e.Hint = "the host has no sites"
	}
	return e
}

// NotReachableError says that no host answers on a socket.
type NotReachableError struct {
	Socket string
	Err    error
}

// Error names the socket, the reason, and how to start a host.
func (e *NotReachableError) Error() string {
	return fmt.Sprintf("no lanner host answers on %s: %v; start one with \"lanner host\", or name its socket with --socket",
		e.Socket, e.Err)
}

// Unwrap returns what the system said.
func (e *NotReachableError) Unwrap() error { return e.Err }

// PermissionError says that the system does not let this user connect to the socket.
type PermissionError struct {
	Socket string
	Err    error
}

// Error names the socket and who may use it.
func (e *PermissionError) Error() string {
	return fmt.Sprintf("not allowed to use %s: %v; be root, the user that runs the host, or in the group of the socket",
		e.Socket, e.Err)
}

// Unwrap returns what the system said.
func (e *PermissionError) Unwrap() error { return e.Err }

// InUseError says that another host has the socket.
type InUseError struct{ Socket string }

// Error names the socket and the ways out.
func (e *InUseError) Error() string {
	return fmt.Sprintf("another host already has the control socket %s; stop it, or give this one its own control.socket",
		e.Socket)
}
