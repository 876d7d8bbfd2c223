// Package bufpool pools buffers of three sizes: small ones for heads and little answers, large ones for what does not fit, and some for a
// large buffer's content with what frames it.
package bufpool

import "sync"

// The sizes in bytes.
const (
	Small  = 4 << 10
	Large  = 64 << 10
	Output = Large + Small
)

var (
	smalls  = sync.Pool{New: func() any { return new([Small]byte) }}
	larges  = sync.Pool{New: func() any { return new([Large]byte) }}
	outputs = sync.Pool{New: func() any { return new([Output]byte) }}
)

// Get returns a buffer of at least n bytes. Only the three sizes are pooled.
func Get(n int) []byte {
	switch {
	case n <= Small:
		return smalls.Get().(*[Small]byte)[:]
	case n <= Large:
		return larges.Get().(*[Large]byte)[:]
	case n <= Output:
		return outputs.Get().(*[Output]byte)[:]
	}
	return make([]byte, n)
}

// Put gives a buffer back, which must not be used any more. Anything else, also nil, is left to the garbage collector.
func Put(b []byte) {
	poison(b[:cap(b)])
	switch cap(b) {
	case Small:
		smalls.Put((*[Small]byte)(b[:Small]))
	case Large:
		larges.Put((*[Large]byte)(b[:Large]))
	case Output:
		outputs.Put((*[Output]byte)(b[:Output]))
	}
}

// Grown returns b, or a copy of it in a larger pooled buffer, with room for n more bytes where that takes no more than Output.
// What append makes when b is full is of none of the sizes, and lost to the pools.
func Grown(b []byte, n int) []byte {
	need := len(b) + n
	if need <= cap(b) || need > Output {
		return b
	}
	bigger := Get(need)
	n = copy(bigger, b)
	Put(b)
	return bigger[:n]
}
