package transport

import (
	"encoding/binary"
	"fmt"
	"io"
)

// Handshaking is told of a handshake under way. A function that is nil is not called.
type Handshaking struct {
	// Wait is called when the handshake waits for the client, and GoOn before it goes on: what keeps many handshakes from taking the
	// processors may let others work meanwhile.
	Wait, GoOn func()
	// Heard is given what the client sends, in the pieces in which it comes, before it is answered. An error ends the handshake. p is
	// valid during the call.
	Heard func(p []byte) error
}

// shaking is what a TLSConn has besides while it makes its handshake.
//
// It cuts what the client sends in clear into small records. crypto/tls keeps the buffers that it reads records and the messages of a
// handshake with as long as the connection lives, however large they have become, and a ClientHello has grown to 1.5 KiB and more by the
// keys of X25519MLKEM768: in one record it would cost an idle connection as much again. "Handshake messages MAY be coalesced into a
// single TLSPlaintext record or fragmented across several records" (RFC 8446 §5.1); what the two ends sign and derive keys from are the
// messages alone (§4.4.1). A client's records are in clear until it changes its keys: in TLS 1.2 by a record of another kind, in TLS 1.3
// records are of another kind from then on. So all is left as it is from the first one of another kind.
type shaking struct {
	Handshaking
	whole  bool // records are left as they are
	sent   bool // crypto/tls has written since it last read
	header [recordHeader]byte
	rest   int // bytes of the client's record that crypto/tls has not had
	piece  int // the most of them in one record
}

const (
	contentHandshake = 22 // RFC 8446 §5.1
	maxPiece         = 512
)

// cuts reports whether what the client sends is to be cut, by readCut. s may be nil, as of the others.
func (s *shaking) cuts() bool { return s != nil && !s.whole }

func (s *shaking) heard(p []byte) error {
	if s == nil || s.Heard == nil {
		return nil
	}
	return s.Heard(p)
}

// answered reports whether crypto/tls has written since it was last asked.
func (s *shaking) answered() bool {
	if s == nil || !s.sent {
		return false
	}
	s.sent = false
	return true
}

// readCut is Read while records are cut. 0 and nil mean that they are not any more.
func (t *TLSConn) readCut(p []byte) (int, error) {
	for {
		if t.in == nil {
			err := t.fill()
			if err == io.EOF && t.shake.rest > 0 {
				err = fmt.Errorf("the client left in the midst of a record: %w", io.ErrUnexpectedEOF)
			}
			if err != nil {
				return 0, err
			}
		}
		have := (*t.in)[t.from:t.to]
		n, used := t.shake.cut(p, have)
		if used == 0 {
			return 0, nil
		}
		if err := t.shake.heard(have[:used]); err != nil {
			return 0, err
		}
		t.took(used)
		if n > 0 {
			return n, nil
		}
	}
}

// cut puts a record into p, of what there is of the client's in have, and returns its size and how much of have it took. Of a header
// without anything behind it there is no record yet. When nothing was taken, records are whole from now on. p has room for a record of
// maxPiece.
func (s *shaking) cut(p, have []byte) (n, used int) {
	if s.rest == 0 {
		if len(have) < recordHeader || have[0] != contentHandshake || have[3] == 0 && have[4] == 0 {
			s.whole = true
			return 0, 0
		}
		used = copy(s.header[:], have)
		s.rest = int(binary.BigEndian.Uint16(have[3:]))
		have = have[used:]
		if s.piece == 0 {
			s.piece = pieces(have)
		}
	}
	size := min(len(have), s.rest, s.piece, len(p)-recordHeader)
	if size <= 0 {
		return 0, used
	}
	binary.BigEndian.PutUint16(s.header[3:], uint16(size))
	n = copy(p, s.header[:])
	n += copy(p[n:], have[:size])
	s.rest -= size
	return n, used + size
}

// pieces is the size in which a message is handed on whose beginning is given, so that a buffer which doubles as it grows ends up with
// little room.
func pieces(message []byte) int {
	if len(message) < 4 {
		return maxPiece
	}
	size := 4 + int(binary.BigEndian.Uint32(message)&(1<<24-1))
	for size > maxPiece {
		size = (size + 1) / 2
	}
	return max(size, maxPiece/2)
}
