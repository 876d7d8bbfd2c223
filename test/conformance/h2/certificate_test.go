package h2

import (
	"crypto/tls"
	"testing"

	"github.com/lannerhq/lanner/test/selfsigned"
)

// certificate makes a self-signed certificate for 127.0.0.1.
func certificate(t *testing.T) tls.Certificate {
	t.Helper()
	made, err := selfsigned.New("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	return made
}
