package http2

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// split cuts a header block into a HEADERS and CONTINUATION frames.
func split(stream uint32, flags uint8, block []byte, sizes ...int) (all []byte) {
	kind := uint8(frameHeaders)
	for _, n := range append(sizes, len(block)) {
		n = min(n, len(block))
		part := block[:n]
		block = block[n:]
		f := flags
		if len(block) == 0 {
			f |= flagEndHeaders
		}
		all = append(all, aFrame(kind, f, stream, part)...)
		if len(block) == 0 {
			return all
		}
		kind, flags = frameContinuation, 0
	}
	return all
}

func TestHeaderBlocksComeInPieces(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var got string
		r := connect(t, func(s *Stream) error {
			got = s.Request().Header().Get("x-secret") + s.Request().Trailers().Get("x-end")
			return nil
		}, nil)
		id := uint32(1)
		for range 50 {
			secret := strings.Repeat("secret", rand.IntN(100)) + fmt.Sprint(id)
			var sizes []int
			for range rand.IntN(8) {
				sizes = append(sizes, rand.IntN(40))
			}
			block := r.encode(":method", "GET", ":scheme", "http", ":path", "/", "host", "a", "x-secret", secret)
			r.send(split(id, flagEndStream, block, sizes...))
			if got != secret {
				t.Fatalf("a block in pieces of %v has %q, want %q", sizes, got, secret)
			}
			id += 2
		}
		r.wantEvents("nothing wrong")
		r.end()
	})
}

func TestWhatHeaderBlocksMustNotBe(t *testing.T) {
	block := func(r *rig) []byte { return r.encode(":method", "GET", ":scheme", "http", ":path", "/", "host", "a") }
	many := func(n, size int) func(*rig) []byte {
		return func(r *rig) []byte {
			all := aFrame(frameHeaders, flagEndStream, 1, nil)
			for range n {
				all = append(all, aFrame(frameContinuation, 0, 1, make([]byte, size))...)
			}
			return all
		}
	}
	for _, tt := range []struct {
		name  string
		bytes func(r *rig) []byte
		want  *connError
	}{
		{"interrupted by another frame", func(r *rig) []byte {
			return append(aFrame(frameHeaders, 0, 1, block(r)), aFrame(framePing, 0, 0, make([]byte, 8))...)
		}, errInterleaved},
		{"interrupted by an unknown frame", func(r *rig) []byte {
			return append(aFrame(frameHeaders, 0, 1, block(r)), aFrame(0xee, 0, 0, nil)...)
		}, errInterleaved},
		{"continued on another stream", func(r *rig) []byte {
			return append(aFrame(frameHeaders, 0, 1, block(r)), aFrame(frameContinuation, flagEndHeaders, 3, nil)...)
		}, errInterleaved},
		{"a continuation of nothing", func(r *rig) []byte { return aFrame(frameContinuation, flagEndHeaders, 1, nil) }, errContinuation},
		{"a continuation of what is complete", func(r *rig) []byte {
			return append(r.get(1, "/"), aFrame(frameContinuation, flagEndHeaders, 1, nil)...)
		}, errContinuation},
		{"on stream 0", func(r *rig) []byte { return aFrame(frameHeaders, flagEndHeaders, 0, block(r)) }, errStreamZero},
		{"on a server's stream", func(r *rig) []byte { return r.get(2, "/") }, errEvenStream},
		{"a stream below the last", func(r *rig) []byte { return append(r.get(5, "/"), r.get(3, "/")...) }, errStreamClosed},
		{"depending on itself", func(r *rig) []byte {
			return aFrame(frameHeaders, flagEndHeaders|flagPriority, 1, append([]byte{0, 0, 0, 1, 0}, block(r)...))
		}, errSelfDependency},
		{"a short priority", func(r *rig) []byte { return aFrame(frameHeaders, flagEndHeaders|flagPriority, 1, []byte{0, 0, 0, 0}) }, errFrameLength},
		{"many empty continuations", many(2000, 0), errHeadersTooLarge},
		{"many small continuations", many(2000, 1), errHeadersTooLarge},
		{"large continuations", many(10, 16000), errHeadersTooLarge},
		{"no HPACK", func(r *rig) []byte { return aFrame(frameHeaders, flagEndHeaders, 1, []byte{0xff}) }, nil},
		{"trailers that do not end", func(r *rig) []byte {
			return append(r.request(1, 0, "POST", "/"), aFrame(frameHeaders, flagEndHeaders, 1, r.encode("x", "y"))...)
		}, errTrailersEnd},
		{"trailers with a pseudo-header field", func(r *rig) []byte {
			return append(r.request(1, 0, "POST", "/"), aFrame(frameHeaders, flagEndHeaders|flagEndStream, 1, r.encode(":path", "/"))...)
		}, &connError{ProtocolError, "invalid_request_headers", "Trailers have a pseudo-header field."}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := connect(t, echo, nil)
				r.send(tt.bytes(r))
				if len(r.events) != 1 || tt.want != nil && r.events[0] != fmt.Sprintf("failed: %v (%s)", tt.want, tt.want.Reason) ||
					tt.want == nil && !strings.HasPrefix(r.events[0], "failed: COMPRESSION_ERROR") {
					t.Errorf("it is %q, want %v", r.events, tt.want)
				}
				r.wantOver(Close)
			})
		})
	}
}

