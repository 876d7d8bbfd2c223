package http3

import (
	"errors"
	"fmt"
	"time"

	"github.com/quic-go/quic-go"
)

// validate returns all mistakes, joined; nil when there is none.
func (o *Options) validate() error {
	var errs []error
	bad := func(name string, value any, valid string) {
		errs = append(errs, fmt.Errorf("http3.Options.%s is %v: it must be %s, or 0 for the default", name, value, valid))
	}
	if o.MaxStreams < 0 || int64(o.MaxStreams) > maxStreams {
		bad("MaxStreams", o.MaxStreams, "1 to 1048576")
	}
	if o.MaxUnidirectionalStreams != 0 && o.MaxUnidirectionalStreams < 3 || int64(o.MaxUnidirectionalStreams) > maxStreams {
		bad("MaxUnidirectionalStreams", o.MaxUnidirectionalStreams, "3 to 1048576: HTTP/3 needs three (RFC 9114 §6.2)")
	}
	window := func(name string, n int) {
		if n != 0 && (n < minWindow || n > maxWindow) {
			bad(name, n, "16384 to 1073741824 bytes")
		}
	}
	window("StreamWindow", o.StreamWindow)
	window("ConnectionWindow", o.ConnectionWindow)
	window("MaxStreamWindow", o.MaxStreamWindow)
	window("MaxConnectionWindow", o.MaxConnectionWindow)
	if o.IdleTimeout < 0 || o.IdleTimeout > 0 && o.IdleTimeout < time.Second {
		bad("IdleTimeout", o.IdleTimeout, "at least 1s")
	}
	if o.KeepAlive < 0 || o.KeepAlive > 0 && o.KeepAlive < time.Second {
		bad("KeepAlive", o.KeepAlive, "at least 1s")
	}
	if o.EarlyData > EarlyDataAll {
		bad("EarlyData", o.EarlyData, "EarlyDataOff, EarlyDataSafe or EarlyDataAll")
	}
	return errors.Join(errs...)
}

const (
	maxStreams = 1 << 20
	minWindow  = 16 << 10
	maxWindow  = 1 << 30
)

// quic returns what quic-go is configured by.
func (o *Options) quic() *quic.Config {
	stream := uint64(orDefault(o.StreamWindow, defaultStreamWindow))
	connection := uint64(orDefault(o.ConnectionWindow, defaultConnectionWindow))
	return &quic.Config{
		InitialStreamReceiveWindow: stream, MaxStreamReceiveWindow: max(stream, uint64(orDefault(o.MaxStreamWindow, defaultMaxStreamWindow))),
		InitialConnectionReceiveWindow: connection, MaxConnectionReceiveWindow: max(connection, uint64(orDefault(o.MaxConnectionWindow, defaultMaxConnWindow))),
		MaxIncomingStreams:    int64(orDefault(o.MaxStreams, defaultMaxStreams)),
		MaxIncomingUniStreams: int64(orDefault(o.MaxUnidirectionalStreams, defaultMaxUni)),
		// A stream that was reset is complete for QUIC while its handler runs on.
		RequireStreamCreditRelease: true,
		MaxIdleTimeout:             orDefault(o.IdleTimeout, defaultIdleTimeout),
		KeepAlivePeriod:            o.KeepAlive,
		Allow0RTT:                  o.EarlyData != EarlyDataOff,
	}
}
