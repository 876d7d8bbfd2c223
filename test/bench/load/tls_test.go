package load

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// secureServer is net/http over TLS.
func secureServer(t *testing.T, config *tls.Config, handler http.HandlerFunc) string {
	s := httptest.NewUnstartedServer(handler)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.TLS = config
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

func greet(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") }

func TestHandshakesAreFullOrResumedAsAsked(t *testing.T) {
	for _, resume := range []bool{false, true} {
		var full, resumed atomic.Int64
		addr := secureServer(t, nil, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.RequestURI() != "/p?q=1" || r.TLS.Version != tls.VersionTLS13 || r.TLS.CurveID != tls.X25519 || r.TLS.NegotiatedProtocol != "http/1.1" {
				t.Errorf("resume %v: a request for %s came over %+v", resume, r.URL, r.TLS)
			}
			if r.TLS.DidResume {
				resumed.Add(1)
			} else {
				full.Add(1)
			}
			greet(w, r)
		})
		args := "tls -conns 4 -for 300ms -path /p?q=1 -addr " + addr
		if resume {
			args += " -resume"
		}
		var stdout bytes.Buffer
		if status := Main(t.Context(), strings.Fields(args), &stdout, t.Output()); status != 0 {
			t.Fatalf("%s: status %d", args, status)
		}
		h, err := ParseHandshakes(stdout.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		want, others := full.Load(), resumed.Load()
		if resume {
			want, others = others, want-1 // one is for the first ticket, and does not count
		}
		if h.Requests != want || others != 0 || h.Seconds < 0.3 {
			t.Errorf("%s: %+v, the server saw %d such connections and %d others", args, h, want, others)
		}
	}
}

func TestClientsOfFullHandshakesAskForTicketsToo(t *testing.T) {
	var tickets atomic.Int64
	config := &tls.Config{}
	config.WrapSession = func(state tls.ConnectionState, session *tls.SessionState) ([]byte, error) {
		tickets.Add(1)
		return config.EncryptTicket(state, session)
	}
	h, err := tlsOptions{addr: secureServer(t, config, greet), conns: 2, time: 50 * time.Millisecond, path: "/"}.run(t.Context())
	if err != nil || tickets.Load() != h.Requests {
		t.Errorf("%+v, %v, and %d tickets, want one for each connection", h, err, tickets.Load())
	}
}

func TestWhatAServerOverTLSDoesWrongIsAnError(t *testing.T) {
	for _, tt := range []struct {
		why     string
		config  *tls.Config
		handler http.HandlerFunc
		resume  bool
		text    string
	}{
		{"tickets are off", &tls.Config{SessionTicketsDisabled: true}, greet, true, "not resumed the session"},
		{"TLS 1.2 at most", &tls.Config{MaxVersion: tls.VersionTLS12}, greet, false, "TLS: remote error"},
		{"no answer by ALPN", &tls.Config{NextProtos: []string{"h2"}}, greet, false, `the protocol "" by ALPN`},
		{"another status", nil, http.NotFound, false, "the answer is"},
		{"the connection is closed", nil, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, false, "reading an answer: EOF"},
		{"no length", nil, func(w http.ResponseWriter, _ *http.Request) { w.(http.Flusher).Flush(); io.WriteString(w, "x") }, false, "no Content-Length"},
	} {
		o := tlsOptions{addr: secureServer(t, tt.config, tt.handler), conns: 2, time: time.Minute, path: "/", resume: tt.resume}
		if h, err := o.run(t.Context()); err == nil || !strings.Contains(err.Error(), tt.text) {
			t.Errorf("%s: %+v, %v, want an error with %q", tt.why, h, err, tt.text)
		}
	}
}

func TestHandshakesThatAreCancelledEnd(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	addr := secureServer(t, nil, func(w http.ResponseWriter, r *http.Request) {
		cancel()
		greet(w, r)
	})
	if h, err := (tlsOptions{addr: addr, conns: 2, time: time.Minute, path: "/"}).run(ctx); err == nil {
		t.Errorf("a load that was cancelled ends with %+v and no error", h)
	}
}
