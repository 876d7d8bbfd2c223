package hpack

// codeLengths holds the length in bits of each symbol's Huffman code (RFC 7541 Appendix B), 32 symbols a line. The code is
// canonical: codes of one length are consecutive numbers in the order of their symbols, so the lengths say it all.
const codeLengths = "" +
	"\x0d\x17\x1c\x1c\x1c\x1c\x1c\x1c\x1c\x18\x1e\x1c\x1c\x1e\x1c\x1c\x1c\x1c\x1c\x1c\x1c\x1c\x1e\x1c\x1c\x1c\x1c\x1c\x1c\x1c\x1c\x1c" +
	"\x06\x0a\x0a\x0c\x0d\x06\x08\x0b\x0a\x0a\x08\x0b\x08\x06\x06\x06\x05\x05\x05\x06\x06\x06\x06\x06\x06\x06\x07\x08\x0f\x06\x0c\x0a" +
	"\x0d\x06\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x08\x07\x08\x0d\x13\x0d\x0e\x06" +
	"\x0f\x05\x06\x05\x06\x05\x06\x06\x06\x05\x07\x07\x06\x06\x06\x05\x06\x07\x06\x05\x05\x06\x07\x07\x07\x07\x07\x0f\x0b\x0e\x0d\x1c" +
	"\x14\x16\x14\x14\x16\x16\x16\x17\x16\x17\x17\x17\x17\x17\x18\x17\x18\x18\x16\x17\x18\x17\x17\x17\x17\x15\x16\x17\x16\x17\x17\x18" +
	"\x16\x15\x14\x16\x16\x17\x17\x15\x17\x16\x16\x18\x15\x16\x17\x17\x15\x15\x16\x15\x17\x16\x17\x17\x14\x16\x16\x16\x17\x16\x16\x17" +
	"\x1a\x1a\x14\x13\x16\x17\x16\x19\x1a\x1a\x1a\x1b\x1b\x1a\x18\x19\x13\x15\x1a\x1b\x1b\x1a\x1b\x18\x15\x15\x1a\x1a\x1c\x1b\x1b\x1b" +
	"\x14\x18\x14\x15\x16\x15\x15\x17\x16\x16\x19\x19\x18\x18\x1a\x17\x1a\x1b\x1a\x1a\x1b\x1b\x1b\x1b\x1b\x1c\x1b\x1b\x1b\x1b\x1b\x1a"

const (
	minCode = 5  // bits of the shortest code
	maxCode = 30 // bits of the longest, among them EOS
	eos     = 256

	peekBits = 12 // bits that one step of the decoder looks at: mostly two symbols
)

// A peek is what the next peekBits bits begin with: one or two whole symbols, or none when the code is longer.
// From the lowest byte: first symbol, second symbol, bits of both, their number.
type peek uint32

func (p peek) bits() uint { return uint(p >> 16 & 0xff) }
func (p peek) count() int { return int(p >> 24) }

var (
	// codes holds each symbol's code, in its low bits.
	codes [257]uint32
	peeks [1 << peekBits]peek

	// Long codes are found by their length: end[l] is what the first code after those of l bits would be, as the
	// upper 32 bits of the input show it; ranked[rank[l]+code] is the symbol of a code of l bits.
	end    [maxCode + 1]uint64
	rank   [maxCode + 1]int32
	ranked [257]uint16
)

func codeLength(symbol int) int {
	if symbol == eos {
		return maxCode
	}
	return int(codeLengths[symbol])
}

func init() {
	next, n := uint32(0), int32(0)
	for length := minCode; length <= maxCode; length++ {
		next <<= 1
		rank[length] = n - int32(next)
		for symbol := range codes {
			if codeLength(symbol) == length {
				codes[symbol] = next
				ranked[n] = uint16(symbol)
				next++
				n++
			}
		}
		end[length] = uint64(next) << (32 - length)
	}
	for bits := range peeks {
		first, used := symbolAt(uint64(bits)<<(64-peekBits), peekBits)
		if used == 0 {
			continue
		}
		peeks[bits] = peek(first) | peek(used)<<16 | 1<<24
		if second, more := symbolAt(uint64(bits)<<(64-peekBits+used), peekBits-used); more != 0 {
			peeks[bits] = peek(first) | peek(second)<<8 | peek(used+more)<<16 | 2<<24
		}
	}
}

// symbolAt returns the symbol whose code the input, left-aligned in window, begins with, and the code's length:
// 0 when it is longer than available bits.
func symbolAt(window uint64, available uint) (symbol uint16, length uint) {
	for l := uint(minCode); l <= min(available, maxCode); l++ {
		if window>>32 < end[l] {
			return ranked[rank[l]+int32(window>>(64-l))], l
		}
	}
	return 0, 0
}
