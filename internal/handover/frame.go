package handover

// MaxFrame bounds a frame, header included.
const MaxFrame = 256 << 10

// MaxPayload bounds what a message's encoding may take.
const MaxPayload = MaxFrame - headerSize

const headerSize = 8

// flagDescriptor says that a descriptor came with the frame's first byte. All
// other bits are zero; a new one needs a new major version, since a reader that
// does not know it cannot know whether it may ignore it.
const flagDescriptor = 1 << 0

// header begins every frame. Its first byte stays what it is in every version,
// so that each side can name the other's.
type header struct {
	version Version
	kind    Kind
	flags   uint8
	length  int // of the payload
}

// append adds h with a length of zero; putLength sets it afterwards.
func (h header) append(b []byte) []byte {
	return append(b, h.version.Major, h.version.Minor, byte(h.kind), h.flags, 0, 0, 0, 0)
}

func putLength(frame []byte, length int) { be.PutUint32(frame[4:], uint32(length)) }

func parseHeader(b []byte) (header, error) {
	h := header{version: Version{b[0], b[1]}, kind: Kind(b[2]), flags: b[3]}
	if h.version.Major != Current.Major {
		return h, &VersionError{Ours: Current, Theirs: h.version}
	}
	if h.flags&^flagDescriptor != 0 {
		return h, broken("the frame of %s has unknown flags %#x", h.kind, h.flags)
	}
	length := be.Uint32(b[4:])
	if length > MaxPayload {
		return h, broken("the frame of %s announces %d bytes, the limit is %d", h.kind, length, MaxPayload)
	}
	h.length = int(length)
	return h, nil
}

// frame is one message as it came off the socket. The payload's memory belongs
// to whoever holds the frame, and so does the descriptor.
type frame struct {
	header
	payload    []byte
	descriptor *Descriptor
}
