package hpack

import "strconv"

// An Encoder is the other direction of a connection. Call Init before its first block, and Begin at the beginning of each.
// Blocks must reach the peer in the order in which they were encoded, and none may be left out. Not safe for concurrent use.
//
// It knows the names of responses; a name that it does not know is spelt out each time.
type Encoder struct {
	table     recent
	signalled int // the table size that the peer has been told
	lowest    int // the smallest since then
}

// First octets of the representations (RFC 7541 §6).
const (
	indexedField    = 0x80
	withIndexing    = 0x40
	withoutIndexing = 0x00
	neverIndexed    = 0x10
	sizeUpdate      = 0x20
)

// Init makes e ready for a new connection, with the table size of 4096 bytes that holds before any SETTINGS. No memory is
// taken before something is inserted.
func (e *Encoder) Init() {
	*e = Encoder{table: recent{max: defaultTableSize}, signalled: defaultTableSize, lowest: defaultTableSize}
}

// SetMaxTableSize obeys the peer's SETTINGS_HEADER_TABLE_SIZE, between two blocks: Begin tells the peer of the change. More than
// 4096 bytes are not used. With 0 responses are not compressed but by the static table.
func (e *Encoder) SetMaxTableSize(n uint32) {
	e.table.max = int(min(n, maxEncoderTable))
	e.table.shrink(e.table.max)
	e.lowest = min(e.lowest, e.table.max)
}

// Begin begins a block: it appends the table size updates that are due. "In the case that this size is changed more than once
// in this interval, the smallest maximum table size that occurs in that interval MUST be signaled [...]. The final maximum
// size is always signaled, resulting in at most two dynamic table size updates." (RFC 7541 §4.2)
//
// Where there are two the first is 0: an encoder may choose any size below the peer's. golang.org/x/net/http2/hpack, and with
// it each client in Go, refuses a second update while its table has entries.
func (e *Encoder) Begin(dst []byte) []byte {
	if e.lowest < min(e.signalled, e.table.max) {
		e.table.shrink(0)
		dst = append(dst, sizeUpdate)
		e.signalled = 0
	}
	if e.table.max != e.signalled {
		dst = appendInteger(dst, sizeUpdate, 5, e.table.max)
	}
	e.signalled, e.lowest = e.table.max, e.table.max
	return dst
}

// AppendStatus appends ":status" with a number of three digits.
func (e *Encoder) AppendStatus(dst []byte, status int) []byte {
	switch status {
	case 200:
		return append(dst, indexedField|8)
	case 204:
		return append(dst, indexedField|9)
	case 206:
		return append(dst, indexedField|10)
	case 304:
		return append(dst, indexedField|11)
	case 400:
		return append(dst, indexedField|12)
	case 404:
		return append(dst, indexedField|13)
	case 500:
		return append(dst, indexedField|14)
	}
	return appendNumber(append(dst, withoutIndexing|8), int64(status))
}

// AppendContentLength appends "content-length".
func (e *Encoder) AppendContentLength(dst []byte, n int64) []byte {
	const name = 28
	return appendNumber(append(dst, withoutIndexing|0xf, name-0xf), n)
}

func appendNumber(dst []byte, n int64) []byte {
	start := len(dst)
	dst = strconv.AppendInt(append(dst, 0), n, 10)
	dst[start] = byte(len(dst) - start - 1)
	return dst
}

// Append appends a field. The name may be in any case; it is written in lower case (RFC 9113 §8.2). "authorization", "cookie",
// "proxy-authorization" and "set-cookie" are never indexed. Neither string is kept.
func (e *Encoder) Append(dst []byte, name, value string) []byte {
	k := lookup(name)
	known := &knownNames[k]
	if known.secret {
		return appendLiteral(dst, neverIndexed, known, name, value)
	}
	for i := known.static; i < known.static+known.alike; i++ {
		if staticTable[i].Value == value {
			return append(dst, indexedField|i)
		}
	}
	if known.values != 0 {
		if index := e.table.find(k, value); index != 0 {
			return appendInteger(dst, indexedField, 7, index)
		}
		if size := len(name) + len(value) + entryOverhead; e.table.worth(k, size) {
			return e.appendInserted(dst, k, value, size)
		}
	}
	return appendLiteral(dst, withoutIndexing, known, name, value)
}

// AppendSensitive appends a field that nobody on its way may index (RFC 7541 §7.1.3).
func (e *Encoder) AppendSensitive(dst []byte, name, value string) []byte {
	return appendLiteral(dst, neverIndexed, &knownNames[lookup(name)], name, value)
}

// appendInserted appends a field and inserts it. Its strings are Huffman-coded where that is shorter, for they are sent once.
func (e *Encoder) appendInserted(dst []byte, k uint8, value string, size int) []byte {
	known := &knownNames[k]
	index := int(known.static)
	if index == 0 {
		index = e.table.findName(k)
	}
	dst = appendInteger(dst, withIndexing, 6, index)
	if index == 0 {
		dst = appendShortest(dst, known.name)
	}
	e.table.insert(k, value, size)
	return appendShortest(dst, value)
}

// appendLiteral appends a field that is not inserted. Its strings are raw: coding each time costs more than it saves.
func appendLiteral(dst []byte, representation byte, known *knownName, name, value string) []byte {
	dst = appendInteger(dst, representation, 4, int(known.static))
	if known.static == 0 {
		dst = appendInteger(dst, 0, 7, len(name))
		start := len(dst)
		dst = append(dst, name...)
		for i, c := range dst[start:] {
			dst[start+i] = lower(c)
		}
	}
	return append(appendInteger(dst, 0, 7, len(value)), value...)
}

func appendShortest(dst []byte, s string) []byte {
	const huffman = 0x80
	if n := huffmanLength(s); n < len(s) {
		return appendHuffman(appendInteger(dst, huffman, 7, n), s)
	}
	return append(appendInteger(dst, 0, 7, len(s)), s...)
}
