package httpsredirection_test

import (
	"log"
	"net/http"

	"github.com/lannerhq/lanner"
	"github.com/lannerhq/lanner/kestrel"
	"github.com/lannerhq/lanner/middleware/hsts"
	"github.com/lannerhq/lanner/middleware/httpsredirection"
)

// A server with two endpoints, of which the one for http sends everybody to the other.
func Example_twoEndpoints() {
	mux := http.NewServeMux()
	redirect, err := httpsredirection.New(httpsredirection.Options{})
	if err != nil {
		log.Fatal(err)
	}
	strict, err := hsts.New(hsts.Options{})
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(lanner.Run(strict(redirect(mux)), lanner.WithKestrel(kestrel.Options{Endpoints: []kestrel.Endpoint{
		{URL: "http://*:80"},
		{URL: "https://*:443", Certificate: kestrel.Certificate{Path: "fullchain.pem", KeyPath: "key.pem"}},
	}})))
}
