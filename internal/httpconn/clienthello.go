package httpconn

import (
	"fmt"

	"github.com/lannerhq/lanner/internal/clienthello"
	"github.com/lannerhq/lanner/server"
)

// helloHeard is the ClientHello of a connection, as far as it has come.
type helloHeard struct {
	chain    *chain
	recorder clienthello.Recorder
	message  []byte // nil until it is whole
	told     bool   // the endpoint's OnClientHello, or nobody is to be
}

// hearing returns who hears what the client sends in the handshake; nil for nobody.
func (ch *chain) hearing() func([]byte) error {
	if ep := ch.endpoint; !ep.KeepClientHello && ep.OnClientHello == nil {
		return nil
	}
	ch.hello = &helloHeard{chain: ch}
	return ch.hello.heard
}

// heard takes what the client has sent. It is called inside the gate.
func (h *helloHeard) heard(p []byte) error {
	if h.told {
		return nil
	}
	message, err := h.recorder.Record(p)
	if err == clienthello.ErrShort {
		return nil
	}
	h.told, h.recorder = true, clienthello.Recorder{}
	if err != nil {
		return nil // crypto/tls says what is wrong
	}
	h.message = message
	tell := h.chain.endpoint.OnClientHello
	if tell == nil {
		return nil
	}
	err = h.chain.m.handshakes.outside(func() error { return tell(&h.chain.features, message) })
	if err != nil {
		return fmt.Errorf("OnClientHello refuses the connection: %w", err)
	}
	return nil
}

// clientHello is a kept ClientHello as a feature of the connection.
type clientHello []byte

func (c clientHello) ClientHello() []byte { return c }

// keepHello makes the ClientHello a feature of the connection if the endpoint keeps it, and forgets it else.
func (ch *chain) keepHello(f *server.Features) {
	if h := ch.hello; h != nil && h.message != nil && ch.endpoint.KeepClientHello {
		server.Set[server.TLSClientHelloFeature](f, clientHello(h.message))
	}
	ch.hello = nil
}
