package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// request is what a row asks, and the body that must come back.
type request struct {
	method, path string
	over         protocol
	host         string      // "" means the address
	fields       [][2]string // more header fields, of HTTP/2 only, with names in lower case
	body, want   []byte
	trailers     [][2]string // that must come back, of HTTP/2 only, by name
}

// in is the same request in another protocol.
func (q request) in(over protocol) request {
	q.over = over
	return q
}

// authority is the host that is asked for.
func (q request) authority(addr string) string {
	if q.host == "" {
		return addr
	}
	return q.host
}

// answerTime bounds a single request.
const answerTime = 20 * time.Second

// wire is the request as it is sent in HTTP/1.1.
func (q request) wire(addr string) []byte {
	b := fmt.Appendf(nil, "%s %s HTTP/1.1\r\nHost: %s\r\n", q.method, q.path, q.authority(addr))
	if q.body != nil {
		b = append(b, "Content-Length: "+strconv.Itoa(len(q.body))+"\r\n"...)
	}
	return append(append(b, "\r\n"...), q.body...)
}

// check asks once on a connection of its own and compares the answer byte for byte.
func (q request) check(ctx context.Context, addr string) error {
	l, err := q.connect(ctx, addr)
	if err != nil {
		return err
	}
	defer l.Close()
	defer context.AfterFunc(ctx, func() { l.Close() })()
	return l.exchange(q)
}

// read reads an answer of HTTP/1.1 and compares it.
func (q request) read(r *bufio.Reader) error {
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, int64(len(q.want))+4096))
	if err != nil {
		return fmt.Errorf("reading the body of %s: %w", resp.Status, err)
	}
	return q.compare(answer{status: resp.Status, body: body})
}

// compare says what is wrong with an answer.
func (q request) compare(a answer) error {
	if code, _, _ := strings.Cut(a.status, " "); code != "200" {
		return fmt.Errorf("%s %s is answered %s: %.200q", q.method, q.path, a.status, a.body)
	}
	if !bytes.Equal(a.body, q.want) {
		return fmt.Errorf("%s %s is answered with %d bytes %.60q, want %d bytes %.60q", q.method, q.path, len(a.body), a.body, len(q.want), q.want)
	}
	if !slices.Equal(a.trailers, q.trailers) {
		return fmt.Errorf("%s %s is answered with the trailers %q, want %q", q.method, q.path, a.trailers, q.trailers)
	}
	return nil
}
