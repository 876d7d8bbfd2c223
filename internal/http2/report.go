package http2

import "github.com/lannerhq/lanner/internal/muxcommon"

// Report is what the engine knows of an exchange. It is for the time from Handler.Serve to Handler.Ended.
type Report = muxcommon.Report

// Report describes the exchange.
func (s *Stream) Report() Report {
	s.conn.mu.Lock()
	defer s.conn.mu.Unlock()
	return s.res.Report(s.body.received, s.cause)
}

// Keep makes sure that the stream is never another request's: somebody may use it after its handler has returned.
func (s *Stream) Keep() { s.kept = true }
