package httpconn

import (
	"errors"

	"github.com/lannerhq/lanner/internal/http2"
	"github.com/lannerhq/lanner/internal/httpcommon"
)

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
		e.reason = x.muxReason(report.Err)
	}
	q := s.Request()
	r.observed(&q.Head, q.Protocol(), ended{"2", report.Status, report.RequestHead, report.RequestBody, report.ResponseHead, report.ResponseBody})
}

// muxReason says what ended an exchange, "" when it ended well.
func (x *mux) muxReason(err error) string {
	var reset *http2.ResetError
	switch bad, isBad := httpcommon.AsBadRequest(err); {
	case err == nil:
		return ""
	case x.aborted():
		return reasonShutdown
	case isBad:
		return errorType(bad.Reason)
	case errors.Is(err, httpcommon.ErrResponseTooSlow):
		return reasonSlow
	case errors.As(err, &reset) && !reset.Remote && reset.Code == http2.NoError:
		return ""
	case errors.Is(err, httpcommon.ErrClientDisconnected):
		return reasonReset
	case httpcommon.LengthMismatch(err):
		return reasonLength
	case errors.Is(err, errTooOld):
		return reasonTimeout
	case errors.As(err, &reset), errors.Is(err, httpcommon.ErrRequestAborted):
		return reasonAborted
	}
	return reasonStarted
}
