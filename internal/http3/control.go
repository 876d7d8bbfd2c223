package http3

import (
	"errors"
	"io"
	"sync"

	"github.com/lannerhq/lanner/internal/httpcommon"
)

// maxControlFrame bounds SETTINGS and GOAWAY, in bytes (as Kestrel).
const maxControlFrame = 10_000

// peer is what the client's unidirectional streams have said. mu guards which there are; the rest is the control stream's.
type peer struct {
	mu                        sync.Mutex
	control, encoder, decoder bool
	goAway                    uint64
	goneAway                  bool
	maxPush                   uint64
}

// acceptUni accepts the client's unidirectional streams.
func (c *Conn) acceptUni() {
	for {
		q, err := c.quic.AcceptUniStream()
		if err != nil {
			return
		}
		c.wg.Go(func() { c.readUni(q) })
	}
}

// readUni reads one of them to its end.
func (c *Conn) readUni(q ReceiveStream) {
	defer func() {
		if v := recover(); v != nil {
			c.broken(v)
		}
		q.Release()
	}()
	in := &uniReader{q: q}
	kind, err := in.varint()
	if err != nil {
		var lost *LostError
		if !errors.As(err, &lost) { // RFC 9114 §6.2: it may end before its type
			if e := c.spend(abuseUnknown); e != nil {
				c.fail(e)
			}
		}
		return
	}
	if e := c.readKind(kind, in); e != nil {
		c.fail(e)
	}
}

func (c *Conn) readKind(kind uint64, in *uniReader) *ConnectionError {
	switch kind {
	case streamControl:
		if !c.peer.open(&c.peer.control) {
			return errControlTwice
		}
		return critical(c.readControl(in))
	case streamEncoder:
		if !c.peer.open(&c.peer.encoder) {
			return errControlTwice
		}
		return critical(c.readInstructions(in, encoderInstruction, errEncoder))
	case streamDecoder:
		if !c.peer.open(&c.peer.decoder) {
			return errControlTwice
		}
		return critical(c.readInstructions(in, decoderInstruction, errDecoder))
	case streamPush:
		return errPushStream
	}
	in.q.CancelRead(StreamCreationError) // RFC 9114 §6.2: unknown types are not wanted, and no error
	return c.spend(abuseUnknown)
}

func (p *peer) open(which *bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if *which {
		return false
	}
	*which = true
	return true
}

// critical makes the end of a stream that must not end an error.
func critical(err error) *ConnectionError {
	var lost *LostError
	var e *ConnectionError
	switch {
	case errors.As(err, &e):
		return e
	case errors.As(err, &lost):
		return nil
	}
	return errCriticalClosed // by FIN or RESET_STREAM
}

// readControl reads the control stream (RFC 9114 §6.2.1).
func (c *Conn) readControl(in *uniReader) error {
	settled := false
	for {
		kind, err := in.varint()
		if err != nil {
			return err
		}
		length, err := in.varint()
		if err != nil {
			return err
		}
		switch {
		case !settled && kind != frameSettings:
			return errNoSettings
		case settled && kind == frameSettings:
			return errSettingsTwice
		}
		settled = true
		f := frameHead{kind, length}
		if !f.control() {
			switch kind {
			case frameData, frameHeaders, framePushPromise:
				return errControlFrame
			case frameReservedPriority, frameReservedPing, frameReservedWindow, frameReservedContinue:
				return errReservedFrame
			}
			if err := c.spend(abuseUnknown); err != nil {
				return err
			}
			if err := in.skip(length, c.spend); err != nil {
				return err
			}
			continue
		}
		if length > maxControlFrame {
			return errControlSize
		}
		payload, err := in.take(int(length))
		if err != nil {
			return err
		}
		if e := c.controlFrame(kind, payload); e != nil {
			return e
		}
	}
}

// control reports whether a frame has its place on the control stream.
func (f *frameHead) control() bool {
	switch f.kind {
	case frameSettings, frameGoAway, frameCancelPush, frameMaxPushID, framePriorityUpdate, framePriorityUpdatePush:
		return true
	}
	return false
}

func (c *Conn) controlFrame(kind uint64, p []byte) *ConnectionError {
	switch kind {
	case frameSettings:
		return checkSettings(p)
	case framePriorityUpdate:
		return c.priorityUpdate(p)
	case framePriorityUpdatePush:
		return errPushID // nothing was pushed
	}
	if err := c.spend(abuseControl); err != nil {
		return err
	}
	id, n := readVarint(p)
	if n != len(p) || n == 0 {
		return errFrameLength
	}
	switch kind {
	case frameCancelPush:
		return errPushID
	case frameMaxPushID:
		if id < c.peer.maxPush {
			return errPushID
		}
		c.peer.maxPush = id
	case frameGoAway: // the client takes no pushes beyond it; it makes no difference
		if c.peer.goneAway && id > c.peer.goAway {
			return errGoAwayGrew
		}
		c.peer.goAway, c.peer.goneAway = id, true
	}
	return nil
}

