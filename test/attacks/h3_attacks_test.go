package attacks

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/quic-go/quic-go"

	"github.com/lannerhq/lanner/internal/http3"
	"github.com/lannerhq/lanner/server"
)

// quicAttack is what a client does over HTTP/3, and how its connection ends.
type quicAttack struct {
	name   string
	reason string // the event's, and error.type
	code   http3.ErrCode
	client *quic.Config
	burst  func(a *quicAttacker, i int)
	rate   server.DataRate // the server's least, of responses; the zero value is the default
	least  time.Duration   // before that the connection must not end
}

func quicTimes(n int, f func(a *quicAttacker)) func(*quicAttacker, int) {
	return func(a *quicAttacker, _ int) {
		for j := 0; j < n && !a.over(); j++ {
			f(a)
		}
	}
}

// onControl is a burst of equal frames on the control stream.
func onControl(frame []byte) func(*quicAttacker, int) {
	flood := bytes.Repeat(frame, 100)
	return func(a *quicAttacker, _ int) { a.control.Write(flood) }
}

// onUni is a burst on a stream of a type that is opened first.
func onUni(kind uint64, p []byte) func(*quicAttacker, int) {
	var s *quic.SendStream
	return func(a *quicAttacker, i int) {
		if i == 0 {
			s = a.uni(kind)
		}
		s.Write(p)
	}
}

// onStream is a burst on a request's stream that is opened first.
func onStream(first, p []byte) func(*quicAttacker, int) {
	return func(a *quicAttacker, i int) {
		if i == 0 {
			a.held = []*quic.Stream{a.open(first)}
		}
		a.held[0].Write(p)
	}
}

// closed is a client that lets answers have next to nothing.
var closed = &quic.Config{InitialStreamReceiveWindow: 1, MaxStreamReceiveWindow: 1}

// stalledQUIC asks for a hundred answers, and takes nothing of them.
func stalledQUIC(method, path string, next func(a *quicAttacker, i int)) func(*quicAttacker, int) {
	return func(a *quicAttacker, i int) {
		if i == 0 {
			for range 100 {
				a.held = append(a.held, a.ask(h3Request(method, path)))
			}
			return
		}
		time.Sleep(20 * time.Millisecond)
		next(a, i)
	}
}

