package proxyprotocol

import (
	"bytes"
	"errors"
	"net"
	"reflect"
	"testing"
)

// What a peer sends first must never make the server fail, and it must not matter in which pieces it comes.
func FuzzParse(f *testing.F) {
	for _, test := range validHeaders {
		f.Add(append(bytes.Clone(test.header), "GET"...))
	}
	f.Add(summed(v2(1, 0x11, inet, tlv(TypeUniqueID, "id"), tlv(TypeCRC32C, noSum))))
	f.Add(v2(1, 0x11, inet, tlv(TypeSSL, "\x01\x00\x00\x00\x00"+string(tlv(0x21, "TLSv1.3")))))
	f.Add([]byte("PROXY TCP4 192.0.2.1 198.51.100.2 1 2\n"))
	f.Add([]byte("PROPFIND / HTTP/1.1\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		before := bytes.Clone(b)
		h, size, err := Parse(b)
		switch {
		case err == nil:
			if h == nil || size < len("PROXY UNKNOWN\r\n") || size > len(b) || h.Version == 1 && size > v1Size {
				t.Fatalf("a header %+v of %d bytes out of %d", h, size, len(b))
			}
			check(t, h)
			again, n, err := Parse(bytes.Clone(b[:size]))
			if err != nil || n != size || !reflect.DeepEqual(again, h) {
				t.Fatalf("alone it is %+v of %d bytes, %v; with what follows %+v of %d", again, n, err, h, size)
			}
			for n := range size { // also while it comes byte by byte
				if _, need, err := Parse(b[:n]); !errors.Is(err, ErrIncomplete) || need <= n || need > size {
					t.Fatalf("after %d of %d bytes: %d, %v", n, size, need, err)
				}
			}
		case errors.Is(err, ErrIncomplete):
			if h != nil || size <= len(b) || size > largestHeader {
				t.Fatalf("incomplete after %d bytes, and %d are needed", len(b), size)
			}
		case errors.Is(err, ErrNoHeader), errors.Is(err, ErrInvalid):
			if h != nil {
				t.Fatalf("a header with %v", err)
			}
		default:
			t.Fatalf("an error of no sort: %v", err)
		}
		if !bytes.Equal(b, before) {
			t.Fatal("the bytes were changed")
		}
		if h == nil {
			return
		}
		kept := *h
		kept.TLVs = nil
		for _, v := range h.TLVs {
			kept.TLVs = append(kept.TLVs, TLV{v.Type, bytes.Clone(v.Value)})
		}
		clear(b)
		if len(h.TLVs) > 0 && !reflect.DeepEqual(*h, kept) {
			t.Fatal("the header keeps parts of what it was read from")
		}
	})
}

// check demands what users of a header rely on.
func check(t *testing.T, h *Header) {
	if (h.Source == nil) != (h.Destination == nil) || h.Source == nil && len(h.TLVs) > 0 {
		t.Fatalf("%+v has one address, or additions without", h)
	}
	for _, addr := range []net.Addr{h.Source, h.Destination} {
		switch addr := addr.(type) {
		case nil, *net.UnixAddr:
		case *net.TCPAddr:
			if _, err := net.ResolveTCPAddr("tcp", addr.String()); err != nil {
				t.Fatalf("the address %v: %v", addr, err)
			}
		default:
			t.Fatalf("an address of type %T", addr)
		}
	}
	if _, ok := h.TLV(TypeSSL); ok {
		if _, ok := h.SSL(); !ok {
			t.Fatal("the SSL addition was let through and cannot be read")
		}
	}
	if len(h.UniqueID()) > maxUniqueID {
		t.Fatalf("a unique id of %d bytes", len(h.UniqueID()))
	}
}
