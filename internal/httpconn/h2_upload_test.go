package httpconn

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/lannerhq/lanner/internal/http1"
	"github.com/lannerhq/lanner/internal/memnet"
)

// distant returns the two ends of a connection over a link that takes delay in each direction and any number of bytes.
func distant(t *testing.T, delay time.Duration) (client, server *memnet.Conn) {
	client, near := memnet.Pipe(1 << 20)
	far, server := memnet.Pipe(1 << 20)
	var carriers sync.WaitGroup
	carry := func(from, to *memnet.Conn) {
		type part struct {
			due   time.Time
			bytes []byte
		}
		parts := make(chan part, 1<<16)
		carriers.Go(func() {
			defer close(parts)
			for {
				b := make([]byte, 64<<10)
				n, err := from.Read(b)
				if err != nil {
					return
				}
				parts <- part{time.Now().Add(delay), b[:n]}
			}
		})
		carriers.Go(func() {
			for p := range parts {
				time.Sleep(time.Until(p.due))
				to.Write(p.bytes)
			}
			to.CloseWrite()
		})
	}
	carry(near, far)
	carry(far, near)
	t.Cleanup(func() {
		client.Close()
		carriers.Wait()
	})
	return client, server
}

// zeros is a body of that many bytes, of which a client does not know how many there are.
type zeros int

func (z *zeros) Read(p []byte) (int, error) {
	if *z == 0 {
		return 0, io.EOF
	}
	n := min(len(p), int(*z))
	*z -= zeros(n)
	return n, nil
}

// A client of net/http that is 50 ms away uploads 64 MiB, by the default windows and by those that do not grow.
func TestAnHTTP2UploadFromFarAwayIsNotHeldUpByWindows(t *testing.T) {
	const size, roundTrip = 64 << 20, 50 * time.Millisecond
	upload := func(limits HTTP2Limits) (took time.Duration) {
		bubble(t, func(t *testing.T) {
			s := serve(t, Config{Limits: http1.Limits{MaxRequestBodySize: -1}, HTTP2: limits}, httpApp(func(w http.ResponseWriter, r *http.Request) {
				n, err := io.Copy(io.Discard, r.Body)
				fmt.Fprint(w, n, err)
			}))
			near, far := distant(t, roundTrip/2)
			s.m.Serve(far, s.ep, Options{})
			transport := &http.Transport{Protocols: new(http.Protocols), DialContext: func(context.Context, string, string) (net.Conn, error) { return near, nil }}
			transport.Protocols.SetUnencryptedHTTP2(true)
			defer transport.CloseIdleConnections()
			body := zeros(size)
			req, err := http.NewRequestWithContext(t.Context(), "POST", "http://h/", &body)
			if err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			res, err := transport.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(res.Body)
			if want := fmt.Sprint(size, nil); string(got) != want || err != nil {
				t.Errorf("the answer is %q, %v, want %q", got, err, want)
			}
			took = time.Since(began)
			res.Body.Close()
		})
		return took
	}
	slow := upload(HTTP2Limits{MaxStreamWindowSize: DefaultInitialStreamWindowSize, MaxConnectionWindowSize: DefaultInitialConnectionWindowSize})
	fast := upload(HTTP2Limits{})
	t.Logf("%v, and %v with windows that do not grow", fast, slow)
	if least := size / DefaultInitialStreamWindowSize * roundTrip; slow < least || fast > slow/2 {
		t.Errorf("it takes %v, and %v with windows that do not grow; want half of that at most, and at least %v", fast, slow, least)
	}
}
