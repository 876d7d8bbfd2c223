package host

import (
	"errors"

	"github.com/lannerhq/lanner/internal/devcert"
	"github.com/lannerhq/lanner/internal/host/config"
)

// useDevCertificate shows the certificate of "lanner dev-certs https" where a binding names none. The configuration has seen to it that only
// bindings for this computer do so.
func (s *shown) useDevCertificate() *config.Problem {
	files, err := devcert.Find()
	if missing, ok := errors.AsType[*devcert.MissingError](err); ok {
		return &config.Problem{
			Path: s.path, Message: "https needs a certificate (" + missing.Problem + ")",
			Hint: "write certificate: {path: cert.pem, keyPath: key.pem}, or make one for development by \"lanner dev-certs https\"",
		}
	}
	if err != nil {
		return &config.Problem{Path: s.path, Message: plainWords(err), Hint: "write certificate: {path: cert.pem, keyPath: key.pem}"}
	}
	s.certificate, s.development = config.Certificate{Path: files.Cert, KeyPath: files.Key}, true
	return nil
}
