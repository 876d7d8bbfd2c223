// Package clienthello reads the first message of a TLS handshake without taking part in it: so that somebody may decide whose a
// connection is, or recognize a client, before anything is answered.
package clienthello

import (
	"errors"
	"strings"
)

// Hello is what a ClientHello says in clear (RFC 8446 §4.1.2).
type Hello struct {
	// Message is the handshake message with its header of four bytes, without those of records.
	Message []byte
	// ServerName is the name that the client asks for, in lower case (RFC 6066 §3); "" for none.
	ServerName string
	// Protocols are what it offers by ALPN (RFC 7301 §3.1), its favourite first; nil for nothing.
	Protocols []string
}

// MaxSize is the largest message that is read, in bytes: that of crypto/tls.
const MaxSize = 1 << 16

var (
	// ErrShort means that the message has not come whole yet.
	ErrShort = errors.New("clienthello: the message is not whole yet")
	// ErrNotTLS means that this is no handshake of TLS.
	ErrNotTLS = errors.New("clienthello: this is not the beginning of a TLS handshake")
)

const (
	recordHandshake = 22
	recordHeader    = 5
	maxRecord       = 1<<14 + 256 // RFC 8446 §5.2
	messageHeader   = 4
	typeClientHello = 1

	extensionServerName = 0
	extensionALPN       = 16
)

// Parse reads what the client has sent so far: records, of which the message may take several. It returns ErrShort when there must be more,
// ErrNotTLS when there will never be a ClientHello, and other errors for one that is malformed. b is not changed.
func Parse(b []byte) (Hello, error) {
	var r Recorder
	message, err := r.Record(b)
	if err != nil {
		return Hello{}, err
	}
	h := Hello{Message: message}
	if err := h.read(message[messageHeader:]); err != nil {
		return Hello{}, err
	}
	return h, nil
}

// read reads the body of the message. A name or a list that is malformed makes the whole message malformed, as for crypto/tls.
func (h *Hello) read(b []byte) error {
	r := reader{b: b}
	r.skip(2 + 32)               // the legacy version and the random
	r.skip(r.number(1))          // the session id
	r.skip(r.number(2))          // cipher suites
	r.skip(r.number(1))          // compression methods
	if !r.bad && len(r.b) == 0 { // before TLS 1.2 there need be no extensions
		return nil
	}
	extensions := r.take(r.number(2))
	for !r.bad && len(extensions.b) > 0 {
		kind := extensions.number(2)
		data := extensions.take(extensions.number(2))
		r.bad = r.bad || extensions.bad
		switch kind {
		case extensionServerName:
			h.serverName(&data)
		case extensionALPN:
			h.protocols(&data)
		}
		r.bad = r.bad || data.bad
	}
	if r.bad || len(r.b) > 0 {
		return errors.New("clienthello: the message is malformed")
	}
	return nil
}

func (h *Hello) serverName(data *reader) {
	list := data.take(data.number(2))
	if len(data.b) > 0 || len(list.b) == 0 {
		data.bad = true
	}
	for !data.bad && len(list.b) > 0 {
		kind := list.number(1)
		name := list.take(list.number(2))
		if list.bad || len(name.b) == 0 {
			data.bad = true
			return
		}
		if kind != 0 { // not a host name
			continue
		}
		if h.ServerName != "" || name.b[len(name.b)-1] == '.' { // RFC 6066 §3: one of a kind, without a trailing dot
			data.bad = true
			return
		}
		h.ServerName = strings.ToLower(string(name.b))
	}
}

func (h *Hello) protocols(data *reader) {
	list := data.take(data.number(2))
	if len(data.b) > 0 || len(list.b) == 0 {
		data.bad = true
	}
	for !data.bad && len(list.b) > 0 {
		name := list.take(list.number(1))
		if list.bad || len(name.b) == 0 {
			data.bad = true
			return
		}
		h.Protocols = append(h.Protocols, string(name.b))
	}
}

// reader takes bytes from the front. After a mistake it is bad, and all that it returns is empty.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) skip(n int) { r.take(n) }

func (r *reader) take(n int) reader {
	if r.bad || n > len(r.b) {
		r.bad, r.b = true, nil
		return reader{bad: true}
	}
	front := r.b[:n]
	r.b = r.b[n:]
	return reader{b: front}
}

// number takes an integer of n bytes.
func (r *reader) number(n int) (v int) {
	for _, b := range r.take(n).b {
		v = v<<8 | int(b)
	}
	return v
}