var quicAttacks = []quicAttack{
	{name: "rapid reset", reason: "stream_reset_limit_exceeded", code: http3.ExcessiveLoad, burst: quicTimes(50, func(a *quicAttacker) {
		drop(a.open(h3Request("POST", "/read")))
	})},
	{name: "rapid STOP_SENDING of large answers", reason: "stream_reset_limit_exceeded", code: http3.ExcessiveLoad, burst: quicTimes(50, func(a *quicAttacker) {
		if s := a.ask(h3Request("GET", "/large")); s != nil {
			s.CancelRead(0x10c)
		}
	})},
	{name: "made you reset by bodies that are too long", reason: "stream_reset_limit_exceeded", code: http3.ExcessiveLoad, burst: quicTimes(50, func(a *quicAttacker) {
		a.ask(h3Request("POST", "/read", "content-length", "1"), h3Frame(0, []byte("22")))
	})},
	{name: "made you reset by malformed requests", reason: "stream_reset_limit_exceeded", code: http3.ExcessiveLoad, burst: quicTimes(50, func(a *quicAttacker) {
		a.ask(h3Request("GET", "no slash"))
	})},
	{name: "streams without a request", reason: "stream_reset_limit_exceeded", code: http3.ExcessiveLoad, burst: quicTimes(50, func(a *quicAttacker) {
		a.ask()
	})},
	{name: "header sections that are too long", reason: "stream_reset_limit_exceeded", code: http3.ExcessiveLoad, burst: quicTimes(50, func(a *quicAttacker) {
		a.ask([]byte{0x1, 0xa0, 0, 0, 0}, largeBlock) // a length of 512 MiB
	})},
	{name: "too many fields", reason: "stream_reset_limit_exceeded", code: http3.ExcessiveLoad, burst: quicTimes(50, func(a *quicAttacker) {
		a.ask(h3Frame(0x1, append([]byte{0, 0, 0xd1, 0xd7, 0xc1}, bytes.Repeat([]byte{0xdd}, 1000)...)))
	})},
	{name: "fields of a table that there is not", reason: "error_reading_headers", code: http3.DecompressionFailed, burst: quicTimes(1, func(a *quicAttacker) {
		a.ask(h3Frame(0x1, []byte{2, 0, 0x80}))
	})},
	{name: "insertions into the QPACK table", reason: "error_reading_headers", code: http3.EncoderStreamError, burst: onUni(2, []byte("\x43abc\x03def"))},
	{name: "a QPACK table of a gigabyte", reason: "error_reading_headers", code: http3.EncoderStreamError, burst: onUni(2, []byte{0x3f, 0xe1, 0xff, 0xff, 0xff, 0x03})},
	{name: "QPACK instructions", reason: "settings_flood", code: http3.ExcessiveLoad, burst: onUni(3, bytes.Repeat([]byte{0x40}, 100))},
	{name: "a QPACK integer that never ends", reason: "error_reading_headers", code: http3.DecoderStreamError, burst: onUni(3, append([]byte{0x7f}, bytes.Repeat([]byte{0x80}, 1000)...))},
	{name: "SETTINGS", reason: "unexpected_frame", code: http3.FrameUnexpected, burst: onControl([]byte{4, 0})},
	{name: "frames of HTTP/2", reason: "unexpected_frame", code: http3.FrameUnexpected, burst: onControl([]byte{6, 0})},
	{name: "large frames on the control stream", reason: "invalid_frame_length", code: http3.ExcessiveLoad, burst: onControl(h3Frame(7, make([]byte, 11_000)))},
	{name: "GOAWAY", reason: "settings_flood", code: http3.ExcessiveLoad, burst: onControl(h3Frame(7, []byte{0}))},
	{name: "MAX_PUSH_ID", reason: "settings_flood", code: http3.ExcessiveLoad, burst: onControl(h3Frame(13, []byte{1}))},
	{name: "CANCEL_PUSH", reason: "invalid_stream_id", code: http3.IDError, burst: onControl(h3Frame(3, []byte{1}))},
	{name: "PRIORITY_UPDATE", reason: "priority_flood", code: http3.ExcessiveLoad, burst: onControl(h3Frame(0xf0700, []byte("\x00u=1")))},
	{name: "unknown frames", reason: "unknown_frame_flood", code: http3.ExcessiveLoad, burst: onControl(h3Frame(0x21, []byte("what")))},
	{name: "unknown frames of a request", reason: "unknown_frame_flood", code: http3.ExcessiveLoad, burst: onStream(nil, bytes.Repeat(h3Frame(0x21, nil), 100))},
	{name: "an unknown frame that never ends", reason: "unknown_frame_flood", code: http3.ExcessiveLoad,
		burst: onStream([]byte{0x21, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, largeBlock)},
	{name: "unknown streams", reason: "unknown_frame_flood", code: http3.ExcessiveLoad, burst: quicTimes(50, func(a *quicAttacker) {
		if s := a.uni(0x21); s != nil {
			s.Close()
		}
	})},
	{name: "streams without a type", reason: "unknown_frame_flood", code: http3.ExcessiveLoad, burst: quicTimes(50, func(a *quicAttacker) {
		if s, err := a.conn.OpenUniStreamSync(a.conn.Context()); err == nil {
			s.Close()
		}
	})},
	{name: "control streams", reason: "stream_creation_error", code: http3.StreamCreationError, burst: quicTimes(1, func(a *quicAttacker) { a.uni(0, 4, 0) })},
	{name: "push streams", reason: "stream_creation_error", code: http3.StreamCreationError, burst: quicTimes(1, func(a *quicAttacker) { a.uni(1, 0) })},
	{name: "empty DATA", reason: "empty_frame_flood", code: http3.ExcessiveLoad, burst: onStream(h3Request("POST", "/read"), bytes.Repeat([]byte{0, 0}, 100))},
	{name: "empty trailers", reason: "unexpected_frame", code: http3.FrameUnexpected, burst: onStream(h3Request("POST", "/read"), []byte{1, 2, 0, 0})},
}

func TestAttackersOverHTTP3AreSentAway(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes some seconds")
	}
	for _, attack := range quicAttacks {
		t.Run(attack.name, func(t *testing.T) { attack.run(t) })
	}
}

