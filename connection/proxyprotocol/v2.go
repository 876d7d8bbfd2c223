package proxyprotocol

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"net"
	"net/netip"
)

const (
	v2Signature = "\r\n\r\n\x00\r\nQUIT\n"
	v2Fixed     = 16 // signature, version and command, family and protocol, length

	commandLocal = 0x0
	commandProxy = 0x1

	familyUnspec = 0x0
	familyInet   = 0x1
	familyInet6  = 0x2
	familyUnix   = 0x3

	protocolUnspec = 0x0
	protocolStream = 0x1
	protocolDgram  = 0x2

	unixPath    = 108 // bytes of an address of a unix socket
	maxUniqueID = 128
)

// parseV2 reads a header of version 2.
func parseV2(b []byte) (*Header, int, error) {
	if len(b) > len(v2Signature) { // a connection that cannot go well ends as soon as possible
		if version := b[12] >> 4; version != 2 {
			return nil, 0, fmt.Errorf("%w: version %d after the signature of version 2", ErrInvalid, version)
		}
		if command := b[12] & 0xf; command != commandLocal && command != commandProxy {
			return nil, 0, fmt.Errorf("%w: command %d", ErrInvalid, command)
		}
	}
	if len(b) < v2Fixed {
		return nil, len(b) + 1, ErrIncomplete
	}
	size := v2Fixed + int(binary.BigEndian.Uint16(b[14:]))
	if len(b) < size {
		return nil, size, ErrIncomplete
	}
	h := &Header{Version: 2}
	if b[12]&0xf == commandLocal { // "discard the protocol block including the family which is ignored"
		h.Local = true
		return h, size, nil
	}
	family, protocol := b[13]>>4, b[13]&0xf
	switch {
	case family > familyUnix || protocol > protocolDgram:
		return nil, 0, fmt.Errorf("%w: address family %d, protocol %d", ErrInvalid, family, protocol)
	case family == familyUnspec || protocol == protocolUnspec: // "the receiver should ignore address information"
		return h, size, nil
	}
	h.Datagram = protocol == protocolDgram
	rest, err := h.v2Addresses(family, b[v2Fixed:size])
	if err == nil {
		err = h.v2TLVs(b[:size], size-len(rest))
	}
	if err != nil {
		return nil, 0, err
	}
	return h, size, nil
}

// v2Addresses reads the two addresses and returns what follows.
func (h *Header) v2Addresses(family byte, b []byte) (rest []byte, err error) {
	size := [...]int{familyInet: 2 * (4 + 2), familyInet6: 2 * (16 + 2), familyUnix: 2 * unixPath}[family]
	if len(b) < size {
		return nil, fmt.Errorf("%w: %d bytes of addresses, address family %d has %d", ErrInvalid, len(b), family, size)
	}
	if family == familyUnix {
		h.Source, h.Destination = h.unixAddr(b[:unixPath]), h.unixAddr(b[unixPath:size])
		return b[size:], nil
	}
	ip := (size - 4) / 2
	source, _ := netip.AddrFromSlice(b[:ip])
	destination, _ := netip.AddrFromSlice(b[ip : 2*ip])
	h.Source = tcpAddr(source, binary.BigEndian.Uint16(b[2*ip:]))
	h.Destination = tcpAddr(destination, binary.BigEndian.Uint16(b[2*ip+2:]))
	return b[size:], nil
}

// unixAddr reads a path that ends with a zero byte or the field. One that begins with a zero byte is a name of Linux's
// abstract namespace, which package net writes with an @.
func (h *Header) unixAddr(field []byte) net.Addr {
	var name string
	if path, _, _ := bytes.Cut(field, []byte{0}); len(path) > 0 {
		name = string(path)
	} else if abstract := bytes.TrimRight(field, "\x00"); len(abstract) > 0 {
		name = "@" + string(abstract[1:])
	}
	network := "unix"
	if h.Datagram {
		network = "unixgram"
	}
	return &net.UnixAddr{Name: name, Net: network}
}

// v2TLVs reads the TLVs of a whole header, which begin at offset from.
func (h *Header) v2TLVs(header []byte, from int) error {
	tlvs, err := parseTLVs(header[from:])
	if err != nil {
		return err
	}
	sumAt, sumSize := 0, 0
	for _, v := range tlvs {
		value := from + 3
		from = value + len(v.Value)
		switch {
		case v.Type == TypeNoop:
			continue
		case v.Type == TypeCRC32C && sumAt > 0:
			return fmt.Errorf("%w: two checksums", ErrInvalid)
		case v.Type == TypeCRC32C:
			sumAt, sumSize = value, len(v.Value)
		case v.Type == TypeUniqueID && len(v.Value) > maxUniqueID:
			return fmt.Errorf("%w: a unique id of %d bytes, the most is %d", ErrInvalid, len(v.Value), maxUniqueID)
		case v.Type == TypeSSL:
			if _, err := parseSSL(v.Value); err != nil {
				return err
			}
		}
		h.TLVs = append(h.TLVs, TLV{v.Type, bytes.Clone(v.Value)})
	}
	if sumAt > 0 {
		return checkCRC32C(header, sumAt, sumSize)
	}
	return nil
}

// parseTLVs reads TLVs that fill b. Their values are parts of it.
func parseTLVs(b []byte) (tlvs []TLV, err error) {
	for len(b) > 0 {
		if len(b) < 3 {
			return nil, fmt.Errorf("%w: %d bytes after the last TLV", ErrInvalid, len(b))
		}
		end := 3 + int(binary.BigEndian.Uint16(b[1:]))
		if len(b) < end {
			return nil, fmt.Errorf("%w: a TLV of type %#x has %d bytes and says %d", ErrInvalid, b[0], len(b)-3, end-3)
		}
		tlvs = append(tlvs, TLV{b[0], b[3:end:end]})
		b = b[end:]
	}
	return tlvs, nil
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checkCRC32C computes the checksum of the header with zeros in place of its four bytes at offset at.
func checkCRC32C(header []byte, at, size int) error {
	if size != 4 {
		return fmt.Errorf("%w: a checksum of %d bytes", ErrInvalid, size)
	}
	sum := crc32.Update(0, castagnoli, header[:at])
	sum = crc32.Update(sum, castagnoli, make([]byte, 4))
	sum = crc32.Update(sum, castagnoli, header[at+4:])
	if said := binary.BigEndian.Uint32(header[at:]); said != sum {
		return fmt.Errorf("%w: the checksum is %08x and the header says %08x", ErrInvalid, sum, said)
	}
	return nil
}

// parseSSL reads the value of a TLV of TypeSSL.
func parseSSL(b []byte) (SSL, error) {
	if len(b) < 5 {
		return SSL{}, fmt.Errorf("%w: the SSL TLV has %d bytes, the least is 5", ErrInvalid, len(b))
	}
	s := SSL{
		TLS: b[0]&0x01 != 0, CertificateOnConnection: b[0]&0x02 != 0, CertificateInSession: b[0]&0x04 != 0,
		Verify: binary.BigEndian.Uint32(b[1:]),
	}
	tlvs, err := parseTLVs(b[5:])
	for _, v := range tlvs {
		switch v.Type {
		case 0x21:
			s.Version = string(v.Value)
		case 0x22:
			s.CommonName = string(v.Value)
		case 0x23:
			s.Cipher = string(v.Value)
		case 0x24:
			s.SignatureAlgorithm = string(v.Value)
		case 0x25:
			s.KeyAlgorithm = string(v.Value)
		}
	}
	return s, err
}
