package http3

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"time"
)

func TestVarintsAreThoseOfTheRFC(t *testing.T) {
	// RFC 9000 §A.1.
	for _, tt := range []struct {
		bytes []byte
		value uint64
	}{
		{[]byte{0xc2, 0x19, 0x7c, 0x5e, 0xff, 0x14, 0xe8, 0x8c}, 151288809941952652},
		{[]byte{0x9d, 0x7f, 0x3e, 0x7d}, 494878333},
		{[]byte{0x7b, 0xbd}, 15293},
		{[]byte{0x25}, 37},
	} {
		if got, n := readVarint(tt.bytes); got != tt.value || n != len(tt.bytes) {
			t.Errorf("%x is %d in %d bytes, want %d", tt.bytes, got, n, tt.value)
		}
		if got := appendVarint(nil, tt.value); !bytes.Equal(got, tt.bytes) {
			t.Errorf("%d is %x, want %x", tt.value, got, tt.bytes)
		}
		if _, n := readVarint(tt.bytes[:len(tt.bytes)-1]); n != 0 {
			t.Errorf("%x without its last byte is read", tt.bytes)
		}
	}
	if got, n := readVarint([]byte{0x40, 0x25}); got != 37 || n != 2 {
		t.Errorf("37 in two bytes is %d", got)
	}
}

func TestFramesHaveTheirPlace(t *testing.T) {
	for kind, want := range map[uint64]struct {
		content bool
		err     *ConnectionError
	}{
		frameData: {true, nil}, frameHeaders: {true, nil}, frameSettings: {false, errFrameNotHere}, frameGoAway: {false, errFrameNotHere},
		frameMaxPushID: {false, errFrameNotHere}, frameCancelPush: {false, errFrameNotHere}, framePushPromise: {false, errFrameNotHere},
		frameReservedPriority: {false, errReservedFrame}, frameReservedPing: {false, errReservedFrame}, frameReservedWindow: {false, errReservedFrame},
		frameReservedContinue: {false, errReservedFrame}, 0x21: {false, nil}, 0x1f*7 + 0x21: {false, nil}, 0xf: {false, nil},
		framePriorityUpdate: {false, errFrameNotHere},
	} {
		f := frameHead{kind: kind}
		if content, err := f.onRequestStream(); content != want.content || err != want.err {
			t.Errorf("frame %#x is content: %v, error: %v", kind, content, err)
		}
	}
}

func TestSettingsAreJudged(t *testing.T) {
	pair := func(values ...uint64) (b []byte) {
		for _, v := range values {
			b = appendVarint(b, v)
		}
		return b
	}
	for _, tt := range []struct {
		name string
		p    []byte
		want *ConnectionError
	}{
		{"none", nil, nil},
		{"those of a browser", pair(1, 65536, 6, 262144, 7, 100, 0x33, 1, 0x21, 9), nil},
		{"HTTP/2's window", pair(4, 65535), errSettingsInvalid},
		{"HTTP/2's push", pair(2, 0), errSettingsInvalid},
		{"reserved 0", pair(0, 0), errSettingsInvalid},
		{"twice", pair(6, 1, 6, 1), errSettingsInvalid},
		{"an unknown one twice", pair(0x40, 1, 0x40, 1), nil},
		{"extended CONNECT of 2", pair(8, 2), errSettingsInvalid},
		{"a datagram of 2", pair(0x33, 2), errSettingsInvalid},
		{"without a value", pair(6), errFrameLength},
		{"cut", []byte{6, 0x40}, errFrameLength},
	} {
		if got := checkSettings(tt.p); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

// bytesStream is a client's stream that holds some bytes.
type bytesStream struct{ *bytes.Reader }

func (bytesStream) ID() uint64                      { return 2 }
func (bytesStream) CancelRead(ErrCode)              {}
func (bytesStream) SetReadDeadline(time.Time) error { return nil }
func (bytesStream) Release()                        {}

// FuzzControlStreams holds that whatever a client's unidirectional stream has, reading it ends, with an error where it is a critical one.
func FuzzControlStreams(f *testing.F) {
	f.Add([]byte{0, 4, 0})
	f.Add([]byte{0, 4, 2, 6, 9, 7, 1, 0})
	f.Add([]byte{0, 4, 0, 0x80, 0x0f, 0x07, 0x00, 4, 0, 'u', '=', '1'})
	f.Add([]byte{2, 0x20, 0x3f})
	f.Add([]byte{3, 0x40, 0x7f, 0x80, 0})
	f.Add([]byte{1})
	f.Add([]byte{0x21, 1, 2, 3})
	f.Add([]byte{0, 4, 0, 0xd, 1, 5, 0xd, 1, 4})
	f.Fuzz(func(t *testing.T, data []byte) {
		c := NewConn(&Config{}, nil, nil, 0)
		in := &uniReader{q: bytesStream{bytes.NewReader(data)}}
		kind, err := in.varint()
		if err != nil {
			return
		}
		e := c.readKind(kind, in)
		if kind <= streamDecoder && e == nil {
			t.Errorf("a critical stream has ended without an error")
		}
		if kind > streamDecoder && e != nil {
			t.Errorf("a stream of an unknown type is %v", e)
		}
	})
}

func TestUnidirectionalStreamsAreReadInPieces(t *testing.T) {
	in := &uniReader{q: bytesStream{bytes.NewReader(bytes.Repeat([]byte{7}, 1000))}}
	if p, err := in.take(600); err != nil || len(p) != 600 {
		t.Errorf("600 bytes are %d: %v", len(p), err)
	}
	if err := in.skip(399, nil); err != nil {
		t.Error(err)
	}
	if b, err := in.byte(); b != 7 || err != nil {
		t.Errorf("the last byte is %d: %v", b, err)
	}
	if err := in.skip(1, nil); !errors.Is(err, io.EOF) {
		t.Errorf("behind the end it is %v", err)
	}
}
