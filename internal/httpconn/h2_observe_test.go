package httpconn

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lannerhq/lanner/internal/http2"
	"github.com/lannerhq/lanner/internal/transport"
	"github.com/lannerhq/lanner/metrics"
	framing "golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// muxClient is a client of HTTP/2 in a bubble.
type muxClient struct {
	*client
	block   bytes.Buffer
	encoder *hpack.Encoder
}

func (s *testServer) dialHTTP2(settings ...framing.Setting) *muxClient {
	c := &muxClient{client: s.dial()}
	c.encoder = hpack.NewEncoder(&c.block)
	var out bytes.Buffer
	out.WriteString(http2.Preface)
	framing.NewFramer(&out, nil).WriteSettings(settings...)
	c.write(out.String())
	go func() { // so that the server never waits for it
		var buf [4096]byte
		for {
			if _, err := c.Read(buf[:]); err != nil {
				return
			}
		}
	}()
	return c
}

// frame sends a frame, and waits until nothing happens any more.
func (c *muxClient) frame(kind framing.FrameType, flags framing.Flags, stream uint32, payload []byte) {
	c.t.Helper()
	var out bytes.Buffer
	framing.NewFramer(&out, nil).WriteRawFrame(kind, flags, stream, payload)
	c.SetWriteDeadline(time.Now().Add(time.Hour))
	c.Write(out.Bytes()) // a server that has ended the connection takes no more
	synctest.Wait()
}

func (c *muxClient) encode(fields ...string) []byte {
	c.block.Reset()
	for i := 0; i < len(fields); i += 2 {
		c.encoder.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]})
	}
	return bytes.Clone(c.block.Bytes())
}

const wholeRequest = framing.FlagHeadersEndHeaders | framing.FlagHeadersEndStream

// ask sends a whole request without a body.
func (c *muxClient) ask(stream uint32, path string, more ...string) {
	c.t.Helper()
	c.frame(framing.FrameHeaders, wholeRequest, stream, c.encode(append([]string{":method", "GET", ":scheme", "http", ":path", path, ":authority", "h"}, more...)...))
}

