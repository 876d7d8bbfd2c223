//go:build race

package forwarder

// allowedAllocs is meaningless under the race detector, which makes sync.Pool forget.
const allowedAllocs = 100.0
