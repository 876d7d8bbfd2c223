package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"time"
)

// protocol is what a row's requests are made in. Those of HTTP/2 are called what h2load calls them.
type protocol string

const (
	http1 protocol = ""      // HTTP/1.1 in cleartext
	https protocol = "https" // HTTP/1.1 over TLS
	h2c   protocol = "h2c"   // HTTP/2 in cleartext by prior knowledge (RFC 9113, section 3.3)
	h2    protocol = "h2"    // HTTP/2 over TLS by ALPN (RFC 9113, section 3.2)
)

// secure reports whether the protocol is over TLS.
func (p protocol) secure() bool { return p == https || p == h2 }

// alpn is the name of a secure protocol in ALPN (RFC 7301, section 6).
func (p protocol) alpn() string {
	if p == https {
		return "http/1.1"
	}
	return string(h2)
}

// scheme is that of URLs.
func (p protocol) scheme() string {
	if p.secure() {
		return "https"
	}
	return "http"
}

// link is a client's connection, for one request after another.
type link interface {
	// exchange makes a request and compares the answer byte for byte.
	exchange(q request) error
	Close() error
}

// connect opens a link in the protocol of the request.
func (q request) connect(ctx context.Context, addr string) (link, error) {
	conn, err := dial(ctx, addr)
	if err != nil {
		return nil, err
	}
	return q.over.open(ctx, conn)
}

func dial(ctx context.Context, addr string) (*net.TCPConn, error) {
	conn, err := (&net.Dialer{Timeout: answerTime, KeepAlive: -1}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	return conn.(*net.TCPConn), nil
}

// open begins the protocol on a connection, which it closes when that fails.
func (p protocol) open(ctx context.Context, conn net.Conn) (l link, err error) {
	defer func() {
		if err != nil {
			conn.Close()
		}
	}()
	if err := conn.SetDeadline(time.Now().Add(answerTime)); err != nil {
		return nil, err
	}
	if p.secure() {
		if conn, err = p.encrypt(ctx, conn); err != nil {
			return nil, err
		}
	}
	switch p {
	case h2c, h2:
		return newHTTP2Link(conn)
	}
	return http1Link{conn}, nil
}

// encrypt makes the handshake: TLS 1.3, in rows of HTTP/1.1, whose handshakes are compared, with X25519, which all servers of these know,
// and the protocol by ALPN. It returns conn beside an error.
func (p protocol) encrypt(ctx context.Context, conn net.Conn) (net.Conn, error) {
	cfg := &tls.Config{
		InsecureSkipVerify: true, // the certificate is our own
		MinVersion:         tls.VersionTLS13,
		NextProtos:         []string{p.alpn()},
	}
	if p == https {
		cfg.CurvePreferences = []tls.CurveID{tls.X25519}
	}
	secure := tls.Client(conn, cfg)
	if err := secure.HandshakeContext(ctx); err != nil {
		return conn, fmt.Errorf("TLS: %w", err)
	}
	if got := secure.ConnectionState().NegotiatedProtocol; got != p.alpn() {
		return conn, fmt.Errorf("the server chose the protocol %q by ALPN, want %s", got, p.alpn())
	}
	return secure, nil
}

// http1Link speaks HTTP/1.1. No answer is read beyond its end, so that an idle connection needs no buffer here but that of TLS.
type http1Link struct{ net.Conn }

func (l http1Link) exchange(q request) error {
	if err := l.SetDeadline(time.Now().Add(answerTime)); err != nil {
		return err
	}
	if _, err := l.Write(q.wire(l.RemoteAddr().String())); err != nil {
		return err
	}
	return q.read(bufio.NewReader(l))
}
