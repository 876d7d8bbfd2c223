package hpack

import "encoding/binary"

// decodeSlack is how many bytes decodeHuffman may write behind the limit before it looks: the symbols of one turn of its
// loop, those of the tail, and half a pair.
const decodeSlack = 24

// decodedBound is the most bytes that n bytes of Huffman code can stand for.
func decodedBound(n int) int { return n * 8 / minCode }

// decodeHuffman decodes src to out, which has room for limit (if that is more than 0 and less) or decodedBound(len(src)) bytes
// and decodeSlack more, and returns the decoded length. A string longer than limit, 0 for none, is an error.
//
// The next bits of the input stand left-aligned in a register that is filled eight bytes at a time; a table of its upper
// peekBits bits gives one or two symbols at once. Codes above that, which hardly occur in header fields, are searched by length.
func decodeHuffman(out, src []byte, limit int) (int, error) {
	if limit <= 0 {
		limit = int(^uint(0) >> 1)
	}
	var window uint64
	var bits uint // how many of window are of the input; the others are 0, or the bits that follow
	w := 0
	for {
		if len(src) >= 8 {
			window |= binary.BigEndian.Uint64(src) >> (bits & 63)
			src = src[(63-bits)>>3:]
			bits |= 56
		} else {
			for bits <= 56 && len(src) > 0 {
				window |= uint64(src[0]) << ((56 - bits) & 63)
				src = src[1:]
				bits += 8
			}
			if bits < 4*peekBits {
				break
			}
		}
		if w > limit {
			return 0, ErrStringTooLong
		}
		for range 4 {
			p := peeks[window>>(64-peekBits)]
			if p.count() == 0 {
				if bits < maxCode {
					break // fetch more bits first
				}
				symbol, length := symbolAt(window, maxCode)
				if symbol == eos {
					return 0, ErrHuffmanEOS
				}
				out[w] = byte(symbol)
				w++
				window <<= length
				bits -= length
				break
			}
			binary.LittleEndian.PutUint16(out[w:], uint16(p))
			w += p.count()
			window <<= p.bits() & 63
			bits -= p.bits()
		}
	}
	return decodeTail(out, w, window, bits, limit)
}

// decodeTail decodes the last bits of a string, and judges the padding.
//
// "A padding strictly longer than 7 bits MUST be treated as a decoding error. A padding not corresponding to the most
// significant bits of the code for the EOS symbol MUST be treated as a decoding error." (RFC 7541 §5.2)
func decodeTail(out []byte, w int, window uint64, bits uint, limit int) (int, error) {
	for bits > 0 {
		if bits <= 7 && window>>(64-bits) == 1<<bits-1 {
			break // no code of up to 7 bits is all ones
		}
		if p := peeks[window>>(64-peekBits)]; p.count() != 0 && p.bits() <= bits {
			binary.LittleEndian.PutUint16(out[w:], uint16(p))
			w += p.count()
			window <<= p.bits() & 63
			bits -= p.bits()
			continue
		}
		symbol, length := symbolAt(window, bits)
		switch {
		case length == 0:
			return 0, ErrHuffmanPadding
		case symbol == eos:
			return 0, ErrHuffmanEOS
		}
		out[w] = byte(symbol)
		w++
		window <<= length
		bits -= length
	}
	if w > limit {
		return 0, ErrStringTooLong
	}
	return w, nil
}

// huffmanLength is the length of s in Huffman code, in bytes.
func huffmanLength(s string) int {
	bits := 0
	for i := range len(s) {
		bits += int(codeLengths[s[i]])
	}
	return (bits + 7) / 8
}

// appendHuffman appends s in Huffman code.
func appendHuffman(dst []byte, s string) []byte {
	var window uint64
	var bits uint
	for i := range len(s) {
		length := uint(codeLengths[s[i]])
		window = window<<length | uint64(codes[s[i]])
		if bits += length; bits >= 32 {
			bits -= 32
			dst = binary.BigEndian.AppendUint32(dst, uint32(window>>bits))
		}
	}
	for ; bits >= 8; bits -= 8 {
		dst = append(dst, byte(window>>(bits-8)))
	}
	if bits > 0 {
		dst = append(dst, byte(window<<(8-bits))|byte(0xff>>bits))
	}
	return dst
}
