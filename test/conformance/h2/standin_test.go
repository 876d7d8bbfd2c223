package h2

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"testing"
)

// startStandIn serves app by net/http. It has no counterpart to most limits.
func startStandIn(t *testing.T, c config, app http.Handler) *subject {
	t.Helper()
	srv := &http.Server{Handler: app, IdleTimeout: c.limits.KeepAliveTimeout, ErrorLog: slog.NewLogLogger(c.logger().Handler(), slog.LevelInfo),
		Protocols: new(http.Protocols), HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams: c.http2.MaxStreamsPerConnection, MaxDecoderHeaderTableSize: c.http2.HeaderTableSize,
			MaxReadFrameSize:              c.http2.MaxFrameSize,
			MaxReceiveBufferPerConnection: c.http2.InitialConnectionWindowSize, MaxReceiveBufferPerStream: c.http2.InitialStreamWindowSize,
			SendPingTimeout: c.http2.KeepAlivePingDelay, PingTimeout: c.http2.KeepAlivePingTimeout,
		}}
	srv.Protocols.SetHTTP1(true)
	srv.Protocols.SetUnencryptedHTTP2(true)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	serve := srv.Serve
	if c.tls {
		srv.Protocols.SetHTTP2(true)
		srv.TLSConfig = &tls.Config{Certificates: []tls.Certificate{certificate(t)}}
		serve = func(l net.Listener) error { return srv.ServeTLS(l, "", "") }
	}
	served := make(chan error, 1)
	go func() { served <- serve(l); close(served) }()
	return &subject{addr: l.Addr().String(), stop: func(ctx context.Context) error {
		err := srv.Shutdown(ctx)
		if err != nil {
			srv.Close()
		}
		if failed := <-served; failed != nil && !errors.Is(failed, http.ErrServerClosed) {
			return failed
		}
		return err
	}}
}
