package handover

import (
	"errors"
	"fmt"
)

// ErrClosed says that the channel has ended: this side closed it, the other
// side closed it, or the other side's process died. All of them look alike on
// purpose: whatever the cause, no message will travel any more. Messages that
// the other side sent before its death are still received first.
var ErrClosed = errors.New("the control channel is closed")

// ErrTooLarge says that a message does not fit into a frame. Nothing of it was
// sent and the channel stays usable.
var ErrTooLarge = errors.New("the message is too large")

// ProtocolError says that the other side broke the rules of the protocol. The
// channel was closed, and so was every descriptor that had come with the
// offending bytes.
type ProtocolError struct {
	// From is the side that broke the rules.
	From Side
	// Reason is the rule that was broken, in words.
	Reason string
}

func (e *ProtocolError) Error() string {
	return fmt.Sprintf("the %s broke the hand-over protocol: %s", e.From, e.Reason)
}

func broken(format string, args ...any) *ProtocolError {
	return &ProtocolError{Reason: fmt.Sprintf(format, args...)}
}

// VersionError says that the other side speaks another major version of the
// protocol. The channel was closed.
type VersionError struct {
	// From is the side that speaks Theirs.
	From Side
	// Ours is [Current], Theirs what the other side's frame announced.
	Ours, Theirs Version
}

func (e *VersionError) Error() string {
	return fmt.Sprintf("the %s speaks hand-over protocol %s, this side speaks %s: build the application and the host from releases of Lanner with the same protocol",
		e.From, e.Theirs, e.Ours)
}

// descriptorError says that the descriptor of a message could not be read, most
// often because its connection is closed already. It hides its cause, so that a
// closed connection is not taken for a closed channel.
type descriptorError struct{ cause error }

func (e *descriptorError) Error() string {
	return fmt.Sprintf("its descriptor cannot be used: %v", e.cause)
}
