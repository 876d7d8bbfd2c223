package http3

// Types of frames (RFC 9114 §7.2, §11.2.1; RFC 9218 §7.2). The reserved ones are those of HTTP/2 that HTTP/3 has not.
const (
	frameData               = 0x0
	frameHeaders            = 0x1
	frameReservedPriority   = 0x2
	frameCancelPush         = 0x3
	frameSettings           = 0x4
	framePushPromise        = 0x5
	frameReservedPing       = 0x6
	frameGoAway             = 0x7
	frameReservedWindow     = 0x8
	frameReservedContinue   = 0x9
	frameMaxPushID          = 0xd
	framePriorityUpdate     = 0xf0700
	framePriorityUpdatePush = 0xf0701
)

// Types of unidirectional streams (RFC 9114 §6.2, RFC 9204 §4.2).
const (
	streamControl = 0x0
	streamPush    = 0x1
	streamEncoder = 0x2
	streamDecoder = 0x3
)

// Settings (RFC 9114 §7.2.4.1, RFC 9204 §5, RFC 9220 §5, RFC 9297 §5.1).
const (
	settingTableCapacity   = 0x1
	settingMaxFieldSection = 0x6
	settingBlockedStreams  = 0x7
	settingConnectProtocol = 0x8
	settingDatagram        = 0x33
)

// frameHead is what a frame begins with.
type frameHead struct {
	kind   uint64
	length uint64
}

// readFrameHead reads the head of a frame from the start of b, and how many bytes it takes; 0 when b ends before it does.
func readFrameHead(b []byte) (f frameHead, n int) {
	kind, k := readVarint(b)
	if k == 0 {
		return f, 0
	}
	length, l := readVarint(b[k:])
	if l == 0 {
		return f, 0
	}
	return frameHead{kind, length}, k + l
}

// appendFrameHead appends the head of a frame.
func appendFrameHead(b []byte, kind, length uint64) []byte {
	return appendVarint(appendVarint(b, kind), length)
}

// onRequestStream says what a frame is on a stream of a request, at a place where a request's next frame is expected: nil and false
// for one that is ignored.
func (f *frameHead) onRequestStream() (content bool, err *ConnectionError) {
	switch f.kind {
	case frameData, frameHeaders:
		return true, nil
	case frameReservedPriority, frameReservedPing, frameReservedWindow, frameReservedContinue:
		return false, errReservedFrame
	case frameCancelPush, frameSettings, frameGoAway, frameMaxPushID, framePushPromise, framePriorityUpdate, framePriorityUpdatePush:
		return false, errFrameNotHere
	}
	return false, nil // RFC 9114 §9: unknown types are ignored
}