// checkSettings is RFC 9114 §7.2.4. No setting of a client's changes what we do: there is no dynamic table, and a limit of its for
// field sections is advice.
func checkSettings(p []byte) *ConnectionError {
	var seen []uint64
	for len(p) > 0 {
		id, n := readVarint(p)
		if n == 0 {
			return errFrameLength
		}
		value, m := readVarint(p[n:])
		if m == 0 {
			return errFrameLength
		}
		p = p[n+m:]
		switch id {
		case 0x0, 0x2, 0x3, 0x4, 0x5: // HTTP/2's
			return errSettingsInvalid
		case settingConnectProtocol, settingDatagram:
			if value > 1 {
				return errSettingsInvalid
			}
		case settingTableCapacity, settingMaxFieldSection, settingBlockedStreams:
		default:
			continue // RFC 9114 §7.2.4.1: unknown ones, also the reserved of §7.2.4.1, are ignored
		}
		for _, other := range seen {
			if other == id {
				return errSettingsInvalid
			}
		}
		seen = append(seen, id)
	}
	return nil
}

// priorityUpdate is RFC 9218 §7.2. One for a stream that is yet to come is kept, the last only.
func (c *Conn) priorityUpdate(p []byte) *ConnectionError {
	id, n := readVarint(p)
	switch {
	case n == 0:
		return errFrameLength
	case id%4 != 0:
		return errPriorityID
	}
	if err := c.spend(abusePriority); err != nil {
		return err
	}
	if len(p) > n+maxPriority {
		return nil
	}
	wish := httpcommon.ParsePriority(string(p[n:]))
	c.mu.Lock()
	defer c.mu.Unlock()
	if id >= c.nextID {
		c.upcoming.stream, c.upcoming.priority, c.upcoming.set = id, wish, true
		return nil
	}
	for s := c.first; s != nil; s = s.next {
		if s.id == id {
			s.prioritized = true
			s.q.SetPriority(wish)
			break
		}
	}
	return nil
}

// maxPriority is the longest priority field value that is looked at, in bytes.
const maxPriority = 256

// readInstructions reads a stream of QPACK, on which a client without a dynamic table has next to nothing to say.
func (c *Conn) readInstructions(in *uniReader, allowed func(byte) (prefix uint, ok bool), invalid *ConnectionError) error {
	for {
		b, err := in.byte()
		if err != nil {
			return err
		}
		prefix, ok := allowed(b)
		if !ok {
			return invalid
		}
		if most := byte(1<<prefix - 1); prefix > 0 && b&most == most {
			more := byte(0x80)
			for n := 0; more&0x80 != 0; n++ {
				if n == maxInteger {
					return invalid
				}
				if more, err = in.byte(); err != nil {
					return err
				}
			}
		}
		if err := c.spend(abuseControl); err != nil {
			return err
		}
	}
}

// maxInteger is how many bytes may follow the first of an integer: those of 62 bits (RFC 9204 §4.1.1), 7 to each.
const maxInteger = 9

// encoderInstruction allows "Set Dynamic Table Capacity" with 0 (RFC 9204 §4.3.1), decoderInstruction "Stream Cancellation" (§4.4.2).
func encoderInstruction(b byte) (uint, bool) { return 0, b == 0x20 }
func decoderInstruction(b byte) (uint, bool) { return 6, b&0xc0 == 0x40 }

// uniReader reads a unidirectional stream through a buffer.
type uniReader struct {
	q    ReceiveStream
	buf  [256]byte
	r, w int
	err  error
}

func (in *uniReader) byte() (byte, error) {
	for in.r == in.w {
		if in.err != nil {
			return 0, in.err
		}
		in.r = 0
		in.w, in.err = in.q.Read(in.buf[:])
	}
	b := in.buf[in.r]
	in.r++
	return b, nil
}

func (in *uniReader) varint() (uint64, error) {
	var b [8]byte
	for n := 0; ; {
		x, err := in.byte()
		if err != nil {
			return 0, err
		}
		b[n] = x
		n++
		if v, k := readVarint(b[:n]); k > 0 {
			return v, nil
		}
	}
}

func (in *uniReader) take(n int) ([]byte, error) {
	p := make([]byte, 0, min(n, 1<<10))
	for len(p) < n {
		b, err := in.byte()
		if err != nil {
			return nil, err
		}
		p = append(p, b)
	}
	return p, nil
}

// skip drops n bytes. It calls spend for each maxDropped of them.
func (in *uniReader) skip(n uint64, spend func(abuse) *ConnectionError) error {
	for at := n; n > 0; {
		if at-n >= maxDropped {
			if e := spend(abuseUnknown); e != nil {
				return e
			}
			at = n
		}
		if in.r == in.w {
			if _, err := in.byte(); err != nil {
				return err
			}
			in.r--
		}
		k := min(n, uint64(in.w-in.r))
		in.r += int(k)
		n -= k
	}
	return nil
}

var _ io.Reader = (*Body)(nil)
