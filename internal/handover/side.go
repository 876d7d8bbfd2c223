package handover

// Side is one of the two ends of a channel. It decides which messages the end
// may send and which it may receive.
type Side uint8

const (
	// Host is the program that owns the listening sockets and starts workers.
	Host Side = iota + 1
	// Worker is the application's process.
	Worker
)

// String returns "host" or "worker".
func (s Side) String() string {
	switch s {
	case Host:
		return "host"
	case Worker:
		return "worker"
	default:
		return "other side"
	}
}

func (s Side) peer() Side {
	switch s {
	case Host:
		return Worker
	case Worker:
		return Host
	default:
		return s
	}
}
