package transport

// Events is what a Loop's owner does with a connection.
type Events interface {
	// Ready is called on the goroutine that leads the connection's shard, when the connection can be read, was interrupted,
	// or its deadline has passed. It returns when the connection has been given up (Close, Abort, Detach) or waits for more
	// (Attach, after which the caller must not touch it).
	Ready(why Why)
}

// Why says why Ready is called.
type Why uint8

const (
	// Readable: there are bytes, the end, or an error.
	Readable Why = iota
	// Interrupted: somebody called Interrupt.
	Interrupted
	// Expired: the deadline has passed.
	Expired
)