// More than 16 answers of which next to nothing is taken for 10 s, at the default rate.
var quicStalls = []quicAttack{
	{name: "no window", reason: "min_response_data_rate", code: http3.ExcessiveLoad, client: closed, least: 9 * time.Second,
		burst: stalledQUIC("GET", "/large", func(*quicAttacker, int) {})},
	{name: "a window of a byte now and then", reason: "min_response_data_rate", code: http3.ExcessiveLoad, client: closed, least: 9 * time.Second,
		burst: stalledQUIC("GET", "/large", func(a *quicAttacker, i int) {
			a.held[i%100].SetReadDeadline(time.Now().Add(time.Millisecond))
			a.held[i%100].Read(make([]byte, 1))
		})},
	{name: "HEAD, not read", reason: "min_response_data_rate", code: http3.ExcessiveLoad, client: closed, least: 9 * time.Second,
		burst: stalledQUIC("HEAD", "/fields", func(*quicAttacker, int) {})},
}

func TestAStallOfManyAnswersOverHTTP3IsEnded(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes a quarter of a minute")
	}
	for _, attack := range quicStalls {
		t.Run(attack.name, func(t *testing.T) {
			t.Parallel()
			attack.run(t)
		})
	}
}

// What a client may do for as long as it likes has bounds: a hundred requests, and ten other streams. The good client is served beside.
func TestAttackersOverHTTP3HaveBounds(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes some seconds")
	}
	for name, hold := range map[string]func(*quicAttacker){
		"heads that do not end":   func(a *quicAttacker) { a.open([]byte{0x1, 0x40, 0xff, 0, 0}) },
		"bodies that do not end":  func(a *quicAttacker) { a.open(h3Request("POST", "/read"), h3Frame(0, []byte("drip"))) },
		"streams without a byte":  func(a *quicAttacker) { a.open([]byte{}) },
		"windows that are filled": func(a *quicAttacker) { a.open(h3Request("POST", "/"), h3Frame(0, make([]byte, 1<<14))) },
	} {
		t.Run(name, func(t *testing.T) {
			s := startQUIC(t, server.DataRate{})
			memory, g := watch(), s.behaveQUIC()
			var all []*quicAttacker
			for range 5 {
				a := dialQUIC(t, s.addr, nil)
				all = append(all, a)
				for range 100 {
					hold(a)
				}
				for range 7 { // the client has a control stream, and QUIC lets it have nine more
					if u, err := a.conn.OpenUniStream(); err == nil {
						u.Write([]byte{0x40})
					}
				}
			}
			for end := time.Now().Add(time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
				for _, a := range all {
					if a.over() {
						t.Fatalf("a connection is over")
					}
				}
			}
			g.finish(t)
			if grown := memory.finish(); grown > 40<<20 {
				t.Errorf("memory grows by %d bytes with 500 requests held, the attackers' own included; want less than 40 MB", grown)
			}
			for _, a := range all {
				a.conn.CloseWithError(0x100, "")
			}
		})
	}
}

func (k *quicAttack) run(t *testing.T) {
	s := startQUIC(t, k.rate)
	d, tell := long()
	memory := watch()
	g := s.behaveQUIC()
	var connections int
	var slowest time.Duration
	for end := time.Now().Add(d); (time.Now().Before(end) || connections == 0) && !t.Failed(); connections++ {
		took, code := dialQUIC(t, s.addr, k.client).attack(t, k.burst)
		slowest = max(slowest, took)
		if took < k.least {
			t.Errorf("the connection ends after %v, want at least %v", took, k.least)
		}
		if got := http3.ErrCode(code); got != k.code {
			t.Errorf("the connection ends with %v, want %v", got, k.code)
		}
	}
	p99 := g.finish(t)
	grown := s.judge(t, memory, connections, fmt.Sprint(k.reason, " ", k.code), "")
	if tell {
		t.Logf("%d connections, the slowest ended after %v; memory grew by %d KB; p99 of the good client %v",
			connections, slowest.Round(time.Millisecond), grown>>10, p99.Round(10*time.Microsecond))
	}
}
