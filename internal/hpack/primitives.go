package hpack

// What QPACK has of HPACK (RFC 9204 §4.1): integers and strings with prefixes, and the Huffman code.

// ReadInteger reads an integer with a prefix of that many bits, and returns what follows it.
func ReadInteger(block []byte, prefix uint) (value int, rest []byte, err error) {
	if len(block) == 0 {
		return 0, nil, ErrTruncated
	}
	return readInteger(block, prefix)
}

// AppendInteger appends an integer with a prefix of that many bits, the others of its first octet being flags.
func AppendInteger(dst []byte, flags byte, prefix uint, value int) []byte {
	return appendInteger(dst, flags, prefix, value)
}

// ReadString reads a string whose length has a prefix of that many bits, with the bit H above it. It is appended to memory, as the
// literals of Decoder.Decode are: when there is no room, memory is another array. A string of more than limit bytes is
// ErrStringTooLong; 0 means no limit.
func ReadString(block, memory []byte, prefix uint, limit int) (s string, rest, newMemory []byte, err error) {
	length, rest, err := ReadInteger(block, prefix)
	switch {
	case err != nil:
		return "", nil, memory, err
	case limit > 0 && length > limit:
		return "", nil, memory, ErrStringTooLong
	case length > len(rest):
		return "", nil, memory, ErrTruncated
	}
	l := literal{rest[:length], block[0]&(1<<prefix) != 0}
	memory = reserve(memory, l.room(limit))
	memory, s, err = l.decode(memory, limit)
	return s, rest[length:], memory, err
}
