package handover

import (
	"crypto/tls"
	"errors"
	"fmt"
)

// What a worker needs to end TLS for names of its own, while the private keys stay in the host. Since version 1.2.

// Credential is what the worker ends TLS with, for connections whose [Conn] names it. The host sends it before the first of them, and again
// when something has changed: handshakes that begin later are made by what it says then.
type Credential struct {
	// ID names it. It is not 0; the host uses each number once for a worker.
	ID uint32 `json:"id"`
	// Names decide, first to last, whether a request's authority is the worker's on such a connection. What matches none is not.
	Names []Name `json:"names"`
	// Certificates are the chains, the best first.
	Certificates []Certificate `json:"certificates,omitempty"`
	// Protocols are offered by ALPN, in this order.
	Protocols []string `json:"protocols,omitempty"`
	// MinVersion and MaxVersion are those of TLS, and Suites the suites of TLS 1.2, by the numbers of package tls.
	MinVersion uint16   `json:"minVersion"`
	MaxVersion uint16   `json:"maxVersion,omitempty"`
	Suites     []uint16 `json:"suites,omitempty"`
	// Ended says that the name is not the worker's alone any more: no more connections come, and those that are there are to end.
	Ended bool `json:"ended,omitempty"`
}

// Name is a host name of a front and whether its requests are the worker's.
type Name struct {
	// Host is as in [Route].
	Host string `json:"host"`
	Own  bool   `json:"own,omitempty"`
}

// Certificate is a chain whose private key stays in the host.
type Certificate struct {
	// Key is the key's number in [Sign].
	Key uint64 `json:"key"`
	// Chain is DER, the certificate of the key first.
	Chain [][]byte `json:"chain"`
	// Staple is an OCSP response; nil for none.
	Staple []byte `json:"staple,omitempty"`
}

// TicketKeys are the session ticket keys of a credential, the newest first. They replace those that were sent before.
type TicketKeys struct {
	Credential uint32
	Keys       [][32]byte
}

// String says nothing of the keys, nor do GoString and Format.
func (m *TicketKeys) String() string {
	return fmt.Sprintf("%d ticket keys of credential %d", len(m.Keys), m.Credential)
}

// GoString is String.
func (m *TicketKeys) GoString() string { return m.String() }

// Sign asks the host to sign for a handshake.
type Sign struct {
	// ID names the question in its [SignResult]. The worker uses each number once.
	ID uint64
	// Key is the number of a key in a [Credential].
	Key uint64
	// Scheme says how: the key's algorithm, the hash, and for RSA the padding. That of ECDSA says nothing of the curve, as in TLS 1.2.
	Scheme tls.SignatureScheme
	// Content is what is to be signed, not its digest: so the host sees that it is of a handshake. At most [MaxSignContent] bytes.
	Content []byte
}

// SignResult answers [Sign].
type SignResult struct {
	ID uint64
	// Signature is nil when the host did not sign.
	Signature []byte
	// Reason is why it did not; "" when it did.
	Reason string
}

const (
	// MaxSigns is how many questions a worker may have open. One more breaks the rules.
	MaxSigns = 64
	// MaxSignContent bounds [Sign.Content].
	MaxSignContent = 512
	// MaxTicketKeys bounds [TicketKeys.Keys].
	MaxTicketKeys = 8

	maxSignature = 4 << 10 // bytes; RSA of 16384 bits has 2048
)

func (*Credential) Kind() Kind { return KindCredential }
func (*TicketKeys) Kind() Kind { return KindTicketKeys }
func (*Sign) Kind() Kind       { return KindSign }
func (*SignResult) Kind() Kind { return KindSignResult }

func (*Credential) descriptor() **Descriptor { return nil }
func (*TicketKeys) descriptor() **Descriptor { return nil }
func (*Sign) descriptor() **Descriptor       { return nil }
func (*SignResult) descriptor() **Descriptor { return nil }

func (m *Credential) check() error {
	switch {
	case m.ID == 0:
		return errors.New("a credential needs a number")
	case len(m.Certificates) == 0 && !m.Ended:
		return errors.New("a credential needs a certificate")
	}
	for _, c := range m.Certificates {
		if len(c.Chain) == 0 || c.Key == 0 {
			return errors.New("a certificate needs a chain and a key's number")
		}
	}
	return nil
}

func (m *TicketKeys) check() error {
	if m.Credential == 0 || len(m.Keys) == 0 || len(m.Keys) > MaxTicketKeys {
		return fmt.Errorf("%d ticket keys of credential %d, want 1 to %d of one that there is", len(m.Keys), m.Credential, MaxTicketKeys)
	}
	return nil
}

func (m *TicketKeys) appendPayload(b []byte) ([]byte, error) {
	b = be.AppendUint32(b, m.Credential)
	b = append(b, byte(len(m.Keys)))
	for i := range m.Keys {
		b = append(b, m.Keys[i][:]...)
	}
	return b, nil
}

func (m *TicketKeys) parsePayload(p []byte, newer bool) error {
	c := cursor{rest: p}
	m.Credential = c.uint32()
	for range c.byte() {
		if key := c.bytes(32); key != nil {
			m.Keys = append(m.Keys, [32]byte(key))
		}
	}
	return c.end(newer)
}

func (m *Sign) check() error {
	if m.ID == 0 || m.Key == 0 {
		return errors.New("a question for a signature needs a number and a key's")
	}
	if len(m.Content) == 0 || len(m.Content) > MaxSignContent {
		return fmt.Errorf("%d bytes to sign, want 1 to %d", len(m.Content), MaxSignContent)
	}
	return nil
}

func (m *Sign) appendPayload(b []byte) ([]byte, error) {
	b = be.AppendUint64(b, m.ID)
	b = be.AppendUint64(b, m.Key)
	b = be.AppendUint16(b, uint16(m.Scheme))
	b = be.AppendUint32(b, uint32(len(m.Content)))
	return append(b, m.Content...), nil
}

func (m *Sign) parsePayload(p []byte, newer bool) error {
	c := cursor{rest: p}
	m.ID = c.uint64()
	m.Key = c.uint64()
	m.Scheme = tls.SignatureScheme(c.uint16())
	m.Content = c.bytes(int(c.uint32()))
	return c.end(newer)
}

func (m *SignResult) check() error {
	switch {
	case m.ID == 0:
		return errors.New("an answer needs the number of its question")
	case len(m.Signature) > maxSignature || len(m.Reason) > maxSignature:
		return fmt.Errorf("an answer of %d and %d bytes, more than %d: %w", len(m.Signature), len(m.Reason), maxSignature, ErrTooLarge)
	case (len(m.Signature) == 0) == (m.Reason == ""):
		return errors.New("an answer has a signature, or a reason why not")
	}
	return nil
}

func (m *SignResult) appendPayload(b []byte) ([]byte, error) {
	b = be.AppendUint64(b, m.ID)
	b = be.AppendUint32(b, uint32(len(m.Signature)))
	b = append(b, m.Signature...)
	b = be.AppendUint32(b, uint32(len(m.Reason)))
	return append(b, m.Reason...), nil
}

func (m *SignResult) parsePayload(p []byte, newer bool) error {
	c := cursor{rest: p}
	m.ID = c.uint64()
	m.Signature = c.bytes(int(c.uint32()))
	m.Reason = string(c.bytes(int(c.uint32())))
	return c.end(newer)
}
