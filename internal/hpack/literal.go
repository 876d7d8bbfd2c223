package hpack

import "unsafe"

const (
	maxInteger       = 1 << 28
	maxIntegerOctets = 9 // after the prefix; an encoder may write leading zeros (RFC 7541 §5.1)
)

// readInteger reads an integer with a prefix of the given number of bits (RFC 7541 §5.1) from a block that is not empty,
// and returns what follows it.
func readInteger(block []byte, prefix uint) (value int, rest []byte, err error) {
	most := 1<<prefix - 1
	value = int(block[0]) & most
	if value < most {
		return value, block[1:], nil
	}
	sum := uint64(most)
	for i, b := range block[1:] {
		sum += uint64(b&0x7f) << (7 * i)
		if sum > maxInteger {
			return 0, nil, ErrInteger
		}
		if b < 0x80 {
			return int(sum), block[i+2:], nil
		}
		if i+1 == maxIntegerOctets {
			return 0, nil, ErrInteger
		}
	}
	return 0, nil, ErrTruncated
}

func appendInteger(dst []byte, flags byte, prefix uint, value int) []byte {
	most := 1<<prefix - 1
	if value < most {
		return append(dst, flags|byte(value))
	}
	dst = append(dst, flags|byte(most))
	for value -= most; value >= 0x80; value >>= 7 {
		dst = append(dst, byte(value)|0x80)
	}
	return append(dst, byte(value))
}

// A literal is a string as it stands in a block (RFC 7541 §5.2).
type literal struct {
	octets  []byte
	huffman bool
}

// readLiteral finds where a string ends. A string whose coded form is above limit (0 for none) is too long at once: Huffman
// code is longer than its text only for text that no field has.
func readLiteral(block []byte, limit int) (l literal, rest []byte, err error) {
	if len(block) == 0 {
		return l, nil, ErrTruncated
	}
	length, rest, err := readInteger(block, 7)
	switch {
	case err != nil:
		return l, nil, err
	case limit > 0 && length > limit:
		return l, nil, ErrStringTooLong
	case length > len(rest):
		return l, nil, ErrTruncated
	}
	return literal{rest[:length], block[0]&0x80 != 0}, rest[length:], nil
}

// room is how many bytes of memory decoding the string may take.
func (l literal) room(limit int) int {
	if !l.huffman {
		return len(l.octets)
	}
	n := decodedBound(len(l.octets))
	if limit > 0 {
		n = min(n, limit)
	}
	return n + decodeSlack
}

// decode appends the string to memory, which has room for it.
func (l literal) decode(memory []byte, limit int) ([]byte, string, error) {
	start := len(memory)
	if !l.huffman {
		memory = append(memory, l.octets...)
		return memory, shared(memory[start:]), nil
	}
	n, err := decodeHuffman(memory[start:cap(memory)], l.octets, limit)
	if err != nil {
		return memory, "", err
	}
	memory = memory[:start+n]
	return memory, shared(memory[start:]), nil
}

// shared is a string that lies in b.
func shared(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

const leastMemory = 512 // bytes: the literals of most requests

// reserve returns memory with room for n bytes. When there is not enough it is another, empty array: strings point into
// the old one, and nobody appends to that again.
func reserve(memory []byte, n int) []byte {
	if cap(memory)-len(memory) >= n {
		return memory
	}
	return make([]byte, 0, max(n, 2*cap(memory), leastMemory))
}
