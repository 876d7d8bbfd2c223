package server

import (
	"errors"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/lannerhq/lanner/internal/httpcommon"
)

// requestBody is the http.Request's Body: the feature's body until the handler has returned, an error after.
type requestBody struct {
	features *Features
	req      *http.Request
	length   int64

	mu     sync.Mutex
	source io.Reader // nil once closed
}

// Read reads the body and, at its end, fills in the request's trailers.
func (b *requestBody) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.source == nil {
		return 0, http.ErrBodyReadAfterClose
	}
	n, err := b.source.Read(p)
	if err == io.EOF {
		b.fillTrailers()
	}
	return n, b.asMaxBytes(err)
}

// Close ends reading; what is left is the server's to drain.
func (b *requestBody) Close() error {
	b.close()
	return nil
}

// close waits for no client: a Read that another goroutine has under way is cut off. Transport reads a body on like that
// after it has its answer.
func (b *requestBody) close() {
	if !b.mu.TryLock() {
		if control, ok := Get[BodyControlFeature](b.features); ok {
			_ = control.SetReadDeadline(time.Unix(1, 0)) // it lasts until the end of the request
		}
		b.mu.Lock()
	}
	defer b.mu.Unlock()
	b.source = nil
}

func (b *requestBody) fillTrailers() {
	feature, ok := Get[RequestTrailersFeature](b.features)
	if !ok || feature.RequestTrailers().Len() == 0 {
		return
	}
	if b.req.Trailer == nil {
		b.req.Trailer = make(http.Header)
	}
	for name, value := range feature.RequestTrailers().All() {
		key := http.CanonicalHeaderKey(name)
		b.req.Trailer[key] = append(b.req.Trailer[key], value)
	}
}

// tooLarge is a BadRequestError that also answers errors.As for *http.MaxBytesError, which Go code tests for.
type tooLarge struct {
	*BadRequestError
	limit int64
}

func (e tooLarge) Unwrap() []error {
	return []error{e.BadRequestError, &http.MaxBytesError{Limit: e.limit}}
}

func (b *requestBody) asMaxBytes(err error) error {
	var bad *BadRequestError
	if err == nil || err == io.EOF || !errors.As(err, &bad) || bad.Status != http.StatusRequestEntityTooLarge {
		return err
	}
	e := tooLarge{BadRequestError: bad}
	if limit, ok := Get[MaxRequestBodySizeFeature](b.features); ok {
		e.limit = limit.MaxRequestBodySize()
	}
	return e
}

func fieldHasToken(list, token string) bool { return httpcommon.HasToken(list, token) }
