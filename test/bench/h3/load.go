//go:build unix

package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	peer "github.com/quic-go/quic-go/http3"
)

// load is a closed loop: each of the streams asks, reads the answer and asks again at once.
type load struct {
	conns, streams int
	path           string
}

// run returns how many requests were answered within d.
func (l load) run(addr string, d time.Duration) (int64, error) {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	var done atomic.Int64
	var failed atomic.Pointer[error]
	var wg sync.WaitGroup
	for range l.conns {
		transport := &peer.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableCompression: true}
		defer transport.Close()
		for range l.streams {
			wg.Go(func() {
				for ctx.Err() == nil {
					if err := l.ask(transport, addr); err != nil {
						failed.Store(&err)
						return
					}
					done.Add(1)
				}
			})
		}
	}
	wg.Wait()
	if err := failed.Load(); err != nil {
		return 0, *err
	}
	return done.Load(), nil
}

func (l load) ask(transport *peer.Transport, addr string) error {
	method, body := http.MethodGet, io.Reader(nil)
	if strings.HasPrefix(l.path, "/echo") {
		method, body = http.MethodPost, bytes.NewReader(block[:4<<10])
	}
	q, err := http.NewRequest(method, "https://"+addr+l.path, body)
	if err != nil {
		return err
	}
	resp, err := transport.RoundTrip(q)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s was answered %s", method, l.path, resp.Status)
	}
	return nil
}
