// Command acme serves a page over HTTPS with a certificate that it gets by itself:
//
//	acme -agree -email ops@example.com example.com www.example.com
//
// Ports 80 and 443 of the names must lead to this machine. With -directory it asks another authority than Let's Encrypt.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/lannerhq/lanner/acme"
	"github.com/lannerhq/lanner/kestrel"
	"github.com/lannerhq/lanner/server"
)

func main() {
	agree := flag.Bool("agree", false, "agree to the authority's terms of service")
	email := flag.String("email", "", "where the authority may write to")
	directory := flag.String("directory", acme.LetsEncryptStaging, "the authority; https://acme-v02.api.letsencrypt.org/directory issues what browsers trust")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, acme.Options{Names: flag.Args(), Email: *email, AgreeToTerms: *agree, Issuers: []acme.Issuer{{Directory: *directory}}}); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, opts acme.Options) error {
	certs, err := acme.New(opts)
	if err != nil {
		return err
	}
	srv := kestrel.New(kestrel.Options{Endpoints: []kestrel.Endpoint{{URL: "http://*:80"}, {URL: "https://*:443", TLS: certs.TLSConfig()}}})
	page := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.TLS == nil {
			http.Redirect(w, r, "https://"+r.Host+r.URL.RequestURI(), http.StatusPermanentRedirect)
			return
		}
		fmt.Fprintf(w, "Hello from %s\n", r.TLS.ServerName)
	})
	if err := srv.Start(ctx, server.HTTP(certs.HTTPChallenge(page))); err != nil {
		return err
	}
	if err := certs.Start(ctx); err != nil {
		return err
	}
	<-ctx.Done()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	err = srv.Stop(ctx)
	if stopped := certs.Stop(ctx); err == nil {
		err = stopped
	}
	return err
}
