package main

import (
	"crypto/tls"
	"fmt"
	"net"

	"github.com/valyala/fasthttp"
)

func serveFastHTTP(o options) error {
	l, err := net.Listen("tcp4", o.addr)
	if err != nil {
		return err
	}
	defer l.Close()
	return listenFastHTTP(newFastHTTP(o.files), l, o)
}

func newFastHTTP(files string) *fasthttp.Server {
	return &fasthttp.Server{Handler: fastHTTPHandler(files), NoDefaultServerHeader: true}
}

// listenFastHTTP serves what a listener accepts, over TLS when there is a certificate.
func listenFastHTTP(s *fasthttp.Server, l net.Listener, o options) error {
	if o.cert == "" {
		return s.Serve(l)
	}
	s.TLSConfig = &tls.Config{NextProtos: []string{"http/1.1"}} // without it ALPN stays unanswered
	return s.ServeTLS(l, o.cert, o.key)
}

func fastHTTPHandler(folder string) fasthttp.RequestHandler {
	var files fasthttp.RequestHandler
	if folder != "" {
		files = (&fasthttp.FS{Root: folder, PathRewrite: fasthttp.NewPathSlashesStripper(1)}).NewRequestHandler()
	}
	return func(c *fasthttp.RequestCtx) {
		switch path := string(c.Path()); {
		case path == "/plaintext":
			c.SetContentType("text/plain")
			c.SetBody(hello)
		case path == "/json":
			c.SetContentType("application/json")
			c.SetBody(helloJSON)
		case path == "/echo":
			c.SetContentType("application/octet-stream")
			c.SetBody(c.PostBody())
		case path == "/bytes":
			n, err := c.QueryArgs().GetUint("n")
			if err != nil || n > len(block) {
				c.Error(fmt.Sprintf("n must be 0 to %d", len(block)), fasthttp.StatusBadRequest)
				return
			}
			c.SetContentType("application/octet-stream")
			c.SetBody(block[:n])
		case files != nil && len(path) > len(filesPath) && path[:len(filesPath)] == filesPath:
			files(c)
		default:
			c.NotFound()
		}
	}
}
