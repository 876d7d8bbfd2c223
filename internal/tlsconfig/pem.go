package tlsconfig

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
)

// blocks are what a file of PEM has.
type blocks struct {
	chain []*x509.Certificate
	key   crypto.PrivateKey
}

func isPEM(data []byte) bool { return bytes.Contains(data, []byte("-----BEGIN ")) }

// parsePEM reads all blocks of a file. Text around them, and blocks that are neither certificates nor keys, are let pass.
func parsePEM(path string, data []byte) (*blocks, error) {
	if _, err := x509.ParseCertificate(data); err == nil {
		return nil, fmt.Errorf("%s is a certificate in DER: make it PEM by openssl x509 -inform DER -in %s -out NEW", path, path)
	}
	var out blocks
	for {
		var block *pem.Block
		block, data = pem.Decode(data)
		if block == nil {
			break
		}
		switch block.Type {
		case "CERTIFICATE", "TRUSTED CERTIFICATE", "X509 CERTIFICATE":
			cert, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				return nil, fmt.Errorf("certificate %d in %s cannot be read: %w", len(out.chain)+1, path, err)
			}
			out.chain = append(out.chain, cert)
		case "PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY":
			if out.key != nil {
				return nil, fmt.Errorf("there are two private keys in %s: leave the one of the certificate", path)
			}
			key, err := parseKey(path, block)
			if err != nil {
				return nil, err
			}
			out.key = key
		}
	}
	if bytes.Contains(data, []byte("-----BEGIN ")) {
		return nil, fmt.Errorf("a block of PEM in %s is not whole, or not written well: was the file copied to its end?", path)
	}
	return &out, nil
}

func parseKey(path string, block *pem.Block) (crypto.PrivateKey, error) {
	if block.Type == "ENCRYPTED PRIVATE KEY" || block.Headers["DEK-Info"] != "" || block.Headers["Proc-Type"] != "" {
		return nil, fmt.Errorf("the private key in %s is encrypted, which is not supported in PEM: decrypt it by (umask 077; openssl pkey -in %s -out NEW), or put it with the certificate into a PKCS#12 file", path, path)
	}
	var key any
	var err error
	switch block.Type {
	case "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		key, err = x509.ParseECPrivateKey(block.Bytes)
	default:
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	}
	if err != nil { // what the parser says does not quote the key
		return nil, fmt.Errorf("the private key in %s cannot be read: %w", path, err)
	}
	if _, ok := key.(crypto.Signer); !ok {
		return nil, fmt.Errorf("the private key in %s cannot sign: it must be of ECDSA, RSA or Ed25519", path)
	}
	return key, nil
}

// readFull reads what there is, at most all of data.
func readFull(f *os.File, data []byte) (int, error) {
	n, err := io.ReadFull(f, data)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil // it became shorter
	}
	return n, err
}
