package servertest

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lannerhq/lanner/server"
)

var detailChecks = []check{
	{"EveryRequestHasItsIdentifier", func(t *testing.T, s suite) {
		skipUnless[server.RequestIdentifierFeature](t, s)
		ids := make(chan string, 8)
		r := s.start(t, func(f *server.Features) error {
			id := need[server.RequestIdentifierFeature](t, f)
			ids <- strings.Clone(id.TraceIdentifier())
			id.SetTraceIdentifier("mine")
			if got := id.TraceIdentifier(); got != "mine" {
				t.Errorf("TraceIdentifier() is %q after it was set", got)
			}
			return nil
		})
		was := map[string]bool{"": true}
		for _, c := range []*client{r.dial(), r.dial()} {
			for range 3 {
				c.send("GET / HTTP/1.1", "Host: a", "")
				c.want("an answer", http.MethodGet, 200)
				id := receive(t, ids, "the application is called")
				if was[id] {
					t.Errorf("the identifier %q is empty or was used before: it must be unique in the process", id)
				}
				was[id] = true
			}
		}
	}},
	{"PlainHTTPHasNoTLS", func(t *testing.T, s suite) {
		r := s.startHTTP(t, func(w http.ResponseWriter, r *http.Request) {
			if _, ok := server.From[server.TLSConnectionFeature](r.Context()); ok {
				t.Error("there is a TLSConnectionFeature on a plain connection")
			}
			if _, ok := server.From[server.TLSHandshakeFeature](r.Context()); ok {
				t.Error("there is a TLSHandshakeFeature on a plain connection")
			}
			if r.TLS != nil {
				t.Error("r.TLS is not nil on a plain connection")
			}
		})
		r.get("an answer", "/", 200)
	}},
	{"HTTP1HasNoStreamFeatures", func(t *testing.T, s suite) {
		r := s.start(t, func(f *server.Features) error {
			if _, ok := server.Get[server.ResetFeature](f); ok {
				t.Error("there is a ResetFeature on HTTP/1.1, which has no streams to reset")
			}
			if _, ok := server.Get[server.ExtendedConnectFeature](f); ok {
				t.Error("there is an ExtendedConnectFeature on HTTP/1.1, which has no extended CONNECT")
			}
			return nil
		})
		r.get("an answer", "/", 200)
	}},
	{"ARequestKnowsWhenItCame", func(t *testing.T, s suite) {
		skipUnless[server.RequestTimingFeature](t, s)
		times := make(chan [2]time.Time, 1)
		r := s.start(t, func(f *server.Features) error {
			times <- [2]time.Time{need[server.RequestTimingFeature](t, f).RequestReceived(), time.Now()}
			return nil
		})
		c := r.dial()
		for range 2 {
			before := time.Now()
			c.send("GET / HTTP/1.1", "Host: a", "")
			c.want("an answer", http.MethodGet, 200)
			// A server may take the time from a clock that ticks once a second.
			if at := receive(t, times, "the application is called"); at[0].Before(before.Add(-time.Second)) || at[0].After(at[1]) {
				t.Errorf("RequestReceived() is %v, want between %v, when it was sent, and %v", at[0], before, at[1])
			}
		}
	}},
	{"AFileIsSentFromItsReader", func(t *testing.T, s suite) {
		skipUnless[server.ResponseBodyFeature](t, s)
		name := filepath.Join(t.TempDir(), "file")
		content, err := io.ReadAll(&pattern{size: 1 << 20})
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
		r := s.start(t, func(f *server.Features) error {
			file, err := os.Open(name)
			if err != nil {
				return err
			}
			defer file.Close()
			size, reader := int64(len(content)), io.Reader(file)
			res := need[server.ResponseFeature](t, f)
			switch requestPath(f) {
			case "/limited":
				size = 1000
				reader = io.LimitReader(file, size)
				res.Header().Set("Content-Length", strconv.FormatInt(size, 10))
			case "/length":
				res.Header().Set("Content-Length", strconv.FormatInt(size, 10))
			case "/reader":
				reader = struct{ io.Reader }{file}
			}
			n, err := need[server.ResponseBodyFeature](t, f).SendFrom(reader)
			if n != size {
				t.Errorf("SendFrom returned %d, want the %d bytes that were sent", n, size)
			}
			return err
		})
		c := r.dial()
		for path, size := range map[string]int64{"/limited": 1000, "/length": 1 << 20, "/chunked": 1 << 20, "/reader": 1 << 20} {
			c.send("GET "+path+" HTTP/1.1", "Host: a", "")
			checkPattern(t, path, c.head("the file", http.MethodGet, 200).Body, size)
		}
	}},
}
