package main

import (
	"fmt"

	"github.com/valyala/fasthttp"
)

func serveFastHTTP(o options) error {
	s := &fasthttp.Server{Handler: fastHTTPHandler(o.files), NoDefaultServerHeader: true}
	return s.ListenAndServe(o.addr)
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
