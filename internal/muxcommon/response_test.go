package muxcommon

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/lannerhq/lanner/internal/httpcommon"
)

// engine is an Engine that sends texts.
type engine struct {
	r      Response
	sent   []string
	cause  error
	broken bool
	failed []error
	answer *httpcommon.Answer
}

func (e *engine) Start() error {
	if e.cause == nil {
		e.render(false)
	}
	return e.cause
}

func (e *engine) Send(p []byte) error {
	if b := append(append([]byte(nil), e.r.Buffered()...), p...); len(b) > 0 {
		e.sent = append(e.sent, string(b))
	}
	e.r.ResetBuffer()
	return e.cause
}

func (e *engine) Interim(status int, h *httpcommon.Headers) error {
	e.sent = append(e.sent, fmt.Sprint(status))
	return e.cause
}

func (e *engine) Cause() error     { return e.cause }
func (e *engine) Break()           { e.broken = true }
func (e *engine) Failed(err error) { e.failed = append(e.failed, err) }
func (e *engine) Rejected(*httpcommon.BadRequestError) *httpcommon.Answer {
	return e.answer
}

func (e *engine) render(whole bool) {
	head := e.r.BeginHead(whole, Head{Date: true, Server: true, AltSvc: true})
	text := []string{fmt.Sprint(e.r.Status())}
	for name, value := range e.r.Header().All() {
		if head.Sends(name, value) {
			text = append(text, name+"="+value)
		}
	}
	for _, f := range []struct {
		sent bool
		text string
	}{{head.ContentLength, fmt.Sprint("length=", len(e.r.Buffered()))}, {head.Date, "date"}, {head.Server, "server"}, {head.AltSvc, "alt-svc"}, {head.Empty, "end"}} {
		if f.sent {
			text = append(text, f.text)
		}
	}
	e.sent = append(e.sent, strings.Join(text, " "))
}

// exchange has a handler answer a request, and returns what was sent.
func exchange(e *engine, method string, body *Body, handler func(r *Response) error) []string {
	var head httpcommon.Head
	var fields httpcommon.Fields
	fields.Begin(&head, false, httpcommon.FieldLimits{MaxTotalSize: 1000, MaxCount: 10})
	for _, f := range [][2]string{{":method", method}, {":scheme", "http"}, {":path", "/"}} {
		if bad := fields.Add(f[0], f[1]); bad != nil {
			panic(bad)
		}
	}
	if bad := head.Finish(&httpcommon.HeadRules{MaxRequestLineSize: 100, Scheme: "http"}, &fields, true); bad != nil {
		panic(bad)
	}
	r := &e.r
	r.Init(e, &head, 10)
	r.Conclude(handler(r), body)
	if e.cause == nil && !e.broken {
		if !r.Started() {
			e.render(true)
		}
		r.Swallow()
		_ = e.Send(nil)
	}
	r.Complete()
	return e.sent
}

func write(text string) func(*Response) error {
	return func(r *Response) error { _, err := r.Write([]byte(text)); return err }
}

func nothing(*Response) error { return nil }

func with(name, value string, next func(*Response) error) func(*Response) error {
	return func(r *Response) error { r.Header().Add(name, value); return next(r) }
}

func status(code int, next func(*Response) error) func(*Response) error {
	return func(r *Response) error { r.SetStatus(code); return next(r) }
}

