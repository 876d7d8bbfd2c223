package app

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/lannerhq/lanner/server"
)

// wait waits, and reports false when ctx ended first.
func wait(ctx context.Context, ms int64) bool {
	if ms == 0 {
		return true
	}
	timer := time.NewTimer(time.Duration(ms) * time.Millisecond)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func slowHTTP(w http.ResponseWriter, r *http.Request) {
	ms, err := milliseconds(r.URL.RawQuery, "ms")
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if !wait(r.Context(), ms) {
		http.Error(w, fmt.Sprintf("cancelled: %v", context.Cause(r.Context())), http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "text/plain")
	fmt.Fprintf(w, "waited %d ms\n", ms)
}

func slowNative(c *server.Context) error {
	ms, err := milliseconds(c.RawQuery(), "ms")
	if err != nil {
		return failNative(c, http.StatusBadRequest, err.Error())
	}
	if ctx := c.Context(); !wait(ctx, ms) {
		return failNative(c, http.StatusServiceUnavailable, fmt.Sprintf("cancelled: %v", context.Cause(ctx)))
	}
	c.SetHeader("Content-Type", "text/plain")
	return writeNative(c, fmt.Sprintf("waited %d ms\n", ms))
}

// streamTo writes and flushes n chunks, ms apart. It reports false when the request was given up.
func streamTo(ctx context.Context, out sink, n, ms int64) bool {
	for i := int64(1); i <= n; i++ {
		if i > 1 && !wait(ctx, ms) {
			return false
		}
		if _, err := io.WriteString(out, fmt.Sprintf("chunk %d\n", i)); err != nil {
			return false
		}
		if err := out.Flush(); err != nil {
			return false
		}
	}
	return true
}

// streamParams are the parameters of /stream.
func streamParams(rawQuery string) (n, ms int64, err error) {
	if n, err = number(rawQuery, "n", 0); err != nil {
		return 0, 0, err
	}
	ms, err = milliseconds(rawQuery, "ms")
	return n, ms, err
}

func streamHTTP(w http.ResponseWriter, r *http.Request) {
	n, ms, err := streamParams(r.URL.RawQuery)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "text/plain")
	if !streamTo(r.Context(), httpSink{w, http.NewResponseController(w)}, n, ms) {
		panic(http.ErrAbortHandler) // a whole response would be a lie
	}
}

func streamNative(c *server.Context) error {
	n, ms, err := streamParams(c.RawQuery())
	if err != nil {
		return failNative(c, http.StatusBadRequest, err.Error())
	}
	c.SetHeader("Content-Type", "text/plain")
	if !streamTo(c.Context(), c, n, ms) {
		panic(http.ErrAbortHandler)
	}
	return nil
}

const panicText = "test/target: a panic was asked for"

func panicHTTP(http.ResponseWriter, *http.Request) { panic(panicText) }
func panicNative(*server.Context) error            { panic(panicText) }
