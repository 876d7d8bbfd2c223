package http3

import (
	"errors"

	"github.com/lannerhq/lanner/internal/hpack"
	"github.com/lannerhq/lanner/internal/httpcommon"
)

// Errors of an encoded field section; all of them are QPACK_DECOMPRESSION_FAILED.
var (
	errDynamic = errors.New("a field section refers to a dynamic table, of which there is none")
	errIndex   = errors.New("a field section refers to an entry that the static table does not have")
	errBase    = errors.New("the base of a field section is negative")
)

// decodeSection decodes an encoded field section (RFC 9204 §4.5) by the static table alone, and gives its fields to sink. Strings are
// constants, or lie in memory as those of hpack.Decoder.Decode do. maxString bounds a name or a value, in bytes.
//
// bad is what sink, or maxString, refuses; err means that the section cannot be decoded.
func decodeSection(block, memory []byte, maxString int, sink *httpcommon.Fields) (newMemory []byte, bad *httpcommon.BadRequestError, err error) {
	inserts, block, err := hpack.ReadInteger(block, 8)
	if err != nil {
		return memory, nil, err
	}
	if inserts != 0 {
		return memory, nil, errDynamic
	}
	if len(block) > 0 && block[0]&0x80 != 0 {
		return memory, nil, errBase
	}
	if _, block, err = hpack.ReadInteger(block, 7); err != nil {
		return memory, nil, err
	}
	for len(block) > 0 {
		var name, value string
		var index int
		switch b := block[0]; {
		case b&0xc0 == 0xc0: // indexed, static
			if index, block, err = hpack.ReadInteger(block, 6); err != nil {
				return memory, nil, err
			}
			if index >= len(staticTable) {
				return memory, nil, errIndex
			}
			name, value = staticTable[index].Name, staticTable[index].Value
		case b&0xd0 == 0x50: // literal with a name of the static table
			if index, block, err = hpack.ReadInteger(block, 4); err != nil {
				return memory, nil, err
			}
			if index >= len(staticTable) {
				return memory, nil, errIndex
			}
			name = staticTable[index].Name
			value, block, memory, err = hpack.ReadString(block, memory, 7, maxString)
		case b&0xe0 == 0x20: // literal with a literal name
			if name, block, memory, err = hpack.ReadString(block, memory, 3, maxString); err == nil {
				value, block, memory, err = hpack.ReadString(block, memory, 7, maxString)
			}
		default:
			return memory, nil, errDynamic
		}
		if err == hpack.ErrStringTooLong {
			return memory, errFieldTooLong, nil
		}
		if err != nil {
			return memory, nil, err
		}
		if bad := sink.Add(name, value); bad != nil {
			return memory, bad, nil
		}
	}
	return memory, nil, nil
}
