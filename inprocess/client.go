package inprocess

import (
	"github.com/lannerhq/lanner/internal/handover"
	"github.com/lannerhq/lanner/internal/httpconn"
	"github.com/lannerhq/lanner/server"
)

// describe makes a connection that stands for a client's look like it: the host ends TLS and forwards over this one.
func (s *Server) describe(client *handover.Client, opts *httpconn.Options) {
	if client == nil {
		return
	}
	opts.Remote, opts.Local = client.Addrs()
	if client.TLS == nil {
		return
	}
	state, err := client.TLS.State()
	if err != nil {
		s.log.Warn("cannot read the client's certificate that the host sent", "remote", client.Remote, "error", err)
	}
	opts.Features = server.NewFeatures(s.features)
	httpconn.SetTLS(opts.Features, state)
}
