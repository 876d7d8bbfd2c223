package transport

import (
	"io"
	"net"
	"os"
)

// sendPiece is how much is sent in one go: each piece has its own time by the least rate, so that a client that stops
// reading a large file is noticed.
const sendPiece = 256 << 10

// SendFrom writes n bytes from r, or what r has, by sendfile(2) or splice(2); it reports false when it cannot and has
// written nothing.
func (c *Conn) SendFrom(r io.Reader, n int64) (written int64, ok bool, err error) {
	to, tcp := c.nc.(*net.TCPConn)
	if !tcp {
		return 0, false, nil
	}
	source, limits := unwrap(r)
	if source == nil {
		return 0, false, nil
	}
	for _, limit := range limits {
		n = min(n, limit.N)
	}
	for written < n && err == nil {
		if c.tooSlow() {
			return written, true, ErrExpired
		}
		piece := io.LimitedReader{R: source, N: min(sendPiece, n-written)}
		c.timeouts.writing(c.heartbeat, piece.N)
		var m int64
		m, err = to.ReadFrom(&piece)
		c.timeouts.wrote()
		if err != nil && c.tooSlow() {
			c.timeouts.slowWrite(m, min(sendPiece, n-written))
		}
		written += m
		if m == 0 {
			break
		}
	}
	for _, limit := range limits {
		limit.N -= written
	}
	return written, true, err
}

// unwrap finds what the kernel can send from, and the limits around it: package net looks through one limit only, and
// http.ServeContent has set one already. It returns nil when there is nothing that the kernel can send from.
func unwrap(r io.Reader) (source io.Reader, limits []*io.LimitedReader) {
	for {
		switch from := r.(type) {
		case *os.File, *net.TCPConn, *net.UnixConn:
			return from, limits
		case *io.LimitedReader:
			limits = append(limits, from)
			r = from.R
		default:
			return nil, nil
		}
	}
}
