package server

import (
	"strconv"
	"sync"
	"sync/atomic"
)

// lengthText is n in decimal: a string that lasts, and that is seldom allocated. Response fields are strings that a
// server may send, and a middleware may read, when the handler is gone, so no buffer that is reused can hold them.
func lengthText(n int64) string {
	if n < 0 || n > 1<<62 {
		return strconv.FormatInt(n, 10)
	}
	if n < smallLengths {
		return smallLength(int(n))
	}
	slot := &recentLengths[uint64(n)*0x9e3779b97f4a7c15>>(64-recentBits)]
	if l := slot.Load(); l != nil && l.n == n {
		return l.text
	}
	l := &recentLength{n, strconv.FormatInt(n, 10)}
	slot.Store(l)
	return l.text
}

const smallLengths = 10_000

// smallDigits is all numbers of four digits, one after the other.
var smallDigits = sync.OnceValue(func() string {
	b := make([]byte, 0, 4*smallLengths)
	for n := range smallLengths {
		b = append(b, byte('0'+n/1000), byte('0'+n/100%10), byte('0'+n/10%10), byte('0'+n%10))
	}
	return string(b)
})

func smallLength(n int) string {
	zeros := 0 // in front
	switch {
	case n < 10:
		zeros = 3
	case n < 100:
		zeros = 2
	case n < 1000:
		zeros = 1
	}
	return smallDigits()[4*n+zeros : 4*n+4]
}

// recentLengths remembers larger lengths, each in the one slot that its hash says: an answer of fixed size and a file are
// sent again and again.
var recentLengths [1 << recentBits]atomic.Pointer[recentLength]

const recentBits = 8

type recentLength struct {
	n    int64
	text string
}
