package http1

import ()

// Observer hears of every exchange of a connection that the engine reads: also of requests that are rejected. Its methods
// run on the connection's goroutine, Body on that of whoever reads the body.
type Observer interface {
	// Began says that the first byte of a request has come.
	Began()
	// Body says that the application begins to read the body, and with done that all of it has been read.
	Body(done bool)
	// Ended says that the exchange is over. The response has been sent, as far as it will be, unless there is more input
	// behind the request: then it goes out with the next. The strings of the report are valid until Ended returns.
	Ended(report Report, next Next)
}

// Observe makes o hear of the connection's exchanges; nil is nobody. It is called before Process.
func (c *Conn) Observe(o Observer) { c.observer = o }

// Report is what the engine knows of an exchange.
type Report struct {
	// Method, Target and Protocol are the request line, empty when it has not been read.
	Method, Target, Protocol string
	// Status is that of the response; 0 when nothing of it was sent.
	Status int
	// The sizes in bytes on the wire: of the heads, and of the bodies with their framing.
	RequestHead, RequestBody, ResponseHead, ResponseBody int64
	// Swallowed counts bytes that were written for a body that the response does not have, such as that to HEAD.
	Swallowed int64
	// FieldRemoved says that the application set a Content-Length or Transfer-Encoding that the response cannot have.
	FieldRemoved bool
	// Unread says that the application did not read the body to its end, and DrainTimedOut that the engine did not either.
	Unread, DrainTimedOut bool
	// Err is what broke a response that had started; nil when it was finished.
	Err error
}

// Report describes the exchange being served. It is for the time from Handler.Serve to Observer.Ended.
func (c *Conn) Report() Report {
	q, s, b := &c.req, &c.res, &c.body
	r := Report{
		Method: q.method, Target: q.rawTarget, Protocol: q.Protocol(),
		RequestHead: int64(len(q.memory)), RequestBody: b.consumed,
		Swallowed: s.swallowed, FieldRemoved: s.removed, Err: s.err,
		Unread: b.drained || !b.done && b.err == nil,
	}
	r.DrainTimedOut = b.drained && !b.done && c.stream.Expired() == TimeoutDrain
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.started && (c.gone == nil || s.at == sent) { // at a write that failed, the head may have been sent
		r.Status, r.ResponseHead, r.ResponseBody = s.status, int64(s.headSize), s.bodySize
	}
	return r
}

// Unserved describes a request that has not been read to the end of its head, or was refused there.
func (c *Conn) Unserved() Report {
	r := Report{RequestHead: int64(c.buffered())}
	if c.head.phase == phaseRequestLine {
		return r
	}
	// Not the strings of Request: bytes may have moved since its line was read.
	line := shared(c.in[c.r:c.w])
	r.Method, r.Target = c.head.method.text(line), c.head.target.text(line)
	r.Protocol = c.req.Protocol()
	return r
}

// answered enters the answer to a refused request, of which size bytes were made.
func (r *Report) answered(a *Answer, size int) {
	r.Status, r.ResponseHead = a.Status, int64(size)
	if r.Method != "HEAD" {
		r.ResponseHead, r.ResponseBody = int64(size-len(a.Body)), int64(len(a.Body))
	}
}

// ended tells the observer that the request that was served is over. A response behind which no input waits goes out before,
// so that its end is known.
func (c *Conn) ended(next Next) Next {
	if next == More && c.buffered() == 0 && c.flush(nil) != nil {
		next = Abort
	}
	c.observer.Ended(c.Report(), next)
	return next
}
