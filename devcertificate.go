package lanner

import (
	"errors"
	"fmt"

	"github.com/lannerhq/lanner/internal/devcert"
	"github.com/lannerhq/lanner/kestrel"
)

// useDevCertificate gives https endpoints on loopback addresses the certificate of "lanner dev-certs https" when there is no other for
// them. Where some https endpoint that needs a certificate is for others than this computer, none gets it: what is missing there is
// for kestrel to say.
func useDevCertificate(opts *kestrel.Options, urls []string) error {
	if opts.Certificates != (kestrel.Certificates{}) {
		return nil
	}
	endpoints := opts.Endpoints
	if len(urls) > 0 {
		endpoints = endpointsAt(urls)
	}
	first := ""
	for _, e := range endpoints {
		a, err := kestrel.ParseAddress(e.URL)
		if err != nil || a.Scheme != "https" || e.TLS != nil || e.Certificate != (kestrel.Certificate{}) || len(e.SNI) > 0 {
			continue
		}
		if !devcert.Loopback(a.Host) {
			return nil
		}
		if first == "" {
			first = e.URL
		}
	}
	if first == "" {
		return nil
	}
	files, err := devcert.Find()
	if missing, ok := errors.AsType[*devcert.MissingError](err); ok {
		return fmt.Errorf("address %s: https needs a certificate: set the endpoint's Certificate.Path and Certificate.KeyPath, or make one for development by \"lanner dev-certs https\" (%s)",
			first, missing.Problem)
	}
	if err != nil {
		return fmt.Errorf("address %s: %w", first, err)
	}
	opts.Certificates.Default = kestrel.Certificate{Path: files.Cert, KeyPath: files.Key}
	return nil
}
