package attacks

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lannerhq/lanner/kestrel"
	"github.com/lannerhq/lanner/server"
	"golang.org/x/net/http2"
)

// attack is what a client does, and how its connection ends.
type attack struct {
	name     string
	reason   string // the event's, and error.type
	code     http2.ErrCode
	also     string // what else may be first, reason and code, when the client is faster than the server
	unread   bool   // the client does not read: it cannot see the code
	settings []http2.Setting
	burst    func(a *attacker, i int)
	rate     server.DataRate // the server's least, of responses; the zero value is the default
	least    time.Duration   // before that the connection must not end
}

func times(n int, f func(a *attacker, i int)) func(*attacker, int) {
	return func(a *attacker, i int) {
		for j := range n {
			f(a, n*i+j)
		}
	}
}

// frames is a burst of equal frames.
func frames(kind http2.FrameType, flags http2.Flags, stream uint32, payload []byte) func(*attacker, int) {
	return times(100, func(a *attacker, _ int) { a.frame(kind, flags, stream, payload) })
}

// open is a burst that first opens a stream.
func open(method, path string, flags http2.Flags, then func(*attacker, int)) func(*attacker, int) {
	return func(a *attacker, i int) {
		if i == 0 {
			a.request(flags, method, path)
		}
		then(a, i)
	}
}

// stalled opens a hundred large answers, and then does what next does, slowly.
func stalled(next func(a *attacker, i int)) func(*attacker, int) {
	return func(a *attacker, i int) {
		if i == 0 {
			for range 100 {
				a.request(endStream, "GET", "/large")
			}
			return
		}
		time.Sleep(20 * time.Millisecond)
		next(a, i)
	}
}

var largeBlock = bytes.Repeat([]byte{0x86}, 16384)

var noWindow = []http2.Setting{{ID: http2.SettingInitialWindowSize, Val: 0}}