func TestAResponseHasTheFieldsOfTheApplicationThenThoseOfTheServer(t *testing.T) {
	for _, tt := range []struct {
		why, method string
		handler     func(*Response) error
		want        string
	}{
		{"held back whole", "GET", write("ab"), "200 length=2 date server alt-svc|ab"},
		{"nothing written", "GET", write(""), "200 length=0 date server alt-svc end"},
		{"HEAD says the length it knows", "HEAD", write("ab"), "200 length=2 date server alt-svc end"},
		{"HEAD of nothing says none", "HEAD", write(""), "200 date server alt-svc end"},
		{"too long for the buffer", "GET", write("0123456789ab"), "200 date server alt-svc|0123456789ab"},
		{"a length of its own", "GET", with("Content-Length", "2", write("ab")), "200 Content-Length=2 date server alt-svc|ab"},
		{"204 has neither length nor content", "GET", status(204, with("Content-Length", "0", nothing)), "204 date server alt-svc end"},
		{"304 keeps the length of what there would be", "GET", status(304, with("Content-Length", "7", nothing)), "304 Content-Length=7 date server alt-svc end"},
		{"its own fields replace the server's", "GET", with("date", "d", with("SERVER", "s", with("alt-svc", "a", write("")))), "200 date=d SERVER=s alt-svc=a length=0 end"},
		{"no date", "GET", with("Date", "", write("")), "200 length=0 server alt-svc end"},
		{"fields of a connection have no place", "GET", with("Connection", "close", with("Keep-Alive", "1", with("Transfer-Encoding", "chunked", write("")))), "200 length=0 date server alt-svc end"},
		{"trailers leave the length out", "GET", func(r *Response) error { r.Trailers().Add("X", "1"); return write("ab")(r) }, "200 date server alt-svc|ab"},
	} {
		if got := strings.Join(exchange(&engine{}, tt.method, &Body{}, tt.handler), "|"); got != tt.want {
			t.Errorf("%s: sent %q, want %q", tt.why, got, tt.want)
		}
	}
}

func TestAFailureIsAnsweredBeforeTheStartAndBreaksTheStreamAfter(t *testing.T) {
	mistake, cause := errors.New("mistake"), errors.New("gone")
	long := write("0123456789ab")
	after := func(first, then func(*Response) error) func(*Response) error {
		return func(r *Response) error { return errors.Join(first(r), then(r)) }
	}
	for _, tt := range []struct {
		why     string
		engine  engine
		body    Body
		handler func(*Response) error
		sent    string
		broken  bool
		failed  error
	}{
		{"an error before the start", engine{}, Body{}, func(r *Response) error { _ = with("X", "1", write("ab"))(r); return mistake }, "500 length=0 date server alt-svc end", false, nil},
		{"an error after", engine{}, Body{}, after(long, func(*Response) error { return mistake }), "200 date server alt-svc|0123456789ab", true, nil},
		{"the client's fault", engine{}, Body{}, func(*Response) error { return httpcommon.ErrBodyTooLarge }, "413 length=0 date server alt-svc end", false, nil},
		{"with the owner's answer", engine{answer: &httpcommon.Answer{Status: 499, Header: new(httpcommon.Headers), Body: []byte("no")}}, Body{}, func(*Response) error { return httpcommon.ErrBodyTooLarge }, "499 length=2 date server alt-svc|no", false, nil},
		{"the client's fault is the answer of a handler that has none", engine{}, Body{err: httpcommon.ErrBodyTooLarge}, func(*Response) error { return nil }, "413 length=0 date server alt-svc end", false, nil},
		{"but not of one that has", engine{}, Body{err: httpcommon.ErrBodyTooLarge}, write("ab"), "200 length=2 date server alt-svc|ab", false, nil},
		{"fewer bytes than announced", engine{}, Body{}, with("Content-Length", "3", write("ab")), "200 Content-Length=3 date server alt-svc", true, httpcommon.ErrTooFewBytes},
		{"none at all", engine{}, Body{}, with("Content-Length", "3", func(*Response) error { return nil }), "500 length=0 date server alt-svc end", false, httpcommon.ErrTooFewBytes},
		{"more in the first write", engine{}, Body{}, with("Content-Length", "1", func(r *Response) error { _ = write("ab")(r); return nil }), "500 length=0 date server alt-svc end", false, httpcommon.ErrContentLength},
		{"more than announced, when all is sent", engine{}, Body{}, with("Content-Length", "2", func(r *Response) error { _, _ = write("ab")(r), write("c")(r); return nil }), "200 Content-Length=2 date server alt-svc|ab", false, httpcommon.ErrContentLength},
		{"a field that cannot be sent", engine{}, Body{}, with("X", "a\r\nb", write("")), "500 length=0 date server alt-svc end", false, nil},
		{"nobody is there", engine{cause: cause}, Body{}, func(*Response) error { return mistake }, "", false, nil},
		{"a panic in a callback", engine{}, Body{}, func(r *Response) error { r.OnStarting(func() { panic("boo") }); return nil }, "500 length=0 date server alt-svc end", false, nil},
	} {
		e := tt.engine
		sent := strings.Join(exchange(&e, "GET", &tt.body, tt.handler), "|")
		if sent != tt.sent || e.broken != tt.broken {
			t.Errorf("%s: sent %q, broken %v; want %q, %v", tt.why, sent, e.broken, tt.sent, tt.broken)
		}
		if tt.failed != nil && (len(e.failed) != 1 || e.failed[0] != tt.failed) {
			t.Errorf("%s: the owner was told %v, want %v once", tt.why, e.failed, tt.failed)
		}
	}
}

