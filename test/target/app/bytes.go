package app

import (
	"bytes"
	"io"
	"net/http"
	"strconv"

	"github.com/lannerhq/lanner/server"
)

// block is what /bytes repeats.
var block = bytes.Repeat([]byte("0123456789abcdef"), 4096)

// writeBytes writes n bytes, or less when the client has gone.
func writeBytes(w io.Writer, n int64) {
	for n > 0 {
		k, err := w.Write(block[:min(n, int64(len(block)))])
		if err != nil {
			return
		}
		n -= int64(k)
	}
}

func bytesHTTP(w http.ResponseWriter, r *http.Request) {
	n, err := number(r.URL.RawQuery, "n", 0)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Length", strconv.FormatInt(n, 10))
	w.Header().Set("Content-Type", "application/octet-stream")
	if r.Method != http.MethodHead {
		writeBytes(w, n)
	}
}

func bytesNative(c *server.Context) error {
	n, err := number(c.RawQuery(), "n", 0)
	if err != nil {
		return failNative(c, http.StatusBadRequest, err.Error())
	}
	c.SetContentLength(n)
	c.SetHeader("Content-Type", "application/octet-stream")
	if c.Method() != http.MethodHead {
		writeBytes(c, n)
	}
	return nil
}
