package http2

// Report is what the engine knows of an exchange. It is for the time from Handler.Serve to Handler.Ended.
type Report struct {
	// Status is that of the response; 0 when nothing of it was sent.
	Status int
	// The sizes in bytes: of the fields of the head as HTTP/1.1 would have them, of the body, of the frames of the response's head,
	// and of its body with the trailers.
	RequestHead, RequestBody, ResponseHead, ResponseBody int64
	// Swallowed counts bytes that were written for a body that the response does not have.
	Swallowed int64
	// Err is what broke the exchange: a *ResetError, the end of the connection, or what the application did wrong; nil when it ended well.
	Err error
}

// Report describes the exchange.
func (s *Stream) Report() Report {
	r := &s.res
	s.conn.mu.Lock()
	defer s.conn.mu.Unlock()
	report := Report{RequestHead: int64(s.req.FieldsSize), RequestBody: s.body.received, Swallowed: r.swallowed, Err: r.err}
	if s.cause != nil {
		report.Err = s.cause
	}
	if r.started {
		report.Status, report.ResponseHead, report.ResponseBody = r.status, int64(r.headSize), r.bodySize
	}
	return report
}

// Keep makes sure that the stream is never another request's: somebody may use it after its handler has returned.
func (s *Stream) Keep() { s.kept = true }
