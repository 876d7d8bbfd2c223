package hpack

// A CompressionError says why a header block cannot be decoded. The dynamic table is out of step with the peer's from then
// on, so the connection must end, with COMPRESSION_ERROR (RFC 9113 §4.3). All its values are listed here; compare with ==
// or errors.Is.
type CompressionError string

func (e CompressionError) Error() string { return "hpack: " + string(e) }

const (
	// ErrTruncated is a block that ends within a field.
	ErrTruncated CompressionError = "the header block is cut short: it ends within a field"
	// ErrInteger is an integer above 2^28, or one of more octets than that many need (RFC 7541 §5.1).
	ErrInteger CompressionError = "an integer in the header block exceeds the limit of 2^28 or is too long"
	// ErrIndex is index 0, or an index beyond both tables (RFC 7541 §2.3.3, §6.1).
	ErrIndex CompressionError = "an index in the header block is 0 or beyond the end of the dynamic table"
	// ErrHuffmanPadding is padding of more than 7 bits or of other bits than ones, or a code that is cut short (RFC 7541 §5.2).
	ErrHuffmanPadding CompressionError = "a Huffman-coded string ends within a code or in wrong padding"
	// ErrHuffmanEOS is a string that contains the code of EOS (RFC 7541 §5.2).
	ErrHuffmanEOS CompressionError = "a Huffman-coded string contains the end-of-string code"
	// ErrTableSize is a table size update above the size that was announced (RFC 7541 §6.3).
	ErrTableSize CompressionError = "a table size update exceeds the announced SETTINGS_HEADER_TABLE_SIZE"
	// ErrTableSizePlace is a table size update after a field, or a third one (RFC 7541 §4.2).
	ErrTableSizePlace CompressionError = "a table size update stands behind a field, or is the third of its header block"
	// ErrTableSizeMissing is a block without the update that a smaller table requires (RFC 9113 §4.3.1).
	ErrTableSizeMissing CompressionError = "the announced table size was reduced, and the header block does not begin with a table size update"
	// ErrStringTooLong is a name or value above [Decoder.MaxString]. Unlike the others it breaks no rule of the RFC.
	ErrStringTooLong CompressionError = "a field's name or value exceeds the limit"
)
