package server

import "net/http"

// ResponseState is the part of a ResponseFeature that is the same on every server: status, header fields and hooks. A
// server embeds it and adds Write and Flush, which call Start first. The zero value is the state of a new response. It
// belongs to the goroutine that handles the request.
type ResponseState struct {
	status      int
	header      Headers
	started     bool
	onStarting  []func()
	onCompleted []func()
}

// Status is the status code; 200 until set.
func (s *ResponseState) Status() int {
	if s.status == 0 {
		return http.StatusOK
	}
	return s.status
}

// SetStatus sets the final status code, unless the response started.
func (s *ResponseState) SetStatus(code int) {
	if !s.started {
		s.status = code
	}
}

// Header is the list of header fields to be sent.
func (s *ResponseState) Header() *Headers { return &s.header }

// Started reports whether Start was called and its hooks have run.
func (s *ResponseState) Started() bool { return s.started }

// OnStarting registers fn to run in Start.
func (s *ResponseState) OnStarting(fn func()) { s.onStarting = append(s.onStarting, fn) }

// OnCompleted registers fn to run in Complete.
func (s *ResponseState) OnCompleted(fn func()) { s.onCompleted = append(s.onCompleted, fn) }

// Start runs the OnStarting hooks, the last registered first, and fixes status and header. It reports whether this call
// did so: then the caller sends them, as they are now.
func (s *ResponseState) Start() bool {
	if s.started {
		return false
	}
	runLast(&s.onStarting)
	if s.started { // a hook wrote
		return false
	}
	s.started = true
	return true
}

// Complete runs the OnCompleted hooks, the last registered first. A server calls it when the response has been sent or
// given up, also when the application failed.
func (s *ResponseState) Complete() { runLast(&s.onCompleted) }

// runLast takes hooks from the end and runs them, also those that a hook registers.
func runLast(hooks *[]func()) {
	for len(*hooks) > 0 {
		last := len(*hooks) - 1
		fn := (*hooks)[last]
		*hooks = (*hooks)[:last]
		fn()
	}
}
