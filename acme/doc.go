// Package acme gets certificates from authorities that speak ACME (RFC 8555), such as Let's Encrypt, serves them and renews them in time.
//
//	certs, err := acme.New(acme.Options{Names: []string{"example.com"}, Email: "ops@example.com", AgreeToTerms: true})
//	...
//	certs.Start(ctx)
//	defer certs.Stop(context.Background())
//	srv := kestrel.New(kestrel.Options{Endpoints: []kestrel.Endpoint{
//		{URL: "https://*:443", TLS: certs.TLSConfig()},
//		{URL: "http://*:80"},
//	}})
//	srv.Start(ctx, server.HTTP(certs.HTTPChallenge(app)))
//
// The protocol, the challenges and OCSP are certmagic's. This package decides what is ordered when: it owns the goroutines, knows why an
// order failed and when it is tried again, and asks before it orders for a name that only a client has named. Each name has a certificate of
// its own. Several processes, also on several machines, may share a storage folder: one of them orders, all of them serve and answer
// challenges. See DESIGN.md.
package acme
