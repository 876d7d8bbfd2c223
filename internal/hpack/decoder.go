package hpack

// A Field is one field of a header block.
type Field struct {
	Name, Value string

	// Index is the index in the static table that the name was taken from, 1 to 61, and 0 for a name that was spelt out.
	// For a field of the dynamic table it is that of its insertion. It says nothing about the value: ":method: PUT" may be
	// sent with 2, the index of ":method: GET".
	Index uint8
	// Static means that the whole field is the static table's entry Index.
	Static bool
	// Sensitive means that the peer asks never to index the field (RFC 7541 §7.1.3): who sends it on must not either.
	Sensitive bool
}

// A Sink takes the fields of a block, in their order. An error refuses the block: Field is not called again for it.
type Sink interface {
	Field(Field) error
}

// A Decoder is one direction of a connection. Call Init before its first block. It is not safe for concurrent use.
type Decoder struct {
	// MaxString is the most bytes that a name or a value may have; 0 means no limit. It may change between blocks.
	MaxString int

	table      table
	limit      int  // what a size update may ask for
	mustUpdate bool // the next block has to begin with a size update
}

// Init makes d ready for a new connection; it keeps MaxString. maxTableSize is the SETTINGS_HEADER_TABLE_SIZE that was
// announced, in bytes; values above 2^28 count as that. No memory is taken before the peer inserts something.
//
// Until it has acknowledged the settings a peer may use a table of 4096 bytes. Where less was announced, call Init with
// 4096, and SetMaxTableSize when the acknowledgement comes.
func (d *Decoder) Init(maxTableSize uint32) {
	d.limit = int(min(maxTableSize, maxInteger))
	d.table = table{max: d.limit}
	d.mustUpdate = false
}

// SetMaxTableSize tells that the peer has acknowledged another SETTINGS_HEADER_TABLE_SIZE. When it is below the current size,
// "its HPACK encoder MUST start the next field block with a Dynamic Table Size Update instruction" (RFC 9113 §4.3.1).
func (d *Decoder) SetMaxTableSize(n uint32) {
	d.limit = int(min(n, maxInteger))
	d.mustUpdate = d.mustUpdate || d.limit < d.table.max
}

// Decode decodes a whole header block, HEADERS and its CONTINUATIONs joined, and gives its fields to sink.
//
// Decode does not keep block, and no string points into it. A string of a field is one of three:
//   - A constant, when it is of the static table.
//   - Ordinary memory that nobody writes to, when the field is in the dynamic table or has just entered it.
//   - A part of memory: literals that do not enter the table are appended to it. When memory is too small Decode goes on
//     in a new array, without copying what is in the old one, and leaves that to those who point into it. The array that
//     is in use at the end is returned, and is the only one that the caller may use again.
//
// So an application may keep a string unless it lies in newMemory's array: for a string that is not empty, unless
// unsafe.StringData(s) is within the cap(newMemory) bytes from unsafe.SliceData(newMemory) on. Such a string is to be copied.
//
// An error of sink is returned once the block has been decoded to its end: the table must stay in step (RFC 9113 §4.3). A
// [CompressionError] comes first and means that the decoder can no longer be used.
func (d *Decoder) Decode(block, memory []byte, sink Sink) (newMemory []byte, err error) {
	block, err = d.sizeUpdates(block)
	if err != nil {
		return memory, err
	}
	var refused error
	var f Field // of a literal
	for len(block) > 0 {
		switch b := block[0]; {
		case b >= 0x80: // indexed field (RFC 7541 §6.1)
			index := int(b & 0x7f)
			if index < 0x7f {
				block = block[1:]
			} else if index, block, err = readInteger(block, 7); err != nil {
				return memory, err
			}
			// Fields are passed straight from their table: a copy costs as much as all the rest.
			if uint(index-1) < staticCount {
				if refused == nil {
					refused = sink.Field(staticTable[index])
				}
			} else if e := d.table.at(index - staticCount); e == nil {
				return memory, ErrIndex
			} else if refused == nil {
				refused = sink.Field(e.field())
			}
		case b&0xe0 == 0x20:
			return memory, ErrTableSizePlace
		default:
			f = Field{}
			if memory, block, err = d.literal(&f, block, memory, refused == nil); err != nil {
				return memory, err
			}
			if refused == nil {
				refused = sink.Field(f)
			}
		}
	}
	return memory, refused
}

// literal decodes a literal field (RFC 7541 §6.2). Without keep it leaves nothing in memory.
func (d *Decoder) literal(f *Field, block, memory []byte, keep bool) (newMemory, rest []byte, err error) {
	prefix, insert := uint(4), false
	switch b := block[0]; {
	case b >= 0x40:
		prefix, insert = 6, true
	case b >= 0x10:
		f.Sensitive = true
	}
	index, rest, err := readInteger(block, prefix)
	if err != nil {
		return memory, nil, err
	}
	var name, value literal
	switch {
	case index == 0:
		if name, rest, err = readLiteral(rest, d.MaxString); err != nil {
			return memory, nil, err
		}
	case index <= staticCount:
		f.Name, f.Index = staticTable[index].Name, uint8(index)
	default:
		e := d.table.at(index - staticCount)
		if e == nil {
			return memory, nil, ErrIndex
		}
		f.Name, f.Index = e.name(), e.index
	}
	if value, rest, err = readLiteral(rest, d.MaxString); err != nil {
		return memory, nil, err
	}

	memory = reserve(memory, name.room(d.MaxString)+value.room(d.MaxString))
	start := len(memory)
	if index == 0 {
		if memory, f.Name, err = name.decode(memory, d.MaxString); err != nil {
			return memory, nil, err
		}
	}
	if memory, f.Value, err = value.decode(memory, d.MaxString); err != nil {
		return memory, nil, err
	}
	if insert && d.table.makeRoom(len(f.Name)+len(f.Value)+entryOverhead) {
		*f, keep = d.table.insert(f.Name, f.Value, f.Index).field(), false
	}
	if !keep {
		memory = memory[:start]
	}
	return memory, rest, nil
}

// sizeUpdates obeys the table size updates that a block begins with.
//
// "This dynamic table size update MUST occur at the beginning of the first header block following the change to the dynamic
// table size. [...] The final maximum size is always signaled, resulting in at most two dynamic table size updates."
// (RFC 7541 §4.2)
func (d *Decoder) sizeUpdates(block []byte) ([]byte, error) {
	for n := 0; len(block) > 0 && block[0]&0xe0 == 0x20; n++ {
		if n == 2 {
			return nil, ErrTableSizePlace
		}
		size, rest, err := readInteger(block, 5)
		if err != nil {
			return nil, err
		}
		if size > d.limit {
			return nil, ErrTableSize
		}
		d.table.resize(size)
		d.mustUpdate = false
		block = rest
	}
	if d.mustUpdate {
		return nil, ErrTableSizeMissing
	}
	return block, nil
}