func TestEveryRequestThatHTTP2RefusesIsLoggedAndMeasured(t *testing.T) {
	many := func(n int) (all []string) {
		for i := range n {
			all = append(all, fmt.Sprint("x-", i), "v")
		}
		return all
	}
	var large []string // for the table of HPACK, so that the block is small
	for range 20 {
		large = append(large, "x-large", strings.Repeat("a", 3000))
	}
	for name, tt := range map[string]struct {
		send   func(c *muxClient)
		reason string
		known  bool // the method, the target and the host
	}{
		"a stream beyond the limit": {func(c *muxClient) { c.ask(3, "/refused") }, "max_concurrent_streams_exceeded", true},
		"fields that are too large": {func(c *muxClient) { c.ask(3, "/refused", large...) }, "max_request_headers_total_size_exceeded", true},
		"a block that is too large": {func(c *muxClient) {
			c.frame(framing.FrameHeaders, 0, 3, nil)
			for range 3 {
				c.frame(framing.FrameContinuation, 0, 3, make([]byte, 16384))
			}
		}, "max_request_headers_total_size_exceeded", false},
		"too many fields":             {func(c *muxClient) { c.ask(3, "/refused", many(101)...) }, "max_request_header_count_exceeded", true},
		"a field that is not allowed": {func(c *muxClient) { c.ask(3, "/refused", "X-Upper", "a") }, "invalid_request_headers", true},
		"no HPACK":                    {func(c *muxClient) { c.frame(framing.FrameHeaders, wholeRequest, 3, []byte{0xff}) }, "error_reading_headers", false},
		"no pseudo-header fields":     {func(c *muxClient) { c.frame(framing.FrameHeaders, wholeRequest, 3, nil) }, "invalid_request_headers", false},
		"a length and no body":        {func(c *muxClient) { c.ask(3, "/refused", "content-length", "1") }, "invalid_body_length", true},
		"a frame in the middle of a block": {func(c *muxClient) {
			c.frame(framing.FrameHeaders, 0, 3, nil)
			c.frame(framing.FramePing, 0, 0, make([]byte, 8))
		}, "unexpected_frame", false},
		"a head that does not come in full": {func(c *muxClient) { c.frame(framing.FrameHeaders, 0, 3, nil); time.Sleep(32 * time.Second) }, "request_headers_timeout", false},
		"a client that leaves in a head":    {func(c *muxClient) { c.frame(framing.FrameHeaders, 0, 3, nil); c.Close() }, "unexpected_end_of_request_content", false},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				l, r, g := newLines(t), metrics.NewRegistry(metrics.RegistryOptions{}), newGate()
				s := serve(t, Config{AccessLog: l.log, Meter: r, HTTP2: HTTP2Limits{MaxStreamsPerConnection: 1}}, httpApp(g.handler))
				c := s.dialHTTP2()
				holds := tt.reason == "max_concurrent_streams_exceeded"
				if holds {
					c.ask(1, "/")
				}
				tt.send(c)
				synctest.Wait()
				want := map[string]any{"status": 0, "reason": tt.reason, "protocol": "HTTP/2", "scheme": "http", "method": "", "target": "", "endpoint": "test"}
				method := "_OTHER"
				if tt.known {
					want["method"], want["target"], want["host"], method = "GET", "/refused", "h", "GET"
				}
				got := l.read()
				if len(got) == 0 {
					close(g.opened)
					t.Fatal("no line")
				}
				last := got[len(got)-1]
				for name, value := range want {
					if fmt.Sprint(last[name]) != fmt.Sprint(value) {
						t.Errorf("%s is %v, want %v, in %v", name, last[name], value, last)
					}
				}
				if request := fmt.Sprint(last["request"]); holds && !strings.HasSuffix(request, ":00000002") || strings.HasSuffix(request, ":00000000") {
					t.Errorf("its name is %s: want the number of the request on its connection", request)
				}
				wantSample(t, "the request", r, "http_server_request_duration_seconds_count", `error_type="`+tt.reason+`"`, `method="`+method+`"`, `version="2"`, `scheme="http"`, " 1")
				close(g.opened)
				c.Close()
				synctest.Wait()
				if got := scrape(r, "http_server_active"); len(got) > 0 {
					t.Errorf("after the end: %q, want none", got)
				}
			})
		})
	}
}

// What a refused request costs is bounded by the allowance for what makes the server reset streams.
func TestAFloodOfRefusedRequestsIsNoFloodOfLines(t *testing.T) {
	for name, fields := range map[string][]string{"malformed": {"content-length", "1"}, "beyond the limit": nil} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				l, r, g := newLines(t), metrics.NewRegistry(metrics.RegistryOptions{}), newGate()
				s := serve(t, Config{AccessLog: l.log, Meter: r, HTTP2: HTTP2Limits{MaxStreamsPerConnection: 1}}, httpApp(g.handler))
				c := s.dialHTTP2()
				c.ask(1, "/")
				for i := range uint32(1000) {
					c.ask(3+2*i, "/refused", fields...)
				}
				lines := len(l.read())
				const allowed = 200 // at once; see docs/reference/limits.md
				if told := len(s.told(eventBadRequest)); lines < allowed || lines > allowed+2 || told != allowed+1 {
					t.Errorf("1,000 refused requests make %d lines and %d events, want one each until the allowance of %d is used up", lines, told, allowed)
				}
				if ends := s.told(eventHTTP2ConnectionError); len(ends) != 1 || attr(ends[0], "reason").String() != "stream_reset_limit_exceeded" {
					t.Errorf("the connection ends with %v, want stream_reset_limit_exceeded", ends)
				}
				close(g.opened)
				synctest.Wait()
				wantSample(t, "the refused ones", r, "http_server_request_duration_seconds_count", `error_type="`, fmt.Sprint(" ", allowed+1))
			})
		})
	}
}