func TestACauseIsWhatEveryWriteReturns(t *testing.T) {
	cause := errors.New("gone")
	e := &engine{cause: cause}
	exchange(e, "GET", &Body{}, func(r *Response) error {
		n, err := r.Write(make([]byte, 100))
		if _, again := r.Write(nil); n != 0 || err != cause || again != cause || r.Flush() != cause || r.SendInterim(103, nil) != cause {
			t.Errorf("Write returned %d, %v, then %v, want 0 and the cause", n, err, again)
		}
		return nil
	})
	if e.r.Report(7, nil).Err != cause || e.r.Report(7, nil).RequestBody != 7 {
		t.Errorf("the report is %+v, want the cause in it", e.r.Report(7, nil))
	}
}

func TestAnInterimResponseComesBeforeTheStart(t *testing.T) {
	got := exchange(&engine{}, "GET", &Body{}, func(r *Response) error {
		for _, ignored := range []int{99, 101, 200} {
			if err := r.SendInterim(ignored, nil); err != nil {
				t.Errorf("%d: %v", ignored, err)
			}
		}
		if err := errors.Join(r.SendInterim(103, nil), r.Flush()); err != nil {
			t.Error(err)
		}
		if err := r.SendInterim(103, nil); err != httpcommon.ErrStarted {
			t.Errorf("after the start: %v, want ErrStarted", err)
		}
		return nil
	})
	if strings.Join(got, "|") != "103|200 date server alt-svc" {
		t.Errorf("sent %q", got)
	}
}

func TestNothingOfAResponseStaysWhenItIsCleared(t *testing.T) {
	e, called := &engine{}, 0
	note := func() { called++ }
	exchange(e, "GET", &Body{}, func(r *Response) error {
		r.OnCompleted(note)
		r.Trailers().Add("X", "1")
		return with("X", "1", write("ab"))(r)
	})
	if e.r.OnStarting(note); called != 1 {
		t.Fatalf("OnCompleted's was called %d times, want once", called)
	}
	e.r.Clear()
	e.sent = nil
	if got := strings.Join(exchange(e, "GET", &Body{}, write("")), "|"); got != "200 length=0 date server alt-svc end" || called != 1 || e.r.Completes() {
		t.Errorf("the next response is %q, and callbacks were called %d times", got, called)
	}
}

func TestFieldsOfInterimResponsesAndTrailersAreSound(t *testing.T) {
	for _, tt := range []struct {
		name, value      string
		interim, trailer bool
	}{
		{"Link", "</a>; rel=preload", true, true},
		{"Content-Length", "1", false, false},
		{"Set-Cookie", "a=b", true, false},
		{"Connection", "close", false, false},
		{"a b", "1", false, false},
		{"X", "a\r\nb", false, false},
		{":status", "200", false, false},
	} {
		if i, tr := InterimField(tt.name, tt.value), TrailerField(tt.name, tt.value); i != tt.interim || tr != tt.trailer {
			t.Errorf("%s: %q: in a 1xx %v, as a trailer %v, want %v, %v", tt.name, tt.value, i, tr, tt.interim, tt.trailer)
		}
	}
}
