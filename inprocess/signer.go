package inprocess

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/lannerhq/lanner/internal/handover"
)

// signer asks the host for signatures. Its methods are safe to call from any goroutine.
type signer struct {
	send    func(handover.Message) error
	over    <-chan struct{} // closed when no answer comes any more
	timeout time.Duration   // for one question; that of a handshake
	places  chan struct{}   // a token for each question that the host has not answered, also of one that nobody waits for any more

	mu      sync.Mutex
	last    uint64
	waiting map[uint64]chan *handover.SignResult // each has room for the answer
}

func newSigner(send func(handover.Message) error, over <-chan struct{}, timeout time.Duration) *signer {
	return &signer{send: send, over: over, timeout: timeout, places: make(chan struct{}, handover.MaxSigns), waiting: make(map[uint64]chan *handover.SignResult)}
}

var (
	errHostGone   = errors.New("the host, which has the private key, is gone")
	errHostSilent = errors.New("the host, which has the private key, has not signed in the time of a handshake")
)

// ask returns the host's signature.
func (s *signer) ask(key uint64, scheme tls.SignatureScheme, content []byte) ([]byte, error) {
	late := time.NewTimer(s.timeout)
	defer late.Stop()
	select {
	case s.places <- struct{}{}:
	case <-s.over:
		return nil, errHostGone
	case <-late.C:
		return nil, errHostSilent
	}
	answer := make(chan *handover.SignResult, 1)
	s.mu.Lock()
	s.last++
	id := s.last
	s.waiting[id] = answer
	s.mu.Unlock()
	if err := s.send(&handover.Sign{ID: id, Key: key, Scheme: scheme, Content: content}); err != nil {
		s.take(id)
		return nil, fmt.Errorf("the host, which has the private key, cannot be asked: %w", err)
	}
	select {
	case r := <-answer:
		if r.Reason != "" {
			return nil, fmt.Errorf("the host, which has the private key, does not sign: %s", r.Reason)
		}
		return r.Signature, nil
	case <-s.over:
		return nil, errHostGone
	case <-late.C:
		return nil, errHostSilent
	}
}

// answered takes an answer. One that nobody waits for any more gives its place back.
func (s *signer) answered(r *handover.SignResult) {
	if answer := s.take(r.ID); answer != nil {
		answer <- r
	}
}

func (s *signer) take(id uint64) chan *handover.SignResult {
	s.mu.Lock()
	defer s.mu.Unlock()
	answer := s.waiting[id]
	if answer != nil {
		delete(s.waiting, id)
		<-s.places
	}
	return answer
}

// distantKey is a private key that the host has.
type distantKey struct {
	id      uint64
	public  crypto.PublicKey
	signer  *signer
	outside func(wait func()) // lets other handshakes compute meanwhile
}

var _ crypto.MessageSigner = (*distantKey)(nil)

// Public implements crypto.Signer.
func (k *distantKey) Public() crypto.PublicKey { return k.public }

// Sign implements crypto.Signer. It fails: the host signs what it can see to be of a handshake, and a digest says nothing.
func (k *distantKey) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return nil, errors.New("the host, which has the private key, signs messages of TLS 1.2 and 1.3, not digests")
}

// SignMessage implements crypto.MessageSigner. It is called in handshakes.
func (k *distantKey) SignMessage(_ io.Reader, content []byte, opts crypto.SignerOpts) (signature []byte, err error) {
	scheme, err := schemeOf(k.public, opts)
	if err != nil {
		return nil, err
	}
	k.outside(func() { signature, err = k.signer.ask(k.id, scheme, content) })
	return signature, err
}

// schemeOf is how crypto/tls wants a signature.
func schemeOf(public crypto.PublicKey, opts crypto.SignerOpts) (tls.SignatureScheme, error) {
	hash := opts.HashFunc()
	var by map[crypto.Hash]tls.SignatureScheme
	switch public.(type) {
	case ed25519.PublicKey:
		by = map[crypto.Hash]tls.SignatureScheme{0: tls.Ed25519}
	case *ecdsa.PublicKey:
		by = map[crypto.Hash]tls.SignatureScheme{crypto.SHA256: tls.ECDSAWithP256AndSHA256, crypto.SHA384: tls.ECDSAWithP384AndSHA384, crypto.SHA512: tls.ECDSAWithP521AndSHA512}
	case *rsa.PublicKey:
		by = map[crypto.Hash]tls.SignatureScheme{crypto.SHA256: tls.PKCS1WithSHA256, crypto.SHA384: tls.PKCS1WithSHA384, crypto.SHA512: tls.PKCS1WithSHA512}
		if pss, ok := opts.(*rsa.PSSOptions); ok {
			if pss.SaltLength != rsa.PSSSaltLengthEqualsHash {
				return 0, fmt.Errorf("a salt of %d bytes is not one of TLS", pss.SaltLength)
			}
			by = map[crypto.Hash]tls.SignatureScheme{crypto.SHA256: tls.PSSWithSHA256, crypto.SHA384: tls.PSSWithSHA384, crypto.SHA512: tls.PSSWithSHA512}
		}
	}
	scheme, ok := by[hash]
	if !ok {
		return 0, fmt.Errorf("a signature by %T with %v is not one of TLS 1.2 or 1.3", public, hash)
	}
	return scheme, nil
}
