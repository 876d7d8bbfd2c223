package http2

import "encoding/binary"

// Preface is what a client sends first (RFC 9113 §3.4).
const Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// Types of frames (RFC 9113 §6, RFC 9218 §7.1).
const (
	frameData           = 0x0
	frameHeaders        = 0x1
	framePriority       = 0x2
	frameRSTStream      = 0x3
	frameSettings       = 0x4
	framePushPromise    = 0x5
	framePing           = 0x6
	frameGoAway         = 0x7
	frameWindowUpdate   = 0x8
	frameContinuation   = 0x9
	framePriorityUpdate = 0x10
)

const (
	flagEndStream  = 0x1
	flagAck        = 0x1
	flagEndHeaders = 0x4
	flagPadded     = 0x8
	flagPriority   = 0x20
)

// Settings (RFC 9113 §6.5.2, RFC 8441 §3, RFC 9218 §2.1).
const (
	settingHeaderTableSize      = 0x1
	settingEnablePush           = 0x2
	settingMaxConcurrentStreams = 0x3
	settingInitialWindowSize    = 0x4
	settingMaxFrameSize         = 0x5
	settingMaxHeaderListSize    = 0x6
	settingEnableConnect        = 0x8
	settingNoRFC7540Priorities  = 0x9
)

const (
	frameHeaderSize   = 9
	minFrameSize      = 1 << 14 // the default of SETTINGS_MAX_FRAME_SIZE, and its least
	maxFrameSize      = 1<<24 - 1
	defaultWindow     = 65535
	maxWindow         = 1<<31 - 1
	defaultHeaderSize = 4096 // the default of SETTINGS_HEADER_TABLE_SIZE
)

// frame is the head of a frame.
type frame struct {
	length int
	kind   uint8
	flags  uint8
	stream uint32
}

func (f *frame) has(flag uint8) bool { return f.flags&flag != 0 }

// ofStream says what is wrong with the stream id of a frame that must have a client's.
func (f *frame) ofStream() *connError {
	switch {
	case f.stream == 0:
		return errStreamZero
	case f.stream%2 == 0:
		return errEvenStream
	}
	return nil
}

// frameHead reads the head of a frame from the front of b, which has one.
func frameHead(b []byte) frame {
	return frame{
		length: int(b[0])<<16 | int(b[1])<<8 | int(b[2]),
		kind:   b[3],
		flags:  b[4],
		stream: binary.BigEndian.Uint32(b[5:]) & maxWindow,
	}
}

func appendFrameHead(b []byte, length int, kind, flags uint8, stream uint32) []byte {
	return append(b, byte(length>>16), byte(length>>8), byte(length), kind, flags,
		byte(stream>>24), byte(stream>>16), byte(stream>>8), byte(stream))
}

// setLength fills in the length of the frame whose head begins at b[at:] and whose payload ends with b.
func setLength(b []byte, at int) {
	n := len(b) - at - frameHeaderSize
	b[at], b[at+1], b[at+2] = byte(n>>16), byte(n>>8), byte(n)
}

func appendSetting(b []byte, id uint16, value uint32) []byte {
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint16(b, id), value)
}

func appendRST(b []byte, stream uint32, code ErrCode) []byte {
	return binary.BigEndian.AppendUint32(appendFrameHead(b, 4, frameRSTStream, 0, stream), uint32(code))
}

func appendWindowUpdate(b []byte, stream, increment uint32) []byte {
	return binary.BigEndian.AppendUint32(appendFrameHead(b, 4, frameWindowUpdate, 0, stream), increment)
}

func appendGoAway(b []byte, last uint32, code ErrCode) []byte {
	b = appendFrameHead(b, 8, frameGoAway, 0, 0)
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(b, last), uint32(code))
}

// unpadded takes the padding off a payload (RFC 9113 §6.1).
func unpadded(f *frame, p []byte) ([]byte, *connError) {
	if !f.has(flagPadded) {
		return p, nil
	}
	if len(p) == 0 {
		return nil, errFrameLength
	}
	pad := int(p[0])
	if pad >= len(p) {
		return nil, errPadding
	}
	return p[1 : len(p)-pad], nil
}