func TestHeaderListsAreBoundedByWhatTheyStandFor(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := connect(t, answer("ok"), func(c *Config) { c.Limits.MaxRequestHeadersTotalSize = 10_000 })
		r.send(r.get(1, "/", "x-bomb", strings.Repeat("b", 3000)))
		r.drop()
		// One byte each now, 3,000 decoded.
		r.send(r.get(3, "/", "x-bomb", strings.Repeat("b", 3000), "x-bomb", strings.Repeat("b", 3000)))
		r.want("an answer: two are within the limit", "HEADERS 3 :status=200 content-length=2", `DATA 3 "ok" end`)
		var bomb []string
		for range 50 {
			bomb = append(bomb, "x-bomb", strings.Repeat("b", 3000))
		}
		r.send(r.get(5, "/", bomb...))
		r.wantEvents("the end", "failed: "+errHeadersTooLarge.Error()+" (max_request_headers_total_size_exceeded)")
		r.wantOver(Close)
	})
}

func TestARefusedBlockKeepsTheTableInStep(t *testing.T) {
	bubble(t, func(t *testing.T) {
		release := make(chan struct{})
		var got []string
		r := connect(t, func(s *Stream) error {
			got = append(got, s.Request().Header().Get("x-a"))
			<-release
			return nil
		}, func(c *Config) { c.Limits.MaxStreams = 1 })
		r.elsewhere = true
		r.send(r.get(1, "/"))
		r.drop()
		r.send(r.get(3, "/", "x-a", "1"))
		r.want("a refusal", "RST_STREAM 3 REFUSED_STREAM")
		close(release)
		r.send()
		r.send(r.get(5, "/", "x-a", "1")) // by its index
		if fmt.Sprint(got) != "[ 1]" {
			t.Errorf("the requests have x-a: %q", got)
		}
		r.end()
	})
}

// A block on a stream that we have reset is decoded for the table alone: the stream's handler may still run and look at its own fields.
func TestABlockOnAStreamThatWasResetDoesNotTouchItsRequest(t *testing.T) {
	for _, tt := range []struct {
		why    string
		fields []string
		ends   bool
	}{
		{"trailers are dropped", []string{"x-secret", "another's"}, false},
		{"what is malformed ends the connection, not the handler's time", []string{"X-Upper", "a"}, true},
	} {
		bubble(t, func(t *testing.T) {
			release := make(chan struct{})
			var got string
			r := connect(t, func(s *Stream) error {
				<-release
				got = s.Request().Path() + s.Request().Header().Get("x-secret")
				return nil
			}, nil)
			r.elsewhere = true
			r.send(r.request(1, 0, "POST", "/own", "content-length", "1", "x-secret", "mine"), data(1, 0, "22"))
			r.send(aFrame(frameHeaders, flagEndHeaders|flagEndStream, 1, r.encode(tt.fields...)))
			if r.ended != tt.ends {
				t.Errorf("%s: ended is %v: %q", tt.why, r.ended, r.events)
			}
			close(release)
			r.send()
			if got != "/ownmine" || len(r.reports) != 1 {
				t.Errorf("%s: the handler sees %q, %d exchanges ended; want its own fields, and one", tt.why, got, len(r.reports))
			}
			if !tt.ends {
				r.end()
			}
		})
	}
}

func TestAHeaderBlockHasItsTime(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := connect(t, answer("ok"), nil)
		r.armed = nil
		r.send(aFrame(frameHeaders, flagEndStream, 1, nil))
		r.send(aFrame(frameContinuation, 0, 1, nil))
		if fmt.Sprint(r.armed) != "[2 30s]" {
			t.Errorf("armed %q, want the time of the headers once", r.armed)
		}
		r.expire(TimeoutRequestHeaders)
		r.want("the reason", "GOAWAY 0 INTERNAL_ERROR")
		r.wantOver(Close)
	})
}

func TestAConnectionWithoutRequestsHasItsTime(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, func(s *Stream) error { time.Sleep(time.Second); return nil }, nil)
		r.elsewhere = true
		r.send([]byte(Preface), settings())
		r.send(r.get(1, "/"))
		pause(time.Minute)
		r.send(r.get(3, "/"))
		pause(time.Minute)
		if want := "[1 2m10s 0 0s 1 2m10s 0 0s 1 2m10s]"; fmt.Sprint(r.armed) != want {
			t.Errorf("armed %q, want %s", r.armed, want)
		}
		r.drop()
		r.expire(TimeoutKeepAlive)
		r.want("a friendly end", "GOAWAY 3 NO_ERROR")
		r.wantOver(Close)
	})
}
