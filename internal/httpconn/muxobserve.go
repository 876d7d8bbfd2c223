package httpconn

import "github.com/lannerhq/lanner/internal/http2"

// Ended implements http2.Handler.
func (x *mux) Ended(s *http2.Stream) {
	r := s.Owner.(*muxStream)
	e := r.ex
	if e == nil {
		return
	}
	if r.number == 0 { // its head was not read in full: the reader says so
		r.count()
	}
	report := s.Report()
	if e.reason == "" {
		e.reason = r.reasonOf(report.Err)
	}
	q := s.Request()
	r.observed(&q.Head, q.Protocol(), ended{"2", report.Status, report.RequestHead, report.RequestBody, report.ResponseHead, report.ResponseBody})
}
