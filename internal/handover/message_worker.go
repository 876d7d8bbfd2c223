package handover

// Ready ends the start of a worker: it takes connections from now on.
type Ready struct {
	// Version is the worker's protocol version. Zero is sent as [Current].
	Version Version `json:"version"`
	// PID is the worker's process, which need not be the one the host started
	// when a script stands between.
	PID int `json:"pid"`
	// Addresses are what the application listens on, as it would print them.
	Addresses []string `json:"addresses,omitempty"`
}

// Failed ends the start of a worker that cannot serve; the worker exits next.
type Failed struct {
	// Reason is for the person who runs the site. What exceeds 32 KiB is cut
	// off when it is sent.
	Reason string `json:"reason"`
}

// Accepted tells the host that the worker has taken over the connection ID.
// The worker sends it before the first request of the connection runs.
type Accepted struct {
	ID uint64
}

// Register gives the host a copy of a connection that the worker accepted
// itself from a socket of [Listen], so that the connection can outlive the
// worker. [Done] or [Return] with its number ends that.
type Register struct {
	// LocalID is the number the worker chose; it has the bit [LocalID].
	LocalID uint64
	// Slot is the connection's place in the status table, or [NoSlot].
	Slot uint32
	// ListenID is the socket it came from.
	ListenID uint32
	// Descriptor is the connection.
	Descriptor *Descriptor
}

// Return gives a connection back: its next request belongs to another
// application, or the worker drains and the connection is idle. No request is
// running on it and no byte of a response is outstanding.
type Return struct {
	// ID is the number of [Conn] or [Register], 0 for a connection of a
	// listening socket that was never registered.
	ID uint64
	// ListenID is the socket it came from when ID is 0 or has [LocalID].
	ListenID uint32
	// Requests were answered on this connection by this worker.
	Requests uint32
	// Unread are bytes that were read and not used, at most [MaxPrefix].
	Unread []byte
	// Descriptor is the connection.
	Descriptor *Descriptor
}

// Done tells the host that a connection has ended and that its copy of the
// descriptor and its slot are free.
type Done struct {
	// ID is the number of [Conn] or [Register].
	ID uint64
	// Requests were answered on this connection by this worker.
	Requests uint32
}

// Status is how the worker is doing. When it is sent is the worker's choice.
type Status struct {
	// Active is the number of connections the worker holds.
	Active int64 `json:"active"`
	// Running is the number of requests that are being answered.
	Running int64 `json:"running"`
	// Requests is the number of requests answered since the start.
	Requests uint64 `json:"requests"`
	// Draining is true once [Drain] has been received.
	Draining bool `json:"draining"`
}

// Pong answers [Ping].
type Pong struct {
	Seq uint64 `json:"seq"`
}

func (*Ready) Kind() Kind    { return KindReady }
func (*Failed) Kind() Kind   { return KindFailed }
func (*Accepted) Kind() Kind { return KindAccepted }
func (*Register) Kind() Kind { return KindRegister }
func (*Return) Kind() Kind   { return KindReturn }
func (*Done) Kind() Kind     { return KindDone }
func (*Status) Kind() Kind   { return KindStatus }
func (*Pong) Kind() Kind     { return KindPong }

func (*Ready) descriptor() **Descriptor      { return nil }
func (*Failed) descriptor() **Descriptor     { return nil }
func (*Accepted) descriptor() **Descriptor   { return nil }
func (m *Register) descriptor() **Descriptor { return &m.Descriptor }
func (m *Return) descriptor() **Descriptor   { return &m.Descriptor }
func (*Done) descriptor() **Descriptor       { return nil }
func (*Status) descriptor() **Descriptor     { return nil }
func (*Pong) descriptor() **Descriptor       { return nil }
