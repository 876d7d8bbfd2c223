package muxcommon

import "github.com/lannerhq/lanner/internal/httpcommon"

// Starting runs what OnStarting registered, last first.
func (r *Response) Starting() error {
	for len(r.onStarting) > 0 {
		last := len(r.onStarting) - 1
		fn := r.onStarting[last]
		r.onStarting = r.onStarting[:last]
		if err := httpcommon.Guard(fn); err != nil {
			return r.Fail(err)
		}
	}
	return nil
}

// prepare runs OnStarting and checks what is about to be sent. next is the size of the write that causes it.
func (r *Response) prepare(next int64) error {
	if err := r.Starting(); err != nil || r.started {
		return err
	}
	if err := r.check(next); err != nil {
		return r.Fail(err) // not started: the server can still answer 500
	}
	return nil
}

// start fixes the header section of a response that is not whole.
func (r *Response) start(next int64) error {
	if err := r.prepare(next); err != nil || r.started {
		return r.err
	}
	if err := r.engine.Start(); err != nil {
		return r.Fail(err)
	}
	if r.left >= 0 && !r.bodyless {
		r.left -= int64(len(r.held))
	}
	r.Swallow()
	return nil
}

// check looks for what must not be sent.
func (r *Response) check(next int64) error {
	length, err := httpcommon.CheckResponse(r.status, &r.header)
	if err != nil {
		return err
	}
	r.bodyless = r.head.IsHead() || !httpcommon.BodyAllowed(r.status)
	r.left = length
	if length >= 0 && next+int64(len(r.held)) > length && !r.bodyless {
		return httpcommon.ErrContentLength
	}
	return nil
}

// Swallow drops what is held of a body that the response does not have. It is for after the head is rendered, which may say how long the
// body would have been.
func (r *Response) Swallow() {
	if r.bodyless {
		r.swallowed += int64(len(r.held))
		r.held = r.held[:0]
	}
}

// Head says which fields a header section has. The application's go first, in its order, then these in theirs.
type Head struct {
	// Empty says that neither content nor trailers follow.
	Empty bool
	// ContentLength is that of what is buffered. The values of the others are the configuration's.
	ContentLength, Date, Server, AltSvc bool

	noLength bool // RFC 9110 §8.6: none in a 204
}

// BeginHead makes the response one that has started. When whole, the body is complete in the buffer. more is what the server adds where the
// application has not.
func (r *Response) BeginHead(whole bool, more Head) Head {
	r.started = true
	empty := r.bodyless || len(r.held) == 0
	more.Empty = whole && empty && r.trailer.Len() == 0
	// A response to HEAD says what one to GET would have, as far as it is known.
	more.ContentLength = whole && r.left < 0 && httpcommon.BodyAllowed(r.status) && (!r.bodyless || len(r.held) > 0) && r.trailer.Len() == 0
	more.noLength = r.status == 204
	return more
}

// Sends is asked for each of the application's fields: it reports whether the field is sent, and notes which of the server's fall away.
func (h *Head) Sends(name, value string) bool {
	switch len(name) {
	case len("Date"):
		if httpcommon.EqualFold(name, "Date") {
			h.Date = false
			return value != "" // "no Date", as the bridge says it
		}
	case len("Server"):
		h.Server = h.Server && !httpcommon.EqualFold(name, "Server")
	case len("Alt-Svc"):
		h.AltSvc = h.AltSvc && !httpcommon.EqualFold(name, "Alt-Svc")
	case len("Content-Length"):
		if h.noLength && httpcommon.EqualFold(name, "Content-Length") {
			return false
		}
	}
	return httpcommon.Sendable(name)
}

// InterimField reports whether a 1xx response has a place for a field.
func InterimField(name, value string) bool {
	return sound(name, value) && !httpcommon.EqualFold(name, "Content-Length")
}

// TrailerField reports whether the section behind the body has.
func TrailerField(name, value string) bool {
	return sound(name, value) && !httpcommon.ForbiddenTrailer(name)
}

func sound(name, value string) bool {
	return httpcommon.IsToken(name) && httpcommon.IsFieldValue(value) && httpcommon.Sendable(name)
}
