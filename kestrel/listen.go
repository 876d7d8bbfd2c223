package kestrel

import (
	"context"
	"net"
)

// Bound is an open listener and the URL under which it is reached.
type Bound struct {
	Listener net.Listener
	URL      string
}

// Listen opens the listeners of an endpoint: two for localhost, else one. It is for servers that accept themselves;
// Endpoint.Middleware has no effect there, nor is there TLS on the listeners: it only lets the URL be https.
func Listen(ctx context.Context, e Endpoint) ([]Bound, error) {
	open, err := bind(ctx, e)
	if err != nil {
		return nil, err
	}
	var out []Bound
	for _, b := range open {
		out = append(out, Bound{b.listener, b.url})
	}
	return out, nil
}
