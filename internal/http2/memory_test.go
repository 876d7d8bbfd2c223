package http2

import (
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
)

// kept is all that a handler can keep of a request.
func kept(q *Request) string {
	q.Retain()
	all := fmt.Sprintf("%s %s %s %s %s %s", q.Method(), q.RawTarget(), q.Path(), q.RawQuery(), q.Host(), q.Protocol())
	for name, value := range q.Header().All() {
		all += "|" + name + "=" + value
	}
	return all
}

// The strings that Retain leaves a handler are never overwritten, those of a request that is not retained not before it ends.
func TestStringsOfARequestStay(t *testing.T) {
	for _, elsewhere := range []bool{false, true} {
		bubble(t, func(t *testing.T) {
			type pair struct{ got, want string }
			var all []pair
			r := connect(t, func(s *Stream) error {
				q := s.Request()
				id := s.ID()
				size := int(id) % 5 * 1500
				want := fmt.Sprintf("M%d /p%%20%d?q=%d /p %d q=%d h%d HTTP/2|:x=|n%d=%s|host=h%d", id, id, id, id, id, id, id, strings.Repeat("v", size), id)
				want = strings.Replace(want, "|:x=", "", 1)
				if id%3 == 0 {
					all = append(all, pair{kept(q), want})
				}
				if _, err := io.ReadAll(q.Body()); err != nil {
					return err
				}
				all = append(all, pair{strings.Clone(kept(q)), want})
				return nil
			}, nil)
			r.elsewhere = elsewhere
			for i := range 60 {
				id := odd(i)
				block := r.encode(":method", fmt.Sprint("M", id), ":scheme", "http", ":path", fmt.Sprintf("/p%%20%d?q=%d", id, id), ":authority", fmt.Sprint("h", id),
					fmt.Sprint("n", id), strings.Repeat("v", int(id)%5*1500))
				r.send(split(id, 0, block, rand.IntN(100), rand.IntN(5000)))
				r.send(data(id, 0, "x"))
				if i%4 == 3 { // four at once
					for j := range 4 {
						r.send(data(id-6+2*uint32(j), flagEndStream, "y"))
					}
				}
			}
			if len(all) != 80 {
				t.Errorf("%d of 80 were kept", len(all))
			}
			for _, p := range all {
				if p.got != p.want {
					t.Fatalf("kept %.200q, want %.200q", p.got, p.want)
				}
			}
			r.end()
		})
	}
}

// Nothing of one request is seen by another, though memory is used again: bodies, fields, held answers and trailers.
func TestMemoryOfOneStreamIsNotSeenByAnother(t *testing.T) {
	bubble(t, func(t *testing.T) {
		secret := strings.Repeat("secret", 700)
		for _, elsewhere := range []bool{false, true} {
			r := connect(t, paths{
				"/give": func(s *Stream) error {
					io.CopyN(io.Discard, s.Request().Body(), 100)
					s.Response().Header().Add("X-Own", secret)
					s.Response().Trailers().Add("X-Own", secret)
					s.Response().OnCompleted(func() {})
					s.Response().Write([]byte(secret))
					if s.ID()%4 == 1 {
						return io.ErrUnexpectedEOF
					}
					return nil
				},
				"/look": func(s *Stream) error {
					q := s.Request()
					all := kept(q)
					for name, value := range q.Trailers().All() {
						all += name + value
					}
					b := make([]byte, 10_000)
					n, _ := q.Body().Read(b[:5000])
					all += string(b[:n])
					res := s.Response()
					all += string(res.Held()) + fmt.Sprint(res.Header().Len(), res.Trailers().Len(), res.Completes())
					if strings.Contains(all, "secret") || strings.Contains(all, "\xdb") || !strings.HasSuffix(all, "own0 0 false") {
						t.Errorf("a request has %.200q", all)
					}
					return answer("none")(s)
				},
			}.serve, nil)
			r.elsewhere = elsewhere
			for i := range 40 {
				if i%2 == 0 {
					r.send(r.request(odd(i), 0, "POST", "/give", fmt.Sprint("x-", i), secret, "authorization", secret), data(odd(i), 0, secret))
					if i%4 == 0 {
						r.send(aFrame(frameHeaders, flagEndHeaders|flagEndStream, odd(i), r.encode("x-sum", secret)))
					}
				} else {
					r.drop()
					r.send(r.request(odd(i), 0, "POST", "/look", "x-short", "s"), data(odd(i), flagEndStream, "own"))
					r.want("its own answer", fmt.Sprintf("HEADERS %d :status=200 content-length=4", odd(i)), fmt.Sprintf("DATA %d \"none\" end", odd(i)))
				}
			}
			r.end()
		}
	})
}

func TestAStreamThatIsKeptIsNotUsedAgain(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var first *Stream
		r := connect(t, func(s *Stream) error {
			if first == nil {
				first = s
				s.Keep()
			} else if s == first {
				t.Error("a stream that was kept is used again")
			}
			return nil
		}, nil)
		r.send(r.get(1, "/a"), r.get(3, "/b"), r.get(5, "/c"))
		if got := first.Request().Path(); got != "/a" {
			t.Errorf("its path is %s", got)
		}
		r.end()
	})
}

func TestAConnectionThatWaitsHasNoBuffers(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := connect(t, echo, nil)
		for i := range 3 {
			r.send(r.request(odd(i), 0, "POST", "/", "x-large", strings.Repeat("x", 10_000)), data(odd(i), 0, strings.Repeat("x", 16_000)))
			r.send(data(odd(i), flagEndStream, strings.Repeat("x", 16_000)))
		}
		c := r.conn
		if c.in != nil || c.out != nil || c.writeBuf != nil || c.block != nil {
			t.Errorf("it has %d, %d, %d and %d bytes", cap(c.in), cap(c.out), cap(c.writeBuf), cap(c.block))
		}
		r.send(aFrame(frameHeaders, 0, 7, []byte{0x82})[:5]) // a part of a frame
		if c.in == nil || c.Idle() {
			t.Error("a part of a frame is not kept")
		}
		r.end()
	})
}
