package http3_test

import (
	"crypto/tls"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/quic-go/quic-go"

	"github.com/lannerhq/lanner/http3"
	"github.com/lannerhq/lanner/kestrel"
)

func TestUnsafeRequestsInEarlyDataAreTooEarly(t *testing.T) {
	if raceDetector {
		t.Skip("quic-go's client has a data race when streams are opened before the handshake is over: run it without -race")
	}
	told := http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) { io.WriteString(w, q.Method+q.Header.Get("Early-Data")) })
	for _, tt := range []struct {
		name      string
		early     http3.EarlyData
		used      bool
		get, post string // the status and the content
	}{
		{"off", http3.EarlyDataOff, false, "200 GET", "200 POST"},
		{"safe", http3.EarlyDataSafe, true, "200 GET1", "425 "},
		{"all", http3.EarlyDataAll, true, "200 GET1", "200 POST1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := serve(t, told, func(o *kestrel.Options) { o.HTTP3 = http3.New(http3.Options{EarlyData: tt.early}) })
			secure := r.tls.Clone()
			secure.NextProtos = []string{"h3"}
			tickets := &tickets{ClientSessionCache: tls.NewLRUClientSessionCache(1), got: make(chan struct{}, 10)}
			secure.ClientSessionCache = tickets
			first, err := quic.DialAddr(timeout(t, patience), r.host, secure, nil)
			if err != nil {
				t.Fatal(err)
			}
			x := &raw{t: t, conn: first}
			x.uni(0, frame(4, nil)...)
			x.wantServed()
			select {
			case <-tickets.got:
			case <-time.After(patience):
				t.Fatal("there is no ticket")
			}
			first.CloseWithError(0x100, "")

			again, err := quic.DialAddrEarly(timeout(t, patience), r.host, secure, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer again.CloseWithError(0x100, "")
			x = &raw{t: t, conn: again}
			get, post := x.stream(true, request("GET", "/")), x.stream(true, request("POST", "/"))
			<-again.HandshakeComplete()
			if used := again.ConnectionState().Used0RTT; used != tt.used {
				t.Fatalf("early data was taken: %v, want %v", used, tt.used)
			}
			if !tt.used { // then quic-go has dropped both
				if again, err = again.NextConnection(timeout(t, patience)); err != nil {
					t.Fatal(err)
				}
				x.conn = again
				get, post = x.stream(true, request("GET", "/")), x.stream(true, request("POST", "/"))
			}
			for s, want := range map[*quic.Stream]string{get: tt.get, post: tt.post} {
				a := x.answer(s)
				late := strings.TrimSuffix(tt.get, "1") // the server may be so late that the handshake was complete
				if s == post {
					late = "200 POST"
				}
				if got := a.status() + " " + string(a.content); got != want && got != late {
					t.Errorf("it is answered %q, %v, want %q", got, a.err, want)
				}
			}
			late := x.answer(x.stream(true, request("POST", "/")))
			if got := late.status() + " " + string(late.content); got != "200 POST" {
				t.Errorf("after the handshake it is answered %q, %v", got, late.err)
			}
		})
	}
}

// tickets tells when there is one.
type tickets struct {
	tls.ClientSessionCache
	got chan struct{}
}

func (c *tickets) Put(key string, s *tls.ClientSessionState) {
	c.ClientSessionCache.Put(key, s)
	if s != nil {
		select {
		case c.got <- struct{}{}:
		default:
		}
	}
}
