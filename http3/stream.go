package http3

import (
	"context"
	"errors"
	"io"
	"os"
	"time"

	"github.com/quic-go/quic-go"

	"github.com/lannerhq/lanner/internal/http3"
	"github.com/lannerhq/lanner/internal/httpcommon"
)

// stream, receiveStream and sendStream are quic-go's as the engine's. They are one pointer each, so that they fit into an interface as they are.
type (
	stream        struct{ q *quic.Stream }
	receiveStream struct{ q *quic.ReceiveStream }
	sendStream    struct{ q *quic.SendStream }
)

var (
	_ http3.BidiStream    = stream{}
	_ http3.ReceiveStream = receiveStream{}
	_ http3.SendStream    = sendStream{}
)

func (s stream) ID() uint64 { return uint64(s.q.StreamID()) }

func (s stream) Read(p []byte) (int, error) {
	n, err := s.q.Read(p)
	if err != nil {
		err = translate(err)
	}
	return n, err
}

func (s stream) Write(p []byte) (int, error) {
	n, err := s.q.Write(p)
	if err != nil {
		err = translate(err)
	}
	return n, err
}

// WriteCounted implements http3.BidiStream. The last bytes are written without a count, which lets quic-go keep them for the packet with FIN.
func (s stream) WriteCounted(p []byte, left http3.Counter) (n int, err error) {
	if len(p) > uncounted {
		n, err = s.q.WriteWithLimit(p[:len(p)-uncounted], left)
		if err != nil {
			return n, translate(err)
		}
	}
	k, err := s.Write(p[n:])
	return n + k, err
}

// uncounted is how many bytes of a write may not be counted: less than what quic-go keeps for the next packet.
const uncounted = 1000

// TryWrite implements http3.BidiStream.
func (s stream) TryWrite(p []byte) error {
	err := s.q.TryWriteAll(p)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, quic.ErrWouldBlock):
		return http3.ErrWouldBlock
	}
	return translate(err)
}

func (s stream) Close() error                       { return s.q.Close() }
func (s stream) Release()                           { s.q.ReleaseStreamCredit() }
func (s stream) CancelRead(code http3.ErrCode)      { s.q.CancelRead(quic.StreamErrorCode(code)) }
func (s stream) CancelWrite(code http3.ErrCode)     { s.q.CancelWrite(quic.StreamErrorCode(code)) }
func (s stream) SetReadDeadline(t time.Time) error  { return s.q.SetReadDeadline(t) }
func (s stream) SetWriteDeadline(t time.Time) error { return s.q.SetWriteDeadline(t) }
func (s stream) SetPriority(p httpcommon.Priority)  { s.q.SetPriority(int8(p.Urgency), p.Incremental) }

// OnAborted implements http3.BidiStream.
func (s stream) OnAborted(fn func(error)) (stop func() bool) {
	ctx := s.q.Context()
	return context.AfterFunc(ctx, func() {
		if cause := context.Cause(ctx); !errors.Is(cause, quic.ErrStreamClosed) { // that is our own end
			fn(translate(cause))
		}
	})
}

func (s receiveStream) ID() uint64 { return uint64(s.q.StreamID()) }

func (s receiveStream) Read(p []byte) (int, error) {
	n, err := s.q.Read(p)
	if err != nil {
		err = translate(err)
	}
	return n, err
}

func (s receiveStream) CancelRead(code http3.ErrCode)     { s.q.CancelRead(quic.StreamErrorCode(code)) }
func (s receiveStream) Release()                          { s.q.ReleaseStreamCredit() }
func (s receiveStream) SetReadDeadline(t time.Time) error { return s.q.SetReadDeadline(t) }

func (s sendStream) Write(p []byte) (int, error) {
	n, err := s.q.Write(p)
	if err != nil {
		err = translate(err)
	}
	return n, err
}

func (s sendStream) Close() error                       { return s.q.Close() }
func (s sendStream) CancelWrite(code http3.ErrCode)     { s.q.CancelWrite(quic.StreamErrorCode(code)) }
func (s sendStream) SetWriteDeadline(t time.Time) error { return s.q.SetWriteDeadline(t) }
func (s sendStream) SetPriority(p httpcommon.Priority) {
	s.q.SetPriority(int8(p.Urgency), p.Incremental)
}

// translate makes the engine's errors of quic-go's.
func translate(err error) error {
	if err == io.EOF || errors.Is(err, os.ErrDeadlineExceeded) && !isLost(err) {
		return err
	}
	var reset *quic.StreamError
	if errors.As(err, &reset) {
		return &http3.ResetError{Code: http3.ErrCode(reset.ErrorCode), Remote: reset.Remote}
	}
	lost := &http3.LostError{Cause: err}
	var app *quic.ApplicationError
	var idle *quic.IdleTimeoutError
	switch {
	case errors.As(err, &app):
		lost.Closed = http3.ErrCode(app.ErrorCode) == http3.NoError
	case errors.As(err, &idle):
		lost.Idle = true
	}
	return lost
}

// isLost reports whether an error that is a timeout is the connection's.
func isLost(err error) bool {
	var idle *quic.IdleTimeoutError
	var shake *quic.HandshakeTimeoutError
	return errors.As(err, &idle) || errors.As(err, &shake)
}
