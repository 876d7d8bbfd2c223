package http2

import (
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/lannerhq/lanner/internal/httpcommon"
)

// outcome is what a connection came to.
type outcome struct {
	frames, events []string
	requests       []string
	next           Next
}

// play feeds bytes to a new connection, cut where cuts says, and then ends it. Handlers return at once, on the reader's goroutine, or
// only when everything has come.
func play(t *testing.T, b []byte, cuts *rand.Rand, late bool) (o outcome) {
	release := make(chan struct{})
	r := newRig(t, nil, small)
	r.elsewhere = late
	r.app = func(s *Stream) error {
		r.mu.Lock()
		o.requests = append(o.requests, fmt.Sprint(s.ID(), " ", kept(s.Request())))
		r.mu.Unlock()
		if late {
			<-release
		}
		// No content: when that goes depends on the client's windows, and what the client does meanwhile on when it went.
		s.Response().Header().Add("x-path", s.Request().Path())
		if s.ID()%4 == 3 {
			s.Response().Trailers().Add("x", "y")
		}
		return nil
	}
	r.send([]byte(Preface), settings())
	for rest := b; len(rest) > 0; {
		n := len(rest)
		if cuts != nil {
			n = 1 + cuts.IntN(min(n, 1+cuts.IntN(100)))
		}
		r.send(rest[:n])
		rest = rest[n:]
	}
	close(release)
	r.send()
	r.leave(io.ErrUnexpectedEOF)
	r.wantOver(r.next)
	o.frames, o.events, o.next = r.frames(), r.events, r.next
	if late { // handlers return in one order or another, and windows are given back in one
		o.frames = slices.DeleteFunc(o.frames, func(f string) bool { return strings.HasPrefix(f, "WINDOW_UPDATE") })
		slices.Sort(o.frames)
		slices.Sort(o.requests)
	}
	return o
}

func small(c *Config) {
	l := &c.Limits
	l.MaxStreams, l.StreamWindow, l.ConnectionWindow, l.MaxRequestHeadersTotalSize, l.MaxFieldSize = 5, 1000, 70000, 2000, 500
	l.MaxRequestHeaderCount, l.MaxRequestBodySize = 20, 5000
}

// busy uses everything that a request has, and is as unpredictable as its path.
func busy(s *Stream) error {
	path := s.Request().Path()
	if len(path) > 1 {
		switch path[1] % 8 {
		case 0:
			_, err := io.ReadAll(s.Request().Body())
			return err
		case 1:
			return echo(s)
		case 2:
			_, err := s.Response().Write(make([]byte, 70_000))
			return err
		case 3:
			s.Reset(Cancel)
		case 4:
			s.Response().Flush()
			return io.ErrUnexpectedEOF
		case 5:
			s.Response().Trailers().Add("x", "y")
			io.Copy(io.Discard, s.Request().Body())
			return s.Response().Flush()
		case 6:
			done := make(chan error, 1)
			s.OnAborted(func(err error) { done <- err })
			return <-done
		}
	}
	return nil
}

func FuzzFrames(f *testing.F) {
	head := []byte{0x82, 0x86, 0x84} // GET http /
	post := []byte{0x83, 0x86, 0x04, 0x02, '/', 'a'}
	join := func(parts ...[]byte) []byte { return slices.Concat(parts...) }
	f.Add(join(aFrame(frameHeaders, flagEndHeaders|flagEndStream, 1, head)), uint64(1))
	f.Add(join(aFrame(frameHeaders, flagEndHeaders, 1, post), data(1, 0, "body"), data(1, flagEndStream, ""), appendWindowUpdate(nil, 1, 5)), uint64(2))
	f.Add(join(split(3, flagEndStream, head, 1, 0, 1), appendRST(nil, 3, Cancel), aFrame(framePing, 0, 0, make([]byte, 8))), uint64(3))
	f.Add(join(settings(settingInitialWindowSize, 1, settingMaxFrameSize, 1<<14), aFrame(frameHeaders, flagEndHeaders, 1, post), appendGoAway(nil, 0, 0)), uint64(4))
	f.Add(join(aFrame(frameHeaders, flagEndHeaders, 1, post), aFrame(frameHeaders, flagEndHeaders|flagEndStream, 1, []byte{0x40, 1, 'x', 1, 'y'})), uint64(5))
	f.Add(join(aFrame(framePriorityUpdate, 0, 0, []byte("\x00\x00\x00\x01u=1,i")), aFrame(frameHeaders, flagEndHeaders|flagPriority, 1, join([]byte{0, 0, 0, 0, 9}, post)), data(1, flagPadded, "\x01xx")), uint64(6))
	f.Add(join(aFrame(frameHeaders, flagEndHeaders, 1, []byte{0x83, 0x86, 0x04, 0x02, '/', '&'})), uint64(145)) // a handler that waits for the end
	f.Fuzz(func(t *testing.T, b []byte, seed uint64) {
		b = framed(b)
		synctest.Test(t, func(t *testing.T) {
			for _, late := range []bool{false, true} {
				toGoAway := untilGoAway(b) // what comes behind one may find the connection closed, or not
				whole := play(t, toGoAway, nil, late)
				cut := play(t, toGoAway, rand.New(rand.NewPCG(seed, 0)), late)
				if fmt.Sprint(whole) != fmt.Sprint(cut) {
					t.Fatalf("late %v: whole:\n%q\ncut:\n%q", late, whole, cut)
				}
			}
			// Whatever the handlers do, nothing is left.
			for _, elsewhere := range []bool{false, true} {
				r := newRig(t, busy, small)
				r.elsewhere = elsewhere
				if seed%2 == 0 {
					r.room = int(seed % 1000)
				}
				r.send([]byte(Preface), settings(), b)
				for r.conn.Seized(func() bool { return true }) { // as a loop's watchdog does when a handler blocks by itself
					go r.read(r.conn.Resume)
					synctest.Wait()
				}
				for range 3 {
					r.take(5)
				}
				r.take(-1)
				r.conn.Tick(2e9)
				r.send()
				r.leave(io.ErrUnexpectedEOF)
				r.wantOver(r.next)
				r.frames()
			}
		})
	})
}

