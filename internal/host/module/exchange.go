package module

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"
)

// maxAnswer bounds what is read of an answer; only its status line is wanted.
const maxAnswer = 16 << 10

// Protocol is what is spoken to a child.
type Protocol uint8

const (
	// HTTP1 is HTTP/1.1.
	HTTP1 Protocol = iota
	// H2C is HTTP/2 with prior knowledge (RFC 9113, section 3.3).
	H2C
)

// message is one of the module's own requests to a child. It is written by hand
// for HTTP/1.1: it must be exactly this, on a connection of its own, with no retry.
type message struct {
	method string
	target string // path and query as they go over the wire
	host   string // empty: the address
	event  string // value of MS-ASPNETCORE-EVENT; empty: no such header
	token  Token
	proto  Protocol
}

// send sends the message and returns the status of the answer.
func (m message) send(ctx context.Context, port int) (int, error) {
	head, err := m.head(port)
	if err != nil {
		return 0, err
	}
	if m.proto == H2C {
		return m.sendH2C(ctx, port)
	}
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp4", addr(port))
	if err != nil {
		return 0, err
	}
	defer c.Close()
	stop := context.AfterFunc(ctx, func() { c.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if _, err := c.Write(head); err != nil {
		return 0, because(ctx, err)
	}
	status, err := readStatus(bufio.NewReaderSize(c, maxAnswer))
	if err != nil {
		return 0, because(ctx, err)
	}
	return status, nil
}

func because(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("no answer in time: %w", ctx.Err())
	}
	return err
}

// head writes the request. Exactly one token header: a second one would be
// joined to it by the receiver and refused.
func (m message) head(port int) ([]byte, error) {
	host := m.host
	if host == "" {
		host = addr(port)
	}
	if !oneWord(host) || !oneWord(m.token.Reveal()) {
		return nil, errors.New("host name or token holds characters that a header cannot")
	}
	if !oneWord(m.target) || !strings.HasPrefix(m.target, "/") {
		return nil, fmt.Errorf("%q cannot be requested: it must begin with / and be escaped", m.target)
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\n", m.method, m.target, host)
	if m.event != "" {
		fmt.Fprintf(&b, "MS-ASPNETCORE-EVENT: %s\r\n", m.event)
	}
	if !m.token.IsZero() {
		fmt.Fprintf(&b, "MS-ASPNETCORE-TOKEN: %s\r\n", m.token.Reveal())
	}
	if m.method == "POST" {
		b.WriteString("Content-Length: 0\r\n")
	}
	b.WriteString("Connection: close\r\n\r\n")
	return b.Bytes(), nil
}

// oneWord reports that s has no blanks, control characters or non-ASCII.
func oneWord(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f })
}

var errAnswer = errors.New("the answer is not HTTP/1.1")

// readStatus reads the status of the final answer and passes over interim ones
// (RFC 9110, section 15.2: 1xx).
func readStatus(r *bufio.Reader) (int, error) {
	budget := maxAnswer
	for {
		line, err := readLine(r, &budget)
		if err != nil {
			return 0, err
		}
		status, err := parseStatusLine(line)
		if err != nil || status >= 200 || status == 101 {
			return status, err
		}
		for line != "" {
			if line, err = readLine(r, &budget); err != nil {
				return 0, err
			}
		}
	}
}

func readLine(r *bufio.Reader, budget *int) (string, error) {
	b, err := r.ReadSlice('\n')
	if *budget -= len(b); err == bufio.ErrBufferFull || *budget < 0 {
		return "", errAnswer
	}
	if err != nil {
		return "", fmt.Errorf("the connection ended before the answer: %w", err)
	}
	return strings.TrimRight(string(b), "\r\n"), nil
}

// parseStatusLine reads "HTTP/1.1 202 Accepted" (RFC 9112, section 4).
func parseStatusLine(line string) (int, error) {
	rest, ok := strings.CutPrefix(line, "HTTP/1.")
	if !ok || len(rest) < 5 || rest[1] != ' ' || len(rest) > 5 && rest[5] != ' ' {
		return 0, errAnswer
	}
	status, err := strconv.ParseUint(rest[2:5], 10, 16)
	if err != nil || status < 100 {
		return 0, errAnswer
	}
	return int(status), nil
}