var attacks = []attack{
	{name: "rapid reset", reason: "stream_reset_limit_exceeded", code: http2.ErrCodeEnhanceYourCalm, burst: times(50, func(a *attacker, _ int) {
		a.frame(http2.FrameRSTStream, 0, a.request(endStream, "GET", "/"), u32(8))
	})},
	{name: "rapid reset of large answers", reason: "stream_reset_limit_exceeded", code: http2.ErrCodeEnhanceYourCalm, burst: times(50, func(a *attacker, _ int) {
		a.frame(http2.FrameRSTStream, 0, a.request(endStream, "GET", "/large"), u32(8))
	})},
	{name: "made you reset by windows that overflow", reason: "stream_reset_limit_exceeded", code: http2.ErrCodeEnhanceYourCalm, burst: times(50, func(a *attacker, _ int) {
		a.frame(http2.FrameWindowUpdate, 0, a.request(0, "POST", "/read"), u32(1<<31-1))
	})},
	{name: "made you reset by windows that do not grow", reason: "window_update_size_invalid", code: http2.ErrCodeProtocol, burst: times(50, func(a *attacker, _ int) {
		a.frame(http2.FrameWindowUpdate, 0, a.request(0, "POST", "/read"), u32(0))
	})},
	{name: "made you reset by bodies that are too long", reason: "stream_reset_limit_exceeded", code: http2.ErrCodeEnhanceYourCalm, burst: times(50, func(a *attacker, _ int) {
		a.frame(http2.FrameData, 0, a.request(0, "POST", "/read", "content-length", "1"), []byte("22"))
	})},
	{name: "made you reset by malformed requests", reason: "stream_reset_limit_exceeded", code: http2.ErrCodeEnhanceYourCalm, burst: times(50, func(a *attacker, _ int) {
		a.request(endStream, "GET", "no slash")
	})},
	{name: "made you refuse streams beyond the limit", reason: "stream_reset_limit_exceeded", code: http2.ErrCodeEnhanceYourCalm, burst: times(50, func(a *attacker, _ int) {
		a.request(0, "POST", "/read")
	})},
	{name: "empty CONTINUATION", reason: "max_request_headers_total_size_exceeded", code: http2.ErrCodeProtocol, burst: func(a *attacker, i int) {
		if i == 0 {
			a.frame(http2.FrameHeaders, endStream, 1, []byte{0x82})
		}
		frames(http2.FrameContinuation, 0, 1, nil)(a, i)
	}},
	{name: "small CONTINUATION", reason: "max_request_headers_total_size_exceeded", code: http2.ErrCodeProtocol, burst: func(a *attacker, i int) {
		if i == 0 {
			a.frame(http2.FrameHeaders, endStream, 1, []byte{0x82})
		}
		frames(http2.FrameContinuation, 0, 1, []byte{0x86})(a, i)
	}},
	{name: "large CONTINUATION", reason: "max_request_headers_total_size_exceeded", code: http2.ErrCodeProtocol, burst: func(a *attacker, i int) {
		if i == 0 {
			a.frame(http2.FrameHeaders, endStream, 1, []byte{0x82})
		}
		a.frame(http2.FrameContinuation, 0, 1, largeBlock)
	}},
	{name: "SETTINGS", reason: "settings_flood", code: http2.ErrCodeEnhanceYourCalm, burst: frames(http2.FrameSettings, 0, 0, nil)},
	{name: "acknowledgements of SETTINGS", reason: "settings_flood", code: http2.ErrCodeEnhanceYourCalm, burst: frames(http2.FrameSettings, http2.FlagSettingsAck, 0, nil)},
	{name: "SETTINGS of windows for many streams", reason: "settings_flood", code: http2.ErrCodeEnhanceYourCalm, settings: noWindow, burst: func(a *attacker, i int) {
		if i == 0 {
			for range 100 {
				a.request(endStream, "GET", "/large")
			}
		}
		a.frame(http2.FrameSettings, 0, 0, append([]byte{0, 4}, u32(uint32(i%2))...))
	}},
	{name: "PING, read", reason: "output_queue_size_exceeded", code: http2.ErrCodeInternal, burst: frames(http2.FramePing, 0, 0, make([]byte, 8))},
	{name: "PING, not read", reason: "output_queue_size_exceeded", code: http2.ErrCodeInternal, unread: true, burst: frames(http2.FramePing, 0, 0, make([]byte, 8))},
	{name: "PRIORITY", reason: "priority_flood", code: http2.ErrCodeEnhanceYourCalm, burst: frames(http2.FramePriority, 0, 1, make([]byte, 5))},
	{name: "PRIORITY_UPDATE", reason: "priority_flood", code: http2.ErrCodeEnhanceYourCalm, burst: frames(0x10, 0, 0, []byte("\x00\x00\x00\x01u=1"))},
	{name: "empty DATA", reason: "empty_frame_flood", code: http2.ErrCodeEnhanceYourCalm, burst: open("POST", "/read", 0, frames(http2.FrameData, 0, 1, nil))},
	{name: "padding only", reason: "empty_frame_flood", code: http2.ErrCodeEnhanceYourCalm, burst: open("POST", "/read", 0, frames(http2.FrameData, http2.FlagDataPadded, 1, []byte{1, 0}))},
	{name: "empty HEADERS", reason: "stream_reset_limit_exceeded", code: http2.ErrCodeEnhanceYourCalm, burst: times(100, func(a *attacker, _ int) {
		a.frame(http2.FrameHeaders, endStream|endHeaders, a.next, nil)
		a.next += 2
	})},
	{name: "empty trailers that end nothing", reason: "missing_stream_end", code: http2.ErrCodeProtocol, burst: open("POST", "/read", 0, frames(http2.FrameHeaders, endHeaders, 1, nil))},
	{name: "unknown frames", reason: "unknown_frame_flood", code: http2.ErrCodeEnhanceYourCalm, burst: frames(0xbb, 0, 0, []byte("what"))},
	{name: "GOAWAY", reason: "unknown_frame_flood", code: http2.ErrCodeEnhanceYourCalm, settings: noWindow, burst: open("GET", "/large", endStream, frames(http2.FrameGoAway, 0, 0, make([]byte, 8)))},
	{name: "small WINDOW_UPDATE of the connection", reason: "window_update_flood", code: http2.ErrCodeEnhanceYourCalm, burst: frames(http2.FrameWindowUpdate, 0, 0, u32(1))},
	{name: "small WINDOW_UPDATE of a stream", reason: "window_update_flood", code: http2.ErrCodeEnhanceYourCalm, settings: noWindow,
		burst: open("GET", "/large", endStream, frames(http2.FrameWindowUpdate, 0, 1, u32(1)))},
	{name: "WINDOW_UPDATE of what is closed", reason: "window_update_flood", code: http2.ErrCodeEnhanceYourCalm,
		burst: open("GET", "/", endStream, frames(http2.FrameWindowUpdate, 0, 1, u32(1)))},
	{name: "RST_STREAM of what is closed", reason: "stream_reset_limit_exceeded", code: http2.ErrCodeEnhanceYourCalm,
		burst: open("GET", "/", endStream, frames(http2.FrameRSTStream, 0, 1, u32(8)))},
	{name: "no window", reason: "min_response_data_rate", code: http2.ErrCodeInternal, settings: noWindow, burst: stalled(func(*attacker, int) {})},
	{name: "a window of a byte now and then", reason: "min_response_data_rate", code: http2.ErrCodeInternal, settings: noWindow, burst: stalled(func(a *attacker, i int) {
		a.frame(http2.FrameWindowUpdate, 0, uint32(2*(i%100)+1), u32(1))
	})},
	{name: "headers that expand", reason: "max_request_headers_total_size_exceeded", code: http2.ErrCodeProtocol, burst: func(a *attacker, i int) {
		bomb := strings.Repeat("b", 3000)
		if i == 0 {
			a.request(endStream, "GET", "/", "x-bomb", bomb)
		}
		var fields []string
		for range 90 {
			fields = append(fields, "x-bomb", bomb)
		}
		a.request(endStream, "GET", "/", fields...)
	}},
	{name: "HEAD, not read", reason: "output_queue_size_exceeded", code: http2.ErrCodeInternal, also: "stream_reset_limit_exceeded ENHANCE_YOUR_CALM", unread: true, burst: times(10, func(a *attacker, i int) {
		if i%10 == 0 {
			time.Sleep(time.Millisecond)
		}
		a.request(endStream, "HEAD", "/fields")
	})},
}

