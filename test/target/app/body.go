package app

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/lannerhq/lanner/server"
)

// buffers are for copying bodies.
var buffers = sync.Pool{New: func() any { return new([64 << 10]byte) }}

// sink is where a body goes.
type sink interface {
	io.Writer
	Flush() error
}

// copyBody copies body to out and flushes what has come, so that the client sees it before it sends more; the end of a
// body of known length needs no flush. It returns how much it copied and which side failed.
func copyBody(out sink, body io.Reader, length int64) (n int64, readErr, writeErr error) {
	buf := buffers.Get().(*[64 << 10]byte)
	defer buffers.Put(buf)
	for {
		k, err := body.Read(buf[:])
		n += int64(k)
		if k > 0 {
			if _, writeErr = out.Write(buf[:k]); writeErr != nil {
				return n, nil, writeErr
			}
		}
		if err == io.EOF {
			return n, nil, nil
		}
		if err != nil {
			return n, err, nil
		}
		if n != length {
			if writeErr = out.Flush(); writeErr != nil {
				return n, nil, writeErr
			}
		}
	}
}

// limitBody applies the max parameter to a request.
func limitBody(limit server.MaxRequestBodySizeFeature, rawQuery string) error {
	if _, given := param(rawQuery, "max"); !given {
		return nil
	}
	n, err := number(rawQuery, "max", -1)
	if err != nil {
		return err
	}
	if limit == nil {
		return errors.New("max: this server has no limit that a request could change")
	}
	return limit.SetMaxRequestBodySize(n)
}

// bodyStatus is the status for a body that could not be read.
func bodyStatus(err error) int {
	if bad := new(server.BadRequestError); errors.As(err, &bad) {
		return bad.Status
	}
	return http.StatusBadRequest
}

// echoType is the content type of the echo.
func echoType(sent string) string {
	if sent == "" {
		return "application/octet-stream"
	}
	return strings.Clone(sent)
}

// httpSink is an http.ResponseWriter as a sink.
type httpSink struct {
	http.ResponseWriter
	control *http.ResponseController
}

func (s httpSink) Flush() error { return s.control.Flush() }

func echoHTTP(w http.ResponseWriter, r *http.Request) {
	control := http.NewResponseController(w)
	_ = control.EnableFullDuplex() // net/http's HTTP/1 stops reading at the first write without it
	limit, _ := server.From[server.MaxRequestBodySizeFeature](r.Context())
	if err := limitBody(limit, r.URL.RawQuery); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if r.ContentLength >= 0 {
		w.Header().Set("Content-Length", strconv.FormatInt(r.ContentLength, 10))
	}
	w.Header().Set("Content-Type", echoType(r.Header.Get("Content-Type")))
	n, readErr, _ := copyBody(httpSink{w, control}, r.Body, r.ContentLength)
	switch {
	case readErr == nil:
	case n > 0:
		panic(http.ErrAbortHandler) // too late for a status: the client must see that a part is missing
	default:
		status := bodyStatus(readErr)
		http.Error(w, http.StatusText(status), status)
	}
}

func echoNative(c *server.Context) error {
	limit, _ := server.Get[server.MaxRequestBodySizeFeature](c.Features())
	if err := limitBody(limit, c.RawQuery()); err != nil {
		return failNative(c, http.StatusBadRequest, err.Error())
	}
	length := c.ContentLength()
	if length >= 0 {
		c.SetContentLength(length)
	}
	c.SetHeader("Content-Type", echoType(c.RequestHeader("Content-Type")))
	n, readErr, _ := copyBody(c, c.Body(), length)
	switch {
	case readErr == nil:
		return nil
	case n > 0:
		panic(http.ErrAbortHandler)
	}
	c.ResponseHeaders().Del("Content-Length")
	status := bodyStatus(readErr)
	return failNative(c, status, http.StatusText(status))
}

// nowhere is a sink that forgets.
type nowhere struct{}

func (nowhere) Write(p []byte) (int, error) { return len(p), nil }
func (nowhere) Flush() error                { return nil }

func discardHTTP(w http.ResponseWriter, r *http.Request) {
	limit, _ := server.From[server.MaxRequestBodySizeFeature](r.Context())
	if err := limitBody(limit, r.URL.RawQuery); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	n, err, _ := copyBody(nowhere{}, r.Body, r.ContentLength)
	if err != nil {
		status := bodyStatus(err)
		http.Error(w, http.StatusText(status), status)
		return
	}
	text := strconv.FormatInt(n, 10)
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.Header().Set("Content-Type", "text/plain")
	io.WriteString(w, text)
}

func discardNative(c *server.Context) error {
	limit, _ := server.Get[server.MaxRequestBodySizeFeature](c.Features())
	if err := limitBody(limit, c.RawQuery()); err != nil {
		return failNative(c, http.StatusBadRequest, err.Error())
	}
	n, err, _ := copyBody(nowhere{}, c.Body(), c.ContentLength())
	if err != nil {
		status := bodyStatus(err)
		return failNative(c, status, http.StatusText(status))
	}
	text := strconv.FormatInt(n, 10)
	c.SetContentLength(int64(len(text)))
	c.SetHeader("Content-Type", "text/plain")
	return writeNative(c, text)
}
