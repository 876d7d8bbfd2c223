package transport

// Events is what a Loop's owner does with a connection.
type Events interface {
	// Ready is called on the goroutine that leads the connection's shard, when the connection can be read, was interrupted,
	// or its deadline has passed. It returns when the connection has been given up (Close, Abort, Detach) or waits for more
	// (Attach, after which the caller must not touch it). After Leave or a seizure it may return earlier, when another
	// goroutine of the owner goes on with the connection, to give it up or to Attach. When one closes it while it is
	// attached, Ready may still come once.
	Ready(why Why)
}

// Seized is implemented by an Events that wants to know when the loop was taken from it, because it took long: an owner
// with several requests in work leaves the one that takes long to its goroutine, and goes on with the others on another.
type Seized interface {
	// Seized is called on a goroutine of its own, after the loop was given to another one; Loop.Stop waits for it. The word
	// may be stale: the connection may have been attached again, and run again. So the owner asks Inline.Left under its own
	// lock, under which it attaches, too. And it goes on only in the place of a goroutine that it knows to be in a request:
	// Seized may come even before the Ready that the loop was taken from begins.
	Seized()
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
	// Writable: the socket takes bytes again, or a write would fail; somebody called NotifyWritable. What there is to read
	// besides is told when the connection is attached again.
	Writable
)
