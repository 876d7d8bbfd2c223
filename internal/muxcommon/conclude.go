package muxcommon

import (
	"slices"

	"github.com/lannerhq/lanner/internal/httpcommon"
)

// Conclude completes the response when the handler has returned err, or answers its failure. What is left is the engine's to send.
func (r *Response) Conclude(err error, body *Body) {
	if err == nil && body.failed() && !r.started && !r.wrote && r.status == 200 {
		err = body.err // the application returned without an answer: the client's fault is the answer
	}
	if err == nil && r.err == nil && !r.started {
		err = r.prepare(0)
	}
	if err == nil && r.err == nil && !r.bodyless && r.left >= 0 && r.left != r.uncounted() {
		err = httpcommon.ErrTooFewBytes
	}
	if err == nil {
		err = r.err
		if err == httpcommon.ErrContentLength && r.started && r.left == 0 {
			r.engine.Failed(err) // the response is what it says
			err, r.err = nil, nil
		}
	}
	if err != nil {
		r.answerFailure(err)
	}
}

// uncounted is how many bytes of the body are held back by a response that has not started; what is held back later was counted.
func (r *Response) uncounted() int64 {
	if r.started {
		return 0
	}
	return int64(len(r.held))
}

// answerFailure replaces a response that has not started, by the status of the client's fault or by 500, and breaks a stream whose
// response has.
func (r *Response) answerFailure(err error) {
	if r.engine.Cause() != nil {
		return
	}
	if httpcommon.LengthMismatch(err) || r.err == err {
		r.engine.Failed(err)
	}
	if r.started {
		r.err = err
		r.engine.Break()
		return
	}
	bad, ok := httpcommon.AsBadRequest(err)
	r.replace(500)
	if ok {
		r.reject(bad)
	}
	if err := r.prepare(0); err != nil { // only a mistake in the answer leads here
		r.replace(500)
		_ = r.prepare(0)
	}
}

// reject makes the client's fault the answer.
func (r *Response) reject(bad *httpcommon.BadRequestError) {
	answer := r.engine.Rejected(bad)
	if bad.Status >= 200 && bad.Status <= 999 {
		r.status = bad.Status
	}
	if bad.Allow != "" {
		r.header.Set("Allow", bad.Allow)
	}
	if answer != nil {
		r.status = answer.Status
		for name, value := range answer.Header.All() {
			r.header.Add(name, value)
		}
		r.hold(answer.Body)
	}
}

// replace discards what the application prepared.
func (r *Response) replace(status int) {
	r.header.Reset()
	r.trailer.Reset()
	r.onStarting = r.onStarting[:0]
	r.held = r.held[:0]
	r.err, r.status = nil, status
}

// Completes reports whether somebody is to be told by Complete.
func (r *Response) Completes() bool { return len(r.onCompleted) > 0 }

// Complete runs what OnCompleted registered, last first.
func (r *Response) Complete() {
	for _, fn := range slices.Backward(r.onCompleted) {
		if err := httpcommon.Guard(fn); err != nil {
			r.engine.Failed(err)
		}
	}
}

// Report is what the engine knows of an exchange. It is for the time from the beginning of its handler to its end.
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

// Report describes the exchange, of whose request received bytes of the body have come. cause is why the stream was given up, nil when it
// was not.
func (r *Response) Report(received int64, cause error) Report {
	report := Report{RequestHead: int64(r.head.FieldsSize), RequestBody: received, Swallowed: r.swallowed, Err: r.err}
	if cause != nil {
		report.Err = cause
	}
	if r.started {
		report.Status, report.ResponseHead, report.ResponseBody = r.status, int64(r.HeadSize), r.BodySize
	}
	return report
}
