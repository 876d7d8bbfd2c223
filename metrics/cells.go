package metrics

import (
	"math"
	"math/bits"
	"runtime"
	"sync"
	"sync/atomic"
)

// Two cores that add to one word take its cache line from each other, at 20 to 100 ns each time. So a series has several
// copies of its words, called shards, and a goroutine adds to the shard of the core it runs on. Readers sum them up.
//
// Go does not say which core that is. A sync.Pool knows, though: what is put into it is found again by the next goroutine
// on the same core. The pool holds tokens with a shard's number. When the garbage collector has emptied it, two cores may
// draw tokens of the same shard; that costs time, not correctness, and having more shards than cores makes it rare.

const (
	// maxShards bounds the memory of a series on large machines: 32 shards of a usual histogram are 4 KiB.
	maxShards = 32
	// padding is the unit, in words, in which shards are laid out: 128 bytes, since x86 fetches cache lines in pairs and
	// ARM has some of that size.
	padding = 16
)

type token struct{ shard int }

var (
	tokens    [maxShards]token // shared by all pools, so that a new token costs no allocation
	nextToken atomic.Uint32
	tokenPool = sync.Pool{New: func() any { return &tokens[nextToken.Add(1)%maxShards] }}
)

func init() {
	for i := range tokens {
		tokens[i].shard = i
	}
}

// currentShard returns the number of a shard, from 0 to maxShards-1, that goroutines on other cores seldom get.
func currentShard() int {
	t := tokenPool.Get().(*token)
	shard := t.shard
	tokenPool.Put(t)
	return shard
}

// shardCount is how many shards a series has: twice as many as there are cores, rounded up to a power of two.
func shardCount() int {
	return min(maxShards, 1<<bits.Len(uint(2*runtime.GOMAXPROCS(0)-1)))
}

// cells are the words of a series, once for each shard.
type cells struct {
	words  []atomic.Uint64
	mask   int // number of shards - 1
	stride int // words from one shard to the next
}

// newCells returns n words in each of the shards, whose number is a power of two.
func newCells(n, shards int) cells {
	stride := (n + padding - 1) / padding * padding
	return cells{make([]atomic.Uint64, stride*shards), shards - 1, stride}
}

// mine returns the words that the running goroutine should add to.
func (c *cells) mine() []atomic.Uint64 {
	start := (currentShard() & c.mask) * c.stride
	return c.words[start : start+c.stride]
}

// sum returns the sum of the words numbered i.
func (c *cells) sum(i int) (total uint64) {
	for ; i < len(c.words); i += c.stride {
		total += c.words[i].Load()
	}
	return total
}

// sumFloat is sum for words that hold floating-point numbers.
func (c *cells) sumFloat(i int) (total float64) {
	for ; i < len(c.words); i += c.stride {
		total += math.Float64frombits(c.words[i].Load())
	}
	return total
}

// addFloat adds v to a word that holds a floating-point number.
func addFloat(word *atomic.Uint64, v float64) {
	for {
		old := word.Load()
		if word.CompareAndSwap(old, math.Float64bits(math.Float64frombits(old)+v)) {
			return
		}
	}
}
