package httpconn

import (
	"errors"
	"io"
	"net"
	"syscall"
	"time"

	"github.com/lannerhq/lanner/internal/http3"
	"github.com/lannerhq/lanner/internal/transport"
)

// quicLink is a QUIC connection as the link below a conn. Its bytes are the streams': what is asked of a link for them has no answer.
type quicLink struct {
	quic  QUIC
	rates *transport.Rates
}

var _ transport.Link = (*quicLink)(nil)

func (l *quicLink) LocalAddr() net.Addr  { return l.quic.Local }
func (l *quicLink) RemoteAddr() net.Addr { return l.quic.Remote }

func (l *quicLink) SetRates(r *transport.Rates)  { l.rates = r }
func (l *quicLink) Rates() *transport.Rates      { return l.rates }
func (l *quicLink) Measured() *transport.Measure { return nil }

// Close ends a connection that has no place; Sever and Abort one that is cut.
func (l *quicLink) Close()          { l.quic.Connection.Close(http3.ExcessiveLoad, "") }
func (l *quicLink) CloseLingering() { l.Close() }
func (l *quicLink) Abort()          { l.quic.Connection.Close(http3.InternalError, "") }
func (l *quicLink) Sever()          { l.Abort() }
func (l *quicLink) Cut()            { l.Abort() }

// Interrupt has nothing to do: the engine's Drain tells the client.
func (l *quicLink) Interrupt() {}

var errNoBytes = errors.New("httpconn: the bytes of a QUIC connection are in its streams")

func (l *quicLink) Read([]byte) (int, error)                       { return 0, errNoBytes }
func (l *quicLink) Writev(_, _ []byte) error                       { return errNoBytes }
func (l *quicLink) SendFrom(io.Reader, int64) (int64, bool, error) { return 0, false, errNoBytes }
func (l *quicLink) SetTimeout(uint8, time.Duration)                {}
func (l *quicLink) Expired() uint8                                 { return 0 }
func (l *quicLink) BodyRead(bool)                                  {}
func (l *quicLink) SetReadDeadline(time.Time) error                { return errNoBytes }
func (l *quicLink) SetWriteDeadline(time.Time) error               { return errNoBytes }
func (l *quicLink) ClearDeadlines()                                {}
func (l *quicLink) Watch(func(error))                              {}
func (l *quicLink) Unwatch()                                       {}
func (l *quicLink) SyscallConn() (syscall.RawConn, error)          { return nil, errNoBytes }
func (l *quicLink) Share()                                         {}
func (l *quicLink) Detach() (net.Conn, []byte)                     { return nil, nil }
