package handover

// Message is one of the message types of this package, as a pointer:
// [*Hello], [*Listen], [*Unlisten], [*Conn], [*Config], [*Drain], [*Ping],
// [*Credential], [*TicketKeys] and [*SignResult] from the host; [*Ready],
// [*Accepted], [*Return], [*Done], [*Status], [*Pong], [*Failed], [*Register]
// and [*Sign] from the worker.
type Message interface {
	// Kind returns the message's number on the wire.
	Kind() Kind

	// descriptor returns where the message keeps its descriptor; nil for a
	// message that never has one.
	descriptor() **Descriptor
}

// payloadAppender is a message with its own encoding; others are plain JSON.
type payloadAppender interface {
	appendPayload(b []byte) ([]byte, error)
}

// payloadParser is a message that is not JSON. newer says that the sender
// speaks a newer minor version, which may have added bytes at the end.
type payloadParser interface {
	parsePayload(p []byte, newer bool) error
}

// checker is a message with rules that both sides hold it to.
type checker interface{ check() error }

// Discard closes the descriptor that a received message carries, if it carries
// one. It is for messages that the receiver has no use for.
func Discard(m Message) {
	if d := m.descriptor(); d != nil {
		(*d).Close()
	}
}

// MaxPrefix is the most bytes, read from a connection before it changes hands,
// that [Conn] and [Return] carry along.
const MaxPrefix = 128 << 10

// LocalID is the highest bit of a connection's number. The host numbers the
// connections it hands over without it; the worker numbers the connections that
// it accepted itself with it. So one number names one connection of a worker.
const LocalID uint64 = 1 << 63

// NoSlot as a slot number says that the connection has no slot in the status
// table. After the worker's death the host knows nothing about such a
// connection and closes it.
const NoSlot uint32 = 1<<32 - 1
