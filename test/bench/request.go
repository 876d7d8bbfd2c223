package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"
)

// request is what a row asks, and the body that must come back.
type request struct {
	method, path string
	host         string // "" means the address
	body, want   []byte
}

// answerTime bounds a single request.
const answerTime = 20 * time.Second

// wire is the request as it is sent.
func (q request) wire(addr string) []byte {
	host := q.host
	if host == "" {
		host = addr
	}
	b := fmt.Appendf(nil, "%s %s HTTP/1.1\r\nHost: %s\r\n", q.method, q.path, host)
	if q.body != nil {
		b = append(b, "Content-Length: "+strconv.Itoa(len(q.body))+"\r\n"...)
	}
	return append(append(b, "\r\n"...), q.body...)
}

// check asks once on a connection of its own and compares the answer byte for byte.
func (q request) check(ctx context.Context, addr string) error {
	conn, err := (&net.Dialer{Timeout: answerTime}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	return q.exchange(conn, bufio.NewReader(conn))
}

// exchange asks on an open connection. r reads from conn.
func (q request) exchange(conn net.Conn, r *bufio.Reader) error {
	if err := conn.SetDeadline(time.Now().Add(answerTime)); err != nil {
		return err
	}
	if _, err := conn.Write(q.wire(conn.RemoteAddr().String())); err != nil {
		return err
	}
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, int64(len(q.want))+4096))
	if err != nil {
		return fmt.Errorf("reading the body of %s: %w", resp.Status, err)
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s is answered %s: %.200q", q.method, q.path, resp.Status, body)
	}
	if !bytes.Equal(body, q.want) {
		return fmt.Errorf("%s %s is answered with %d bytes %.60q, want %d bytes %.60q", q.method, q.path, len(body), body, len(q.want), q.want)
	}
	return nil
}
