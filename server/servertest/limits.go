package servertest

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/lannerhq/lanner/server"
)

var limitChecks = []check{
	{"ABodyOverTheLimitIs413", func(t *testing.T, s suite) {
		skipUnless[server.MaxRequestBodySizeFeature](t, s)
		got := make(chan readResult, 1)
		r := s.start(t, func(f *server.Features) error {
			limit := need[server.MaxRequestBodySizeFeature](t, f)
			if err := limit.SetMaxRequestBodySize(10); err != nil {
				t.Errorf("SetMaxRequestBodySize before reading: %v", err)
			}
			if n := limit.MaxRequestBodySize(); n != 10 {
				t.Errorf("MaxRequestBodySize() is %d after it was set to 10", n)
			}
			body, err := readBody(f)
			got <- readResult{body: body, err: err}
			return err
		})
		for _, tt := range []struct{ field, body, why string }{
			{"Content-Length: 11", "", "an announced length over the limit needs no byte to be refused"},
			{"Transfer-Encoding: chunked", "8\r\n01234567\r\n8\r\n01234567\r\n0\r\n\r\n", "a chunked body when it gets there"},
		} {
			c := r.dial()
			c.write("POST / HTTP/1.1\r\nHost: a\r\n" + tt.field + "\r\n\r\n" + tt.body)
			c.want("413 when the application lets the error escape: "+tt.why, http.MethodPost, 413)
			in := receive(t, got, "reading fails")
			var bad *server.BadRequestError
			if !errors.As(in.err, &bad) || bad.Status != 413 {
				t.Errorf("the application's read failed with %v, want a *BadRequestError of status 413: %s", in.err, tt.why)
			}
			if len(in.body) > 10 {
				t.Errorf("the application got %d bytes, more than the limit of 10", len(in.body))
			}
		}
		c := r.dial()
		c.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n0123456789")
		c.want("an answer to a body of just the limit", http.MethodPost, 200)
		if in := receive(t, got, "the body is read"); in.err != nil || in.body != "0123456789" {
			t.Errorf("body %q, error %v, want all ten bytes", in.body, in.err)
		}
	}},
	{"TheLimitIsFixedOnceReadingHasBegun", func(t *testing.T, s suite) {
		skipUnless[server.MaxRequestBodySizeFeature](t, s)
		r := s.start(t, func(f *server.Features) error {
			limit, req := need[server.MaxRequestBodySizeFeature](t, f), need[server.RequestFeature](t, f)
			if err := limit.SetMaxRequestBodySize(-1); err != nil {
				t.Errorf("SetMaxRequestBodySize(-1), no limit: %v", err)
			}
			if _, err := io.ReadFull(req.Body(), make([]byte, 1)); err != nil {
				return err
			}
			if err := limit.SetMaxRequestBodySize(10); !errors.Is(err, server.ErrTooLate) {
				t.Errorf("SetMaxRequestBodySize after reading began returned %v, want server.ErrTooLate", err)
			}
			rest, err := io.ReadAll(req.Body())
			if err != nil {
				return err
			}
			return respond(f, 200, string(rest))
		})
		c := r.dial()
		c.send("POST / HTTP/1.1", "Host: a", "Content-Length: 21", "")
		c.write("0" + strings.Repeat("x", 20))
		c.wantBody("the rest of the body: the late limit has no effect", 200, strings.Repeat("x", 20))
	}},
	{"AHandlerSeesTheLimitAsMaxBytesError", func(t *testing.T, s suite) {
		skipUnless[server.MaxRequestBodySizeFeature](t, s)
		r := s.startHTTP(t, func(w http.ResponseWriter, r *http.Request) {
			limit, _ := server.From[server.MaxRequestBodySizeFeature](r.Context())
			if err := limit.SetMaxRequestBodySize(10); err != nil {
				t.Errorf("SetMaxRequestBodySize: %v", err)
			}
			_, err := io.ReadAll(r.Body)
			if tooLarge := new(*http.MaxBytesError); !errors.As(err, tooLarge) {
				t.Errorf("reading failed with %v, want what errors.As finds an *http.MaxBytesError in", err)
			}
			http.Error(w, "too large", http.StatusRequestEntityTooLarge)
		})
		c := r.dial()
		c.send("POST / HTTP/1.1", "Host: a", "Content-Length: 11", "")
		c.want("the handler's answer", http.MethodPost, 413)
	}},
	{"AReadDeadlineEndsReading", func(t *testing.T, s suite) {
		skipUnless[server.BodyControlFeature](t, s)
		errs := make(chan error, 1)
		r := s.start(t, func(f *server.Features) error {
			control := need[server.BodyControlFeature](t, f)
			if err := control.SetReadDeadline(time.Unix(1, 0)); err != nil {
				t.Errorf("SetReadDeadline: %v", err)
			}
			if requestPath(f) == "/back" {
				if err := control.SetReadDeadline(time.Time{}); err != nil {
					t.Errorf("SetReadDeadline to none: %v", err)
				}
			}
			body, err := readBody(f)
			errs <- err
			return respond(f, 200, "read "+body)
		})
		c := r.dial()
		c.send("POST /past HTTP/1.1", "Host: a", "Content-Length: 5", "")
		if err := receive(t, errs, "reading ends although the client sends nothing"); err == nil {
			t.Error("reading after the deadline succeeded")
		}
		c = r.dial()
		c.send("POST /back HTTP/1.1", "Host: a", "Content-Length: 5", "")
		c.write("hello")
		if err := receive(t, errs, "the body is read"); err != nil {
			t.Errorf("reading failed after the deadline was taken back: %v", err)
		}
		c.wantBody("the answer", 200, "read hello")
	}},
	{"AWriteDeadlineEndsWriting", func(t *testing.T, s suite) {
		skipUnless[server.BodyControlFeature](t, s)
		errs := make(chan error, 1)
		r := s.startHTTP(t, func(w http.ResponseWriter, r *http.Request) {
			control := http.NewResponseController(w)
			if err := control.SetWriteDeadline(time.Unix(1, 0)); err != nil {
				t.Errorf("SetWriteDeadline: %v", err)
			}
			var err error
			for n := 0; err == nil && n < 64<<20; n += blockSize {
				if _, err = w.Write(make([]byte, blockSize)); err == nil {
					err = control.Flush()
				}
			}
			errs <- err
		})
		c := r.dial()
		c.send("GET / HTTP/1.1", "Host: a", "")
		if err := receive(t, errs, "writing ends"); err == nil {
			t.Error("64 MiB were written after the deadline")
		}
		if _, err := io.Copy(io.Discard, c.r); timedOut(err) {
			t.Error("the connection stays open although the response could not be sent")
		}
	}},
	{"DataRatesAreKeptAsSet", func(t *testing.T, s suite) {
		skipUnless[server.MinDataRateFeature](t, s)
		r := s.start(t, func(f *server.Features) error {
			rates := need[server.MinDataRateFeature](t, f)
			rate := server.DataRate{BytesPerSecond: 100, Grace: 7 * time.Second}
			if err := errors.Join(rates.SetMinRequestBodyDataRate(rate), rates.SetMinResponseDataRate(server.DataRate{})); err != nil {
				t.Errorf("setting the rates: %v", err)
			}
			if got := rates.MinRequestBodyDataRate(); got != rate {
				t.Errorf("MinRequestBodyDataRate() is %v, want what was set", got)
			}
			if got := rates.MinResponseDataRate(); got.BytesPerSecond != 0 {
				t.Errorf("MinResponseDataRate() is %v, want no limit as set", got)
			}
			return nil
		})
		r.get("an answer", "/", 200)
	}},
}
