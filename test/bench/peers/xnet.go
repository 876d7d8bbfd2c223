package main

import (
	"crypto/tls"
	"errors"
	"net"
	"net/http"

	"golang.org/x/net/http2"
)

// serveXNet serves HTTP/2 alone, by golang.org/x/net/http2: over TLS by ALPN, or by prior knowledge.
func serveXNet(o options) error {
	l, err := net.Listen("tcp", o.addr)
	if err != nil {
		return err
	}
	defer l.Close()
	s := newXNet(netHTTPHandler(o.files))
	if o.cert != "" {
		return s.serveTLS(l, o.cert, o.key)
	}
	return s.serve(l)
}

// xNet is that server, and the one of net/http that it belongs to.
type xNet struct {
	http *http.Server
	//lint:ignore SA1019 it is what older programs run on; with Go 1.27 it becomes net/http's
	http2 *http2.Server
}

func newXNet(handler http.Handler) *xNet {
	//lint:ignore SA1019 as above
	return &xNet{http: &http.Server{Handler: handler}, http2: &http2.Server{}}
}

// serve gives each connection to the HTTP/2 server at once, which is less work than looking for an upgrade as
// golang.org/x/net/http2/h2c does.
func (s *xNet) serve(l net.Listener) error {
	for {
		conn, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return http.ErrServerClosed
		}
		if err != nil {
			return err
		}
		//lint:ignore SA1019 as above
		go s.http2.ServeConn(conn, &http2.ServeConnOpts{BaseConfig: s.http})
	}
}

func (s *xNet) serveTLS(l net.Listener, cert, key string) error {
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return err
	}
	s.http.TLSConfig = &tls.Config{Certificates: []tls.Certificate{pair}}
	//lint:ignore SA1019 as above
	if err := http2.ConfigureServer(s.http, s.http2); err != nil {
		return err
	}
	return s.http.ServeTLS(l, "", "")
}
