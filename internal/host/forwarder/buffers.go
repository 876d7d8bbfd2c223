package forwarder

import "sync"

// bufferSize is the size of the one kind of large buffer. A response head must fit into it, so it is also the limit of a
// response head: 64 KiB, as WinHTTP's for the ASP.NET Core Module.
const bufferSize = 64 << 10

// buffer is held only while bytes are in it or are being read into it; a request that waits for its worker holds none.
type buffer [bufferSize]byte

var buffers = sync.Pool{New: func() any { return new(buffer) }}

func getBuffer() *buffer { return buffers.Get().(*buffer) }

func putBuffer(b *buffer) {
	if b != nil {
		buffers.Put(b)
	}
}
