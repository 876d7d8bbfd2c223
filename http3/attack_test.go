package http3_test

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/lannerhq/lanner/internal/http3"
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
			x.wantClosed(http3.ExcessiveLoad)
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
	x.wantClosed(http3.ExcessiveLoad)
}
