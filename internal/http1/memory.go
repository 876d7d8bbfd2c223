package http1

import (
	"sync"
	"unsafe"
)

// moved returns s as a part of to, when it is a part of from, which has the same bytes; else s itself.
func moved(s, from, to string) string {
	if s == "" {
		return s
	}
	at := uintptr(unsafe.Pointer(unsafe.StringData(s))) - uintptr(unsafe.Pointer(unsafe.StringData(from)))
	if at >= uintptr(len(from)) {
		return s
	}
	return to[at : at+uintptr(len(s))]
}

// internMethod returns the common methods as constants, which need no copy when they are kept.
func internMethod(s string) string {
	switch s {
	case "GET":
		return "GET"
	case "POST":
		return "POST"
	case "HEAD":
		return "HEAD"
	case "PUT":
		return "PUT"
	case "DELETE":
		return "DELETE"
	case "OPTIONS":
		return "OPTIONS"
	case "PATCH":
		return "PATCH"
	case "CONNECT":
		return "CONNECT"
	}
	return s
}

// Buffers of two sizes are pooled: small ones for heads, large ones for heads that do not fit and for bodies.
const (
	smallBuffer = 4 << 10
	largeBuffer = 64 << 10
)

var (
	smallBuffers = sync.Pool{New: func() any { return new([smallBuffer]byte) }}
	largeBuffers = sync.Pool{New: func() any { return new([largeBuffer]byte) }}
)

// getBuffer returns a buffer of at least n bytes. Only the two pooled sizes are pooled.
func getBuffer(n int) []byte {
	switch {
	case n <= smallBuffer:
		return smallBuffers.Get().(*[smallBuffer]byte)[:]
	case n <= largeBuffer:
		return largeBuffers.Get().(*[largeBuffer]byte)[:]
	}
	return make([]byte, n)
}

// putBuffer gives a buffer back. Anything else, also nil, is left to the garbage collector.
func putBuffer(b []byte) {
	poison(b[:cap(b)])
	switch cap(b) {
	case smallBuffer:
		smallBuffers.Put((*[smallBuffer]byte)(b[:smallBuffer]))
	case largeBuffer:
		largeBuffers.Put((*[largeBuffer]byte)(b[:largeBuffer]))
	}
}