// framed puts the lengths of frames right where they go beyond the end, so that random bytes are frames more often.
func framed(b []byte) []byte {
	b = slices.Clone(b)
	for at := 0; len(b)-at > frameHeaderSize; {
		f := frameHead(b[at:])
		if n := len(b) - at - frameHeaderSize; f.length > n && f.kind%3 != 0 {
			b[at], b[at+1], b[at+2] = byte(n>>16), byte(n>>8), byte(n)
			f.length = n
		}
		at += frameHeaderSize + f.length
	}
	return b
}

// untilGoAway is b up to and with the first GOAWAY.
func untilGoAway(b []byte) []byte {
	for at := 0; len(b)-at >= frameHeaderSize; {
		f := frameHead(b[at:])
		at += frameHeaderSize + f.length
		if f.kind == frameGoAway && at <= len(b) {
			return b[:at]
		}
	}
	return b
}

func FuzzHeaders(f *testing.F) {
	for _, fields := range [][]string{
		{":method", "GET", ":scheme", "http", ":path", "/a%20b?c=d", ":authority", "a:80", "cookie", "a=b", "cookie", "c=d"},
		{":method", "OPTIONS", ":scheme", "https", ":path", "*", "host", "a", "te", "trailers", "x", ""},
		{":method", "CONNECT", ":authority", "a:443"},
		{":method", "CONNECT", ":protocol", "websocket", ":scheme", "http", ":path", "/", ":authority", "a"},
		{":method", "G T", ":scheme", "http", ":path", "x", "Upper", "x", "connection", "close", "content-length", "1", "content-length", "2"},
	} {
		var b []byte
		for i := 0; i < len(fields); i += 2 {
			b = append(b, 0, byte(len(fields[i])))
			b = append(b, fields[i]...)
			b = append(b, byte(len(fields[i+1])))
			b = append(b, fields[i+1]...)
		}
		f.Add(b, false)
	}
	f.Add([]byte{0x82, 0x86, 0x84, 0x41, 1, 'a'}, true)
	f.Fuzz(func(t *testing.T, block []byte, alternate bool) {
		synctest.Test(t, func(t *testing.T) {
			served := false
			r := newRig(t, nil, func(c *Config) {
				small(c)
				c.AlternateSchemes = alternate
			})
			r.app = func(s *Stream) error {
				served = true
				if bad := wrong(s.Request(), &r.cfg.Limits); bad != "" {
					t.Errorf("%s in %s", bad, kept(s.Request()))
				}
				return nil
			}
			r.send([]byte(Preface), settings())
			r.drop()
			r.send(split(1, flagEndStream, block, 16000, 16000, 16000))
			got := strings.Join(append(r.frames(), r.events...), "|")
			if served == (strings.Contains(got, "RST_STREAM") || strings.Contains(got, "GOAWAY")) {
				t.Errorf("served: %v, and the client reads %s", served, got)
			}
			r.leave(io.ErrUnexpectedEOF)
			r.wantOver(r.next)
		})
	})
}

// wrong says what is wrong with a request that has reached a handler; "" when nothing is.
func wrong(q *Request, l *Limits) string {
	path := q.Path()
	size, count := len(q.Method()), 0
	switch {
	case !httpcommon.IsToken(q.Method()):
		return "the method is no token"
	case q.Scheme() != "http" && q.Scheme() != "https":
		return "the scheme"
	case q.Method() == "CONNECT":
		if path != "" || q.RawTarget() != q.Host() || q.Host() == "" {
			return "CONNECT's target"
		}
	case q.RawTarget() == "*":
		if q.Method() != "OPTIONS" || path != "" {
			return "the asterisk"
		}
	case path == "" || path[0] != '/' || strings.ContainsRune(path, 0) || strings.Contains(path, "/../") || strings.HasSuffix(path, "/.."):
		return "the path"
	}
	if strings.ContainsAny(q.RawTarget()+q.Host(), " \r\n\x00\t") || len(q.RawTarget()) > l.MaxRequestLineSize {
		return "the target or the host"
	}
	if !httpcommon.ValidHost(q.Host()) {
		return "the host"
	}
	hosts, cookies, lengths := 0, 0, 0
	for name, value := range q.Header().All() {
		count++
		size += len(name) + len(value)
		switch {
		case name == "" || name != strings.ToLower(name) || !httpcommon.IsToken(name):
			return "the name of a field"
		case strings.ContainsAny(value, "\r\n\x00"), value != httpcommon.TrimOWS(value):
			return "the value of a field"
		case !httpcommon.Sendable(name), name == "te" && !httpcommon.EqualFold(value, "trailers"):
			return "a field of the connection"
		case name == "host":
			hosts++
			if value != q.Host() {
				return "another host"
			}
		case name == "cookie":
			cookies++
		case name == "content-length":
			lengths++
		}
	}
	switch {
	case hosts > 1 || cookies > 1:
		return "two hosts or cookies"
	case lengths > 0 != (q.ContentLength() > 0) && q.ContentLength() != 0:
		return "the content length"
	case size > 2*l.MaxRequestHeadersTotalSize || count > l.MaxRequestHeaderCount+1:
		return "the size"
	}
	return ""
}
