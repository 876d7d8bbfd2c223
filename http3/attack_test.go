package http3_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quic-go/quic-go"

	"github.com/lannerhq/lanner/http3"
	engine "github.com/lannerhq/lanner/internal/http3"
	"github.com/lannerhq/lanner/kestrel"
	"github.com/lannerhq/lanner/metrics"
)

// TestAttacksEndTheConnection does what is harmless now and then again and again, until the server has had enough.
func TestAttacksEndTheConnection(t *testing.T) {
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	registry := metrics.NewRegistry(metrics.RegistryOptions{})
	r := serve(t, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) { <-q.Context().Done() }), func(o *kestrel.Options) { o.Metrics = registry })
	const much = 20_000
	over := func(x *raw) bool { return x.conn.Context().Err() != nil }
	for _, tt := range []struct {
		name, reason string
		attack       func(x *raw)
	}{
		{"rapid reset", "stream_reset_limit_exceeded", func(x *raw) {
			for i := 0; i < much && !over(x); i++ {
				s, err := x.conn.OpenStreamSync(t.Context())
				if err != nil {
					return
				}
				s.Write(request("GET", "/"))
				s.CancelWrite(0x10c)
				s.CancelRead(0x10c)
			}
		}},
		{"malformed requests", "stream_reset_limit_exceeded", func(x *raw) {
			for i := 0; i < much && !over(x); i++ {
				s, err := x.conn.OpenStreamSync(t.Context())
				if err != nil {
					return
				}
				s.Write(headers(":method", "GET"))
				s.Close()
				s.CancelRead(0x10c)
			}
		}},
		{"unknown frames", "unknown_frame_flood", func(x *raw) {
			s := x.stream(false)
			flood := bytes.Repeat(frame(0x21, nil), 1000)
			for i := 0; i < much && !over(x); i++ {
				if _, err := s.Write(flood); err != nil {
					return
				}
			}
		}},
		{"unknown frames on the control stream", "unknown_frame_flood", func(x *raw) {
			for i := 0; i < much && !over(x); i++ {
				if _, err := x.control.Write(bytes.Repeat(frame(0x21, nil), 100)); err != nil {
					return
				}
			}
		}},
		{"unknown streams", "unknown_frame_flood", func(x *raw) {
			for i := 0; i < much && !over(x); i++ {
				s, err := x.conn.OpenUniStreamSync(t.Context())
				if err != nil {
					return
				}
				s.Write(varint(0x21))
				s.Close()
			}
		}},
		{"priorities", "priority_flood", func(x *raw) {
			flood := bytes.Repeat(frame(0xf0700, append(varint(0), "u=1"...)), 100)
			for i := 0; i < much && !over(x); i++ {
				if _, err := x.control.Write(flood); err != nil {
					return
				}
			}
		}},
		{"MAX_PUSH_ID", "settings_flood", func(x *raw) {
			for i := 0; i < much && !over(x); i++ {
				if _, err := x.control.Write(frame(13, varint(1))); err != nil {
					return
				}
			}
		}},
		{"instructions of QPACK", "settings_flood", func(x *raw) {
			s := x.uni(2)
			for i := 0; i < much && !over(x); i++ {
				if _, err := s.Write(bytes.Repeat([]byte{0x20}, 100)); err != nil {
					return
				}
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			x := r.raw()
			x.t = t
			tt.attack(x)
			x.wantClosed(engine.ExcessiveLoad)
		})
	}
	page := httptest.NewRecorder()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	r.server.Stop(ctx) // counts what is still ending
	registry.Handler().ServeHTTP(page, httptest.NewRequest("GET", "/metrics", nil))
	for _, reason := range []string{"stream_reset_limit_exceeded", "unknown_frame_flood", "priority_flood", "settings_flood"} {
		if !bytes.Contains(page.Body.Bytes(), []byte(`error_type="`+reason+`"`)) {
			t.Errorf("the metrics have no connection that ended by %s:\n%s", reason, page.Body.String())
		}
	}
}

func TestEmptyDataIsBounded(t *testing.T) {
	r := serve(t, echo)
	x := r.raw()
	x.stream(true, request("POST", "/"), bytes.Repeat(frame(0, nil), 1000))
	x.wantClosed(engine.ExcessiveLoad)
}

// TestAClientHasNoMoreHandlersThanStreams resets what it has asked for, or makes the server do so, and asks again, of handlers that go on.
func TestAClientHasNoMoreHandlersThanStreams(t *testing.T) {
	const streams = 4
	for name, ask := range map[string]func(x *raw, s *quic.Stream){
		"reset": func(x *raw, s *quic.Stream) {
			s.Write(request("GET", "/"))
			s.CancelWrite(0x10c)
			s.CancelRead(0x10c)
		},
		"made you reset": func(x *raw, s *quic.Stream) {
			s.Write(append(request("POST", "/", "content-length", "1"), frame(0, []byte("22"))...))
			s.Close()
		},
	} {
		t.Run(name, func(t *testing.T) {
			release := make(chan struct{})
			var running, most, all atomic.Int64
			r := serve(t, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
				io.Copy(io.Discard, q.Body)
				io.WriteString(w, "to nobody")
				http.NewResponseController(w).Flush()
				all.Add(1)
				most.Store(max(most.Load(), running.Add(1)))
				<-release
				running.Add(-1)
			}), func(o *kestrel.Options) { o.HTTP3 = http3.New(http3.Options{MaxStreams: streams}) })
			x := r.raw()
			ctx := timeout(t, 500*time.Millisecond) // in which a server would begin many more
			for {
				s, err := x.conn.OpenStreamSync(ctx)
				if err != nil {
					break
				}
				ask(x, s)
			}
			if n := most.Load(); n > streams {
				t.Errorf("%d handlers run for a client that may have %d streams", n, streams)
			}
			close(release)
			x.wantServed()
			if all.Load() == 0 {
				t.Error("no handler ran")
			}
		})
	}
}