func TestTheRateThatWasMeasuredOfHTTP2IsLogged(t *testing.T) {
	rate := &transport.Rate{BytesPerSecond: 1000, Grace: 2 * time.Second}
	answers := func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		w.Write(make([]byte, 100_000))
	}
	for name, tt := range map[string]struct {
		settings []framing.Setting
		send     func(c *muxClient)
		reason   string
		bytes    func(n int64) bool
		over     time.Duration // at least, and less than four seconds more
	}{
		"a body": {send: func(c *muxClient) {
			c.frame(framing.FrameHeaders, framing.FlagHeadersEndHeaders, 1, c.encode(":method", "POST", ":scheme", "http", ":path", "/", ":authority", "h"))
			c.frame(framing.FrameData, 0, 1, []byte("0123456789"))
		}, reason: reasonSlowBody, bytes: func(n int64) bool { return n == 10 }, over: 2 * time.Second},
		"an answer without a window": {settings: []framing.Setting{{ID: framing.SettingInitialWindowSize, Val: 100}}, send: func(c *muxClient) { c.ask(1, "/") },
			reason: reasonSlow, bytes: func(n int64) bool { return n < 500 }, over: 64 * time.Second},
		"many that nobody takes": {settings: []framing.Setting{{ID: framing.SettingInitialWindowSize, Val: 0}}, send: func(c *muxClient) {
			for i := range uint32(20) {
				c.ask(2*i+1, "/")
			}
		}, reason: reasonSlow, bytes: func(n int64) bool { return n < 5000 }, over: 10 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				s := serve(t, Config{MinRequestBodyRate: rate, MinResponseRate: rate}, httpApp(answers))
				tt.send(s.dialHTTP2(tt.settings...))
				time.Sleep(5 * time.Minute)
				got := s.told(eventHTTP2ConnectionError)
				if len(got) != 1 || attr(got[0], "reason").String() != tt.reason {
					t.Fatalf("logged %v, want one event of %s", got, tt.reason)
				}
				bytes, over := attr(got[0], "bytes").Int64(), attr(got[0], "over").Duration()
				if !tt.bytes(bytes) || over < tt.over || over >= tt.over+4*time.Second {
					t.Errorf("%d bytes over %v, want few over %v", bytes, over, tt.over)
				}
				if r := attr(got[0], "rate").Float64(); r != float64(bytes)/over.Seconds() || r > rate.BytesPerSecond ||
					attr(got[0], "limit").Float64() != rate.BytesPerSecond || attr(got[0], "grace").Duration() != rate.Grace {
					t.Errorf("the rate is %v in %v, want bytes over time, below the limit of 1000 with 2 s of grace", r, got[0])
				}
			})
		})
	}
}

// On a connection with a goroutine of its own it is the transport that finds the socket full.
func TestTheRateThatTheTransportMeasuredOfHTTP2IsLogged(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l := newLines(t)
		s := serve(t, Config{AccessLog: l.log, MinResponseRate: &transport.Rate{BytesPerSecond: 1000, Grace: 2 * time.Second}},
			httpApp(func(w http.ResponseWriter, r *http.Request) {
				w.Write(make([]byte, 50_000))
				w.(http.Flusher).Flush()
				<-r.Context().Done()
			}))
		s.size = 1000
		c := s.dial()
		c.write(h2Begin)
		time.Sleep(5 * time.Minute)
		got, stop := s.told(eventHTTP2ConnectionError), s.told(eventConnectionStop)
		if len(got) != 1 || len(stop) != 1 || attr(got[0], "reason").String() != reasonSlow || attr(stop[0], "reason").String() != reasonSlow {
			t.Fatalf("logged %v and %v, want one event each of %s", got, stop, reasonSlow)
		}
		bytes, over := attr(got[0], "bytes").Int64(), attr(got[0], "over").Duration()
		if bytes <= 0 || bytes > 1000 || over < 50*time.Second || over > 52*time.Second || attr(got[0], "limit").Float64() != 1000 {
			t.Errorf("%d bytes over %v, want no more than the 1000 that had room, over the 50 s that it was allowed", bytes, over)
		}
		l.want("its request", map[string]any{"reason": reasonSlow})
	})
}
