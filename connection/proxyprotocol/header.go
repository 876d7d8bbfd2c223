package proxyprotocol

import (
	"bytes"
	"errors"
	"net"
)

// What Parse finds instead of a header.
var (
	// ErrNoHeader: the bytes are those of something else.
	ErrNoHeader = errors.New("no PROXY protocol header")
	// ErrIncomplete: the header has not ended.
	ErrIncomplete = errors.New("the PROXY protocol header is not complete")
	// ErrInvalid: it begins as a header and is none. Errors that wrap it say why.
	ErrInvalid = errors.New("the PROXY protocol header is not valid")
)

// Header is a PROXY protocol header.
type Header struct {
	// Version is 1 or 2.
	Version int
	// Local says that the proxy speaks for itself, as in a health check (LOCAL, version 2 only).
	Local bool
	// Source and Destination are the two ends of the connection to the proxy: *net.TCPAddr or *net.UnixAddr. They are nil when
	// the header has no addresses: it is Local, or the proxy does not know them (UNKNOWN, UNSPEC).
	Source, Destination net.Addr
	// Datagram says that the client's transport is UDP or another datagram protocol, so the client speaks HTTP/3 to the
	// proxy. The addresses are *net.TCPAddr regardless.
	Datagram bool
	// TLVs are the additions of version 2, in their order, without padding (NOOP). There are none when there are no addresses.
	TLVs []TLV
}

// TLV is an addition to a header. Its value is what the proxy sent, not checked further unless a method of Header says so;
// clients may have chosen it, such as the authority.
type TLV struct {
	Type  byte
	Value []byte
}

// Types of TLVs (PROXY §2.2).
const (
	TypeALPN      = 0x01
	TypeAuthority = 0x02
	TypeCRC32C    = 0x03
	TypeNoop      = 0x04
	TypeUniqueID  = 0x05
	TypeSSL       = 0x20
	TypeNetNS     = 0x30
	TypeAWS       = 0xEA // a subtype and a value; subtype 1 is the id of the VPC endpoint
	TypeAzure     = 0xEE // a subtype and a value; subtype 1 is the number of the private endpoint's link
)

// TLV returns the value of the first TLV of a type.
func (h *Header) TLV(t byte) ([]byte, bool) {
	for _, v := range h.TLVs {
		if v.Type == t {
			return v.Value, true
		}
	}
	return nil, false
}

func (h *Header) text(t byte) string {
	v, _ := h.TLV(t)
	return string(v)
}

// Authority is the host name that the client asked for, by TLS's server_name or otherwise; "" when it is not said.
func (h *Header) Authority() string { return h.text(TypeAuthority) }

// ALPN is the protocol that the client and the proxy agreed on; "" when it is not said.
func (h *Header) ALPN() string { return h.text(TypeALPN) }

// NetNS is the name of the network namespace; "" when it is not said.
func (h *Header) NetNS() string { return h.text(TypeNetNS) }

// UniqueID is the proxy's id of the connection, at most 128 bytes of any sort; nil when it is not said.
func (h *Header) UniqueID() []byte {
	v, _ := h.TLV(TypeUniqueID)
	return v
}

// VPCEndpoint is the id of the AWS VPC endpoint that the client came through; "" when it is not said.
func (h *Header) VPCEndpoint() string {
	v, _ := h.TLV(TypeAWS)
	id, ok := bytes.CutPrefix(v, []byte{1})
	if !ok {
		return ""
	}
	return string(id)
}

// SSL is what the proxy says about the client's TLS (PROXY §2.2.6).
type SSL struct {
	// TLS: the client connected by it.
	TLS bool
	// CertificateOnConnection and CertificateInSession: the client showed a certificate on this connection, or earlier in the
	// TLS session that it resumed.
	CertificateOnConnection, CertificateInSession bool
	// Verify is the proxy's result of checking the client's certificate: 0 for no fault, which it also is without one. See
	// Verified.
	Verify uint32
	// Version ("TLSv1.3"), CommonName (of the client's certificate), Cipher, SignatureAlgorithm and KeyAlgorithm (of the
	// proxy's certificate) are "" when they are not said.
	Version, CommonName, Cipher, SignatureAlgorithm, KeyAlgorithm string
}

// Verified reports whether the client showed a certificate and the proxy found no fault with it.
func (s SSL) Verified() bool {
	return s.TLS && (s.CertificateOnConnection || s.CertificateInSession) && s.Verify == 0
}

// SSL returns what the header says about the client's TLS; false when it says nothing.
func (h *Header) SSL() (SSL, bool) {
	v, ok := h.TLV(TypeSSL)
	if !ok {
		return SSL{}, false
	}
	s, err := parseSSL(v)
	return s, err == nil
}

// Parse reads the header at the start of b and its size. With ErrIncomplete, size is how many bytes the next try needs at
// least, which is more than len(b). Other errors are ErrNoHeader and those that wrap ErrInvalid. The header keeps no part
// of b.
func Parse(b []byte) (h *Header, size int, err error) {
	switch {
	case begins(b, v1Signature):
		return parseV1(b)
	case begins(b, v2Signature):
		return parseV2(b)
	}
	return nil, 0, ErrNoHeader
}

// begins reports whether b begins with the signature, as far as it goes.
func begins(b []byte, signature string) bool {
	n := min(len(b), len(signature))
	return string(b[:n]) == signature[:n]
}
