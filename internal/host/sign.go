package host

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lannerhq/lanner/internal/handover"
)

// signing answers a worker's questions for signatures. Its goroutines end with their questions; finish waits for them.
type signing struct {
	wg        sync.WaitGroup
	open      atomic.Int32
	computing chan struct{} // a token for each that computes

	mu      sync.Mutex
	refused int       // since it was logged
	logged  time.Time // when it was last
}

func newSigning() signing {
	return signing{computing: make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2))}
}

// sign answers one, and does not block: the worker's other messages wait behind it. It reports false when that one is too many.
func (p *inProcess) sign(m *handover.Sign) bool {
	s := &p.signing
	if s.open.Add(1) > handover.MaxSigns {
		p.w.app.log.Warn(eventWorkerProtocol.msg, eventWorkerProtocol.id, "worker", p.w.id,
			"error", fmt.Sprintf("it has more than %d questions for signatures open", handover.MaxSigns))
		return false
	}
	s.wg.Go(func() {
		s.computing <- struct{}{}
		signature, err := p.signature(m)
		<-s.computing
		answer := &handover.SignResult{ID: m.ID, Signature: signature}
		if err != nil {
			answer.Reason = err.Error()
			p.noteRefusal(err)
		}
		s.open.Add(-1) // before the worker knows, and asks the next
		_ = p.channel.Send(answer)
	})
	return true
}

// signature signs what the worker may have signed.
func (p *inProcess) signature(m *handover.Sign) ([]byte, error) {
	p.mu.Lock()
	var key signingKey
	if has := p.keys[m.Key]; has != nil {
		key = *has
	}
	p.mu.Unlock()
	switch {
	case key.signer == nil, key.late():
		return nil, fmt.Errorf("the key %d is not one of this worker's names", m.Key)
	case !p.w.app.host.has(key.front) || !key.front.table.Load().reaches(key.at, p.w.app):
		return nil, fmt.Errorf("the name %q is not this application's any more", key.at.name)
	}
	return signHandshake(key.signer, m.Scheme, m.Content)
}

// refusalPause is how often refusals of one worker are logged at most.
const refusalPause = 10 * time.Second

func (p *inProcess) noteRefusal(err error) {
	s := &p.signing
	s.mu.Lock()
	s.refused++
	n := s.refused
	now := time.Now()
	tell := s.logged.IsZero() || now.Sub(s.logged) >= refusalPause
	if tell {
		s.refused, s.logged = 0, now
	}
	s.mu.Unlock()
	if tell {
		p.w.app.log.Warn(eventSignRefused.msg, eventSignRefused.id, "worker", p.w.id, "error", err, "refused", n)
	}
}

// signHandshake signs what a server signs in a handshake of TLS 1.2 or 1.3, and nothing else.
func signHandshake(signer crypto.Signer, scheme tls.SignatureScheme, content []byte) ([]byte, error) {
	by, ok := schemes[scheme]
	if !ok {
		return nil, fmt.Errorf("%v is not a scheme that servers sign by in TLS 1.2 and 1.3", scheme)
	}
	if !by.fits(signer.Public()) {
		return nil, fmt.Errorf("%v is not a scheme for a %T", scheme, signer.Public())
	}
	switch is13 := isCertificateVerify(content); {
	case !is13 && !isKeyExchange(content):
		return nil, errors.New("this is not what a server signs in TLS 1.2 or 1.3")
	case is13 && by.before13:
		return nil, fmt.Errorf("%v is not a scheme for handshakes of TLS 1.3", scheme)
	}
	return crypto.SignMessage(signer, rand.Reader, content, by.opts)
}

// scheme is how to sign.
type scheme struct {
	fits     func(crypto.PublicKey) bool
	opts     crypto.SignerOpts
	before13 bool
}

func isKey[K any](key crypto.PublicKey) bool { _, ok := key.(K); return ok }

func pss(hash crypto.Hash) *rsa.PSSOptions {
	return &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: hash}
}

// schemes are those of RFC 8446 §4.2.3 that crypto/tls has, without SHA-1. In TLS 1.2 those of ECDSA say nothing of the curve.
var schemes = map[tls.SignatureScheme]scheme{
	tls.ECDSAWithP256AndSHA256: {fits: isKey[*ecdsa.PublicKey], opts: crypto.SHA256},
	tls.ECDSAWithP384AndSHA384: {fits: isKey[*ecdsa.PublicKey], opts: crypto.SHA384},
	tls.ECDSAWithP521AndSHA512: {fits: isKey[*ecdsa.PublicKey], opts: crypto.SHA512},
	tls.Ed25519:                {fits: isKey[ed25519.PublicKey], opts: crypto.Hash(0)},
	tls.PSSWithSHA256:          {fits: isKey[*rsa.PublicKey], opts: pss(crypto.SHA256)},
	tls.PSSWithSHA384:          {fits: isKey[*rsa.PublicKey], opts: pss(crypto.SHA384)},
	tls.PSSWithSHA512:          {fits: isKey[*rsa.PublicKey], opts: pss(crypto.SHA512)},
	tls.PKCS1WithSHA256:        {fits: isKey[*rsa.PublicKey], opts: crypto.SHA256, before13: true},
	tls.PKCS1WithSHA384:        {fits: isKey[*rsa.PublicKey], opts: crypto.SHA384, before13: true},
	tls.PKCS1WithSHA512:        {fits: isKey[*rsa.PublicKey], opts: crypto.SHA512, before13: true},
}

// verifyContext begins what a server signs in TLS 1.3: "A string that consists of octet 32 (0x20) repeated 64 times", "The context string",
// "A single 0 byte" (RFC 8446 §4.4.3).
var verifyContext = []byte(strings.Repeat(" ", 64) + "TLS 1.3, server CertificateVerify\x00")

// isCertificateVerify reports whether this is what a server signs in TLS 1.3: behind the context a hash of the suite, SHA-256 or SHA-384.
func isCertificateVerify(content []byte) bool {
	hash, ok := bytes.CutPrefix(content, verifyContext)
	return ok && (len(hash) == 32 || len(hash) == 48)
}

// keySizes are those of public keys by curve (RFC 8422 §5.4, RFC 7748): P-256, P-384, P-521, X25519.
var keySizes = map[uint16]int{23: 65, 24: 97, 25: 133, 29: 32}

// isKeyExchange reports whether this is what a server signs in TLS 1.2 with ephemeral keys: "ClientHello.random + ServerHello.random +
// ServerKeyExchange.params" (RFC 8422 §5.4), the parameters being a named curve and a public key.
func isKeyExchange(content []byte) bool {
	const randoms, namedCurve = 64, 3
	if len(content) < randoms+4 || content[randoms] != namedCurve {
		return false
	}
	params := content[randoms+1:]
	size, ok := keySizes[uint16(params[0])<<8|uint16(params[1])]
	return ok && int(params[2]) == size && len(params) == 3+size
}