var carriers = []struct {
	name      string
	transport kestrel.Transport
}{{"loop", kestrel.TransportAuto}, {"portable", kestrel.TransportPortable}}

// In the ordinary run each attack is made on one of the transports, in turn.
func TestAttackersAreSentAway(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes most of a minute")
	}
	_, all := long()
	for n, carrier := range carriers {
		t.Run(carrier.name, func(t *testing.T) {
			calm := calmly(t, carrier.transport)
			for i, attack := range attacks {
				if all || i%2 == n {
					attack.rate = quick
					t.Run(attack.name, func(t *testing.T) { attack.run(t, carrier.transport, calm) })
				}
			}
		})
	}
}

// More than 16 answers of which nothing is taken for 10 s: that rule is for the default rate, at which their time would be hours.
var stalls = []attack{
	{name: "no window", reason: "min_response_data_rate", code: http2.ErrCodeEnhanceYourCalm, settings: noWindow, least: 10 * time.Second, burst: stalled(func(*attacker, int) {})},
	{name: "a window of a byte now and then", reason: "min_response_data_rate", code: http2.ErrCodeEnhanceYourCalm, settings: noWindow, least: 10 * time.Second, burst: stalled(func(a *attacker, i int) {
		a.frame(http2.FrameWindowUpdate, 0, uint32(2*(i%100)+1), u32(1))
	})},
}

// In the ordinary run each is made on one of the transports, beside the others.
func TestAtTheDefaultLimitsAStallOfManyAnswersIsEnded(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes a quarter of a minute")
	}
	_, all := long()
	for n, carrier := range carriers {
		for i, attack := range stalls {
			if all || i%2 == n {
				t.Run(carrier.name+", "+attack.name, func(t *testing.T) {
					t.Parallel()
					attack.run(t, carrier.transport, 0)
				})
			}
		}
	}
}

// calmly is the p99 of the good client without an attack, if it is to be told.
func calmly(t *testing.T, transport kestrel.Transport) time.Duration {
	d, tell := long()
	if !tell {
		return 0
	}
	s := start(t, transport, quick)
	defer s.stop()
	g := behave(s.addr)
	time.Sleep(d)
	return g.finish(t)
}

func (k attack) run(t *testing.T, transport kestrel.Transport, calm time.Duration) {
	s := start(t, transport, k.rate)
	d, tell := long()
	memory := watch()
	g := behave(s.addr)
	var connections int
	var slowest time.Duration
	for end := time.Now().Add(d); (time.Now().Before(end) || connections == 0) && !t.Failed(); connections++ {
		a := dial(t, s.addr, !k.unread, k.settings...)
		took := a.attack(t, k.burst)
		slowest = max(slowest, took)
		if took < k.least {
			t.Errorf("the connection ends after %v, want at least %v", took, k.least)
		}
		if !k.unread && a.told && a.goAway != k.code {
			t.Errorf("the connection ends with %v, want %v", a.goAway, k.code)
		}
		if !k.unread && !a.told {
			t.Errorf("the connection ends without a GOAWAY, want %v", k.code)
		}
	}
	p99 := g.finish(t)
	grown := s.judge(t, memory, connections, fmt.Sprint(k.reason, " ", k.code), k.also)
	if tell {
		t.Logf("%d connections, the slowest ended after %v; memory grew by %d KB; p99 of the good client %v, undisturbed %v",
			connections, slowest.Round(time.Millisecond), grown>>10, p99.Round(10*time.Microsecond), calm.Round(10*time.Microsecond))
	}
}

// maxGrowth is for server and attackers, who are one process: some hundred connections in the time of an attack, of 50 to 110 KB each while they
// last, most of it the attackers'.
const maxGrowth = 32 << 20

// judge holds a server to what it is to have done to connections that attacked it: keep its memory, and tell the log and the metrics why they
// ended, by want or also. It stops the server, and returns by how many bytes its memory has grown.
func (s *subject) judge(t *testing.T, memory *growth, connections int, want, also string) (grown int64) {
	t.Helper()
	if grown = memory.finish(); grown > maxGrowth {
		t.Errorf("memory grows by %d bytes, want at most %d: the attackers' own is in it", grown, maxGrowth)
	}
	s.stop()
	s.reasons.mu.Lock()
	defer s.reasons.mu.Unlock()
	if got := s.reasons.count[want] + s.reasons.count[also]; got != connections || got != s.reasons.all() {
		t.Errorf("the log has %v, want %d of %q", s.reasons.count, connections, want)
	}
	for is := range s.reasons.count {
		if reason, _, _ := strings.Cut(is, " "); !s.measured(reason) {
			t.Errorf("the metrics have no connection with error.type %s", reason)
		}
	}
	return grown
}
